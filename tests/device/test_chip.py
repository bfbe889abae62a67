"""The chip in the reader: it speaks twice, may be taken out, and what it says is an event."""

from dataclasses import replace

import pytest

from harness.contract import CardGone, CardReadError
from harness.device.chip import Chip
from harness.history.events import CardDecided

TOKEN = "00000000042"


def words(bench, card, chip, talk):
    """What software hears of a card that is shown to it at once; the events besides."""
    world = bench()

    def software(device):
        world.hardware.present_card(replace(card, chip=chip is not None), chip)
        device.card.read(5.0)
        return talk(device.card)

    heard = world.run(software)
    return heard, [(each.step, each.answer, each.token) for each in world.events(CardDecided)]


def both(reader):
    return reader.first_cryptogram(100).kind, reader.second_cryptogram("00").kind


def test_it_asks_for_the_host_and_then_agrees(bench, card):
    heard, events = words(bench, card, Chip(TOKEN), both)
    assert heard == ("ARQC", "TC")
    assert events == [("first", "ARQC", TOKEN), ("second", "TC", TOKEN)]


def test_it_refuses_after_the_hosts_approval(bench, card):
    assert words(bench, card, Chip(TOKEN, refuses=True), both)[0] == ("ARQC", "AAC")


def test_it_approves_offline_only_if_it_may_and_will(bench, card):
    def offline(reader):
        return reader.first_cryptogram(100, offline=True).kind

    assert words(bench, card, Chip(TOKEN, approves_offline=True), offline)[0] == "TC"
    assert words(bench, card, Chip(TOKEN), offline)[0] == "ARQC"
    assert words(bench, card, Chip(TOKEN, approves_offline=True), both)[0] == ("ARQC", "TC")


def test_a_card_that_is_taken_out_has_no_last_word(bench, card):
    def talk(reader):
        reader.first_cryptogram(100)
        with pytest.raises(CardGone):
            reader.second_cryptogram("00")

    events = words(bench, card, Chip(TOKEN, taken_out=True), talk)[1]
    assert events[-1] == ("second", "removed", TOKEN)


def test_a_card_without_a_chip_says_nothing(bench, card):
    def talk(reader):
        for ask in (lambda: reader.first_cryptogram(100), lambda: reader.second_cryptogram("00")):
            with pytest.raises(CardReadError):
                ask()

    assert words(bench, card, None, talk)[1] == []


def test_another_amount_is_another_cryptogram():
    assert Chip(TOKEN).first(100, offline=False).data != Chip(TOKEN).first(101, offline=False).data

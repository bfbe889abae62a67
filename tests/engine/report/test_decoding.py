"""Messages as a person reads them: every field of both dialects, damaged ones as far as they go, and never a card number."""

from __future__ import annotations

import random

import pytest

from harness.engine.report.decoding import decoded
from harness.host.dialects.base import Dialect
from harness.iso8583 import DecodeError
from harness.iso8583.message import HIDDEN_FIELDS
from tests.host.fuzzing import DIALECTS, damaged, talk
from tests.host.host_client import PAN
from tests.reporters.html.reading import card_numbers

Talk = tuple[Dialect, list[bytes]]


def _plain(text: str) -> str:
    return text.replace(PAN, f"{PAN[:6]}******{PAN[-4:]}")


@pytest.fixture(scope="module", params=DIALECTS)
def spoken(request: pytest.FixtureRequest) -> Talk:
    acquirer, _, up, down, _ = talk(request.param)
    return acquirer.dialect, [*up, *(each for each in down if each)]


def test_every_field_of_every_message_is_named_and_nothing_of_a_card_is_shown(spoken: Talk) -> None:
    dialect, frames = spoken
    wire = dialect.wire  # type: ignore[attr-defined]
    seen = set()
    for frame in frames:
        fields, error = decoded(dialect, frame, _plain)
        message = wire.unpack(frame).message
        assert error == "" and [int(each.number) for each in fields if each.number] == list(message)
        for each in fields:
            seen.add(each.number)
            if each.number:
                number = int(each.number)
                assert each.name == wire.codec.spec.field(number).name
                is_totals = number == 48 and message.mti in ("0500", "0510")
                assert not is_totals or each.value.replace("\u2009", "") == message[48]
                assert (
                    is_totals or (each.value, each.hidden) == ("", len(message[number])) or number not in HIDDEN_FIELDS
                )
        told = " | ".join(f"{each.value} {each.parts}" for each in fields)
        assert PAN not in told and card_numbers(told) == []
    assert {"2", "3", "4", "11", "35", "60", "64"} <= seen


def test_a_message_that_breaks_off_is_read_up_to_there_and_the_rest_is_shown_as_bytes(spoken: Talk) -> None:
    dialect, frames = spoken
    whole, _ = decoded(dialect, frames[1], _plain)
    cut = frames[1][: len(frames[1]) - 30]
    broken, error = decoded(dialect, (len(cut) - 2).to_bytes(2, "big") + cut[2:], _plain)
    known = [each for each in broken if each.number]
    assert known == [each for each in whole if each.number][: len(known)] and 3 < len(known) < len(whole) - 2
    assert "before the message ends" in error and broken[-1].name == "rest"
    (frame,), error = decoded(dialect, frames[1][:-30], _plain)
    assert frame.name == "frame" and "bytes after the length" in error


def test_whatever_comes_over_the_line_is_told_and_says_what_the_codec_says(spoken: Talk) -> None:
    dialect, frames = spoken
    codec = dialect.wire.codec  # type: ignore[attr-defined]
    rng = random.Random(8583)
    errors = 0
    for _ in range(1500):
        frame = damaged(rng, frames)
        fields, error = decoded(dialect, frame, _plain)
        assert card_numbers(" | ".join(each.value for each in fields)) == []
        message, wrong = codec.decode_leading(frame[13:])
        try:
            assert codec.decode(frame[13:]) == message and wrong is None
        except DecodeError as why:
            assert str(wrong) == str(why)
        errors += bool(error)
    assert errors > 200


def test_a_card_number_that_a_terminal_puts_where_none_belongs_is_masked(spoken: Talk) -> None:
    dialect, _ = spoken
    wire = dialect.wire  # type: ignore[attr-defined]
    other = "4111111111111111"
    places = [each.number for each in wire.codec.spec.fields if each.kind in ("ans", "an", "n") and each.length >= 16]
    places += [each.number for each in wire.codec.spec.fields if each.kind == "b" and each.number not in (52, 64, 128)]
    for number in places:
        spec = wire.codec.spec.field(number)
        for card in (PAN, other):
            value = card.ljust(spec.length, "0") if not spec.is_variable and spec.kind == "n" else card
            value = value.ljust(spec.length) if not spec.is_variable and spec.kind == "ans" else value
            try:
                frame = wire.pack(_message(number, value.encode() if spec.kind == "b" else value))
            except ValueError:
                continue
            fields, _ = decoded(dialect, frame, _plain)
            told = " | ".join(each.value for each in fields)
            assert PAN not in told, number
            assert PAN.encode().hex() not in told.replace("\u2009", ""), number
            assert card == PAN or number in (37, 41, 42, 53, 60, 61, 90) or other not in told, number


@pytest.mark.parametrize("spoken", ["unionpay"], indirect=True)
def test_totals_of_a_settlement_are_shown_and_nothing_that_may_be_a_card(spoken: Talk) -> None:
    from harness.iso8583 import Message

    def told(mti: str, value: str) -> str:
        fields, _ = decoded(spoken[0], spoken[0].wire.pack(Message(mti, {11: "000001", 48: value})), _plain)  # type: ignore[attr-defined]
        return next(each.value for each in fields if each.number == "48").replace("\u2009", "")

    totals = f"{4000:012d}002{0:012d}0000".ljust(62, "0")
    assert told("0500", totals) == told("0510", totals) == totals
    assert told("0320", totals) == told("0200", totals) == ""
    for card in (PAN, "4111111111111111"):
        for at in range(62 - len(card) + 1):
            assert told("0500", "0" * at + card + "0" * (62 - len(card) - at)) == "", (card, at)


def _message(number: int, value: str | bytes):  # type: ignore[no-untyped-def]
    from harness.iso8583 import Message

    return Message("0200", {3: "000000", 11: "000001", number: value})


def test_a_dialect_without_a_field_table_has_no_fields() -> None:
    class Own:
        pass

    assert decoded(Own(), b"whatever", _plain) == ((), "")  # type: ignore[arg-type]

"""A screen that is safe already is taken as it is, and what people see stays safe all the same."""

from __future__ import annotations

from harness.contract import Screen
from harness.device.checks import check_screen


class Loud(Screen):
    """A kind of screen of the software's own."""


def test_a_screen_of_plain_words_is_the_very_screen() -> None:
    screen = Screen("prompt", "PRESENT CARD")
    assert check_screen(screen) is screen


def test_whatever_had_to_be_made_safe_is_another_screen() -> None:
    for screen in (Screen("text", "card 6250941234568599"), Screen("text", "a\x00b"), Loud("text", "words")):
        safe = check_screen(screen)
        assert safe is not screen
        assert type(safe) is Screen


def test_a_long_number_hidden_among_short_ones_is_masked() -> None:
    assert check_screen(Screen("text", "12 6250941234568599 34")).text == "12 625094******8599 34"
    assert check_screen(Screen("text", "625094123456")).text == "625094123456"
    assert check_screen(Screen("approved", "ok", 1, "6250941234568599")).stan == "625094******8599"

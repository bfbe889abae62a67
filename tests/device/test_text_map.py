"""Screens and slips of plain text: what the manifest's patterns make of them, and patterns that no text can make slow."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import Manifest, Receipt, Screen, TextPattern, Totals
from harness.device.text_map import NO_MAP, REPEAT_MAX, TEXT_MAX, bounded, map_of

SHOP = Manifest(
    name="shop",
    encoding="gbk",
    screens=(
        TextPattern(r"交易成功\s*金额[:：]\s*(?P<amount>[\d,]+\.\d\d)\s+凭证(?P<stan>\d+)", "approved"),
        TextPattern("拒绝", "declined"),
    ),
    receipts=(
        TextPattern(r"(?P<duplicate>重打印)?\s*结算单\s+(?P<debit_count>\d+)笔(?P<debit>\d+\.\d\d)", "settlement"),
        TextPattern("", "sale"),
    ),
)


def test_text_in_gbk_becomes_a_typed_screen() -> None:
    texts = map_of(SHOP)
    text = texts.text("交易成功\n金额:1,234.50 凭证000012".encode("gbk"))
    assert texts.screen(Screen("text", text)) == Screen("approved", text, 123_450, "000012")
    assert texts.screen(Screen("text", "交易拒绝(51)")) == Screen("declined", "交易拒绝(51)")
    other = Screen("text", "欢迎光临")
    assert texts.screen(other) is other, "what fits no pattern stays text"


def test_a_screen_that_has_a_kind_keeps_it() -> None:
    typed = Screen("error", "拒绝")
    assert map_of(SHOP).screen(typed) is typed and NO_MAP.screen(typed) is typed


def test_slips_carry_totals_and_the_mark_of_a_duplicate() -> None:
    texts = map_of(SHOP)
    said = texts.receipt(Receipt("other", "重打印 结算单 3笔45.6"))
    assert said == Receipt("sale", "重打印 结算单 3笔45.6"), "45.6 is not what the pattern asks for"
    said = texts.receipt(Receipt("other", "重打印 结算单 3笔45.60"))
    assert (said.kind, said.totals, said.duplicate) == ("settlement", Totals(3, 4560), True)
    assert not texts.receipt(Receipt("other", "结算单 3笔45.60")).duplicate


def test_bytes_that_are_no_text_are_marked_and_bounded() -> None:
    texts = map_of(SHOP)
    assert "�" in texts.text(b"\xff\xff\xff") and len(texts.text("好".encode("gbk") * 9_999)) <= TEXT_MAX


@pytest.mark.parametrize("text", ["1..2", "12.345", "", "一", "1,23.00"])
def test_an_amount_that_is_none_is_left_out(text: str) -> None:
    manifest = Manifest(name="x", screens=(TextPattern("(?P<amount>.*)", "approved"),))
    assert map_of(manifest).screen(Screen("text", text)) == Screen("approved", text)


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        ((TextPattern("(", "approved"),), "it is no regular expression"),
        ((TextPattern("a", "aproved"),), "'aproved' is none of idle"),
        ((TextPattern("(?P<ammount>a)", "approved"),), "no group is called 'ammount'"),
        ((TextPattern("x" * 301, "approved"),), "at most 300 characters"),
        ((TextPattern("(a+)+$", "approved"),), "too many ways"),
        ((TextPattern("(a|aa)+$", "approved"),), "too many ways"),
        ((TextPattern(".*.*.*x", "approved"),), "too many ways"),
        ((TextPattern("(?:a?){30}a{30}", "approved"),), "too many ways"),
        ((TextPattern(r"(a)\1", "approved"),), "groupref is not allowed"),
        ((TextPattern("(?=a)", "approved"),), "assert is not allowed"),
        ((TextPattern("a{1,900}", "approved"),), "a repeat of up to 900 is too long"),
        ((TextPattern("a", "approved"),) * 101, "more than 100 patterns"),
    ],
)
def test_a_pattern_that_is_none_or_that_text_could_make_slow_is_refused(patterns, said) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        map_of(Manifest(name="x", screens=patterns))


def test_an_encoding_that_python_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="no encoding 'gkb'"):
        map_of(Manifest(name="x", encoding="gkb"))


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", r"\d", "(?:a|b)", "(a)", "(?:ab)"])
PATTERNS = st.lists(st.tuples(ATOMS, st.sampled_from(["", "?", "{2}", "{1,3}", "*", "+"])), min_size=1, max_size=5)


@given(PATTERNS, st.text("ab1\n", max_size=REPEAT_MAX))
def test_a_bounded_pattern_finds_what_the_pattern_finds(parts, text) -> None:
    pattern = "".join(atom + repeat for atom, repeat in parts)
    try:
        compiled = bounded(pattern)
    except ValueError:
        return
    expected, found = re.compile(pattern, re.MULTILINE).search(text), compiled.search(text)
    assert (found and (found.span(), found.groups())) == (expected and (expected.span(), expected.groups()))


def test_no_accepted_pattern_is_slow_on_the_text_made_for_it() -> None:
    """The worst that is allowed: counted in steps of a slow clock, as a machine's speed proves nothing."""
    slowest = bounded(".*.*x" + "y" * 100)
    assert slowest.search("a" * TEXT_MAX) is None
    assert bounded(r"\s*\d+\.\d\d\s+\S+\s*x").search(" " * TEXT_MAX) is None

"""Which findings a verdict keeps: no number of one kind hides one of another, and what is left out is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.keeping import ALL_KEPT, KINDS_MAX, OF_A_KIND, kept_of
from harness.engine.request import RunRequest
from harness.engine.sweep.rows import row_of
from harness.engine.verdict import FindingView, MoreView, Sales, Verdict
from harness.invariants.base import Finding, Terms
from harness.invariants.books import Books
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judgement
from harness.invariants.kinds import kind_of
from harness.reporters.console import render

WORDS = ("was lost", "was charged twice", "came to nothing")


def _finding(number: int, what: str, at_us: int) -> Finding:
    return Finding(f"name_{number}", number, "T01", at_us, f"T01: sale {at_us} {what}.", 100, (), "major")


def _judged(findings: Sequence[Finding], uncounted: int = 0) -> list[Judgement]:
    return [
        Judgement(number, f"name_{number}", "", "safety", "", "finding", 1, tuple(mine), len(mine) + uncounted)
        for number in sorted({each.number for each in findings})
        for mine in ([each for each in findings if each.number == number],)
    ]


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(WORDS), st.integers(0, 10_000)), max_size=700))
def test_the_first_of_each_kind_are_kept_and_all_are_counted(drawn: list[tuple[int, str, int]]) -> None:
    findings = [_finding(*each) for each in drawn]
    kept, more = kept_of(_judged(findings))
    assert [(each.at_us, each.number) for each in kept] == sorted((each.at_us, each.number) for each in kept)

    def counted(of: Sequence[Finding]) -> Counter[tuple[int, str]]:
        return Counter((each.number, kind_of(each.summary)) for each in of)

    every, here = counted(findings), counted(kept)
    assert here == (
        every if len(findings) <= ALL_KEPT else {key: min(count, OF_A_KIND) for key, count in every.items()}
    )
    for key, count in every.items():
        besides = sum(each.findings for each in more if (each.invariant, each.kind) == key)
        assert here[key] + besides == count
    assert sum(each.money_fen for each in more) == 100 * (len(findings) - len(kept))


def test_what_an_invariant_only_counted_and_kinds_without_end_are_counted_too() -> None:
    _, more = kept_of(_judged([_finding(1, WORDS[0], 1), _finding(2, WORDS[1], 2)], uncounted=7))
    assert more == (MoreView(1, "name_1", "", 7, 0), MoreView(2, "name_2", "", 7, 0))
    hostile = [
        _finding(3, "".join(chr(97 + int(each)) for each in str(place)), place) for place in range(KINDS_MAX + 90)
    ]
    kept, more = kept_of(_judged(hostile))
    assert len(kept) == KINDS_MAX and more == (MoreView(3, "name_3", "", 90, 9_000),)


def test_an_invariant_with_thousands_of_one_kind_still_keeps_the_first_of_another() -> None:
    invariant = INVARIANTS.get("no_lost_approval")(Terms(), Books(Terms()))
    for place in range(3_000):
        invariant.report(_finding(1, WORDS[0], place))
    for place in range(100):
        invariant.report(_finding(1, WORDS[1], 3_000 + place))
    kinds = Counter(kind_of(each.summary) for each in invariant.findings)
    assert invariant.findings_total == 3_100 and len(kinds) == 2 and len(invariant.findings) < 600
    assert min(kinds.values()) == 20


def test_rows_and_the_console_count_what_is_not_kept() -> None:
    view = FindingView(1, "no_lost_approval", "T01", 1, "T01: sale 1 was lost.", 100)
    other = msgspec.structs.replace(view, summary="T01: sale 1 came to nothing.")
    more = (MoreView(1, view.name, kind_of(view.summary), 500, 50_000), MoreView(1, view.name, "", 9, 0))
    verdict = Verdict(
        "fail", "s", "t", 1, 1, 1, (view, other), (), ("1 no_lost_approval",), (), (), Sales(), 9, "", more=more
    )  # fmt: skip
    rows = row_of("s", RunRequest("s"), verdict).findings
    assert [(each.count, each.money_fen) for each in rows] == [(510, 50_100), (1, 100)]
    assert "511 findings on T01, 502.00 yuan at stake" in render(verdict)


def test_few_findings_are_all_kept() -> None:
    findings = [replace(_finding(1, WORDS[0], place), device=f"T{place % 7:02d}") for place in range(ALL_KEPT)]
    kept, more = kept_of(_judged(findings))
    assert len(kept) == ALL_KEPT and not more


def test_hundreds_of_one_kind_hide_no_later_one_of_another() -> None:
    early = [_finding(1, WORDS[0], place) for place in range(3 * ALL_KEPT)]
    late = [_finding(2, WORDS[1], 10_000 + place) for place in range(3)]
    kept, more = kept_of(_judged([*early, *late]))
    assert Counter(each.number for each in kept) == {1: OF_A_KIND, 2: 3}
    assert more == (
        MoreView(1, "name_1", kind_of(early[0].summary), 3 * ALL_KEPT - OF_A_KIND, 100 * (3 * ALL_KEPT - OF_A_KIND)),
    )

"""The judge: live and from a file alike, crashing checkers, invariants that nothing could keep."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from harness.contract import Manifest
from harness.core.errors import UsageError
from harness.history.codec import encode_line
from harness.history.events import AnyEvent, Booted, DataDamaged, FaultStruck, LedgerChanged, PowerLost
from harness.history.recorder import Recorder
from harness.invariants.base import Finding, Invariant, Terms, on
from harness.invariants.books import Books
from harness.invariants.casebook import (
    at,
    card,
    ends,
    intent,
    leaves,
    ledger,
    paid_sale,
    phase,
    screen,
    settled,
    starts,
    timed,
)
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judge, Judgement
from harness.invariants.stan_unique import StanUnique

LOST = timed((*paid_sale(), settled(host_only=(1,), claimed=(0, 0)), phase("quiescence")))
SILENT = timed((*paid_sale()[:4], screen("unknown"), ends(1, "unknown"), leaves(belief="unknown"), phase("quiescence")))


def judged(events: tuple[AnyEvent, ...], judge: Judge) -> dict[int, Judgement]:
    for number, event in enumerate(events):
        judge.observe(number, event)
    return {each.number: each for each in judge.conclude(events[-1].at_us)}


class Broken(Invariant):
    """A checker that breaks."""

    number = 99
    name = "broken"
    evidence = "none"

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        raise RuntimeError("the checker is wrong")


class BrokenAtTheEnd(Broken):
    """A checker that breaks at the end."""

    number = 98

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        self.checked += 1

    def conclude(self, at_us: int) -> Iterator[Finding]:
        yield self.finding("T01", at_us, "Half way.", (1,), 0, "minor")
        raise RuntimeError("the checker is wrong at the end")


def test_numbers_are_those_asked_for() -> None:
    numbers = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 30 31"
    assert " ".join(str(each) for each in sorted(each.number for _, each in INVARIANTS.items())) == numbers
    assert all(name == each.name for name, each in INVARIANTS.items())


def test_live_and_from_a_file_come_to_the_same(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"".join(encode_line(event) for event in LOST))
    recorder = Recorder(io.BytesIO())
    live = Judge()
    live.attach(recorder)
    for event in LOST:
        recorder.emit(event)
    from_file = Judge().read(path)
    assert live.conclude(LOST[-1].at_us) == from_file
    assert {each.number for each in from_file if each.outcome == "finding"} == {1, 2}


def test_a_crashing_checker_is_inconclusive_and_stops_nobody_else() -> None:
    def both(terms: Terms, books: Books) -> list[Invariant]:
        return [Broken(terms, books), *(cls(terms, books) for _, cls in INVARIANTS.items())]

    for attach in (False, True):
        judge = Judge(invariants=both)
        if attach:
            recorder = Recorder()
            judge.attach(recorder)
            for event in LOST:
                recorder.emit(event)
            verdicts = {each.number: each for each in judge.conclude(LOST[-1].at_us)}
        else:
            verdicts = judged(LOST, judge)
        assert verdicts[99].outcome == "inconclusive"
        assert "the checker is wrong" in verdicts[99].trace
        assert "at event 3 (LedgerChanged)" in verdicts[99].trace
        assert verdicts[1].outcome == "finding"
        assert not verdicts[1].trace


def test_a_checker_that_breaks_at_the_end_is_no_pass() -> None:
    verdicts = judged(LOST, Judge(invariants=lambda terms, books: [BrokenAtTheEnd(terms, books)]))
    assert verdicts[98].outcome == "inconclusive"


def test_broken_books_make_everything_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: Books, number: int, event: LedgerChanged) -> None:
        raise RuntimeError("the books are wrong")

    monkeypatch.setattr(Books, "_ledger", explode)
    assert {each.outcome for each in judged(LOST, Judge()).values()} == {"inconclusive"}


def test_unsurvivable_reads_not_checked() -> None:
    verdicts = judged(LOST, Judge(unsurvivable={1: "flushes lie"}))
    assert verdicts[1].outcome == "not_checked"
    assert verdicts[1].reasons == ("unsurvivable: flushes lie",)
    assert verdicts[2].outcome == "finding"


def test_excused_on_one_device_only() -> None:
    assert judged(LOST, Judge(unsurvivable_on={"T01": {1: "file lost"}}))[1].outcome == "pass"
    elsewhere = judged(LOST, Judge(unsurvivable_on={"T02": {1: "file lost"}}))[1]
    assert elsewhere.outcome == "finding"
    assert elsewhere.reasons == ("T02: unsurvivable: file lost",)


def test_a_fault_excuses_what_became_evident_after_it() -> None:
    """The sale was shown before the file was lost and missed at the settlement after it: the fault's doing."""
    judge = Judge()
    judge.excuse("T01", 1, "file lost", from_us=LOST[7].at_us)
    assert judged(LOST, judge)[1].outcome == "pass"
    judge = Judge()
    judge.excuse("T01", 1, "file lost", from_us=LOST[7].at_us + 1)
    assert judged(LOST, judge)[1].outcome == "finding"


def test_what_is_proven_before_the_end_is_what_nothing_excuses() -> None:
    twice = next(each for each in StanUnique.cases if each.expect == "finding")
    open_judge, lenient = Judge(twice.terms), Judge(twice.terms)
    lenient.excuse("T01", StanUnique.number, "the counter was lost")
    for judge, numbers in ((open_judge, {StanUnique.number}), (lenient, set())):
        judge.hear(twice.events)
        assert {each.number for each in judge.proven()} & {StanUnique.number} == numbers


@pytest.mark.parametrize(
    ("scope", "youngest_us", "also_unmeasured", "outcome"),
    [
        ("record", LOST[1].at_us - 1, False, "finding"),  # what was hit had been written before the sale was asked for
        ("record", LOST[1].at_us, False, "pass"),  # its record may have been hit
        (None, LOST[1].at_us - 1, False, "pass"),  # one file, one checksum: nobody said otherwise
        ("record", LOST[1].at_us - 1, True, "pass"),  # something else struck as well, and nobody knows what it hit
    ],
)
def test_damage_excuses_what_it_can_have_hit_and_no_more(
    scope: Literal["record"] | None, youngest_us: int, also_unmeasured: bool, outcome: str
) -> None:
    judge = Judge(Terms({"T01": Manifest(name="x", damage_scope=scope)}))
    struck_us = LOST[7].at_us
    judge.excuse("T01", 1, "a bit flipped", struck_us, measured=True)
    if also_unmeasured:
        judge.excuse("T01", 1, "an old backup", struck_us)
    damaged = DataDamaged(struck_us, "T01", "corrupt_file#1", "/data/log", youngest_us)
    assert judged((*LOST[:7], damaged, *LOST[7:]), judge)[1].outcome == outcome


def test_every_damage_counts() -> None:
    judge = Judge(Terms({"T01": Manifest(name="x", damage_scope="record")}))
    judge.excuse("T01", 1, "bits flipped", LOST[7].at_us, measured=True)
    hits = [DataDamaged(LOST[7].at_us, "T01", f"f#{n}", "/data/log", us) for n, us in enumerate((-1, LOST[5].at_us))]
    assert judged((*LOST[:7], *hits, *LOST[7:]), judge)[1].outcome == "pass"


def test_a_silent_charge_that_was_open_until_the_end_is_excused_by_a_late_fault() -> None:
    judge = Judge()
    judge.excuse("T01", 31, "the reversal record was lost", from_us=SILENT[-1].at_us)
    assert judged(SILENT, judge)[31].outcome == "pass"
    assert judged(SILENT, Judge())[31].outcome == "finding"


def test_unknown_invariant_is_named() -> None:
    with pytest.raises(UsageError, match="did you mean 'no_lost_approval'"):
        Judge(selected=["no_lost_approvals"])


def test_selected_runs_only_those() -> None:
    assert [each.name for each in Judge(selected=["stan_unique", "agreement"]).conclude(0)] == [
        "agreement",
        "stan_unique",
    ]


def test_a_charge_long_after_its_purchase_was_forgotten_is_recognised() -> None:
    """The books forget settled purchases, not their tokens: eight bytes each tell a double charge from a first one."""
    unpaid = (
        intent(2),
        starts(2, intent=2),
        card("2", 2, 2),
        screen("unknown", 2),
        ends(2, "unknown"),
        leaves(2, "unknown"),
    )
    late = (
        phase("quiescence"),
        ledger(7, token="1", stan="000007", batch="000002"),
        ledger(8, token="2", stan="000008", batch="000002"),
    )
    closing = (ledger(1, "SETTLED", "APPROVED"), settled(1))
    verdicts = judged(timed((*paid_sale(), *unpaid, *closing, *late)), Judge())
    assert [each.money_fen for each in verdicts[3].findings] == [1000]
    assert verdicts[3].findings[0].events[-1] == len((*paid_sale(), *unpaid, *closing)) + 1
    assert [each.events[0] for each in verdicts[31].findings] == [len((*paid_sale(), *unpaid, *closing)) + 2]


def test_memory_follows_open_transactions() -> None:
    judge = Judge()
    number = 0
    sizes: list[int] = []
    for batch in range(30):
        name = f"{batch + 1:06d}"
        entries = range(batch * 20 + 1, batch * 20 + 21)
        events: list[AnyEvent] = []
        for each in entries:
            events += (intent(each), starts(each, intent=each), card(str(each), each, each))
            events += (
                ledger(each, token=str(each), stan=str(each), batch=name),
                screen(action=each),
                ends(each),
                leaves(each),
            )
        events += (ledger(each, "SETTLED", "APPROVED", token=str(each), stan=str(each), batch=name) for each in entries)
        events.append(settled(*entries, batch=name, claimed=(20, 20000), held=(20, 20000)))
        for event in timed(events):
            judge.observe(number, event)
            number += 1
        books = judge.books
        book = books.device("T01")
        sizes.append(
            len(books.entries) + len(books._tokens) + len(books._intents) + len(book.purchases) + len(book.actions)
            + len(book.by_key) + len(book.running)
        )  # fmt: skip
    assert sizes == [0] * 30
    assert {each.outcome for each in judge.conclude(10**9) if each.number in (1, 2, 12)} == {"pass"}


def test_findings_in_detail_are_bounded_and_all_are_counted() -> None:
    judge = Judge(selected=["stan_unique"])
    from harness.invariants.casebook import up

    for number in range(2000):
        judge.observe(number, up(number, token=str(number)))
    (verdict,) = judge.conclude(0)
    assert len(verdict.findings) == 500
    assert verdict.findings_total == 1999


def test_conditions_of_unlisted_devices_end_too() -> None:
    from harness.history.events import FaultLifted

    books = Books(Terms())
    books.observe(0, FaultStruck(1, "partition#1", "partition", ("T01",)))
    books.observe(1, Booted(2, "T01", 1))
    assert books.device("T01").conditions
    books.observe(2, FaultLifted(3, "partition#1", "partition"))
    assert not books.device("T01").conditions
    assert books.device("T01").down_since == 1
    books.observe(3, at(5, PowerLost(0, "T01", "plug")))
    assert books.device("T01").down_since == 3

"""What a symptom's terms at rest rest on: the ledger, what was shown, and the invariants' own judgement of both.

Models: a term holds where the books say so and the invariant that is about it found the same event guilty: so every trap that
the invariant avoids is avoided here (a charge that was reversed, refunded, or chosen again by the customer is not charged
twice; nothing is judged before all has come to rest), and what a medium excuses is excused. On the way it is noted what came
near.
Does not model: an own opinion of right and wrong; a symptom that no invariant knows is told by events.
Source: domain.md section 8, invariants 1, 3, 7, 9 and 31.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.history.events import (
    Event,
    IntentClosed,
    LedgerChanged,
    PhaseStarted,
    Presented,
    SoftwareDied,
    StorageAfterPowerLoss,
)
from harness.history.recorder import Recorder
from harness.history.symptoms.match import Proof, Tracker
from harness.history.symptoms.model import Reached, Symptom, Term
from harness.invariants.base import Finding
from harness.invariants.books import Books
from harness.invariants.judge import Judge, Judgement
from harness.invariants.purchase import CHARGE_KINDS, JUDGED_ACTIONS, ActionState

_LOST, _TWICE, _EXCLUSIVE, _SOUND, _SILENT = 1, 3, 7, 9, 31
_SHOWN_IN_VAIN = (_LOST, _EXCLUSIVE, _SOUND)


class Hunted:
    """A symptom, looked for in one live run."""

    def __init__(self, symptom: Symptom, judge: Judge, recorder: Recorder) -> None:
        self._tracker = Tracker(symptom)
        self._judge = judge
        self._nearness = Nearness()
        self._tracker.attach(recorder)
        self._nearness.attach(recorder)

    def reached(self, judgements: Sequence[Judgement]) -> Reached:
        """How far the run got; to be asked once the judge has concluded."""
        findings = [finding for each in judgements for finding in each.findings]
        return self._tracker.conclude(lambda term: self._proofs(term, findings))

    def _proofs(self, term: Term, findings: Sequence[Finding]) -> Iterator[Proof]:
        yield from proofs(term, self._judge.books, findings)
        yield from self._nearness.proofs(term.form)


def proofs(term: Term, books: Books, findings: Sequence[Finding]) -> Iterator[Proof]:
    """Where the term holds. ``findings`` are those of all invariants that were judged, without what is excused."""
    if term.form == "finding":
        number = int(term.value("number"))
        yield from (Proof(each.device, each.events, each.summary) for each in findings if each.number == number)
    elif term.form == "charged_twice":
        yield from _charged_twice(books, findings)
    elif term.form == "no_receipt":
        yield from (Proof(each.device, each.events, each.summary) for each in findings if each.number == _SILENT)
    elif term.form == "no_entry":
        yield from _shown(books, findings, _SHOWN_IN_VAIN, standing=False)
    elif term.form == "lost":
        yield from _shown(books, findings, (_LOST,), standing=True)


def _charged_twice(books: Books, findings: Sequence[Finding]) -> Iterator[Proof]:
    guilty = [each for each in findings if each.number == _TWICE]
    for purchase in books.purchases():
        taken = [each for each in purchase.entries if each.net_fen() > 0]
        if len(taken) < 2 and not purchase.late:
            continue  # above its price, and not twice
        for each in guilty:
            if each.device == purchase.device and taken and taken[-1].first in each.events:
                yield Proof(each.device, each.events, each.summary)


def _shown(books: Books, findings: Sequence[Finding], numbers: tuple[int, ...], *, standing: bool) -> Iterator[Proof]:
    guilty = [each for each in findings if each.number in numbers]
    shown: dict[int, ActionState] = {
        action.shown: action
        for purchase in books.purchases()
        for action in purchase.actions
        if action.shown is not None and action.kind in JUDGED_ACTIONS and action.good() is standing
    }
    for each in guilty:
        if any(number in shown for number in each.events):
            yield Proof(each.device, each.events, each.summary)


class Nearness:
    """What came near a term at rest, by terminal: a guide for the search that proves nothing."""

    def __init__(self) -> None:
        self._near: dict[tuple[str, str], float] = {}
        self._intents: dict[tuple[str, str], int] = {}
        """By terminal and token: the purchase that it was shown for. Dropped as customers leave."""
        self._standing: dict[tuple[str, int], set[int]] = {}
        """By terminal and purchase: charges that stand."""
        self._trading = True

    def attach(self, recorder: Recorder) -> None:
        """Hear a live run."""
        kinds: tuple[type[Event], ...] = (
            Presented, LedgerChanged, IntentClosed, StorageAfterPowerLoss, SoftwareDied, PhaseStarted,
        )  # fmt: skip
        for kind in kinds:
            recorder.watch(kind, self.observe, first=True)

    def proofs(self, form: str) -> Iterator[Proof]:
        """What came near ``form``."""
        for (device, near_form), partial in self._near.items():
            if near_form == form:
                yield Proof(device, partial=partial)

    def observe(self, _: int, event: Event) -> None:
        """One event."""
        if isinstance(event, Presented):
            self._presented(event)
        elif isinstance(event, LedgerChanged):
            self._booked(event)
        elif isinstance(event, IntentClosed):
            self._closed(event)
        elif isinstance(event, StorageAfterPowerLoss):
            self._note(event.device, "lost", 0.4 if event.lost + event.torn else 0.1)
        elif isinstance(event, SoftwareDied):
            self._note(event.device, "lost", 0.2)
        elif isinstance(event, PhaseStarted):
            # What is tried after trading is the same in every run.
            self._trading = event.phase == "trading"

    def _note(self, device: str, form: str, partial: float) -> None:
        if self._trading:
            self._near[device, form] = max(self._near.get((device, form), 0.0), partial)

    def _presented(self, event: Presented) -> None:
        self._intents[event.device, event.token] = event.intent
        standing = self._standing.setdefault((event.device, event.intent), set())
        if standing:
            self._note(event.device, "charged_twice", 0.5)

    def _booked(self, event: LedgerChanged) -> None:
        intent = self._intents.get((event.device, event.token))
        if event.state == "REVERSED":
            self._note(event.device, "no_entry", 0.3)
        if intent is None or event.kind not in CHARGE_KINDS:
            return
        standing = self._standing.setdefault((event.device, intent), set())
        if event.state == "APPROVED":
            standing.add(event.entry)
        else:
            standing.discard(event.entry)
        if len(standing) > 1:
            self._note(event.device, "charged_twice", 0.8)

    def _closed(self, event: IntentClosed) -> None:
        standing = self._standing.pop((event.device, event.intent), set())
        if standing and event.belief != "paid":
            self._note(event.device, "no_receipt", 0.6)
        elif not standing and event.belief == "paid":
            self._note(event.device, "no_entry", 0.6)
        for key in [key for key, intent in self._intents.items() if key[0] == event.device and intent == event.intent]:
            del self._intents[key]

"""The judge: all chosen invariants over one history, live or from a file, and a verdict for each.

Models: dispatch of events by type; a checker that crashes, whose verdict is then inconclusive and never a pass (as Jepsen's
"unknown"); invariants that no software could keep on this medium or after this fault, which read "not checked".
Does not model: what to do about a verdict; that is the engine's.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from harness.contract.making import quick
from harness.history.codec import read_history
from harness.history.events import Event
from harness.history.recorder import Recorder
from harness.invariants.base import Finding, Handler, Invariant, Kind, Observer, Terms
from harness.invariants.books import Books, Sweep
from harness.invariants.catalogue import INVARIANTS, build

Outcome: TypeAlias = Literal["pass", "finding", "inconclusive", "not_checked"]


@quick
@dataclass(frozen=True, slots=True)
class Judgement:
    """What one invariant came to. ``reasons`` say what was not checked and why, also beside a pass or a finding."""

    number: int
    name: str
    sentence: str
    kind: Kind
    evidence: str
    outcome: Outcome
    checked: int
    findings: tuple[Finding, ...]
    findings_total: int
    reasons: tuple[str, ...] = ()
    trace: str = ""


@dataclass(frozen=True, slots=True)
class _Excuse:
    reason: str
    from_us: int
    measured: bool
    """It is damage of which is known what it cannot have touched."""


class Judge:
    """Runs invariants over a history.

    ``unsurvivable`` gives, by invariant number, why no software could keep it in this run; ``unsurvivable_on`` the same by
    device. ``selected`` names the invariants to run; None runs all.
    """

    def __init__(
        self,
        terms: Terms = Terms(),  # noqa: B008 - frozen
        *,
        selected: Iterable[str] | None = None,
        unsurvivable: Mapping[int, str] | None = None,
        unsurvivable_on: Mapping[str, Mapping[int, str]] | None = None,
        invariants: Callable[[Terms, Books], list[Invariant]] | None = None,
    ) -> None:
        self.books = Books(terms)
        names = list(INVARIANTS.names() if selected is None else selected)
        self.invariants = build(names, terms, self.books) if invariants is None else invariants(terms, self.books)
        self._unsurvivable = dict(unsurvivable or {})
        self._excuses: dict[tuple[str, int, bool], _Excuse] = {}
        self._traces: dict[Observer, str] = {}
        self._handlers: dict[type[Event], list[Handler]] = {}
        self._owners: dict[type[Event], list[Observer]] = {}
        """Whose handler each is, in the same order."""
        for observer in (self.books, self.books.requests, *self.invariants, Sweep(self.books)):
            for kind, handler in observer.handlers().items():
                self._handlers.setdefault(kind, []).append(handler)
                self._owners.setdefault(kind, []).append(observer)
        self._last_us = 0
        for device, reasons in (unsurvivable_on or {}).items():
            for number, reason in reasons.items():
                self.excuse(device, number, reason)

    def excuse(self, device: str, number: int, reason: str, from_us: int = 0, *, measured: bool = False) -> None:
        """From ``from_us`` on, no software could keep invariant ``number`` on ``device``: a fault that took it away struck.

        ``measured``: the fault is damage that is told (``DataDamaged``); what it left untouched is owed all the same.
        """
        place = (device, number, measured)
        known = self._excuses.get(place)
        if known is None or from_us < known.from_us:
            self._excuses[place] = _Excuse(reason, from_us, measured)

    # ------------------------------------------------------------ feeding

    def attach(self, recorder: Recorder) -> None:
        """Watch a live run."""
        for kind in self._handlers:
            recorder.watch(kind, self._dispatcher(kind), first=True)

    def _dispatcher(self, kind: type[Event]) -> Handler:
        handlers = self._handlers[kind]

        def dispatch(number: int, event: Any) -> None:
            try:
                for handler in handlers:
                    handler(number, event)
            except Exception:
                self._survive(handlers.index(handler), number, event)

        return dispatch

    def observe(self, number: int, event: Event) -> None:
        """One event of a history, in order."""
        self.hear((event,), number)

    def hear(self, events: Iterable[Event], first: int = 0) -> int:
        """Events of a history, in order, the first of them numbered ``first``; the number of the next one."""
        number = first
        handlers = self._handlers
        event: Event | None = None
        for event in events:
            place = 0
            try:
                for handler in handlers.get(type(event), ()):
                    handler(number, event)
                    place += 1
            except Exception:
                self._survive(place, number, event)
            number += 1
        if event is not None:
            self._last_us = event.at_us
        return number

    def _survive(self, place: int, number: int, event: Event) -> None:
        """The checker at ``place`` raised: it gets no more events, and those behind it get this one."""
        kind = type(event)
        owners = self._owners[kind]
        behind = list(zip(owners, self._handlers[kind], strict=True))[place + 1 :]
        self._retire(owners[place], number, event)
        for owner, handler in behind:
            try:
                handler(number, event)
            except Exception:
                self._retire(owner, number, event)

    def _retire(self, observer: Observer, number: int, event: Event) -> None:
        self._traces[observer] = f"at event {number} ({type(event).__name__}):\n{traceback.format_exc()}"
        for kind, owners in self._owners.items():
            if observer in owners:
                place = owners.index(observer)
                # In place: the dispatchers hold these lists.
                del owners[place]
                del self._handlers[kind][place]

    def read(self, path: Path) -> tuple[Judgement, ...]:
        """Judge a history file."""
        for number, event in read_history(path):
            self.observe(number, event)
        return self.conclude(self._last_us)

    def proven(self) -> list[Finding]:
        """What is wrong beyond doubt by now, whatever comes: the findings so far that nothing excuses."""
        return [each for one in self.invariants for each in one.findings if not self._excused(each)]

    # ------------------------------------------------------------ concluding

    def conclude(self, at_us: int, broken_off: str = "") -> tuple[Judgement, ...]:
        """The history is over at ``at_us``; call it once.

        ``broken_off`` says why it ended before the terminals had been given time to recover, if it did: then only what is
        proven already is a finding, and liveness is not judged.
        """
        return tuple(self._judge(each, at_us, broken_off) for each in self.invariants)

    def _judge(self, invariant: Invariant, at_us: int, broken_off: str) -> Judgement:
        unsurvivable = self._unsurvivable.get(invariant.number)
        if unsurvivable is not None:
            return self._judgement(invariant, "not_checked", (), 0, (f"unsurvivable: {unsurvivable}",))
        trace = self._traces.get(invariant) or self._traces.get(self.books) or self._traces.get(self.books.requests, "")
        late: list[Finding] = []
        if not trace:
            try:
                late = list(invariant.so_far(at_us) if broken_off else invariant.conclude(at_us))
            except Exception:
                trace = f"at the end of the history:\n{traceback.format_exc()}"
        if not (trace or late or invariant.findings or self._excuses or broken_off):
            # What nearly every invariant of nearly every history comes to.
            judged: Outcome = "pass" if invariant.checked > 0 else "not_checked"
            return self._judgement(invariant, judged, (), 0, tuple(invariant.not_checked()))
        excused = list(dict.fromkeys(self._excuse_reasons(invariant.number)))
        findings = tuple(each for each in (*invariant.findings, *late) if not self._excused(each))
        dropped = len(invariant.findings) + len(late) - len(findings)
        total = invariant.findings_total + len(late) - dropped
        if broken_off and not invariant.checked:
            reasons = (broken_off, *excused)
        else:
            reasons = (*invariant.not_checked(), *excused, *([broken_off] if broken_off else ()))
        if findings:
            return self._judgement(invariant, "finding", findings, total, reasons, trace)
        if trace:
            return self._judgement(invariant, "inconclusive", (), 0, (*reasons, "the checker itself failed"), trace)
        unjudged = broken_off and invariant.kind == "liveness"
        outcome: Outcome = "pass" if invariant.checked > 0 and not unjudged else "not_checked"
        return self._judgement(invariant, outcome, (), 0, reasons)

    def _excuse_reasons(self, number: int) -> list[str]:
        return [
            f"{device}: unsurvivable: {each.reason}"
            for (device, about, _), each in self._excuses.items()
            if about == number
        ]

    def _excused(self, finding: Finding) -> bool:
        excuses = (self._excuses.get((finding.device, finding.number, measured)) for measured in (False, True))
        return any(
            each is not None and finding.evident_us >= each.from_us and not (each.measured and finding.untouched)
            for each in excuses
        )

    @staticmethod
    def _judgement(
        invariant: Invariant,
        outcome: Outcome,
        findings: tuple[Finding, ...],
        total: int,
        reasons: tuple[str, ...],
        trace: str = "",
    ) -> Judgement:
        return Judgement(
            invariant.number,
            invariant.name,
            invariant.sentence(),
            invariant.kind,
            invariant.evidence,
            outcome,
            invariant.checked,
            findings,
            total,
            reasons,
            trace,
        )

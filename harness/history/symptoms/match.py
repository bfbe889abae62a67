"""Matching a symptom against a history as it is made: how far it got, on which terminal, by which events.

Models: for each terminal and each number of first steps, when these were last seen in order. Steps constrain only their
neighbours (``within``, ``not ... before``), so the latest end of the first k steps decides all that can follow: nothing else is
kept, and a history of any length takes the memory of a few events a terminal. Terms at rest are told at the end, by
``conclude``.
Does not model: which of several sequences was meant; the one that ended last is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from harness.history import events as e
from harness.history.recorder import Recorder
from harness.history.symptoms.facts import HEARD, Facts
from harness.history.symptoms.model import Reached, Step, Symptom, Term
from harness.history.symptoms.words import BY_NAME, test_of
from harness.history.words import line

_NEAREST = 0.99
Seen: TypeAlias = tuple[int, e.Event]


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proven of a term at rest: on which terminal, by which events, in a sentence. ``partial`` when only nearly."""

    device: str
    events: tuple[int, ...] = ()
    told: str = ""
    partial: float = 1.0


Prove: TypeAlias = Callable[[Term], Iterable[Proof]]


@dataclass(slots=True)
class _Chain:
    """One terminal, or all of them together: by number of steps, the events that were these, the last sequence of each."""

    ends: list[tuple[Seen, ...] | None]
    near: list[float]
    """By number of steps already seen: how near the next one was."""
    facts: dict[str, Facts] = field(default_factory=dict)
    deepest: int = 0
    """The most steps that were ever seen, be it that some no longer count."""


class Tracker:
    """Fed with events in the order of the history; ``conclude`` says how far it got."""

    def __init__(self, symptom: Symptom) -> None:
        self.symptom = symptom
        self._chains: dict[str, _Chain] = {}
        self._rests = BY_NAME[symptom.steps[-1].terms[0].form].at_rest
        self._seen_steps = symptom.steps[:-1] if self._rests else symptom.steps
        kinds: dict[type[e.Event], None] = dict.fromkeys((*HEARD, e.TerminalInstalled))
        for step in self._seen_steps:
            for term in (*step.terms, *step.without):
                kinds.update(dict.fromkeys(BY_NAME[term.form].kinds))
        for term in symptom.steps[-1].without:
            kinds.update(dict.fromkeys(BY_NAME[term.form].kinds))
        self.kinds = tuple(kinds)
        """The event types that it must hear."""

    def attach(self, recorder: Recorder) -> None:
        """Hear a live run, in the order of its history."""
        for kind in self.kinds:
            recorder.watch(kind, self.observe, first=True)

    def observe(self, number: int, event: e.Event) -> None:
        """One event."""
        names = self._devices(event)
        for name in names:
            chain = self._chain(name)
            facts = chain.facts.setdefault(name, Facts())
            if getattr(event, "device", name) == name:
                facts.take(event)
            self._advance(chain, number, event, facts)

    def conclude(self, prove: Prove | None = None) -> Reached:
        """How far the history got. ``prove`` tells what holds at rest; without it a term at rest is never seen."""
        total = len(self.symptom.steps)
        proofs = self._proofs(prove)
        best = Reached(total)
        for name in sorted(self._chains):
            here = self._of_chain(name, self._chains[name], proofs, total)
            if (here.reached, here.partial) > (best.reached, best.partial):
                best = here
        return best

    # ------------------------------------------------------------ on the way

    def _devices(self, event: e.Event) -> Iterable[str]:
        device = getattr(event, "device", None)
        if device is not None:
            return (device,)
        devices = getattr(event, "devices", None)
        if devices:
            return tuple(devices)
        # It is about the whole run: every terminal that has been heard of.
        return tuple(self._chains) if not self.symptom.any_device else ("",)

    def _chain(self, name: str) -> _Chain:
        key = "" if self.symptom.any_device else name
        chain = self._chains.get(key)
        if chain is None:
            size = len(self._seen_steps) + 1
            chain = self._chains[key] = _Chain([(), *[None] * (size - 1)], [0.0] * size)
        return chain

    def _advance(self, chain: _Chain, number: int, event: e.Event, facts: Facts) -> None:
        """The last step first: an event is one step of a sequence and not two."""
        steps = self.symptom.steps
        for place in range(len(steps) - 1, -1, -1):
            before = chain.ends[place] if place < len(chain.ends) else None
            if before is None:
                continue
            step = steps[place]
            if place < len(self._seen_steps):
                near = _nearness(step, event, facts) if _in_time(step, before, event) else 0.0
                if near >= 1.0:
                    chain.ends[place + 1] = (*before, (number, event))
                    chain.deepest = max(chain.deepest, place + 1)
                elif near > chain.near[place]:
                    chain.near[place] = min(near, _NEAREST)
            if any(_is(term, event, facts) for term in step.without):
                # What was seen so far no longer counts: the step must now come after another such beginning.
                chain.ends[place] = None

    # ------------------------------------------------------------ at the end

    def _proofs(self, prove: Prove | None) -> list[Proof]:
        if not self._rests or prove is None:
            return []
        return [proof for term in self.symptom.steps[-1].terms for proof in prove(term)]

    def _of_chain(self, name: str, chain: _Chain, proofs: list[Proof], total: int) -> Reached:
        reached = max((place for place, end in enumerate(chain.ends) if end is not None), default=0)
        events = chain.ends[reached] or ()
        partial = chain.near[reached] if reached < len(self._seen_steps) else 0.0
        if chain.deepest > reached:
            # A beginning that no longer counts was seen all the same: how near this history came.
            partial = max(partial, 0.5)
        numbers, told = tuple(number for number, _ in events), tuple(line(event) for _, event in events)
        if self._rests and reached == total - 1:
            mine = [each for each in proofs if self.symptom.any_device or each.device == name]
            best = max(mine, key=lambda each: each.partial, default=None)
            if best is not None and best.partial >= 1.0:
                return Reached(total, total, 0.0, best.device, (*numbers, *best.events), (*told, best.told))
            partial = 0.0 if best is None else min(best.partial, _NEAREST)
        device = name or (getattr(events[-1][1], "device", "") if events else "")
        return Reached(total, reached, round(partial, 4) if reached < total else 0.0, device, numbers, told)


def _nearness(step: Step, event: e.Event, facts: Facts) -> float:
    return max((_test(term, event, facts) for term in step.terms), default=0.0)


def _test(term: Term, event: e.Event, facts: Facts) -> float:
    return test_of(term)(term, event, facts) if type(event) in BY_NAME[term.form].kinds else 0.0


def _is(term: Term, event: e.Event, facts: Facts) -> bool:
    return _test(term, event, facts) >= 1.0


def _in_time(step: Step, before: tuple[Seen, ...], event: e.Event) -> bool:
    return step.within_us is None or not before or event.at_us - before[-1][1].at_us <= step.within_us

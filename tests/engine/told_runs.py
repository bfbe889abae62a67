"""Whole runs in this process with every event at hand, also of software that was written for one test."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.engine.child import SHARING
from harness.engine.request import RunRequest
from harness.engine.run import Interrupted, Run
from harness.engine.verdict import Verdict
from harness.history.codec import read_history
from harness.history.events import AnyEvent, Event, PhaseStarted
from harness.invariants.judge import Judge
from harness.scenario.build import Built
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from harness.sut.software import Software
from harness.terminals.catalogue import CATALOGUE

E = TypeVar("E", bound=Event)
_ODD = Path(__file__).with_name("odd_terminals.py")


@dataclass(frozen=True, slots=True)
class Told:
    """What a run came to, every event of it, and the world and judge as it left them."""

    verdict: Verdict
    events: tuple[AnyEvent, ...]
    built: Built
    judge: Judge

    def of(self, kind: type[E], phase: str | None = None) -> list[E]:
        """Events of one type; of one phase alone when given."""
        now, found = "", []
        for event in self.events:
            if isinstance(event, PhaseStarted):
                now = event.phase
            if isinstance(event, kind) and phase in (None, now):
                found.append(event)
        return found

    def not_checked(self, number: int) -> list[str]:
        """Why an invariant was not checked, or not on every device."""
        return [each.reason for each in self.verdict.not_checked if each.invariant == number]

    def checked(self) -> set[int]:
        """Numbers of the invariants that were checked."""
        return {int(each.partition(" ")[0]) for each in self.verdict.checked}


class Attended(Run):
    """A run at which somebody else looks on from its beginning."""

    built: Built
    judge: Judge

    def _watch(self, built: Built, judge: Judge) -> None:
        self.built, self.judge = built, judge
        super()._watch(built, judge)
        self.look(built, judge)

    def look(self, built: Built, judge: Judge) -> None:
        """Overridden by tests."""


@functools.cache
def terminal_software(name: str) -> Software:
    """A shipped terminal by name, or a class of odd_terminals.py."""
    specs = {each.name: each.spec for each in CATALOGUE.values()}
    if name in specs:
        return software.load(name, specs, share_modules=specs[name] in SHARING)
    return software.load(f"{_ODD}:{name}")


def tell(
    plan: Plan,
    terminal: str = "reference",
    request: RunRequest | None = None,
    run: type[Attended] = Attended,
    interrupted: Interrupted | None = None,
) -> Told:
    """``plan`` to its end."""
    with tempfile.TemporaryDirectory() as directory, interpreter.installed():
        request = request or RunRequest(scenario=plan.name)
        attended = run(
            plan, terminal_software(terminal), request, Path(directory), lambda _: None, interrupted or Interrupted()
        )
        verdict = attended.go()
        events = tuple(event for _, event in read_history(attended.history_path))
    return Told(verdict, events, attended.built, attended.judge)

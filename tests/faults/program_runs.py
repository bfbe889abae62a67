"""The same run in process and as a program of its own: what is compared, and what differs for a reason."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from harness.faults.base import FaultPlan
from harness.history.events import (
    AnyEvent,
    Barrier,
    Event,
    MemorySampled,
    RunStarted,
    TerminalInstalled,
)
from harness.scenario.build import Built
from harness.scenario.plan import Plan
from harness.sut.inspection import volatile_image
from tests.faults.fault_bench import Outcome, run

NOT_COMPARED = (RunStarted, TerminalInstalled, MemorySampled)
"""They name the software; and what a program holds is the kernel's to say, not the census's."""


def as_program(spec: str) -> str:
    """The SPEC of a terminal in Python as a program of its own."""
    return f"exec:{sys.executable} -m harness.contract.stdio {spec}"


@dataclass(frozen=True, slots=True)
class Told:
    """A run as it is compared: events with their times, and what the volumes held at each barrier."""

    outcome: Outcome
    events: list[AnyEvent]
    images: list[str]


def told(plan: Plan, *faults: FaultPlan, terminal: str) -> Told:
    """Run it and keep what is compared."""
    images: list[str] = []

    def watch(built: Built) -> None:
        def barrier(_: int, event: Event) -> None:
            device = next(each for each in built.world.stations if each.name == event.device)  # type: ignore[attr-defined]
            held = msgspec.msgpack.encode(dict(volatile_image(device.hardware.disk)))
            images.append(blake2b(held, digest_size=8).hexdigest())

        built.world.recorder.watch(Barrier, barrier)

    outcome = run(plan, *faults, terminal=terminal, watch=watch)
    events = [event for event in outcome.events if not isinstance(event, NOT_COMPARED)]
    return Told(outcome, events, images)


def first_difference(here: list[AnyEvent], there: list[AnyEvent]) -> str:
    """Where two runs part, to be read; empty when they do not."""
    for place, (one, other) in enumerate(zip(here, there, strict=False)):
        if one != other:
            return f"event {place}:\n  {one}\n  {other}"
    return "" if len(here) == len(there) else f"{len(here)} and {len(there)} events"

"""A failure: one call of a flow fails, once or from then on, and the history says so.

Models: a fault that strikes at the n-th call of its kind, in force until it is lifted. Failing once, it is over as soon as the
action in whose course it struck has ended, or the software has died or come up: nothing that goes wrong later is excused by it.
Software that calls a failing call again and again without letting time pass would never end here; after ``TRIES_MAX`` calls the
device's watchdog (or the kernel, for want of memory) ends it, as on a real device, and it starts anew.
Does not model: two failures at once.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.core.registry import Registry
from harness.engine.crashpoints.calls.gate import Call, Proceed
from harness.engine.crashpoints.callsites import CallSites, Step
from harness.engine.crashpoints.scene import DEVICE, Scene
from harness.history.events import (
    ActionEnded,
    Event,
    FaultBit,
    FaultLifted,
    FaultStruck,
    SoftwareDied,
    SoftwareReady,
    StorageFailed,
)
from harness.storage.inode import path_of

TRIES_MAX = 5_000
"""Failing calls at one instant of virtual time."""
_OVER = (ActionEnded, SoftwareDied, SoftwareReady)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the n-th call fails. ``partly``: a part of it is done first; ``power_loss``: power goes when the flow is over."""

    for_good: bool = False
    partly: bool = False
    power_loss: bool = False

    @property
    def text(self) -> str:
        """In words: ``for good, partly, then power loss``."""
        words = ["for good" if self.for_good else "once"]
        words += ["partly"] * self.partly + ["then power loss"] * self.power_loss
        return ", ".join(words)


ON_AND_OFF = tuple(Manner(for_good, power_loss=cut) for for_good in (False, True) for cut in (False, True))
"""Once and for good, with the power staying on and going afterwards."""


@dataclass(frozen=True, slots=True)
class Met:
    """One call of the kind in question: where in the software it was made, and whether it can be done in part."""

    step: Step
    divisible: bool = False


class Failure(ABC):
    """The ``nth`` call of this kind fails; with ``nth`` 0 none does, and ``met`` lists them all."""

    name: ClassVar[str]
    """As ``--fail`` takes it."""
    summary: ClassVar[str]
    fault_once: ClassVar[str]
    fault_for_good: ClassVar[str]
    """What the history calls it. For invariants it is a condition while it lasts, but for a kind that is over as it strikes."""
    manners: ClassVar[tuple[Manner, ...]] = ON_AND_OFF

    def __init__(self, scene: Scene, sites: CallSites, nth: int = 0, manner: Manner = Manner()) -> None:
        self.scene = scene
        self.nth = nth
        self.manner = manner
        self.met: list[Met] = []
        """All calls of the kind when none is to fail, else the one that was the first to."""
        self.seen = 0
        self.bites = 0
        self.over = False
        self._sites = sites
        self._tries = 0
        self._tries_at_us = -1

    # ------------------------------------------------------------ what each kind says

    @abstractmethod
    def counts(self, call: Call) -> bool:
        """Whether it is a call of this kind."""

    @abstractmethod
    def fail(self, call: Call, proceed: Proceed) -> Any:
        """What becomes of a call that is to fail."""

    def describe(self, call: Call) -> tuple[str, str]:
        """A call in two words: what it does, and to what."""
        return call.name, path_of_call(call)

    def divisible(self, call: Call) -> bool:
        """Whether the call can be done in part."""
        return False

    def lifted(self) -> None:  # noqa: B027 - most kinds leave nothing behind
        """It is over: take away whatever still lies on the device."""

    # ------------------------------------------------------------ the guard

    @property
    def struck(self) -> bool:
        """Whether the n-th call was reached."""
        return 0 < self.nth <= self.seen

    def guard(self, call: Call, proceed: Proceed) -> Any:
        """``gate.Guard``."""
        if self.over or not self.counts(call):
            return proceed()
        self.seen += 1
        if not self.nth:
            self.met.append(self._met(call))
            return proceed()
        if self.seen < self.nth:
            return proceed()
        if self.seen == self.nth:
            self._strike(call)
        elif not self.manner.for_good:
            return proceed()
        self._count_try()
        return self.fail(call, proceed)

    def _met(self, call: Call) -> Met:
        return Met(self._sites.step(*self.describe(call)), self.divisible(call))

    def _strike(self, call: Call) -> None:
        met = self._met(call)
        self.met.append(met)
        detail = f"call {self.nth} of the flow, {self.manner.text}: {met.step.text}"
        self.emit(FaultStruck(self.scene.now_us, self.fault_name, self.fault_kind, (DEVICE,), detail))
        if not self.manner.for_good:
            for kind in _OVER:
                self.scene.tape.watch(kind, self._ended)

    def _ended(self, _: int, event: Event) -> None:
        self.lift()

    def _count_try(self) -> None:
        now_us = self.scene.now_us
        self._tries = self._tries + 1 if now_us == self._tries_at_us else 1
        self._tries_at_us = now_us
        if self._tries == TRIES_MAX:
            self.tired()

    def tired(self) -> None:
        """The software has made ``TRIES_MAX`` failing calls at one instant."""
        self.scene.station.crash("spinning", f"it made {TRIES_MAX} failing calls in a row without a pause")

    # ------------------------------------------------------------ telling

    @property
    def fault_kind(self) -> str:
        """What the history calls it."""
        return self.fault_for_good if self.manner.for_good else self.fault_once

    @property
    def fault_name(self) -> str:
        """Its name in the history."""
        return f"{self.name}#{self.nth}"

    def emit(self, event: Event) -> None:
        """Put an event into the history."""
        self.scene.tape.emit(event)

    def bite(self, evidence: str) -> None:
        """It had an effect."""
        self.bites += 1
        if self.bites == 1:
            self.emit(FaultBit(self.scene.now_us, self.fault_name, self.fault_kind, DEVICE, evidence[:200]))

    def refused(self, call: Call, error: int) -> None:
        """A storage call is about to return ``error``."""
        name = errno.errorcode[error]
        path = path_of_call(call)
        ordinal = self.scene.hardware.disk.operation_ordinal
        self.emit(StorageFailed(self.scene.now_us, DEVICE, call.name, path, name, ordinal))
        self.bite(f"{call.name} {path} returned {name}")

    def lift(self) -> None:
        """It is over; repeated, this is harmless."""
        if self.over:
            return
        self.over = True
        self.lifted()
        if self.struck:
            if not self.manner.for_good:
                for kind in _OVER:
                    self.scene.tape.unwatch(kind, self._ended)
            self.emit(FaultLifted(self.scene.now_us, self.fault_name, self.fault_kind, (DEVICE,)))


FAILURES: Registry[type[Failure]] = Registry("failure")


def path_of_call(call: Call) -> str:
    """The file that a storage call is about, by its present name; whatever else it is about in one word."""
    if call.room == "device":
        return call.part or "device"
    if call.room == "link":
        return "to the host" if call.name == "connect" else "the connection"
    first = call.first
    if first is None:
        return "/"
    if isinstance(first, bytes | str):
        return first if isinstance(first, str) else first.decode("utf-8", "backslashreplace")
    if hasattr(first, "__fspath__"):
        return str(first.__fspath__())
    try:
        number = first if isinstance(first, int) else first.fileno()
        return path_of(call.receiver.inode_of(number))  # type: ignore[attr-defined]
    except (OSError, AttributeError, ValueError, TypeError):
        # The call itself will say what is wrong with it.
        return "a descriptor"

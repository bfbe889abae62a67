"""What a fault is, when it strikes, and the registry that schema, lists, documentation and conformance tests read.

A fault is a frozen dataclass: its fields are its parameters, with units in their names, and they are the keys that a
scenario file may set. ``inject`` strikes one station and returns a ``Strike``. A *condition* can be lifted; *damage* stays.
A fault bites when it has had an effect; each says for itself what that is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from harness.core.registry import Registry

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

Family = Literal["storage", "power", "network", "memory", "corruption", "host", "operator", "clock"]


def families() -> tuple[Family, ...]:
    """All families of fault."""
    return get_args(Family)


def _nothing() -> None:
    pass


def _lasts() -> bool:
    return False


@dataclass(slots=True)
class Strike:
    """One strike of a fault on one device. ``evidence`` is empty until it has bitten, then says how in a few words.

    ``detail`` says what it does here (which file, for how long), as far as that is known beforehand. ``begin`` is called once
    the history has been told of the strike: whatever puts events there at once (a cut, messages lost, a restart) belongs in it.
    ``spent`` tells that a condition has done all it can do: it is then lifted by itself, and excuses nothing any more.
    """

    evidence: Callable[[], str]
    lift: Callable[[], None] = _nothing
    detail: str = ""
    spent: Callable[[], bool] = _lasts
    begin: Callable[[], None] = _nothing
    damaged: Callable[[], tuple[tuple[str, int, int], ...]] = tuple
    """Of a fault that is ``measured``: path, first byte and end of what it has damaged."""


Striker = Callable[[str], Strike]
"""Strikes one station now; the argument is the causal key under which to draw."""


class Fault(ABC):
    """Base of all faults; the first docstring line of each is what lists and reports print."""

    kind: ClassVar[str]
    family: ClassVar[Family]
    damage: ClassVar[bool] = False
    """Damage stays: recovery has to live with it. ``Strike.lift`` then only disarms what has not struck yet."""
    measured: ClassVar[bool] = False
    """Which bytes it damaged is told (``Strike.damaged``): what they cannot have held is owed as before."""
    instant: ClassVar[bool] = False
    """It is over as soon as it struck: no condition stays on."""
    fills: ClassVar[bool] = False
    """It takes space: it stays on while "settlement frees space" is judged, and is lifted only after."""
    survivability: ClassVar[Mapping[int, str]] = {}
    """Invariants that no software can keep on a device so struck, each with one sentence of argument."""
    unsupported_disks: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def inject(self, world: World, station: Station, key: str) -> Strike:
        """Strike ``station`` now, but for what ``Strike.begin`` does. ``key`` is the causal key under which to draw."""

    def prepare(self, world: World, station: Station) -> Striker:
        """Called once for each station before anything happens, for faults that need a past (an old backup)."""
        return lambda key: self.inject(world, station, key)


class _Faults(Registry[type[Fault]]):
    """Sorted by name: lists and the schema must not depend on which fault somebody imported first."""

    def names(self) -> list[str]:
        return sorted(super().names())

    def items(self) -> Iterator[tuple[str, type[Fault]]]:
        return iter(sorted(super().items(), key=lambda item: item[0]))


FAULTS: Registry[type[Fault]] = _Faults("fault")


def require(holds: bool, what: str) -> None:
    """Raises ValueError, which a scenario file's error message quotes, unless the parameter makes sense."""
    if not holds:
        raise ValueError(f"expected {what}")


@dataclass(frozen=True, slots=True)
class MessageMatch:
    """A message to strike at. Empty fields match everything. ``moment`` is sent or delivered."""

    direction: Literal["up", "down"] = "down"
    """up: to the host; down: from it."""
    mti: str = ""
    """Message type, such as 0210."""
    processing_code: str = ""
    """DE3."""
    response_code: str = ""
    """DE39."""
    moment: Literal["sent", "delivered"] = "delivered"
    """When it leaves its sender, or when it arrives."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """When a fault strikes. Conditions that are given are waited for in this order: day and time, phase, action, message,
    fill level, then the n-th storage operation. With none given the time is drawn within trading hours of a drawn day.
    """

    day: int | None = None
    """Day of the run, from 1; None: drawn, or any day when ``time_us`` is None and another condition is given."""
    time_us: int | None = None
    """Time of day; None: drawn within trading hours, or at once when another condition is given."""
    phase: str | None = None
    """Phase of the run; after trading only faults that are over at once, or have ``lift_after``."""
    action: str | None = None
    """Kind of action at whose start to strike."""
    message: MessageMatch | None = None
    """A message at which to strike."""
    fill_volume: str = "data"
    """Of which volume the fill level is meant."""
    fill_percent: float | None = None
    """Strike when the volume is at least so full."""
    occurrence: int = 1
    """Which match of action or message strikes; with several ``times`` it is counted anew after each strike."""
    storage_operation: tuple[int, int] | None = None
    """Then strike at the n-th storage operation, n drawn from this inclusive range; (1, 1) is the next one."""
    delay_us: int = 0
    """Then wait so long; not with ``storage_operation``."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """A fault as a scenario places it. ``devices``: "all", a count of devices to draw, or names such as T01.

    ``times``: strikes a device, one after the other where a condition is waited for; ``per_day``: mean strikes a device a day
    at drawn times, instead of ``times``. ``lift_after_us``: None leaves a condition on until recovery. ``together``: one strike
    hits all chosen devices at once, when the first of them meets the trigger.
    """

    name: str
    fault: Fault
    trigger: Trigger = Trigger()
    devices: str | int | tuple[str, ...] = "all"
    times: int = 1
    per_day: float | None = None
    lift_after_us: int | None = None
    together: bool = False
    scheduled: bool = True
    """A scheduled fault must bite in its run; a random one (``per_day``) in its campaign."""

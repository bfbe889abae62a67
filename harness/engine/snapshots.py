"""Taking snapshots during a run: what a terminal's storage keeps at chosen instants, with what the acquirer holds then.

Models: instants as people name them (a time, the end of the run, the n-th strike of a fault). Two states of storage:

- *durable* (the default): what is left for certain if power goes now: everything is lost that the medium may lose. It is one
  legal image of a cut, and the poorest. After a power loss it is the very image that the cut left.
- *volatile*: what the software sees, page cache included.

Looking changes nothing: a run with snapshots has the same history as without. Images are kept in memory, for what differs
between them (``storage.shelf``), and written when the run is over.
Does not model: an instant inside a storage call (that is what crash points are for).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.core.units import US_PER_DAY, clock_text
from harness.history.events import Event, FaultStruck
from harness.host.handover import take
from harness.scenario.build import start_us
from harness.scenario.field_data import Record, Sealed, Source
from harness.scenario.quantities import clock_us, duration_us
from harness.storage.shelf import Shelf, ShelvedImage
from harness.storage.snapshot import FORMAT, note_of, publish, write_snapshot

if TYPE_CHECKING:
    from harness.engine.request import SnapshotRequest
    from harness.scenario.build import Built
    from harness.scenario.plan import Plan
    from harness.sut.station import Station

_DAY = re.compile(r"^day\s?(\d{1,5})(?:\+(.+))?$")
_STRIKE = re.compile(r"^(.+)#(\d{1,6})$")
END = "end"


@dataclass(frozen=True, slots=True)
class Instant:
    """When to look: at a time, at a fault's strike, at an event of the history, or (none of these) at the end."""

    text: str
    at_us: int | None = None
    strike: str = ""
    event: int | None = None

    @property
    def directory_name(self) -> str:
        """The instant as the name of a directory."""
        return re.sub(r"[^A-Za-z0-9_.#-]+", "_", self.text).strip(".") or "_"


def instant(text: str, plan: Plan, flag: str = "--at") -> Instant:
    """``26h``, ``14:30``, ``day2+14:30``, ``day3``, ``end``, ``power_loss#1``, or ``4711``, which is an event's number.

    UsageError, naming the ``flag`` that it was given with, for what the run does not have.
    """
    told = text.strip()
    if told == END:
        return Instant(told)
    if told.isascii() and told.isdecimal():
        return Instant(told, event=int(told[:12]))
    strike = _STRIKE.match(told)
    if strike is not None:
        names = [fault.name for fault in plan.faults]
        if strike[1] not in names:
            hint = nearest(strike[1], names) if names else "it has none"
            raise UsageError(f"{flag} {text}: {plan.name} has no fault named {strike[1]!r}; {hint}")
        if int(strike[2]) < 1:
            raise UsageError(f"{flag} {text}: strikes are counted from 1")
        return Instant(told, strike=f"{strike[1]}#{int(strike[2])}")
    at_us = _time_us(told, text, flag)
    if not 0 <= at_us < plan.days.count * US_PER_DAY:
        raise UsageError(
            f"{flag} {text}: the run has {plan.days.count} trading days; for what comes after them say 'end'"
        )
    return Instant(told, at_us)


def _time_us(told: str, text: str, flag: str) -> int:
    day = _DAY.match(told)
    try:
        if day is not None:
            return (int(day[1]) - 1) * US_PER_DAY + (clock_us(day[2]) if day[2] else 0)
        return clock_us(told) if ":" in told else duration_us(told)
    except ValueError:
        raise UsageError(
            f"{flag} {text}: expected a time such as 26h, 14:30 or day2+14:30, 'end', or a fault's strike such as power_loss#1"
        ) from None


def publish_taken(asked: Sequence[str], staging: Path, directory: Path) -> list[str]:
    """Give what was written to ``staging`` its name: the one instant asked for, or all of them below; those that are missing."""
    places = {text: staging / Instant(text.strip()).directory_name for text in asked}
    missing = [text for text, place in places.items() if not place.is_dir()]
    if len(missing) == len(places):
        return missing
    only = next(iter(places.values())) if len(places) == 1 else staging
    only.chmod(0o755)
    publish(only, directory)
    return missing


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One instant: the volumes, and all of snapshot.json."""

    instant: Instant
    volumes: dict[str, ShelvedImage]
    record: Record

    def write(self, directory: Path) -> None:
        """As a new directory; all of it or nothing."""
        images = {name: shelved.image() for name, shelved in self.volumes.items()}
        record = msgspec.structs.replace(self.record, volumes={name: note_of(image) for name, image in images.items()})
        write_snapshot(images, directory, msgspec.to_builtins(record))


class Camera:
    """Looks at one station of ``built`` at the instants asked for."""

    def __init__(self, request: SnapshotRequest, built: Built, seed: int) -> None:
        if built.plan.disk != "vfs":
            raise UsageError(
                f"snapshots are taken of the default disk; --disk {built.plan.disk} keeps no durable state apart"
            )
        stations = {station.name: station for station in built.world.stations}
        name = request.of or next(iter(stations))
        if name not in stations:
            raise UsageError(f"--of {name}: no terminal has that name; {nearest(name, list(stations))}")
        self.built = built
        self.seed = seed
        self.volatile = request.volatile
        self.station: Station = stations[name]
        self.directory = Path(request.directory)
        self.instants = tuple(instant(text, built.plan) for text in request.instants)
        self.taken: dict[Instant, Snapshot] = {}
        self.shelves = {volume.name: Shelf() for volume in self.station.hardware.disk.volumes}
        for each in self.instants:
            if each.at_us is not None:
                self._look_after(each, each.at_us)
        if any(each.strike for each in self.instants):
            built.world.recorder.watch(FaultStruck, self._struck)
        self._at_event = {each.event: each for each in self.instants if each.event is not None}
        if self._at_event:
            built.world.recorder.tap = self._at_events

    def finish(self) -> None:
        """The run is over: take what was asked for at the end, and write everything."""
        for each in self.instants:
            if each.text == END:
                self._look(each)
        for each, snapshot in self.taken.items():
            snapshot.write(self.directory / each.directory_name)

    def _struck(self, _: int, event: FaultStruck) -> None:
        for each in self.instants:
            if each.strike and each.strike == event.fault:
                # The fault is told before it has done its work; at the same instant, but after it, it has.
                self._look_after(each, 0)

    def _at_events(self, number: int, _: Event) -> None:
        if number in self._at_event:
            self._look_after(self._at_event[number], 0)

    def _look_after(self, which: Instant, delay_us: int) -> None:
        def look(_: object) -> None:
            self._look(which)

        self.built.world.env.timeout(delay_us).callbacks.append(look)

    def _look(self, which: Instant) -> None:
        if which not in self.taken:
            self.taken[which] = self.look(which)

    def look(self, which: Instant) -> Snapshot:
        """The station as it is now."""
        station, world, plan = self.station, self.built.world, self.built.plan
        hardware, now_us = station.hardware, world.now_us
        keep = station.durability.seen if self.volatile else station.durability.surely_kept
        begun = self.built.images.get(station.name)
        sealed = begun.record.sealed if begun is not None and begun.record is not None else None
        encryptions = hardware.pin_pad.snapshot().encryptions
        first = start_us(plan.days.start)
        record = Record(
            FORMAT,
            Source(
                plan.name, self.seed, station.software.spec, station.name, station.tid, now_us, clock_text(now_us),
                "volatile" if self.volatile else "durable",
            ),
            nvram=bytes(hardware.nvram.content).hex(),
            wall_us=first + now_us,
            clock_offset_us=hardware.rtc.offset_us,
            sealed=Sealed(self.seed, station.name, encryptions)
            if sealed is None
            else msgspec.structs.replace(sealed, encryptions=encryptions),
            acquirer=take(world.acquirer, station.tid),
        )  # fmt: skip
        images = keep(hardware.disk, now_us)
        return Snapshot(which, {name: self.shelves[name].put(image) for name, image in images.items()}, record)

"""A run that is watched for its report: the guilty terminal's messages field by field, and its disk at each of its events.

Models: of every volume what the software sees (volatile) beside what a power cut at that instant would be sure to leave
(durable), as changes from event to event, with what was done to it in between and what such a cut may take; the lines of the
software that each event and each operation come from. Watching changes nothing: the run has the same history as without, and a
run that nobody watches is no slower.
Does not model: instants inside a storage call; the disk of other terminals; the second disk, which keeps no durable state apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.engine.child import executed, warm
from harness.engine.placing import Place, PlaceEye
from harness.engine.report.decoding import decoded, masked
from harness.engine.report.model import Disk, Field, File, Taken, Volume
from harness.engine.report.operations import Apart, OperationEye
from harness.engine.report.series import SpaceCourse, SpaceEye
from harness.engine.request import RunRequest
from harness.engine.run import Run
from harness.engine.whereabouts import Whereabouts, own_files
from harness.history.events import (
    DataDamaged,
    Event,
    FaultBit,
    FaultLifted,
    FaultStruck,
    MessageSent,
    StorageAfterPowerLoss,
    StorageFailed,
)
from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.storage.profiles.base import CrashState
from harness.storage.profiles.story import done_since

if TYPE_CHECKING:
    from harness.engine.request import Progress
    from harness.invariants.judge import Judge
    from harness.scenario.build import Built
    from harness.storage.volume import Volume as DeviceVolume
    from harness.sut.station import Station

FILE_NAME = "observed.json"
TERMINALS_MAX = 8
LOOKS_MAX = 6_000
BYTES_MAX = 1 << 30
"""So much is compared in all; a terminal that fills its disk with large files is then left alone."""
FILES_MAX = 400
"""Of a volume with more, the first so many by name, and all that changed."""
_WORDS_MAX = 12
_FRAMES_MAX = 4_000
_ROUND_THE_DISK = (FaultStruck, FaultBit, FaultLifted, DataDamaged)
"""A fault may change a disk behind the back of its log."""

__all__ = ["execute", "warm"]


class ObservedRequest(RunRequest, frozen=True, omit_defaults=True):
    """A run to be watched: ``watched`` are terminals; none: the first few. What was seen is written into its directory."""

    watched: tuple[str, ...] = ()


class Frame(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message as it was on the line."""

    number: int
    fields: tuple[Field, ...] = ()
    error: str = ""


class Observed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was seen of one terminal. ``why_no_disk``: a code, where disks were not looked at or not to the end."""

    device: str = ""
    frames: tuple[Frame, ...] = ()
    volumes: tuple[Volume, ...] = ()
    disks: tuple[Disk, ...] = ()
    why_no_disk: str = ""
    space: tuple[SpaceCourse, ...] = ()
    record_limit: int | None = None
    """How many records a batch may hold, as the software's manifest says."""
    until: int | None = None
    """The number of the last event that was looked at, where it was not to the end."""
    places: tuple[Place, ...] = ()
    """Of events that come from the software the lines of it."""
    taken: tuple[Taken, ...] = ()


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One run, as ``sut.limits.run_limited`` calls it: an ObservedRequest in."""
    asked = msgspec.convert(argument, ObservedRequest)
    return executed(argument, send, partial(ObservedRun, asked))


class ObservedRun(Run):
    """A run with somebody who watches one of its terminals."""

    def __init__(self, asked: ObservedRequest, *rest: Any) -> None:
        super().__init__(*rest)
        self._asked = asked
        self._eyes: list[Eye] = []
        self._apart = Apart()

    def _watch(self, built: Built, judge: Judge) -> None:
        super()._watch(built, judge)
        stations = built.world.stations
        wanted = [each for each in stations if each.name in self._asked.watched] or stations[:TERMINALS_MAX]
        self._eyes = [Eye(built, station, self._apart) for station in wanted[:TERMINALS_MAX]]
        built.world.recorder.tap = self._apart.of(self._eyes[0].look if len(self._eyes) == 1 else self._look)

    def _look(self, number: int, event: Event) -> None:
        for eye in self._eyes:
            eye.look(number, event)

    def _tell(self, built: Built, judge: Judge, *, force: bool = False) -> None:
        super()._tell(built, judge, force=force)
        if force:
            self._apart.check()
            place = self.history_path.parent / FILE_NAME
            place.write_bytes(msgspec.json.encode([each.seen() for each in self._eyes]))

    if TYPE_CHECKING:
        report: Callable[[Progress], None]


class Eye:
    """Watches ``station``."""

    def __init__(self, built: Built, station: Station, apart: Apart) -> None:
        self._station = station
        self._dialect = built.world.acquirer.dialect
        self._frame = b""
        self._frames: list[Frame] = []
        self._disks: list[Disk] = []
        whereabouts = Whereabouts(own_files(station.software))
        self._places = PlaceEye(station, whereabouts)
        self._operations = OperationEye(station, whereabouts, self._fit, apart) if built.plan.disk == "vfs" else None
        self._taken: list[Taken] = []
        self._volumes = {name: _VolumeEye(self._fit, self._made_at(name)) for name in station.durability.profiles}
        self._looked: tuple[object, ...] = ()
        self._looks = 0
        self._bytes = 0
        self._last = -1
        self._late = -1
        """The number of a StorageAfterPowerLoss: the disk is what the cut left once that has been told of every volume."""
        self._why = "" if built.plan.disk == "vfs" else "second_disk"
        self._until: int | None = None
        self._space = SpaceEye(station)
        station.hardware.link.overhear(self._heard)

    def look(self, number: int, event: Event) -> None:
        """The recorder's tap."""
        if self._late >= 0 and not isinstance(event, StorageAfterPowerLoss):
            self._look_at_disk(self._late, event.at_us)
            self._late = -1
        if getattr(event, "device", None) != self._station.name and not isinstance(event, _ROUND_THE_DISK):
            return
        self._space.look(event.at_us)
        self._places.look(number, event)
        if isinstance(event, StorageFailed) and self._operations is not None:
            self._operations.refused()
        if isinstance(event, MessageSent) and len(self._frames) < _FRAMES_MAX:
            self._frames.append(Frame(event.message, *decoded(self._dialect, self._frame, self._conceal)))
        if isinstance(event, StorageAfterPowerLoss):
            self._late = number
            taken = self._operations and self._operations.taken(event.volume, number, event.at_us)
            if taken:
                self._taken.append(taken)
        elif not self._why:
            self._look_at_disk(number, event.at_us, anew=isinstance(event, _ROUND_THE_DISK))
            self._last = number

    def seen(self) -> Observed:
        """All of it."""
        volumes = tuple(
            Volume(
                each.name,
                each.mount_point,
                each.total_blocks * each.block_size_bytes,
                self._station.durability.profiles[each.name].name,
                self._station.durability.profiles[each.name].summary,
            )
            for each in self._station.hardware.disk.volumes
        )
        return Observed(
            self._station.name, tuple(self._frames), volumes, tuple(self._disks), self._why, self._space.courses(),
            self._station.manifest.max_transactions, self._until, self._places.seen(), tuple(self._taken),
        )  # fmt: skip

    def _heard(self, frame: bytes) -> None:
        self._frame = frame

    def _conceal(self, text: str) -> str:
        return self._station.hardware.secrets.in_text(text)[0]

    def _fit(self, text: str) -> str:
        """Names on a disk are any bytes, and may be a customer's card number."""
        return masked(text.encode("utf-8", "backslashreplace").decode(), self._conceal)

    def _made_at(self, volume: str) -> Callable[[Op], str]:
        def place(op: Op) -> str:
            return "" if self._operations is None else self._operations.place(volume, op)

        return place

    def _look_at_disk(self, number: int, now_us: int, *, anew: bool = False) -> None:
        station = self._station
        disk, durability = station.hardware.disk, station.durability
        # Time alone makes durable what the medium writes back by itself, and only that.
        ages = any(each.writes_back_after_us is not None for each in durability.profiles.values())
        key = (disk, disk.operation_ordinal, *(len(each.log) for each in disk.volumes), now_us if ages else 0)
        if self._why or (key == self._looked and not anew):
            return
        self._looked = key
        self._looks += 1
        if self._operations is not None:
            self._operations.catch_up()
        seen = durability.seen(disk, now_us)
        left = durability.poorest(disk, now_us)
        for volume in disk.volumes:
            image = seen[volume.name]
            self._bytes += sum(map(len, image.files.values()))
            change = self._volumes[volume.name].change(
                number, volume, image, left[volume.name], durability.base(volume)
            )
            if change is not None:
                self._disks.append(change)
        if self._looks >= LOOKS_MAX or self._bytes > BYTES_MAX:
            self._why, self._until = "too_much", number


class _VolumeEye:
    """One volume, and what it was when it was looked at last."""

    def __init__(self, fit: Callable[[str], str], made_at: Callable[[Op], str]) -> None:
        self._fit = fit
        self._made_at = made_at
        self._rows: dict[str, File] = {}
        self._last: Op | None = None
        self._at_risk: tuple[str, ...] = ()
        self._free_bytes = -1

    def change(self, number: int, volume: DeviceVolume, seen: Image, left: CrashState, base: Image) -> Disk | None:
        """What is new; None for nothing."""
        done = done_since(base, volume.log, self._new_from(volume.log))
        self._last = volume.log[-1] if volume.log else None
        risks = [*((each.text, self._made_at(left.log[each.index])) for each in (*left.lost, *left.torn))]
        risks += [(each, "") for each in left.damage_told]
        at_risk = tuple(text for text, _ in risks)
        rows = dict(self._rows_of(seen, left.image, volume.mount_point))
        files = tuple(row for path, row in rows.items() if self._rows.get(path) != row)
        gone = tuple(path for path in self._rows if path not in rows)
        if not (files or gone or done or at_risk != self._at_risk or volume.free_bytes != self._free_bytes):
            return None
        first = not self._rows and self._free_bytes < 0
        self._rows, self._at_risk, self._free_bytes = rows, at_risk, volume.free_bytes
        kept = files[:FILES_MAX] if first else files
        last_done, last_risks = [(words, self._made_at(op)) for op, words in done[:_WORDS_MAX]], risks[-_WORDS_MAX:]
        return Disk(
            number, volume.name, kept, gone, self._told(last_done), _at(last_done), self._told(last_risks), _at(last_risks),
            max(0, len(done) - _WORDS_MAX), max(0, len(at_risk) - _WORDS_MAX), len(files) - len(kept), volume.free_bytes,
        )  # fmt: skip

    def _told(self, sentences: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        return tuple(self._fit(each) for each, _ in sentences)

    def _new_from(self, log: Sequence[Op]) -> int:
        """The place in the log of the first operation that has not been seen."""
        if self._last is not None:
            for place in range(len(log) - 1, -1, -1):
                if log[place] is self._last:
                    return place + 1
        return 0  # all that had been seen is durable by now, or gone with the power

    def _rows_of(self, seen: Image, left: Image, mount_point: str) -> Iterator[tuple[str, File]]:
        prefix = mount_point.rstrip("/")
        volatile, durable = dict(seen.walk()), dict(left.walk())
        for path in sorted(volatile.keys() | durable.keys()):
            here, there = volatile.get(path), durable.get(path)
            directory = here in seen.directories if here is not None else there in left.directories
            one = None if here is None else _content(seen, here)
            other = None if there is None else _content(left, there)
            name = self._fit(prefix + path)
            yield (
                name,
                File(
                    name,
                    None if one is None else len(one),
                    None if other is None else len(other),
                    one is not None and other is not None and one != other,
                    directory,
                ),
            )


def _at(sentences: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The lines of each; nothing where none has any."""
    places = tuple(place for _, place in sentences)
    return places if any(places) else ()


def _content(image: Image, inode: int) -> bytes:
    """A file's content, or where a link leads; a directory has none of its own."""
    if inode in image.directories:
        return b""
    target = image.links.get(inode)
    return image.files.get(inode, b"") if target is None else target.encode("utf-8", "surrogateescape")


def read_observed(directory: Path) -> dict[str, Observed]:
    """What was seen of each terminal of a run that left its files in ``directory``; nothing where it did not come so far."""
    place = directory / FILE_NAME
    if not place.is_file():
        return {}
    return {each.device: each for each in msgspec.json.decode(place.read_bytes(), type=tuple[Observed, ...])}

"""Starting a device on data from before the run: a snapshot of another run, or files copied off a terminal in the field.

What a device begins with:

- its volumes as the directory has them, and the NVRAM (zeros, as on a new chip, when there is no snapshot.json);
- a PIN pad in service: working keys that the host holds as well, as after a sign-on. Keys are in no snapshot. What the pad
  had sealed can be opened again when the snapshot is this harness's own (its key follows from that run's seed); data sealed
  by a pad in the field cannot, and ``decrypt`` says so;
- a calendar that goes on: the run begins on the day after the snapshot's, if the scenario would begin earlier;
- a full roll of paper, a closed case, a link and a host without faults: conditions belong to their run.

What the host begins with, by what is known:

- ``snapshot``: all that it held of the terminal at that instant, as snapshot.json says;
- ``records``: field data and software with ``inspect``: the batch that the software's files name, with their records in it;
- ``adopted``: field data alone: an empty batch of the number that the terminal names first.

What is judged: everything that the run does, and what the host and the image agree on at the beginning (it must be settled
like any other sale). A transaction that only one side has is older than the run and is not judged: the history does not
show whose guilt it is. Does not model: a host that has gone on since (a batch closed by hand, a terminal re-registered).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from harness.core.errors import UsageError
from harness.core.streams import Streams
from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.device.nvram import SIZE_BYTES
from harness.device.pin_pad import PinPadState, storage_key
from harness.device.spec import DeviceSpec
from harness.host.handover import HeldTerminal
from harness.scenario.plan import Plan
from harness.storage.image import Image
from harness.storage.snapshot import FORMAT, NOTE_NAME, VolumeNote
from harness.storage.snapshot_read import Room, is_directory, names_in, opened, opened_in, read_note, read_volume, shown

_DATA = "data"
_FAT_PROFILES = frozenset({"fat", "sd"})
_LAST_YEAR = 2099
_UTC_8_US = 8 * US_PER_HOUR


class Source(msgspec.Struct, frozen=True):
    """Where a snapshot comes from: for people, and for the next snapshot of the same device."""

    scenario: str = ""
    seed: int = 0
    terminal: str = ""
    device: str = ""
    tid: str = ""
    at_us: int = 0
    at: str = ""
    state: str = "durable"


class Sealed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of which pad the data was sealed by: that of ``device`` in a run with ``seed``, which had sealed so many."""

    seed: int
    device: str
    encryptions: int


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """snapshot.json. ``nvram`` is hexadecimal; ``wall_us`` are microseconds since 1970, as a right clock had them."""

    format: int
    source: Source = Source()
    volumes: dict[str, VolumeNote] = {}
    nvram: str = ""
    wall_us: int | None = None
    clock_offset_us: int = 0
    sealed: Sealed | None = None
    acquirer: HeldTerminal | None = None


@dataclass(frozen=True, slots=True)
class FieldData:
    """What a device begins with. ``record`` is None for files from the field."""

    directory: Path
    images: Mapping[str, Image]
    nvram: bytes
    record: Record | None

    @property
    def source(self) -> str:
        """In one line, for the history."""
        if self.record is None or not self.record.source.scenario:
            return "field data"
        source = self.record.source
        return f"snapshot of {source.device} in {source.scenario}, seed {source.seed}, at {source.at}"[:200]


def load_images(directory: Path, spec: DeviceSpec) -> FieldData:
    """The device's volumes as ``directory`` has them; UsageError with the path and the reason when they cannot be had.

    Either DIR/VOLUME/... for some of the device's volumes, or the content of its data volume.
    """
    with opened(directory) as descriptor:
        raw = read_note(descriptor, directory)
        record = None if raw is None else _record(raw, directory / NOTE_NAME)
        names = [name for name in names_in(descriptor, directory) if name != NOTE_NAME]
        volumes = {volume.name: volume for volume in spec.volumes}
        notes = {} if record is None else record.volumes
        unknown = sorted(notes.keys() - volumes.keys())
        if unknown:
            raise UsageError(
                f"{shown(directory / NOTE_NAME)}: the device has no volume {shown(unknown[0])!r}; it has {', '.join(volumes)}"
            )
        by_volume = bool(notes) or any(name in volumes and is_directory(descriptor, name) for name in names)
        if by_volume:
            images = _by_volume(directory, descriptor, names, spec, record)
        elif _DATA in volumes:
            images = {_DATA: read_volume(descriptor, _room(spec, _DATA), None, directory)}
        else:
            raise UsageError(
                f"{shown(directory)}: the device has no volume {_DATA!r}, so its files must lie in directories named after "
                f"its volumes: {', '.join(volumes)}"
            )
    return FieldData(directory, images, _nvram(record, directory), record)


def _by_volume(
    directory: Path, descriptor: int, names: list[str], spec: DeviceSpec, record: Record | None
) -> dict[str, Image]:
    known = [volume.name for volume in spec.volumes]
    images: dict[str, Image] = {}
    for name in names:
        if name not in known:
            raise UsageError(
                f"{shown(directory / name)}: belongs to no volume of the device; it has {', '.join(known)}, "
                f"and beside them only {NOTE_NAME} is read"
            )
        note = None if record is None else record.volumes.get(name, VolumeNote())
        with opened_in(descriptor, name, directory / name) as inner:
            images[name] = read_volume(inner, _room(spec, name), note, directory / name)
    for name in record.volumes if record is not None else ():
        if name not in images:
            raise UsageError(f"{shown(directory / name)}: is missing, although {NOTE_NAME} names it")
    return images


def _room(spec: DeviceSpec, name: str) -> Room:
    volume = next(each for each in spec.volumes if each.name == name)
    return Room(volume.build(), volume.profile in _FAT_PROFILES)


def _record(raw: bytes, place: Path) -> Record:
    try:
        record = msgspec.convert(json.loads(raw), Record)
        msgspec.json.encode(record.source)  # JSON may spell half a character, which no history can hold
        msgspec.json.encode(record.sealed)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown(place)}: is not what `harness snapshot` writes: {str(error)[:200]}") from None
    if record.format != FORMAT:
        raise UsageError(f"{shown(place)}: is of format {record.format}; this harness reads {FORMAT}")
    return record


def _nvram(record: Record | None, directory: Path) -> bytes:
    text = "" if record is None else record.nvram
    try:
        content = bytes.fromhex(text)
    except ValueError:
        raise UsageError(f"{shown(directory / NOTE_NAME)}: nvram is not hexadecimal") from None
    if len(content) > SIZE_BYTES:
        raise UsageError(
            f"{shown(directory / NOTE_NAME)}: nvram has {len(content)} bytes, more than the device's {SIZE_BYTES}"
        )
    return content.ljust(SIZE_BYTES, b"\0")


def pad_state(data: FieldData, device: str, seed: int, master_key: bytes, working: Mapping[str, bytes]) -> PinPadState:
    """A pad in service that can open what the image's own pad had sealed, as far as that is known."""
    sealed = data.record.sealed if data.record is not None else None
    if sealed is None:
        sealed = Sealed(seed, device, 0)
    key = storage_key(sealed.device, Streams(sealed.seed))
    return PinPadState(master_key, key, tuple(sorted(working.items())), max(0, sealed.encryptions))


def going_on(plan: Plan, loaded: Mapping[str, FieldData]) -> Plan:
    """``plan``, begun on the day after the youngest snapshot when it would begin earlier."""
    start = plan.days.start
    for data in loaded.values():
        wall_us = data.record.wall_us if data.record is not None else None
        if wall_us is None or wall_us < 0:
            continue
        days = (wall_us + _UTC_8_US) // US_PER_DAY
        last = datetime.date(_LAST_YEAR, 12, 31).toordinal() - datetime.date(1970, 1, 1).toordinal()
        if days < last:
            start = max(start, datetime.date(1970, 1, 1) + datetime.timedelta(days=days + 1))
    return plan if start == plan.days.start else replace(plan, days=replace(plan.days, start=start))

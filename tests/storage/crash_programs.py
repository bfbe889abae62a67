"""Programs whose fate at a power cut is known: each stores numbered transactions, acknowledges them, and recovers them.

``run`` works on any disk that has the os functions as methods; ``recover`` gives the transactions found, and raises when
the store cannot be read. A crash state violates when recovery raises or an acknowledged transaction is missing.
"""

import json
import os
import random
import struct
import types
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dbm import dumb
from typing import Any
from unittest.mock import patch

from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.oplog import Op, Returned
from harness.storage.powerloss import crash_points
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.volume import Volume

Acknowledge = Callable[[int], None]
TRANSACTIONS = 3
STATE, TEMPORARY, JOURNAL = "/state.json", "/state.tmp", "/journal"


@dataclass(frozen=True)
class Program:
    run: Callable[[Any, Acknowledge], None]
    recover: Callable[[Any], set[int]]


def sync_directory(disk: Any, path: str = "/") -> None:
    descriptor = disk.open(path, os.O_RDONLY)
    disk.fsync(descriptor)
    disk.close(descriptor)


def record(number: int, pad_bytes: int) -> dict[str, object]:
    return {"stan": number, "amount": 100 + number, "pad": "p" * pad_bytes}


def dump(disk: Any, path: str, value: object, *, sync: bool) -> None:
    with disk.fopen(path, "w") as file:
        json.dump(value, file)
        if sync:
            file.flush()
            disk.fsync(file.fileno())


def recover_state(disk: Any) -> set[int]:
    try:
        with disk.fopen(STATE) as file:
            return {entry["stan"] for entry in json.load(file)}
    except FileNotFoundError:
        return set()


def replace_by_rename(*, sync_file: bool, sync_name: bool) -> Callable[[Any, Acknowledge], None]:
    def run(disk: Any, acknowledge: Acknowledge) -> None:
        entries = []
        for number in range(TRANSACTIONS):
            entries.append(record(number, 0))
            dump(disk, TEMPORARY, entries, sync=sync_file)
            disk.replace(TEMPORARY, STATE)
            if sync_name:
                sync_directory(disk)
            acknowledge(number)

    return run


def rewrite_in_place(disk: Any, acknowledge: Acknowledge) -> None:
    entries: list[object] = [{"stan": -1, "pad": "x" * 900}]
    for number in range(TRANSACTIONS):
        entries.append(record(number, 0))
        dump(disk, STATE, entries, sync=True)
        acknowledge(number)


def append_lines(*, sync: bool) -> Callable[[Any, Acknowledge], None]:
    def run(disk: Any, acknowledge: Acknowledge) -> None:
        for number in range(TRANSACTIONS):
            with disk.fopen(JOURNAL, "a") as file:
                file.write(json.dumps(record(number, 700)) + "\n")
                if sync:
                    file.flush()
                    disk.fsync(file.fileno())
            if sync and number == 0:
                sync_directory(disk)
            acknowledge(number)

    return run


def recover_lines(disk: Any) -> set[int]:
    try:
        with disk.fopen(JOURNAL) as file:
            return {json.loads(line)["stan"] for line in file}
    except FileNotFoundError:
        return set()


def append_checked(disk: Any, acknowledge: Acknowledge) -> None:
    descriptor = disk.open(JOURNAL, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    sync_directory(disk)
    for number in range(TRANSACTIONS):
        body = json.dumps(record(number, 700)).encode()
        disk.write(descriptor, struct.pack(">II", len(body), zlib.crc32(body)) + body)
        disk.fsync(descriptor)
        acknowledge(number)
    disk.close(descriptor)


def recover_checked(disk: Any) -> set[int]:
    try:
        with disk.fopen(JOURNAL, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return set()
    found: set[int] = set()
    place = 0
    while place + 8 <= len(data):
        length, checksum = struct.unpack_from(">II", data, place)
        body = data[place + 8 : place + 8 + length]
        if length == 0 or len(body) < length or zlib.crc32(body) != checksum:
            break
        found.add(json.loads(body)["stan"])
        place += 8 + length
    return found


SLOTS, SLOT_BYTES = ("/slot.0", "/slot.1"), 1024
_SLOT_HEADER = struct.Struct(">III")


def store_in_slots(disk: Any, acknowledge: Acknowledge) -> None:
    """Two files of fixed size, written over in turn: generation, length and checksum before the list."""
    entries: list[object] = []
    for slot in SLOTS:
        descriptor = disk.open(slot, os.O_CREAT | os.O_WRONLY, 0o600)
        disk.write(descriptor, b"\xff" * SLOT_BYTES)
        disk.fsync(descriptor)
        disk.close(descriptor)
    sync_directory(disk)
    for number in range(TRANSACTIONS):
        entries.append(record(number, 0))
        body = json.dumps(entries).encode()
        checked = struct.pack(">I", number) + body
        descriptor = disk.open(SLOTS[number % 2], os.O_WRONLY)
        slot = _SLOT_HEADER.pack(number, len(body), zlib.crc32(checked)) + body
        disk.write(descriptor, slot.ljust(SLOT_BYTES, b"\xff"))
        disk.fsync(descriptor)
        disk.close(descriptor)
        acknowledge(number)


def recover_slots(disk: Any) -> set[int]:
    newest, found = -1, set[int]()
    for slot in SLOTS:
        try:
            with disk.fopen(slot, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            continue
        if len(data) < _SLOT_HEADER.size:
            continue
        generation, length, checksum = _SLOT_HEADER.unpack_from(data)
        body = data[_SLOT_HEADER.size : _SLOT_HEADER.size + length]
        if zlib.crc32(struct.pack(">I", generation) + body) == checksum and generation > newest:
            newest, found = generation, {entry["stan"] for entry in json.loads(body)}
    return found


@contextmanager
def dumb_database(disk: Any) -> Iterator[Any]:
    """The standard library's dbm.dumb on the given disk: it finds its os and io in its class and in its module."""
    on_disk = {name: getattr(disk, name) for name in ("unlink", "rename", "chmod")}

    class Database(dumb._Database):  # type: ignore[name-defined,misc]
        _os = types.SimpleNamespace(fsencode=os.fsencode, **on_disk)
        _io = types.SimpleNamespace(open=disk.fopen)

        def __del__(self) -> None:
            """A database that could not be opened has nothing to write back."""

    with patch.object(dumb, "_io", Database._io), patch.object(dumb, "_os", Database._os):
        yield Database("/sh", 0o666, "c")


def store_in_dumb(disk: Any, acknowledge: Acknowledge) -> None:
    for number in range(TRANSACTIONS):
        with dumb_database(disk) as database:
            database[str(number)] = json.dumps(record(number, 300))
            database.close()
        acknowledge(number)


def recover_dumb(disk: Any) -> set[int]:
    if not {"sh.dir", "sh.dat"} & set(disk.listdir("/")):
        return set()
    with dumb_database(disk) as database:
        return {int(key) for key in database.keys() if json.loads(database[key])["stan"] == int(key)}  # noqa: SIM118


def store_like_tinydb(disk: Any, acknowledge: Acknowledge) -> None:
    """TinyDB's JSONStorage: the whole document written over the old one, fsync, then cut to length."""
    entries: list[object] = []
    with disk.fopen(STATE, "w") as file:
        file.flush()
    sync_directory(disk)
    with disk.fopen(STATE, "r+") as file:
        for number in range(TRANSACTIONS):
            entries.append(record(number, 300))
            file.seek(0)
            file.write(json.dumps(entries))
            file.flush()
            disk.fsync(file.fileno())
            file.truncate()
            acknowledge(number)


def recover_like_tinydb(disk: Any) -> set[int]:
    try:
        with disk.fopen(STATE) as file:
            text = file.read()
    except FileNotFoundError:
        return set()
    return {entry["stan"] for entry in json.loads(text)} if text else set()


PROGRAMS = {
    "tmp+rename, no fsync": Program(replace_by_rename(sync_file=False, sync_name=False), recover_state),
    "in-place rewrite+fsync": Program(rewrite_in_place, recover_state),
    "tmp+fsync+rename, no directory fsync": Program(replace_by_rename(sync_file=True, sync_name=False), recover_state),
    "tmp+fsync+rename+directory fsync": Program(replace_by_rename(sync_file=True, sync_name=True), recover_state),
    "lines appended, no fsync": Program(append_lines(sync=False), recover_lines),
    "lines appended+fsync, naive parser": Program(append_lines(sync=True), recover_lines),
    "checked log+fsync": Program(append_checked, recover_checked),
    "two checked slots in turn+fsync": Program(store_in_slots, recover_slots),
    "dbm.dumb": Program(store_in_dumb, recover_dumb),
    "TinyDB's storage": Program(store_like_tinydb, recover_like_tinydb),
}


def empty_disk() -> Disk:
    return Disk([Volume("data", "/", 8 << 20)])


def mounted(image: Image) -> Disk:
    return empty_disk().load({"data": image})


def recorded(program: Program, *, synchronous: bool = False) -> tuple[Image, list[Op], list[tuple[int, int]]]:
    """Run on an empty disk: its base image, its log, and each acknowledgement with the length of the log then.

    For a medium that is ``synchronous`` the log says where an acknowledgement shows that all calls before it returned.
    """
    disk = empty_disk()
    contents = export_volume(disk.volumes[0])
    acknowledged: list[tuple[int, int]] = []
    log: list[Op] = disk.volumes[0].log

    def acknowledge(number: int) -> None:
        if synchronous:
            log.append(Returned())
        acknowledged.append((len(log), number))

    program.run(disk, acknowledge)
    base = Image(contents.files, contents.directories, contents.modes, contents.links)
    return base, log, acknowledged


def violates(program: Program, image: Image, promised: Iterable[int]) -> bool:
    try:
        return not set(promised) <= program.recover(mounted(image))
    except Exception:
        return True


@dataclass(frozen=True)
class Count:
    """Violating and distinct crash states of a program; ``exhaustive`` when no crash point had too many to list."""

    violating: int
    distinct: int
    exhaustive: bool = True

    def __str__(self) -> str:
        return f"{'' if self.exhaustive else '~'}{self.violating}/{self.distinct}"


def every_promise(
    program: Program, profile: Profile, limit: int = 300
) -> Iterator[tuple[CrashState, tuple[int, ...], bool]]:
    """Each crash state at each crash point, with what had been acknowledged by then and whether that point's list is whole."""
    base, log, acknowledged = recorded(program, synchronous=profile.synchronous)
    pending: list[Op] = []
    done, rng = 0, random.Random(1)
    for point in crash_points(log):
        base, pending = profile.durable_prefix(base, [*pending, *log[done:point]])
        done = point
        promised = tuple(number for length, number in acknowledged if length <= point)
        states = profile.legal_images(base, pending, limit, rng)
        found = list(states)
        for state in found:
            yield state, promised, states.exhaustive


def count_violations(program: Program, profile: Profile, limit: int = 300) -> Count:
    """Over all crash points of the program; a state counts once for each set of promises made by then."""
    seen: set[tuple[str, int]] = set()
    violating, exhaustive = 0, True
    for state, promised, whole in every_promise(program, profile, limit):
        exhaustive = exhaustive and whole
        key = (state.image.digest(), len(promised))
        if key not in seen:
            seen.add(key)
            violating += violates(program, state.image, promised)
    return Count(violating, len(seen), exhaustive)

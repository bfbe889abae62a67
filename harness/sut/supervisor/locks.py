"""Record locks on files of the volumes. Source: fcntl(2).

Models: POSIX locks, which belong to a program and go with any close of the file, and those of open file descriptions.
Does not model: mandatory locks, leases.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from harness.storage.inode import Inode, RegularFile

FLOCK = struct.Struct("<hhxxxxqqixxxx")
"""struct flock: type, whence, start, length, pid."""
READ, WRITE, UNLOCK = 0, 1, 2
_END = 1 << 62


@dataclass(slots=True)
class Lock:
    """``end`` is behind the last byte. ``owner`` is a Program or a VolumeFile."""

    owner: object
    kind: int
    start: int
    end: int


class RecordLocks:
    """All record locks of one boot, by inode."""

    def __init__(self) -> None:
        self._locks: dict[int, list[Lock]] = {}

    def conflict(self, inode: Inode, wanted: Lock) -> Lock | None:
        """Another program's lock that stands in the way."""
        for lock in self._locks.get(id(inode), ()):
            overlaps = lock.start < wanted.end and wanted.start < lock.end
            if lock.owner is not wanted.owner and overlaps and WRITE in (lock.kind, wanted.kind):
                return lock
        return None

    def set(self, inode: Inode, wanted: Lock) -> None:
        """Replace what the owner held of the range; the caller has looked for conflicts."""
        kept: list[Lock] = []
        for lock in self._locks.get(id(inode), ()):
            touches = lock.start <= wanted.end and wanted.start <= lock.end
            if lock.owner is not wanted.owner or not touches:
                kept.append(lock)
                continue
            if lock.kind == wanted.kind:
                wanted = Lock(wanted.owner, wanted.kind, min(wanted.start, lock.start), max(wanted.end, lock.end))
                continue
            if lock.start < wanted.start:
                kept.append(Lock(lock.owner, lock.kind, lock.start, wanted.start))
            if wanted.end < lock.end:
                kept.append(Lock(lock.owner, lock.kind, wanted.end, lock.end))
        if wanted.kind != UNLOCK:
            kept.append(wanted)
        if kept:
            # One owner's locks stand together in the order of their beginnings: F_GETLK tells the first that is in the way.
            owners = {id(lock.owner): place for place, lock in reversed(list(enumerate(kept)))}
            self._locks[id(inode)] = sorted(kept, key=lambda lock: (owners[id(lock.owner)], lock.start))
        else:
            self._locks.pop(id(inode), None)

    def drop(self, owner: object, inode: Inode) -> None:
        """A program has closed a descriptor of the file: all its locks on it go."""
        if id(inode) in self._locks:
            self.set(inode, Lock(owner, UNLOCK, 0, _END))

    def drop_all(self, owner: object) -> None:
        """A program is gone."""
        for key, locks in list(self._locks.items()):
            kept = [lock for lock in locks if lock.owner is not owner]
            if kept:
                self._locks[key] = kept
            else:
                del self._locks[key]


def range_of(raw: bytes, position: int, inode: Inode, owner: object) -> Lock:
    """The lock that a struct flock means; ValueError for a range that begins before the file."""
    kind, whence, start, length, _ = FLOCK.unpack(raw)
    size = inode.size_bytes if isinstance(inode, RegularFile) else 0
    start += {0: 0, 1: position, 2: size}[whence]
    end = start + length if length > 0 else _END
    if length < 0:
        start, end = start + length, start
    if start < 0 or kind not in (READ, WRITE, UNLOCK):
        raise ValueError("no such range")
    return Lock(owner, kind, start, end)


def described(lock: Lock, pid: int) -> bytes:
    """A lock as struct flock; ``pid`` says whose it is."""
    length = 0 if lock.end >= _END else lock.end - lock.start
    return FLOCK.pack(lock.kind, 0, lock.start, length, pid)

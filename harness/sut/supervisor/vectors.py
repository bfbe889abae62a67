"""Bytes in a program's memory by vectors of addresses and lengths. Source: readv(2)."""

from __future__ import annotations

import errno

from harness.sut.supervisor.abi import IOVEC
from harness.sut.supervisor.tasks import Task

_VECTOR_MAX = 1024


def vector(task: Task, address: int, count: int) -> list[tuple[int, int]]:
    """An array of struct iovec: addresses and lengths."""
    if not 0 <= count <= _VECTOR_MAX:
        raise OSError(errno.EINVAL, "vector")
    raw = task.program.read(address, IOVEC.size * count)
    return [IOVEC.unpack_from(raw, IOVEC.size * place) for place in range(count)]


def gather(task: Task, parts: list[tuple[int, int]], bytes_max: int = 1 << 26) -> bytes:
    """The bytes that a vector names, up to a limit: a call may do less than it was asked to."""
    if len(parts) == 1:
        address, length = parts[0]
        return task.program.read(address, min(length, bytes_max))
    found: list[bytes] = []
    for address, length in parts:
        if length and bytes_max:
            found.append(task.program.read(address, min(length, bytes_max)))
            bytes_max -= len(found[-1])
    return b"".join(found)


def scatter(task: Task, parts: list[tuple[int, int]], data: bytes) -> int:
    """Put bytes where a vector says; how many."""
    done = 0
    for address, length in parts:
        part = data[done : done + length]
        if not part:
            if length:
                break
            continue
        task.program.write(address, part)
        done += len(part)
    return done

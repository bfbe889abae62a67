"""``select``: ``select`` and ``poll`` over the device's sockets. Does not model: epoll, files (always ready), pipes."""

from __future__ import annotations

import errno
import os
import select as real_select
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import simpy

from harness.sut import current
from harness.sut.process import Process
from harness.sut.virtual.sockets import Socket

POLLIN, POLLOUT, POLLERR, POLLHUP, POLLNVAL = 1, 4, 8, 16, 32


def _socket_of(process: Process, item: Any) -> Socket:
    number = int(item if isinstance(item, int) else item.fileno())
    if number < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({number})")
    found = process.sockets.get(number)
    if not isinstance(found, Socket):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return found


def wait_for_any(process: Process, events: list[simpy.Event], timeout_us: int | None) -> bool:
    """Block until one of ``events`` happens; leaves no callback behind on the others."""
    gate = process.env.event()

    def open_gate(_event: simpy.Event) -> None:
        if not gate.triggered:
            gate.succeed()

    for event in events:
        if event.processed:
            return True
        event.callbacks.append(open_gate)
    try:
        return process.wait(gate, timeout_us)
    finally:
        for event in events:
            if not event.processed and open_gate in event.callbacks:
                event.callbacks.remove(open_gate)


def _select(rlist: Iterable[Any], wlist: Iterable[Any], xlist: Iterable[Any], timeout: float | None = None, /) -> Any:
    process = current.running()
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    readers, writers, others = list(rlist), list(wlist), list(xlist)
    timeout_us = None if timeout is None else round(timeout * 1_000_000)
    deadline_us = None if timeout_us is None else process.now_us() + timeout_us
    read_sockets = [_socket_of(process, each) for each in readers]
    write_sockets = [_socket_of(process, each) for each in writers]
    for each in others:
        _socket_of(process, each)
    while True:
        ready_to_read = [item for item, sock in zip(readers, read_sockets, strict=True) if sock.readable_now()]
        ready_to_write = [item for item, sock in zip(writers, write_sockets, strict=True) if sock.writable_now()]
        if ready_to_read or ready_to_write:
            return ready_to_read, ready_to_write, []
        left_us = None if deadline_us is None else max(0, deadline_us - process.now_us())
        events = [each.readable_event() for each in read_sockets] + [each.writable_event() for each in write_sockets]
        if not wait_for_any(process, events, left_us) and left_us is not None:
            return [], [], []


class Poll:
    """``select.poll()``."""

    def __init__(self) -> None:
        self._wanted: dict[int, int] = {}

    def register(self, fd: Any, eventmask: int = POLLIN | POLLOUT | 2, /) -> None:
        self._wanted[fd if isinstance(fd, int) else fd.fileno()] = eventmask

    def modify(self, fd: Any, eventmask: int, /) -> None:
        number = fd if isinstance(fd, int) else fd.fileno()
        if number not in self._wanted:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._wanted[number] = eventmask

    def unregister(self, fd: Any, /) -> None:
        del self._wanted[fd if isinstance(fd, int) else fd.fileno()]

    def poll(self, timeout: float | None = None, /) -> list[tuple[int, int]]:
        if not self._wanted and timeout == 0 and current.process is None:
            return []  # selectors tries it out while it is imported
        process = current.running()
        deadline_us = None
        if timeout is not None and timeout >= 0:
            deadline_us = process.now_us() + round(timeout * 1_000)
        while True:
            ready = self._ready(process)
            if ready:
                return ready
            left_us = None if deadline_us is None else max(0, deadline_us - process.now_us())
            events = []
            for number, mask in self._wanted.items():
                sock = _socket_of(process, number)
                if mask & POLLIN:
                    events.append(sock.readable_event())
                if mask & POLLOUT:
                    events.append(sock.writable_event())
            if not wait_for_any(process, events, left_us) and left_us is not None:
                return []

    def _ready(self, process: Process) -> list[tuple[int, int]]:
        ready = []
        for number, mask in self._wanted.items():
            sock = process.sockets.get(number)
            if not isinstance(sock, Socket):
                ready.append((number, POLLNVAL))
                continue
            found = 0
            if mask & POLLIN and sock.readable_now():
                found |= POLLIN
            if mask & POLLOUT and sock.writable_now():
                found |= POLLOUT
            if sock.broken:
                found |= POLLERR | POLLHUP
            if found:
                ready.append((number, found))
        return ready


def build() -> ModuleType:
    """The ``select`` module. Without epoll, ``selectors`` takes poll."""
    module = ModuleType("select")
    for name, value in vars(real_select).items():
        if isinstance(value, int) and not name.startswith("EPOLL"):
            setattr(module, name, value)
    module.error = OSError  # type: ignore[attr-defined]
    module.select = _select  # type: ignore[attr-defined]
    module.poll = Poll  # type: ignore[attr-defined]
    return module

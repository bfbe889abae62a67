"""Writing more to a pipe or a pair of sockets than the kernel takes at once: it would wait inside, out of reach of virtual time.

Models: a blocking write that goes on as others read; what had been written when a signal or the reader's end cut it short.
Source: pipe(7): up to PIPE_BUF bytes go in whole or not at all once poll says there is room; write(2).
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import stat
from typing import TYPE_CHECKING

from harness.sut.supervisor.objects import POLL_OUT, Pollable
from harness.sut.supervisor.registry import NATIVE, Reply
from harness.sut.supervisor.tasks import Task, Wait

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_PIPE_BUF = 4096
_PIECE_BYTES = 65_536


def write(scheduler: Scheduler, task: Task, opened: Pollable, parts: list[tuple[int, int]], flags: int = 0) -> Reply:
    """A write to what the kernel can poll; ``flags`` are those of send(2)."""
    if not opened.blocking or flags & socket.MSG_DONTWAIT:
        return NATIVE
    size = sum(length for _, length in parts)
    if size > _PIPE_BUF and opened.is_stream:
        return _Stream(scheduler, task, opened, parts, flags).go_on()
    if opened.ready(POLL_OUT):
        return NATIVE
    return scheduler.block(task, Wait(lambda _: scheduler.pass_on(task), lambda: bool(opened.ready(POLL_OUT))))


class _Stream:
    """One large write under way."""

    def __init__(
        self, scheduler: Scheduler, task: Task, opened: Pollable, parts: list[tuple[int, int]], flags: int
    ) -> None:
        self._scheduler = scheduler
        self._task = task
        self._opened = opened
        self._left = [part for part in parts if part[1]]
        self._done = 0
        self._flags = flags

    def go_on(self) -> Reply:
        """Write what there is room for; wait for more room while anything is left."""
        try:
            while self._left:
                address, length = self._left[0]
                written = _write_now(
                    self._opened.kernel_end, self._task.program.read(address, min(length, _PIECE_BYTES))
                )
                if not written:
                    return self._scheduler.block(self._task, self._wait())
                self._done += written
                self._left[0] = (address + written, length - written)
                if written == length:
                    self._left.pop(0)
        except OSError as error:
            if not self._done:
                if error.errno == errno.EPIPE and not self._flags & socket.MSG_NOSIGNAL:
                    self._scheduler.signals.send(self._task.program, signal.SIGPIPE, self._task)
                raise
        return self._done

    def _wait(self) -> Wait:
        def finish(_timed_out: bool) -> None:
            reply = self.go_on()
            if isinstance(reply, int):
                self._scheduler.reply(self._task, reply)

        def cut_short() -> int | None:
            return self._done or None

        return Wait(finish, lambda: bool(self._opened.ready(POLL_OUT)), so_far=cut_short)


def _write_now(descriptor: int, data: bytes) -> int:
    """As much as there is room for; the open description is the program's, which blocks, so another is used."""
    if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        with socket.socket(fileno=os.dup(descriptor)) as end:
            try:
                return end.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return 0
    again = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.write(again, data)
    except BlockingIOError:
        return 0
    finally:
        os.close(again)

"""What a program's descriptors lead to: files of the device's volumes, connections, pipes, and what the kernel polls.

Each has a kernel object of the supervisor's own behind it, of which the program's table holds a copy: it gives the number,
and for what can be waited for its readiness. What is read and written comes from the device's disk and link.
"""

from __future__ import annotations

import os
import select
import socket
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.sut.supervisor.procfs import pending_signals

if TYPE_CHECKING:
    from harness.sut.supervisor.calls.time import TimerTimes

POLL_IN, POLL_OUT, POLL_ERR, POLL_HUP = select.POLLIN, select.POLLOUT, select.POLLERR, select.POLLHUP


class Opened:
    """One open file description. ``kernel_end`` is the descriptor of ours whose copy the program holds."""

    kind = "?"

    def __init__(self, kernel_end: int) -> None:
        self.kernel_end = kernel_end
        self.holders = 0
        """Descriptors of all programs that lead here."""

    def let_go(self) -> None:
        """One descriptor less; with the last the description goes."""
        self.holders -= 1
        if self.holders == 0:
            self.closed()

    def closed(self) -> None:
        """Nobody holds it any more."""
        os.close(self.kernel_end)

    def ready(self, events: int) -> int:
        """Which of the poll events hold now, as poll(2) returns them."""
        poller = select.poll()
        poller.register(self.kernel_end, events)
        found = poller.poll(0)
        return found[0][1] if found else 0


class Pollable(Opened):
    """A pipe's end, an eventfd, an epoll: the kernel's own, made by the supervisor so that it can poll a copy."""

    kind = "pollable"

    @property
    def blocking(self) -> bool:
        """Whether reading and writing wait; the flag is the description's, which the program shares."""
        return os.get_blocking(self.kernel_end)

    @property
    def is_stream(self) -> bool:
        """Whether it takes a large write piece by piece: a pipe, or a stream socket."""
        mode = os.fstat(self.kernel_end).st_mode
        if not stat.S_ISSOCK(mode):
            return stat.S_ISFIFO(mode)
        with socket.socket(fileno=os.dup(self.kernel_end)) as end:
            return end.type == socket.SOCK_STREAM


class Epoll(Opened):
    """An epoll descriptor. ``signals``: the signalfds that it watches, of which the kernel's does not know: events and tag."""

    kind = "epoll"

    def __init__(self, kernel_end: int) -> None:
        super().__init__(kernel_end)
        self.signals: dict[int, tuple[Signals, int, bytes]] = {}


class Timer(Pollable):
    """A timerfd: an eventfd that the supervisor rings. ``times`` says when."""

    kind = "timer"

    def __init__(self, kernel_end: int, times: TimerTimes) -> None:
        super().__init__(kernel_end)
        self.times = times


class Signals(Pollable):
    """A signalfd. Whose signals it shows is whoever looks: the supervisor's copy cannot be polled for a program."""

    kind = "signals"

    def __init__(self, kernel_end: int, mask: int) -> None:
        super().__init__(kernel_end)
        self.mask = mask

    def has_any(self, pid: int, tid: int) -> bool:
        """Whether a thread would find one."""
        return bool(pending_signals(pid, tid) & self.mask)


class Output(Opened):
    """Standard output or error: what is written comes to the supervisor."""

    kind = "output"

    def __init__(self, kernel_end: int, stream: str) -> None:
        super().__init__(kernel_end)
        self.stream = stream


class VolumeFile(Opened):
    """A file or directory on one of the device's volumes: ``descriptor`` is the virtual disk's.

    The kernel object is one placeholder for all of them, which the supervisor keeps.
    """

    kind = "file"

    def __init__(
        self,
        placeholder: int,
        descriptor: int,
        close: Callable[[int], None],
        *,
        directory: bool,
        path_only: bool = False,
    ) -> None:
        super().__init__(placeholder)
        self.descriptor = descriptor
        self.directory = directory
        self.path_only = path_only
        """Opened with O_PATH: a place in the tree, not to be read or written."""
        self.listing: list[str] | None = None
        """Of a directory: the names that getdents64 tells, as they were when it was first asked."""
        self.told = 0
        """How many of them it has told."""
        self._close = close

    def closed(self) -> None:
        try:
            self._close(self.descriptor)
        except OSError:
            pass  # the disk is dead, and its descriptors with it

    def ready(self, events: int) -> int:
        """A file never makes anybody wait."""
        return events & (POLL_IN | POLL_OUT)


class RandomDevice(Opened):
    """/dev/urandom: what is read comes from the device's seeded stream. The kernel object is the placeholder."""

    kind = "random"

    def closed(self) -> None:
        """The placeholder stays."""

    def ready(self, events: int) -> int:
        return events & (POLL_IN | POLL_OUT)

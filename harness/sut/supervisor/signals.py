"""Signals between the programs of a boot, and the waits that they end.

Models: who takes a signal, waits that fail with EINTR or are made again, signals that end a program (at once, or with a core
once its call has been answered), siginfo as the receiver reads it, signals that a C library sends to its own threads.
Does not model: job control.
Source: signal(7), sigaction(2), rt_sigqueueinfo(2).
"""

from __future__ import annotations

import errno
import signal
from typing import TYPE_CHECKING

from harness.sut.supervisor import kernel
from harness.sut.supervisor.abi import NUMBERS
from harness.sut.supervisor.images import wait_for_signal
from harness.sut.supervisor.procfs import interrupting_signals, is_fatal
from harness.sut.supervisor.tasks import Program, Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_LEAVES_A_CORE = {3, 4, 5, 6, 7, 8, 11, 24, 25, 31}
"""SIGQUIT, SIGABRT, SIGSEGV and their like (signal(7))."""
_RESTART = 512
"""ERESTARTSYS: the kernel makes the call again after the handler, if the handler was installed so (signal(7))."""
_RESTARTED = {
    NUMBERS[name]
    for name in (
        "read",
        "readv",
        "write",
        "writev",
        "sendto",
        "sendmsg",
        "recvfrom",
        "recvmsg",
        "connect",
        "accept",
        "accept4",
        "futex",
        "wait4",
        "waitid",
        "flock",
        "fcntl",
        "ioctl",
    )
}


class Signals:
    """How programs of one boot are told."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.of_the_library: dict[int, int] = {}
        """Signals that threads take before their next call is looked at, by thread."""

    def send(
        self, program: Program, number: int, task: Task | None = None, *, told: bytes | None = None, sender: int = 0
    ) -> None:
        """Send a signal to a program, or to one thread of it, and end that thread's wait if it will take it.

        ``told`` is the siginfo that goes with it; without one it says that the kernel, or process ``sender``, sent it.
        """
        if not program.alive or not program.tasks:
            return
        target = task if task is not None else self.taker(program, number)
        info = told if told is not None else kernel.signal_info(number, sender)
        ends_it = is_fatal(program.pid, target.tid, number)
        kernel.queue_signal(program.pid, target.tid if task is not None else None, number, info)
        if ends_it and number in _LEAVES_A_CORE:
            # Unlike others it is taken by the thread itself, once its call has been answered.
            waited = target.state == "blocked"
            self.reach(target, number)
            if waited:
                self._scheduler.lives.await_death(program)
        elif ends_it:
            # Nobody makes a call any more by which its end could be seen, and what it held is free at once.
            self._scheduler.lives.await_death(program)
        else:
            self.reach(target, number)

    def send_of_the_library(self, target: Task, number: int) -> None:
        """A signal that must look as if its own process had sent it; its thread takes it before its next call is looked at."""
        self.of_the_library[target.tid] = number
        if target.state == "blocked":
            self._scheduler.forget_wait(target)
            target.state = "asking"
            self._scheduler.queue.append(target)

    def take(self, task: Task, number: int) -> None:
        pid, tid = task.program.pid, task.tid
        task.resume = None
        info = kernel.signal_info(number, task.program.number, kernel.SI_TKILL)
        kernel.seize(tid)
        kernel.queue_signal(pid, tid, number, kernel.signal_info(number, task.program.number))
        self._scheduler.reply(task, error=_RESTART)
        if wait_for_signal(tid, number):
            kernel.retell_signal(tid, info)
            kernel.trace(kernel.PTRACE_DETACH, tid, number)

    def taker(self, program: Program, number: int) -> Task:
        """The first thread that does not block a signal, as the kernel chooses."""
        bit = 1 << (number - 1)
        for task in program.tasks:
            mask = task.wait.mask if task.wait is not None else None
            if bit & interrupting_signals(program.pid, task.tid, mask):
                return task
        return program.tasks[0]

    def reach(self, target: Task, number: int) -> None:
        if target.state != "blocked" or target.wait is None:
            return
        wait = target.wait
        if not interrupting_signals(target.program.pid, target.tid, wait.mask) >> (number - 1) & 1:
            return
        if wait.ready is not None and wait.ready():
            self._scheduler.finish_wait(target, False)
            return
        self._scheduler.forget_wait(target)
        if wait.mask is not None:
            self._scheduler.pass_on(target)  # the kernel puts the mask up and takes the signal
            return
        try:
            if wait.on_signal is not None:
                wait.on_signal()
            done = wait.so_far() if wait.so_far is not None else None
        except OSError as error:
            self._scheduler.reply(target, error=error.errno or errno.EIO)
            return
        if done is not None:
            self._scheduler.reply(target, done)
            return
        self._scheduler.reply(target, error=_RESTART if target.number in _RESTARTED and wait.restarts else errno.EINTR)

    def child_died(self, parent: Program) -> None:
        """The kernel has sent SIGCHLD itself: a wait that it ends is ended here."""
        self.reach(self.taker(parent, signal.SIGCHLD), signal.SIGCHLD)

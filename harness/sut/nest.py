"""The inside of a warm process (``nursery``): it waits for orders and forks a child for each.

Models: ``serve`` returns in the children alone, each with its job, at the depth of the stack at which a child that was started
afresh has read its own: software that counts its frames counts the same. The warm process itself never returns. It ends when
its parent has ended or let go of it, and takes along whoever of its children still runs. One thread, no job's code.
Does not model: waiting for children by SIGCHLD; each has a descriptor to be polled.
Source: pidfd_open(2), waitid(2), prctl(2).
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import msgspec

from harness.sut.limits import Job
from harness.sut.nursery import BORN, ENDED, LATE, NOTE, Nest

_DESCRIPTORS = 6
_FIRST_OF_OURS = 3
_LAST_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class _Child:
    """One that was forked. It stays a zombie, and its number its own, until the parent closes its link."""

    pid: int
    pidfd: int
    link: int


def serve(nest: Nest, die_with_parent: Callable[[], None]) -> Job:
    """Fork until the parent is gone; returns in a child only, with its job."""
    _warm(nest.warms)
    return _Nest(nest, die_with_parent).serve()


def _warm(module: str) -> None:
    """Import and build what the jobs are about to need. What is wrong with it, each job finds for itself, and says."""
    if module:
        try:
            warm = getattr(importlib.import_module(module), "warm", None)
            if warm is not None:
                warm()
        except Exception:
            pass
    gc.collect()
    # What is there now lasts: collections of the children leave it out, and its pages stay shared.
    gc.freeze()


class _Nest:
    def __init__(self, nest: Nest, die_with_parent: Callable[[], None]) -> None:
        self._pid = os.getpid()
        self._die_with_parent = die_with_parent
        self._control = socket.socket(fileno=nest.control_fd)
        # Children may be ordered from any thread of the parent: what counts is the end of the process.
        self._parent = os.pidfd_open(nest.parent_pid)
        if os.getppid() != nest.parent_pid:
            os._exit(0)  # it had gone before it was looked at
        self._children: dict[int, _Child] = {}
        """By each of their descriptors."""
        self._poll = select.poll()
        self._poll.register(self._parent, select.POLLIN)
        self._poll.register(self._control, select.POLLIN)

    def serve(self) -> Job:
        while True:
            # One at a time: what is done for one may close, and give to another, the number that the next one names.
            descriptor, _ = self._poll.poll()[0]
            if descriptor == self._parent:
                self._leave()
            elif descriptor == self._control.fileno():
                job = self._take()
                if job is not None:
                    return job
            else:
                self._look_after(self._children[descriptor], descriptor)

    def _leave(self) -> NoReturn:
        for child in set(self._children.values()):
            _kill(child)
        os._exit(0)

    # ------------------------------------------------------------ births

    def _take(self) -> Job | None:
        """One order: None in the warm process, the job in the child that was forked for it."""
        try:
            message, given, _, _ = socket.recv_fds(self._control, 16, _DESCRIPTORS)
        except OSError:
            self._leave()
        if not message:
            self._leave()
        try:
            pid = os.fork()
        except OSError:
            pid = -1  # the parent sees its link closed, and starts one afresh
        if pid == 0:
            return self._hatched(given)
        link = given[0]
        for each in given[1:]:
            os.close(each)
        if pid < 0:
            os.close(link)
            return None
        child = _Child(pid, os.pidfd_open(pid), link)
        for descriptor in (child.pidfd, child.link):
            self._children[descriptor] = child
            self._poll.register(descriptor, select.POLLIN)
        return None

    def _hatched(self, given: Sequence[int]) -> Job:
        """In the child: whatever a process that is started afresh has from its parent and from the kernel."""
        try:
            os.setsid()
            self._die_with_parent()
            if os.getppid() != self._pid:
                os._exit(0)
            link, order, here, page, results, errors = given
            os.dup2(errors, 1)
            os.dup2(errors, 2)
            self._control.detach()
            _close_all_but({link, order, here, page, results})
            os.fchdir(here)
            job = msgspec.json.decode(os.pread(order, os.fstat(order).st_size, 0), type=Job)
            _put_on(job)
            # Last of all: whoever knows the number may send it a signal.
            os.write(link, NOTE.pack(BORN, os.getpid()))
            for each in (link, order, here):
                os.close(each)
            return msgspec.structs.replace(job, page_fd=page, results_fd=results)
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    # ------------------------------------------------------------ deaths

    def _look_after(self, child: _Child, descriptor: int) -> None:
        if descriptor == child.pidfd:
            self._forget(child.pidfd)
            try:
                os.write(child.link, NOTE.pack(ENDED, _how(child)))
            except OSError:
                pass  # nobody wants to know
        else:
            # The parent has let go of it.
            if child.pidfd in self._children:
                _kill(child)
                self._forget(child.pidfd)
            self._forget(child.link)
            os.waitpid(child.pid, 0)
            os.close(child.pidfd)
            os.close(child.link)

    def _forget(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._children[descriptor]


def _put_on(job: Job) -> None:
    """What else a new process has from its parent: the signals that are held back, and its own environment."""
    signal.pthread_sigmask(signal.SIG_SETMASK, job.held_signals)
    for name in LATE:
        if name in job.environ:
            os.environ[name] = job.environ[name]
    tempfile.tempdir = None
    importlib.invalidate_caches()


def _close_all_but(kept: set[int]) -> None:
    first = _FIRST_OF_OURS
    for each in sorted(kept):
        os.closerange(first, each)
        first = each + 1
    os.closerange(first, _LAST_MAX)


def _how(child: _Child) -> int:
    """As ``subprocess`` puts it: an exit code, or a signal below zero. It is left for ``waitpid``."""
    found = os.waitid(os.P_PIDFD, child.pidfd, os.WEXITED | os.WNOWAIT)
    assert found is not None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _kill(child: _Child) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

"""The parent's side of forked children: a warm process that has imported what every job needs, and forks one child a job.

Models: what a child pays before it begins, paid once a parent process. The warm process is started as a child is (``-P -m``,
the same environment, the same hash seed), runs no job itself, has one thread, and goes when its parent goes, however that ends.
A child that was forked is held to the same limits, fences and signals as one that was started afresh (``child``), and is not
reaped before its parent has let go of it, so that its process id never comes to mean another process.
Does not model: what a parent changes after the first job: its umask, priority and hard limits are those of that time.
Source: pidfd_open(2), unix(7) for the descriptors in messages, CPython's ``gc.freeze``.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from struct import Struct

import msgspec

NOTE = Struct("<cq")
"""What comes over a child's link: its process id once it is ready for signals, then how it ended."""
BORN, ENDED = b"b", b"e"
LATE = ("TMPDIR",)
"""Variables of a job's environment that nothing has looked at before the job begins: its child is given them after the fork."""

_PATIENCE_S = 120.0
"""How long a warm process may take to fork; past that the job is started afresh."""
_GOODBYE_S = 5.0


class Nest(msgspec.Struct, frozen=True, tag="nest"):
    """What a warm process reads from stdin. ``warms``: a module of the harness's own, imported before anything is forked."""

    control_fd: int
    parent_pid: int
    warms: str


class Forked:
    """A child of the warm process, with as much of ``subprocess.Popen`` as its supervisor needs."""

    def __init__(self, pid: int, link: int) -> None:
        self._pidfd = os.pidfd_open(pid)
        self._link = link
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """How it ended, None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Until it has ended; ``subprocess.TimeoutExpired`` when that takes longer."""
        if timeout is None:
            _readable(self._pidfd, None)
            timeout = _GOODBYE_S
        code = self._look(timeout)
        if code is None:
            if not _readable(self._pidfd, 0.0):
                raise subprocess.TimeoutExpired("a forked child", timeout)
            code = self.returncode = self._orphaned()
        return code

    def let_go(self) -> None:
        """From here on its process id may be given to another; a child that still runs is killed."""
        os.close(self._link)
        os.close(self._pidfd)

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None and _readable(self._link, timeout):
            note = _received(self._link)
            self.returncode = NOTE.unpack(note)[1] if note else self._orphaned()
        return self.returncode

    def _orphaned(self) -> int:
        """The warm process is gone, and the kernel takes its children along; or it no longer says what became of them."""
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass
        _readable(self._pidfd, _GOODBYE_S)
        return -signal.SIGKILL


class _Nursery:
    """One warm process."""

    def __init__(self, warms: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(_PATIENCE_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.sut.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(environment),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
            assert self._process.stdin is not None
            try:
                with self._process.stdin as stdin:
                    stdin.write(msgspec.json.encode(Nest(theirs.fileno(), os.getpid(), warms)))
            except BrokenPipeError:
                pass  # it died at once, which is looked at before each job

    def lives(self) -> bool:
        return self._process.poll() is None

    def fork(self, job: bytes, given: tuple[int, ...]) -> Forked | None:
        """A child for ``job``; None when there is to be none, for whatever reason."""
        link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._order(job, theirs.fileno(), given)
            if not _readable(link.fileno(), _PATIENCE_S):
                self._process.kill()  # to be replaced
                return None
            note = _received(link.fileno())
            kind, pid = NOTE.unpack(note) if note else (b"", 0)
            if kind != BORN:
                return None
            child = Forked(pid, link.fileno())
            link.detach()
            return child
        finally:
            link.close()

    def _order(self, job: bytes, link: int, given: tuple[int, ...]) -> None:
        order = os.memfd_create("order", os.MFD_CLOEXEC)
        try:
            here = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with open(order, "wb", closefd=False) as file:
                    file.write(job)
                socket.send_fds(self._control, [b"fork"], [link, order, here, *given])
            finally:
                os.close(here)
        finally:
            os.close(order)

    def close(self) -> None:
        try:
            self._control.shutdown(socket.SHUT_RDWR)  # whoever else may have a copy of it
        except OSError:
            pass  # the other end is closed already
        self._control.close()
        try:
            self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_lock = threading.Lock()
_nurseries: dict[str, _Nursery] = {}
_owner = 0


def fork(function: str, environment: Mapping[str, str], job: bytes, given: tuple[int, ...]) -> Forked | None:
    """A forked child for a job that calls ``function``; None when one has to be started afresh.

    ``job`` is what such a child would read from stdin, ``given`` its descriptors: notes, results, and where stdout and stderr go.
    """
    if not hasattr(os, "pidfd_open"):
        return None
    module = function.partition(":")[0]
    try:
        return _nursery(module if module.startswith("harness.") else "", environment).fork(job, given)
    except OSError:
        return None


def _nursery(warms: str, environment: Mapping[str, str]) -> _Nursery:
    global _owner
    with _lock:
        if _owner != os.getpid():
            _nurseries.clear()  # this process was forked itself: they are its parent's
            _owner = os.getpid()
            atexit.register(_close_all, _owner)
        found = _nurseries.get(warms)
        if found is None or not found.lives():
            lasting = {name: value for name, value in environment.items() if name not in LATE}
            found = _nurseries[warms] = _Nursery(warms, lasting)
        return found


def _close_all(owner: int) -> None:
    if owner == os.getpid():
        while _nurseries:
            _nurseries.popitem()[1].close()


def _readable(descriptor: int, timeout_s: float | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    end_s = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        left_ms = None if end_s is None else max(0, round((end_s - time.monotonic()) * 1000))
        if poll.poll(left_ms):
            return True
        if end_s is not None and time.monotonic() >= end_s:
            return False


def _received(link: int) -> bytes:
    """The next note; nothing once the other end is gone."""
    try:
        return os.read(link, NOTE.size)
    except ConnectionError:
        return b""

"""Running a job in a child process with limits on time, memory and output, so that no terminal software can hang a run.

Models: what a run may use up, and who did. The child notes in a shared page whose software runs; when it has to be killed,
that names the terminal. Does not model: disk space (the child writes into one directory), or the load on the machine.

``run_limited`` is generic: an importable function gets a JSON-able argument and a ``send`` for messages, and runs in
``python -m harness.sut.child`` with an environment that is empty but for what is named. Such a child is forked off a process
that has all imports behind it (``nursery``) where nothing is named that an interpreter looks at while it starts.
"""

from __future__ import annotations

import mmap
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol, TypeAlias

import msgspec

from harness.core.errors import UsageError
from harness.sut import bytecode, nursery
from harness.sut.watchdog import EXIT_SPINNING, HARNESS, PAGE, PAGE_BYTES

Reason: TypeAlias = Literal["finished", "raised", "spinning", "out_of_memory", "wall", "cpu", "output", "crashed"]

EXIT_OUT_OF_MEMORY = 87
_POLL_S = 0.1
_STDERR_BYTES = 16_384
_LINE_BYTES_MAX = 64 << 20
_FORKED_BYTES_MIN = 128 << 20
"""A job that may have less memory than a process with all imports is to run out of it where it would: while it imports."""


class Limits(msgspec.Struct, frozen=True):
    """What a job may use. ``spin_s``: how long one terminal's software may run in C without coming back."""

    wall_s: float = 600.0
    cpu_s: int = 3600
    memory_bytes: int = 4 << 30
    output_bytes: int = 256 << 20
    file_bytes: int = 4 << 30
    open_files: int = 256
    spin_s: float = 20.0
    spin_patience_s: int = 10


class Job(msgspec.Struct, frozen=True, tag="job"):
    """What the child reads from stdin, or from the order it was forked for: the last two are for a forked child alone."""

    function: str
    argument: Any
    limits: Limits
    page_fd: int
    results_fd: int
    parent_pid: int
    search_path: list[str] = []
    fence: bool = False
    read: list[str] = []
    write: list[str] = []
    environ: dict[str, str] = {}
    held_signals: list[int] = []
    pin: bool = False


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line from the child: a message, the result, or the error that ended it."""

    kind: Literal["message", "result", "error"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended. ``station`` is the index of the terminal whose software was running, None when the harness was."""

    reason: Reason
    result: Any = None
    station: int | None = None
    detail: str = ""
    exit_code: int | None = None


class Child(Protocol):
    """A child process, as its supervisor needs it."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


def run_limited(
    function: str,
    argument: Any,
    *,
    limits: Limits | None = None,
    on_message: Callable[[Any], None] | None = None,
    environ: Mapping[str, str] | None = None,
    pin_hash_seed: bool = True,
    search_path: Sequence[str] = (),
    fence: bool = False,
    read: Sequence[str] = (),
    write: Sequence[str] = (),
    on_start: Callable[[int], None] | None = None,
    held_signals: Sequence[signal.Signals] = (),
    fresh: bool = False,
    pin: bool = False,
) -> Ended:
    """Run ``package.module:function`` as ``function(argument, send)`` in a child; returns however it ends.

    ``pin_hash_seed`` fixes the order of sets of strings; ``fence`` puts up Landlock with ``read`` and ``write`` directories.
    ``on_start`` is given the child's process id, to which signals may be sent; ``held_signals`` wait until the function
    unblocks them, so that one sent at once does not find a child that is not listening yet. ``fresh``: never forked.
    ``pin`` gives it a processor of its own, which it shares with the programs that it starts.
    """
    limits = limits or Limits()
    try:
        msgspec.json.encode([argument, [str(each) for each in search_path], list(read), list(write)])
    except UnicodeEncodeError as error:
        raise UsageError(f"{error.object!a}: names that are no UTF-8 text cannot be handed on; rename it") from None
    bytecode.ensure()
    page_fd = os.memfd_create("run-notes", os.MFD_CLOEXEC)
    results_read, results_write = os.pipe()
    with tempfile.TemporaryFile() as errors:
        try:
            os.ftruncate(page_fd, PAGE_BYTES)
            page = mmap.mmap(page_fd, PAGE_BYTES)
            PAGE.pack_into(page, 0, HARNESS, 0)
            environment = _environment(environ or {}, pin_hash_seed)
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
            job = Job(
                function,
                argument,
                limits,
                page_fd,
                results_write,
                os.getpid(),
                [str(each) for each in search_path],
                fence,
                list(read),
                list(write),
                environment,
                sorted({*mask, *held_signals}),
                pin,
            )
            forked = None if fresh else _forked(job, environment, errors.fileno())
            child = forked or _started(job, environment, errors, held_signals)
            os.close(results_write)
            results_write = -1
            try:
                if on_start is not None:
                    on_start(child.pid)
                if isinstance(child, subprocess.Popen):
                    _hand_over(child, msgspec.json.encode(job))
                return _Supervisor(child, page, results_read, limits, on_message or _ignore, errors).watch()
            finally:
                if forked is not None:
                    forked.let_go()
        finally:
            for descriptor in (page_fd, results_read, results_write):
                if descriptor >= 0:
                    os.close(descriptor)


def _ignore(_message: Any) -> None:
    """Nobody listens."""


def _forked(job: Job, environment: Mapping[str, str], errors_fd: int) -> nursery.Forked | None:
    """A child of a warm process. None for a job that wants another interpreter, and where there is no such process."""
    lasting = {name: value for name, value in environment.items() if name not in nursery.LATE}
    if lasting != _environment({}, True) or job.limits.memory_bytes < _FORKED_BYTES_MIN:
        return None
    return nursery.fork(job.function, lasting, msgspec.json.encode(job), (job.page_fd, job.results_fd, errors_fd))


def _started(
    job: Job, environment: Mapping[str, str], errors: IO[bytes], held_signals: Sequence[signal.Signals]
) -> subprocess.Popen[bytes]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held_signals)
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.sut.child"],
            stdin=subprocess.PIPE,
            stdout=errors,
            stderr=errors,
            env=environment,
            pass_fds=(job.page_fd, job.results_fd),
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _hand_over(child: subprocess.Popen[bytes], job: bytes) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(job)
        child.stdin.close()
    except BrokenPipeError:
        pass  # it died at once; how is told by its exit


def _environment(named: Mapping[str, str], pin_hash_seed: bool) -> dict[str, str]:
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    environment["PYTHONHASHSEED"] = "0" if pin_hash_seed else "random"
    environment.update(named)
    return environment


class _Supervisor:
    """Watches one child from outside."""

    def __init__(
        self,
        child: Child,
        page: mmap.mmap,
        results_fd: int,
        limits: Limits,
        on_message: Callable[[Any], None],
        errors: IO[bytes],
    ) -> None:
        self._child = child
        self._page = page
        self._results_fd = results_fd
        self._limits = limits
        self._on_message = on_message
        self._errors = errors
        self._buffer = bytearray()
        self._received_bytes = 0
        self._end: Ended | None = None
        self._lines = msgspec.json.Decoder(Line)

    def watch(self) -> Ended:
        """Until the child is gone, one way or another."""
        started = time.monotonic()
        beats, beaten = -1, started
        os.set_blocking(self._results_fd, False)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self._results_fd, selectors.EVENT_READ)
                open_pipe = True
                while open_pipe:
                    if selector.select(_POLL_S):
                        open_pipe = self._read()
                    now = time.monotonic()
                    station, beat = PAGE.unpack_from(self._page, 0)
                    if beat != beats or station == HARNESS:
                        beats, beaten = beat, now
                    problem = self._over_limit(now - started, now - beaten)
                    if problem is not None:
                        return problem
            return self._ended_by_itself()
        finally:
            self._kill()

    def _over_limit(self, running_s: float, spinning_s: float) -> Ended | None:
        limits = self._limits
        if self._received_bytes > limits.output_bytes:
            return self._stopped("output", f"it sent more than {limits.output_bytes} bytes")
        if spinning_s > limits.spin_s:
            return self._stopped("spinning", f"its software ran for {limits.spin_s:g} s without coming back")
        if running_s > limits.wall_s:
            return self._stopped("wall", f"it ran for more than {limits.wall_s:g} s")
        return None

    def _stopped(self, reason: Reason, detail: str) -> Ended:
        station = self._station()
        self._kill()
        return Ended(reason, None, station, detail, self._child.returncode)

    def _station(self) -> int | None:
        station: int = PAGE.unpack_from(self._page, 0)[0]
        return None if station < 0 else station

    def _read(self) -> bool:
        try:
            data = os.read(self._results_fd, 1 << 16)
        except BlockingIOError:
            return True
        if not data:
            return False
        self._received_bytes += len(data)
        self._buffer += data
        if b"\n" in data:
            *lines, rest = self._buffer.split(b"\n")
            self._buffer = bytearray(rest)
            for line in lines:
                self._take(bytes(line))
        elif len(self._buffer) > _LINE_BYTES_MAX:
            self._received_bytes = self._limits.output_bytes + 1
        return True

    def _take(self, text: bytes) -> None:
        line = self._lines.decode(text)
        if line.kind == "message":
            self._on_message(line.value)
        elif line.kind == "result":
            self._end = Ended("finished", line.value)
        else:
            self._end = Ended("raised", None, None, str(line.value))

    def _ended_by_itself(self) -> Ended:
        try:
            code = self._child.wait(timeout=10.0)
        except subprocess.TimeoutExpired:
            return self._stopped("wall", "it closed its results and did not exit")
        if self._end is not None and code == 0:
            return self._end
        station = self._station()
        if code == EXIT_SPINNING:
            return Ended("spinning", None, station, "its software swallowed every attempt to stop it", code)
        if code == EXIT_OUT_OF_MEMORY:
            return Ended("out_of_memory", None, station, f"it needed more than {self._limits.memory_bytes} bytes", code)
        if code == -signal.SIGXCPU:
            return Ended("cpu", None, station, f"it used more than {self._limits.cpu_s} s of CPU time", code)
        if self._end is not None:
            return self._end
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Ended("crashed", None, station, f"{how}: {self._tail()}".rstrip(": "), code)

    def _tail(self) -> str:
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - _STDERR_BYTES))
        return self._errors.read().decode("utf-8", "replace").strip()

    def _kill(self) -> None:
        if self._child.poll() is None:
            try:
                os.killpg(self._child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self._child.wait()

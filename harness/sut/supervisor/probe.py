"""What this machine allows: whether programs can be run under the supervisor, and what is lost where something is missing.

Models: each means is tried, in a process of its own, rather than read off a version. Does not model: any other machine.
Source: seccomp_unotify(2), ptrace(2), Yama (Documentation/admin-guide/LSM/Yama.rst), personality(2), landlock(7).
"""

from __future__ import annotations

import errno
import os
import platform
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.sut.landlock import landlock_available
from harness.sut.supervisor import birth, clock, kernel
from harness.sut.supervisor import filter as seccomp

ARCHITECTURE = "x86_64"
OPEN_FILES_MIN = seccomp.CHANNEL_DESCRIPTOR + 32
_YAMA = "/proc/sys/kernel/yama/ptrace_scope"
_REASON_BYTES = 200


@dataclass(frozen=True, slots=True)
class Means:
    """One thing that the machine has or has not. ``needed``: without it no program can be run."""

    name: str
    there: bool
    needed: bool
    text: str
    help: str = ""


def all_means() -> list[Means]:
    """Everything that matters, tried now."""
    return list(_means())


def why_not() -> str | None:
    """Why programs cannot be run here and what would help, in a sentence each; None when they can."""
    for means in _needed():
        if not means.there:
            return f"programs cannot be run here: {means.text}" + (f"; {means.help}" if means.help else "")
    return None


def _needed() -> Iterator[Means]:
    yield _architecture()
    yield _open_files()
    yield _vdso()
    yield _own_code()
    yield _notification()
    yield _tracing()


def _means() -> Iterator[Means]:
    yield Means("kernel", True, False, f"{platform.system()} {platform.release()}, Python {platform.python_version()}")
    possible = True
    for means in _needed():
        possible = possible and means.there
        yield means
    yield _addresses()
    yield _whole_calls()
    there, text = landlock_available()
    yield Means(
        "Landlock",
        there,
        False,
        text,
        "" if there else "the supervisor's own checks are the only fence; Linux 5.13 has it",
    )
    yield _cgroup()
    if possible:
        yield _trial()


def _architecture() -> Means:
    there = sys.platform == "linux" and platform.machine() == ARCHITECTURE
    text = f"{platform.system()} on {platform.machine()}"
    return Means("architecture", there, True, text, "" if there else "the supervisor knows Linux on x86_64 alone")


def _open_files() -> Means:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    there = hard == resource.RLIM_INFINITY or hard >= OPEN_FILES_MIN
    text = f"the hard limit of open files is {'none' if hard == resource.RLIM_INFINITY else hard}"
    return Means("open files", there, True, text, "" if there else f"raise it to {OPEN_FILES_MIN} or more (ulimit -Hn)")


def _vdso() -> Means:
    try:
        count = len(clock.redirections())
        clock.syscall_offset()
    except (RuntimeError, ValueError, KeyError) as error:
        return Means(
            "vDSO", False, True, f"the kernel's clock page cannot be redirected: {error}", "boot without vdso=0"
        )
    return Means("vDSO", True, True, f"{count} functions of the kernel's clock page can be redirected")


def _own_code() -> Means:
    try:
        birth.born()
    except OSError as error:
        return Means("own code", False, True, str(error.strerror), "SELinux may forbid it: allow execmem for Python")
    return Means("own code", True, True, "a process may run code that it made, by which programs are started")


def _whole_calls() -> Means:
    if kernel.waits_killable():
        return Means("whole calls", True, False, "a signal does not cut a call short that is being answered")
    return Means(
        "whole calls",
        False,
        False,
        "a signal may cut a call short that is being answered, and have it made twice",
        "programs that send themselves signals may behave otherwise than on a later kernel; Linux 5.19 has it",
    )


def _notification() -> Means:
    name = "seccomp user notification"
    why = _in_a_child(lambda: os.close(kernel.install_filter(seccomp.allow_everything())))
    if why is None:
        return Means(name, True, True, "a process can hand its system calls to a supervisor")
    number, text = why
    advice = {
        errno.EPERM: "a container's profile may forbid it: run with --security-opt seccomp=unconfined",
        errno.EBUSY: "a supervisor runs this process already, and there can be only one: run it outside",
        errno.EINVAL: "Linux 5.14 or later has what is needed",
        errno.ENOSYS: "Linux 5.14 or later, built with CONFIG_SECCOMP_FILTER, has what is needed",
    }
    return Means(name, False, True, f"the kernel refuses seccomp user notification: {text}", advice.get(number, ""))


def _tracing() -> Means:
    why = _in_a_child(_trace_a_child)
    if why is None:
        return Means("ptrace", True, True, "a program can be stopped at its exec")
    scope = _first_line(_YAMA)
    advice = (
        f"{_YAMA} is {scope}: 1 or less is needed"
        if scope in ("2", "3")
        else "a container may need --cap-add SYS_PTRACE"
    )
    return Means("ptrace", False, True, f"a program cannot be stopped at its exec: {why[1]}", advice)


def _trace_a_child() -> None:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    try:
        kernel.trace_exec(pid)
        # A process that may be traced may be read and written, too.
        os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))
    finally:
        os.close(writer)


def _addresses() -> Means:
    def fix() -> None:
        if not kernel.fix_addresses():
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    why = _in_a_child(fix)
    if why is None:
        return Means("fixed addresses", True, False, "programs are laid out in memory alike in every run")
    return Means(
        "fixed addresses",
        False,
        False,
        f"addresses cannot be fixed by personality(2): {why[1]}",
        "programs whose behaviour hangs on addresses (node) may not repeat themselves; seccomp=unconfined allows it",
    )


def _cgroup() -> Means:
    for place in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        controllers = _first_line(f"{place}/cgroup.controllers")
        has_memory = "memory" in controllers.split() or os.path.exists(f"{place}/memory.limit_in_bytes")
        if has_memory and os.access(place, os.W_OK):
            return Means(
                "cgroup", True, False, f"memory groups can be made below {place}; memory is counted all the same"
            )
    return Means(
        "cgroup", False, False, "no memory group can be made here", "none is needed: the supervisor counts memory"
    )


def _trial() -> Means:
    from harness.sut.supervisor.alone import output_of
    from harness.sut.supervisor.spawn import Command

    path = next((each for each in ("/bin/true", "/usr/bin/true") if os.access(each, os.X_OK)), sys.executable)
    arguments = (path,) if path != sys.executable else (path, "-S", "-c", "")
    try:
        _, ended, _ = output_of(Command(path, arguments, {}, (sys.prefix,)), {})
    except (OSError, RuntimeError) as error:
        ended = str(error)
    if ended:
        return Means("trial", False, True, f"{path} did not run under the supervisor: {ended}")
    return Means("trial", True, True, f"{path} ran under the supervisor")


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def _in_a_child(work: Callable[[], None]) -> tuple[int, str] | None:
    """Do something that cannot be undone in a process of its own; errno and text of what it raised."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            try:
                work()
                said = b"0 "
            except OSError as error:
                said = f"{error.errno or 0} {error.strerror}".encode()
            _say(writer, said)
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read(_REASON_BYTES)
    os.waitpid(pid, 0)
    number, _, text = said.decode("utf-8", "replace").partition(" ")
    if number == "0" and not text:
        return None
    return int(number or 0), text or "its process ended at once"


def _say(writer: int, said: bytes) -> None:
    os.write(writer, said)

"""Files of the machine itself, read as an ordinary user of it would: programs, libraries and what describes the machine.

Models: the supervisor looks and opens in the program's stead, so that what it has checked is what the program gets. Only what
everybody may read is read; of /proc what concerns the program itself and what is the same for all; of /dev what holds nothing.
What a link out of the fence leads to cannot be opened. Nothing is written but what /dev/null takes.
Does not model: other processes, terminals, devices, shared memory by name.
Source: proc(5), null(4), path_resolution(7).
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from typing import TYPE_CHECKING

from harness.sut.supervisor.fence import RANDOM_DEVICES, SYSTEM, WRITABLE_DEVICES, within
from harness.sut.supervisor.objects import Opened, RandomDevice, VolumeFile
from harness.sut.supervisor.registry import LATER, Reply
from harness.sut.supervisor.tasks import Task
from harness.sut.wordlist import words

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_STREAMS = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}
_OWN_FILES = words(
    """
    auxv cgroup cmdline comm environ exe fd fdinfo io limits maps mountinfo mounts oom_score oom_score_adj schedstat smaps
    smaps_rollup stat statm status task timerslack_ns wchan cwd
    """
)
_SAME_FOR_ALL = ("/proc/filesystems", "/proc/version", "/proc/sys", "/proc/mounts", "/proc/self/mounts")
_SYS = ("/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup", "/sys/kernel/mm")
_DESCRIPTOR = re.compile(r"/proc/([^/]+)(?:/task/[^/]+)?/fd/(\d+)|/dev/fd/(\d+)")


def descriptor_meant(task: Task, path: str) -> int | None:
    """The number of its own descriptor that a path names: /dev/stdin, /proc/self/fd/0."""
    if path in _STREAMS:
        return _STREAMS[path]
    found = _DESCRIPTOR.fullmatch(path)
    if found is None:
        return None
    program = task.program
    if found[1] is not None and found[1] not in ("self", "thread-self", str(program.number), str(program.pid)):
        return None
    return int(found[2] or found[3])


def real_path(scheduler: Scheduler, task: Task, path: str) -> str:
    """The path by which the supervisor finds what the program means; OSError for what is not to be seen."""
    if within(path, "/proc"):
        return _in_proc(scheduler, task, path)
    if within(path, "/sys") and path != "/sys" and not any(within(path, each) for each in _SYS):
        raise OSError(errno.EACCES, "not to be seen")
    if within(path, "/dev") and path not in ("/dev", *WRITABLE_DEVICES, *RANDOM_DEVICES):
        raise OSError(errno.ENOENT if path != "/dev/tty" else errno.ENXIO, "no such device")
    return path


def _in_proc(scheduler: Scheduler, task: Task, path: str) -> str:
    parts = path.split("/")[2:]
    if not parts or any(within(path, each) for each in _SAME_FOR_ALL):
        if parts == ["mounts"]:
            return f"/proc/{task.program.pid}/mounts"
        if path == "/proc/self/mounts":
            return f"/proc/{task.program.pid}/mounts"
        return path
    first, *rest = parts
    if first in ("self", "thread-self"):
        pid = task.program.pid
        if first == "thread-self":
            rest = ["task", str(task.tid), *rest]
    elif first.isdigit():
        own = [
            each.pid
            for each in scheduler.lives.programs.values()
            if each.alive and int(first) in (each.number, each.pid)
        ]
        if not own:
            raise OSError(errno.ENOENT, "no such process")
        pid = own[0]
    else:
        raise OSError(errno.EACCES if os.path.lexists(path) else errno.ENOENT, "not to be seen")
    if len(rest) >= 2 and rest[0] == "task":
        tid = task.program.pid if rest[1] == str(task.program.number) else int(rest[1]) if rest[1].isdigit() else 0
        if tid not in scheduler.lives.tasks:
            raise OSError(errno.ENOENT, "no such thread")
        rest[1] = str(tid)
        inner = rest[2:]
    else:
        inner = rest
    if (inner and inner[0] not in _OWN_FILES) or (len(inner) > 1 and inner[0] not in ("fd", "fdinfo")):
        raise OSError(errno.EACCES, "not to be seen")
    return "/".join(["/proc", str(pid), *rest])


def checked(scheduler: Scheduler, path: str, found: os.stat_result) -> None:
    """EACCES for what an ordinary user may not read, but for the program's own files."""
    if stat.S_ISLNK(found.st_mode) or any(within(path, each) for each in (*scheduler.fence.code, "/proc")):
        return
    if not found.st_mode & (stat.S_IXOTH if stat.S_ISDIR(found.st_mode) else stat.S_IROTH):
        raise OSError(errno.EACCES, "not readable by everybody")


# ---------------------------------------------------------------- looking


def look(scheduler: Scheduler, task: Task, path: str, *, follow: bool) -> os.stat_result:
    """Attributes of a machine's file."""
    number = descriptor_meant(task, path)
    opened = task.program.opened(number) if number is not None else None
    if isinstance(opened, VolumeFile) and follow:
        return scheduler.disk.fstat(opened.descriptor)
    if number is not None:
        path = f"/proc/{task.program.pid}/fd/{number}"
        return os.stat(path) if follow else os.lstat(path)
    where = real_path(scheduler, task, path)
    return os.stat(where) if follow else os.lstat(where)


def may(scheduler: Scheduler, task: Task, path: str, mode: int, *, follow: bool) -> None:
    """access(2) of a machine's file; OSError when not."""
    found = look(scheduler, task, path, follow=follow)
    if descriptor_meant(task, path) is not None:
        return
    if mode & os.W_OK and path not in WRITABLE_DEVICES:
        raise OSError(errno.EROFS, "not on a volume")
    if mode & os.R_OK and path not in (*WRITABLE_DEVICES, *RANDOM_DEVICES):
        checked(scheduler, path, found)
    if mode & os.X_OK and not found.st_mode & 0o111:
        raise OSError(errno.EACCES, "not to be executed")


# ---------------------------------------------------------------- opening


def open_file(scheduler: Scheduler, task: Task, path: str, flags: int) -> Reply:
    """open(2) of a machine's file that is only read, or of a device that holds nothing."""
    close_on_exec = bool(flags & os.O_CLOEXEC)
    number = descriptor_meant(task, path)
    if number is not None:
        opened = task.program.opened(number)
        if opened is not None:
            return _again(scheduler, task, opened, close_on_exec=close_on_exec)
    if path in RANDOM_DEVICES:
        given = scheduler.give(task, scheduler.placeholder, close_on_exec=close_on_exec)
        task.program.install(given, RandomDevice(scheduler.placeholder), close_on_exec=close_on_exec)
        return LATER
    where = real_path(scheduler, task, path) if number is None else f"/proc/{task.program.pid}/fd/{number}"
    descriptor = os.open(where, _readable_flags(flags, path))
    try:
        found = os.fstat(descriptor)
        if path not in WRITABLE_DEVICES:
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) and not flags & os.O_PATH:
                raise OSError(errno.EACCES, "neither file nor directory")
            if number is not None or not within(where, "/proc"):
                leads_to = os.readlink(f"/proc/self/fd/{descriptor}")
                if not scheduler.fence.is_machine(leads_to):
                    raise OSError(errno.EACCES, "a link out of the fence")
                real_path(scheduler, task, leads_to)
                checked(scheduler, leads_to, found)
        if not flags & os.O_PATH:
            fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & (os.O_NONBLOCK | os.O_APPEND))
        scheduler.give(task, descriptor, close_on_exec=close_on_exec)
    finally:
        os.close(descriptor)
    return LATER


def _readable_flags(flags: int, path: str) -> int:
    kept = flags & (os.O_DIRECTORY | os.O_NOFOLLOW | os.O_PATH)
    if path in WRITABLE_DEVICES:
        kept |= flags & os.O_ACCMODE
    # What would make us wait, or would become our terminal, is not what programs are made of.
    return kept | (0 if flags & os.O_PATH else os.O_NONBLOCK | os.O_NOCTTY) | os.O_CLOEXEC


def _again(scheduler: Scheduler, task: Task, opened: Opened, *, close_on_exec: bool) -> Reply:
    """A path that names an open descriptor: a second one for the same description."""
    given = scheduler.give(task, opened.kernel_end, close_on_exec=close_on_exec)
    task.program.install(given, opened, close_on_exec=close_on_exec)
    return LATER


def working_directory(scheduler: Scheduler, task: Task, path: str) -> str:
    """A machine's directory that becomes the program's own; OSError when it cannot."""
    where = real_path(scheduler, task, path)
    found = os.stat(where)
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, "no directory")
    if not within(path, "/proc") and any(within(path, each) for each in SYSTEM):
        checked(scheduler, path, found)
    return path

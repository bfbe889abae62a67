"""What /proc tells of programs and threads. Source: proc(5)."""

from __future__ import annotations

import os
from collections.abc import Container, Set


def parents_of(tid: int) -> tuple[int, int]:
    """The process that a thread belongs to, and that one's parent."""
    group = parent = tid
    with open(f"/proc/{tid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith("Tgid:"):
                group = int(line[5:])
            elif line.startswith("PPid:"):
                parent = int(line[5:])
                break
    return group, parent


def newcomers(pids: Set[int], known: Container[int]) -> list[tuple[int, int]]:
    """Threads of those processes, and their children, that are not ``known``: process and thread, in order of their ids."""
    found: list[tuple[int, int]] = []
    for pid in sorted(pids):
        try:
            found += [(pid, int(tid)) for tid in os.listdir(f"/proc/{pid}/task") if int(tid) not in known]
        except (FileNotFoundError, ProcessLookupError):
            pass
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in pids and int(name) not in known:
            try:
                if parents_of(int(name))[1] in pids:
                    found.append((int(name), int(name)))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return sorted(found)


def session_members(sessions: Container[int]) -> list[int]:
    """Processes of those sessions that have not ended."""
    found: list[int] = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as stat:
                    fields = stat.read().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) in sessions and fields[0] not in "ZX":
                found.append(int(name))
    return found


def maps(pid: int, inode: int) -> bool:
    """Whether a process has one of our memfds mapped."""
    try:
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as table:
            return any(f" {inode} " in line and "/memfd:" in line for line in table)
    except (FileNotFoundError, ProcessLookupError):
        return False


def thread_state(pid: int, tid: int) -> str:
    """The state's letter; X when there is no such thread."""
    try:
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def is_gone(pid: int, tid: int) -> bool:
    """Whether a thread has ended."""
    return thread_state(pid, tid) in "ZX"


def native_call(pid: int, tid: int) -> int | None:
    """The number of the call that a thread waits in; None when it does not."""
    try:
        with open(f"/proc/{pid}/task/{tid}/syscall", encoding="ascii", errors="replace") as call:
            first = call.read().split()[0]
    except (FileNotFoundError, ProcessLookupError, PermissionError, IndexError):
        return None
    return int(first) if first.lstrip("-").isdigit() else None


_SIGKILL = 9
_ALL_SIGNALS = (1 << 64) - 1
_IGNORED_BY_DEFAULT = sum(1 << (number - 1) for number in (17, 18, 23, 28))
"""SIGCHLD, SIGCONT, SIGURG, SIGWINCH."""


def _signal_sets(pid: int, tid: int) -> dict[str, int]:
    sets = dict.fromkeys(("SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"), 0)
    try:
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in sets:
                    sets[name] = int(value, 16)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return sets


def pending_signals(pid: int, tid: int) -> int:
    """Signals that wait for a thread or its process, as a set of bits."""
    sets = _signal_sets(pid, tid)
    return sets["SigPnd"] | sets["ShdPnd"]


def interrupting_signals(pid: int, tid: int, mask: int | None = None) -> int:
    """Signals that would interrupt a thread, as a set of bits: not blocked, by ``mask`` if that is given, and not ignored."""
    sets = _signal_sets(pid, tid)
    blocked = sets["SigBlk"] if mask is None else mask
    return ~blocked & ~sets["SigIgn"] & (sets["SigCgt"] | ~_IGNORED_BY_DEFAULT) & _ALL_SIGNALS


_STOPS = 1 << 18 | 1 << 19 | 1 << 20 | 1 << 21
"""SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU."""


def is_fatal(pid: int, tid: int, number: int) -> bool:
    """Whether a signal that is about to be sent ends the program: it is neither caught, ignored nor blocked."""
    if number == _SIGKILL:
        return True
    sets = _signal_sets(pid, tid)
    harmless = sets["SigBlk"] | sets["SigIgn"] | sets["SigCgt"] | _IGNORED_BY_DEFAULT | _STOPS
    return number > 0 and not harmless >> (number - 1) & 1


def shared_place(pid: int, address: int) -> tuple[str, int] | None:
    """The object that is mapped at an address for sharing with others, and the place in it; None for memory of its own."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            span, access, offset, device, inode = line.split(maxsplit=5)[:5]
            start, _, end = span.partition("-")
            if address < int(end, 16):
                if address >= int(start, 16) and access[3] == "s":
                    return f"{device} {inode}", int(offset, 16) + address - int(start, 16)
                return None
    return None


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use and belongs to no file of the machine (RssAnon, RssShmem)."""
    total = 0
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += 1024 * int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return total


def anonymous_bytes(pid: int) -> int:
    """Memory of a process that belongs to no file and is in use (RssAnon)."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("RssAnon:"):
                    return 1024 * int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0

"""What /proc tells of programs and threads. Source: proc(5)."""

from __future__ import annotations


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


_IGNORED_BY_DEFAULT = {17, 18, 23, 28}
"""SIGCHLD, SIGCONT, SIGURG, SIGWINCH."""


def takes_signal(pid: int, tid: int, number: int) -> bool:
    """Whether a signal would interrupt a thread: it is not blocked and not ignored."""
    bit = 1 << (number - 1)
    masks: dict[str, int] = {}
    try:
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii", errors="replace") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in ("SigBlk", "SigIgn", "SigCgt"):
                    masks[name] = int(value, 16)
    except (FileNotFoundError, ProcessLookupError):
        return False
    if masks.get("SigBlk", 0) & bit or masks.get("SigIgn", 0) & bit:
        return False
    return bool(masks.get("SigCgt", 0) & bit) or number not in _IGNORED_BY_DEFAULT


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

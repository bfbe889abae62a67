"""Who ends programs when the harness itself is killed: a process that waits for that and for nothing else.

Models: programs of a boot share one session (setsid is not theirs to call), by which they are found wherever they have gone; the
first dies with the harness by the kernel's hand (PR_SET_PDEATHSIG), this ends the others. Does not model: being killed itself.
Source: a program that loses its supervisor gets ENOSYS for each call and may go on for ever (seccomp_unotify(2)).
"""

from __future__ import annotations

import os
import signal
import time
from typing import NoReturn

from harness.sut.supervisor.procfs import session_members

_ROUNDS_MAX = 200
_ROUND_S = 0.01


class _Janitor:
    def __init__(self, of: int, descriptor: int) -> None:
        self.of = of
        self.descriptor = descriptor


_janitor: _Janitor | None = None


def watch(session: int) -> None:
    """A boot has begun: its programs go when this process does."""
    _tell(f"+{session}\n")


def forget(session: int) -> None:
    """A boot is over, and nothing of it is left."""
    _tell(f"-{session}\n")


def _tell(line: str) -> None:
    global _janitor
    if _janitor is None or _janitor.of != os.getpid():
        _janitor = _Janitor(os.getpid(), _begin())
    try:
        os.write(_janitor.descriptor, line.encode())
    except BrokenPipeError:
        _janitor = None  # somebody ended it; the next boot gets another


def _begin() -> int:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    if os.fork() == 0:
        _wait_for_the_end(reader)
    os.close(reader)
    return writer


def _wait_for_the_end(reader: int) -> NoReturn:
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.setitimer(signal.ITIMER_REAL, 0)
        # Its own copies of the harness's pipes would keep others waiting for their end.
        os.dup2(reader, 0)
        os.closerange(1, 65_536)
        text = b""
        while part := os.read(0, 4096):
            text += part
            if len(text) > 1 << 20:
                text = b"".join(b"+%d\n" % each for each in _left(text)) + text.rpartition(b"\n")[2]
        _end_all(_left(text))
    finally:
        os._exit(0)


def _left(text: bytes) -> list[int]:
    """Boots that have begun and not ended."""
    left: dict[int, None] = {}
    for line in text.split(b"\n")[:-1]:
        if line.startswith(b"+"):
            left[int(line[1:])] = None
        else:
            left.pop(int(line[1:]), None)
    return list(left)


def _end_all(sessions: list[int]) -> None:
    for _ in range(_ROUNDS_MAX):
        found = session_members(sessions)
        if not found:
            return
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(_ROUND_S)

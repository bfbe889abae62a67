"""Whatever a program asks, with whatever arguments, the harness goes on, and another run is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.sut.supervisor.abi import NAMES
from harness.sut.supervisor.registry import HANDLERS
from tests.sut.supervisor.network_rig import built, run

__all__ = ["built"]
_ENDS_OR_HALTS = """
exit exit_group kill tkill tgkill clone clone3 fork vfork execve execveat pause rt_sigsuspend rt_sigtimedwait
rt_sigqueueinfo rt_tgsigqueueinfo mmap mremap munmap brk prctl close_range setitimer alarm shmat shmdt set_tid_address
ppoll pselect6 epoll_pwait epoll_pwait2
"""


def _calls() -> str:
    return ",".join(str(number) for number in sorted(HANDLERS) if NAMES[number] not in _ENDS_OR_HALTS.split())


def _goes_on(path: Path, seed: int, count: int) -> tuple[int, int, list[str]]:
    done = run(path, str(seed), str(count), _calls())
    assert done.ended == "the program ended with exit status 0", done.said
    assert not any("beyond all measure" in each for each in done.refused), done.refused
    return done.run_.scheduler.notified, int(done.env.now), done.refused


def test_nonsense_is_answered_and_the_same_every_time(built: Callable[..., Path]) -> None:
    path = built("nonsense")
    for seed in (0, 4, 27):
        assert _goes_on(path, seed, 600) == _goes_on(path, seed, 600)


@pytest.mark.soak
def test_much_nonsense_is_answered(built: Callable[..., Path]) -> None:
    path = built("nonsense")
    for seed in range(60):
        _goes_on(path, seed, 2000)

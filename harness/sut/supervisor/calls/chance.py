"""Chance: what the program draws comes from the device's own seeded stream. Source: getrandom(2), random(4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.sut.supervisor.registry import Reply, answers
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_BYTES_MAX = 1 << 16


@answers("getrandom")
def getrandom(scheduler: Scheduler, task: Task) -> Reply:
    size = min(task.arguments[1], _BYTES_MAX)
    task.program.write(task.arguments[0], scheduler.process.entropy.randbytes(size))
    return size

"""An operation on a descriptor that may have to wait: tried at once, and again whenever the world has moved.

Models: what is under way holds its open file description: closing the descriptor meanwhile ends neither. A timeout gives what was
done by then, or an error. Source: socket(7) on SO_RCVTIMEO and SO_SNDTIMEO, signal(7) on what is restarted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.sut.supervisor.objects import Opened
from harness.sut.supervisor.registry import Reply
from harness.sut.supervisor.tasks import Task, Wait

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler


def operate(
    scheduler: Scheduler,
    task: Task,
    opened: Opened,
    step: Callable[[], int | None],
    timeout_ns: int | None,
    late: int,
    *,
    waits: bool,
    part: Callable[[], int] = lambda: 0,
    left: Callable[[], None] = lambda: None,
    failed: Callable[[OSError], None] = lambda error: None,
) -> Reply:
    """Answer with what ``step`` does; None means that it would have to wait.

    ``late`` is the error when time is up, or when the caller does not wait, unless ``part`` was done. ``left``: the operation
    goes on without the thread.
    """
    try:
        done = step()
    except OSError as error:
        failed(error)
        raise
    if done is None and not waits:
        # What is due at this very instant may still happen.
        scheduler.process.sleep(0)
        done = step()
        if done is None:
            done = part() or None
        if done is None:
            raise OSError(late, "not now")
    if done is not None:
        return done
    opened.holders += 1
    outcome: list[int | OSError] = []

    def ready() -> bool:
        try:
            found = step()
        except OSError as error:
            outcome.append(error)
            return True
        if found is not None:
            outcome.append(found)
        return found is not None

    def leave() -> None:
        left()
        opened.let_go()

    def finish(_timed_out: bool) -> None:
        if not outcome and not ready():
            outcome.append(part() or OSError(late, "nothing came"))
            left()
        opened.let_go()
        result = outcome[0]
        if isinstance(result, OSError):
            failed(result)
            raise result
        scheduler.reply(task, result)

    deadline_ns = scheduler.time.monotonic_ns() + timeout_ns if timeout_ns else None
    return scheduler.block(
        task, Wait(finish, ready, deadline_ns, leave, restarts=timeout_ns is None, so_far=lambda: part() or None)
    )

"""Handlers of system calls by number. A module of ``calls`` registers its own when it is imported."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from harness.sut.supervisor.abi import NUMBERS

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler
    from harness.sut.supervisor.tasks import Task


class Answer(Enum):
    """What a handler returns instead of a value."""

    NATIVE = auto()
    """The kernel does the call after all."""
    LATER = auto()
    """The handler has answered, or has blocked the thread."""


NATIVE, LATER = Answer.NATIVE, Answer.LATER
Reply: TypeAlias = int | Answer
Handler: TypeAlias = Callable[["Scheduler", "Task"], Reply]
"""Answers a call. An OSError becomes its errno."""

HANDLERS: dict[int, Handler] = {}


def answers(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for calls of those names."""

    def register(handler: Handler) -> Handler:
        for name in names:
            if NUMBERS[name] in HANDLERS:
                raise RuntimeError(f"two handlers for {name}")
            HANDLERS[NUMBERS[name]] = handler
        return handler

    return register

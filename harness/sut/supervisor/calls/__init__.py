"""Handlers of system calls, one module a subject; importing them registers them."""

from harness.sut.supervisor.calls import (
    chance,
    changes,
    data,
    descriptors,
    mapping,
    messages,
    paths,
    programs,
    sockets,
    time,
    timers,
    waiting,
)

__all__ = [
    "chance",
    "changes",
    "data",
    "descriptors",
    "mapping",
    "messages",
    "paths",
    "programs",
    "sockets",
    "time",
    "timers",
    "waiting",
]

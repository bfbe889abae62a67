"""``_thread`` on fibers: what the standard library's ``threading``, ``queue`` and ``concurrent.futures`` are built on.

Models: threads that run one at a time until they block, and locks that are handed over first come, first served: the same
schedule every time. Does not model: preemption, so a data race between two statements of one thread cannot be found here.
"""

from __future__ import annotations

import _thread
from collections import deque
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import simpy

from harness.sut import current
from harness.sut.deaths import ProcessEnded, process_tier_error
from harness.sut.process import Process

TIMEOUT_MAX: float = _thread.TIMEOUT_MAX


def _timeout_us(blocking: bool, timeout: float) -> int | None:
    """None: for ever; 0: not at all. With the errors of the real lock."""
    if not blocking:
        if timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        return 0
    if timeout == -1:
        return None
    if timeout < 0:
        raise ValueError("timeout value must be a non-negative number")
    if timeout > TIMEOUT_MAX:
        raise OverflowError("timeout value is too large")
    return round(timeout * 1_000_000)


class Lock:
    """``_thread.lock``: handed to the one who has waited longest."""

    __slots__ = ("__weakref__", "_held", "_waiting")

    def __init__(self) -> None:
        self._held = False
        self._waiting: deque[simpy.Event] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        timeout_us = _timeout_us(blocking, timeout)
        if not self._held:
            self._held = True
            return True
        if timeout_us == 0:
            return False
        process = current.running()
        turn = process.env.event()
        self._waiting.append(turn)
        if process.wait(turn, timeout_us) or turn.triggered:
            return True  # whoever let go handed it over, perhaps at the very instant of the timeout
        self._waiting.remove(turn)
        return False

    def release(self) -> None:
        if not self._held:
            raise RuntimeError("release unlocked lock")
        if self._waiting:
            self._waiting.popleft().succeed()
        else:
            self._held = False

    def locked(self) -> bool:
        return self._held

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._held = False
        self._waiting.clear()


class RLock:
    """``_thread.RLock``."""

    __slots__ = ("__weakref__", "_count", "_lock", "_owner")

    def __init__(self) -> None:
        self._lock = Lock()
        self._owner = 0
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = get_ident()
        if self._owner == me:
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner, self._count = me, 1
        return True

    def release(self) -> None:
        if self._owner != get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if self._count == 0:
            self._owner = 0
            self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    # What threading.Condition uses to let go of a lock held several times over, and to take it back.
    def _release_save(self) -> tuple[int, int]:
        if self._count == 0:
            raise RuntimeError("cannot release un-acquired lock")
        state = (self._count, self._owner)
        self._count = self._owner = 0
        self._lock.release()
        return state

    def _acquire_restore(self, state: tuple[int, int]) -> None:
        self._lock.acquire()
        self._count, self._owner = state

    def _is_owned(self) -> bool:
        return self._owner == get_ident()

    def _recursion_count(self) -> int:
        return self._count if self._owner == get_ident() else 0

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._owner = self._count = 0


def get_ident() -> int:
    """The running fiber's number; 1 while modules are imported outside any fiber."""
    process = current.process
    if process is None or process.fiber is None:
        return 1
    return process.fiber.ident


def start_new_thread(function: Callable[..., object], args: tuple[Any, ...], kwargs: Any = None) -> int:
    """A new fiber; it starts at this instant, once the caller blocks."""
    if not callable(function):
        raise TypeError("first arg must be callable")
    process = current.running()

    def body() -> None:
        try:
            function(*args, **(kwargs or {}))
        except (SystemExit, ProcessEnded):
            pass
        except BaseException as error:
            _report(process, f"in thread started by {function!r:.80}", error)

    return process.spawn(body).ident


def _report(process: Process, where: str, error: BaseException) -> None:
    process.console.line(f"Exception ignored {where}: {type(error).__name__}: {error}")


def _excepthook(args: Any, /) -> None:
    """What threading calls with an exception that a thread's function let through: the thread ends, the process goes on."""
    if args[0] is SystemExit:
        return
    name = args[3].name if args[3] is not None else str(get_ident())
    process = current.process
    if process is not None and not issubclass(args[0], ProcessEnded):
        process.console.line(f"Exception in thread {name}: {args[0].__name__}: {args[1]}")


def _set_sentinel() -> Lock:
    """A lock that the real module lets go when the thread's state goes; threading.join waits for it."""
    lock = Lock()
    process = current.process
    if process is not None and process.fiber is not None:
        process.fiber.sentinel = lock
    return lock


def _exit_thread() -> NoReturn:
    raise SystemExit


def _interrupt_main(signum: int = 2, /) -> NoReturn:
    raise process_tier_error("_thread.interrupt_main")


def build() -> ModuleType:
    """The ``_thread`` module. ``_local`` is left out: threading then takes its pure-Python local, which knows fibers."""
    module = ModuleType("_thread")
    members: dict[str, Any] = {
        "error": RuntimeError,
        "LockType": Lock,
        "RLock": RLock,
        "TIMEOUT_MAX": TIMEOUT_MAX,
        "allocate_lock": Lock,
        "allocate": Lock,
        "start_new_thread": start_new_thread,
        "start_new": start_new_thread,
        "get_ident": get_ident,
        "get_native_id": get_ident,
        "exit": _exit_thread,
        "exit_thread": _exit_thread,
        "interrupt_main": _interrupt_main,
        "stack_size": lambda size=0, /: 0,
        "_count": lambda: len(current.running().fibers) - 1,
        "_set_sentinel": _set_sentinel,
        "_excepthook": _excepthook,
        "_ExceptHookArgs": _thread._ExceptHookArgs,
    }
    for name, value in members.items():
        setattr(module, name, value)
    return module

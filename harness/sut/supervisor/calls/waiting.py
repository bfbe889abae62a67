"""poll, select, epoll, futexes, sched_yield: calls that wait for several things at once, or for other threads.

Models: readiness as the kernel itself gives it, for each descriptor has a kernel object of the supervisor's own behind it.
Source: poll(2), select(2), epoll_wait(2), futex(2).
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.sut.supervisor import futexes, kernel
from harness.sut.supervisor.abi import EPOLL_EVENT_BYTES, NUMBERS, POLLFD, TIMESPEC
from harness.sut.supervisor.calls.time import deadline_of, timespec_ns, write_timespec
from harness.sut.supervisor.objects import Epoll, Signals
from harness.sut.supervisor.registry import LATER, NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Socket
from harness.sut.supervisor.tasks import Task, Wait

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_POLL_INVALID = 0x20
_MILLISECOND_NS = 1_000_000
_EVENTS_MAX = 1024
_ADD, _DELETE = 1, 2
_DESCRIPTORS_MAX = 4096
_READ_BITS, _WRITE_BITS, _EXCEPT_BITS = 0x001 | 0x010 | 0x008, 0x004 | 0x008, 0x002


def _ready(scheduler: Scheduler, task: Task, number: int, events: int) -> int:
    opened = task.program.opened(number)
    if opened is None:
        if not os.path.lexists(f"/proc/{task.program.pid}/fd/{number}"):
            return _POLL_INVALID
        # The kernel's own: a library's file, which never makes anybody wait.
        return events & 5
    if isinstance(opened, Socket):
        opened.refresh(scheduler)
    if isinstance(opened, Signals):
        return events & 1 if opened.has_any(task.program.pid, task.tid) else 0
    return opened.ready(events)


def _wait(
    scheduler: Scheduler,
    task: Task,
    timeout_ns: int | None,
    check: Callable[[], int],
    finish: Callable[[], None],
    mask: int | None = None,
) -> Reply:
    """Block until ``check`` counts something, or time is up; ``finish`` writes what was found and answers."""
    if not check():
        if timeout_ns != 0:
            deadline_ns = None if timeout_ns is None else scheduler.time.monotonic_ns() + timeout_ns
            return scheduler.block(task, Wait(lambda _: finish(), lambda: check() > 0, deadline_ns, mask=mask))
        # What is due at this very instant may still happen; polling in a loop costs time, or it would never end.
        scheduler.process.sleep(0)
        check()
    finish()
    return LATER


def _mask(task: Task, address: int) -> int | None:
    """A set of signals in the program's memory."""
    return int.from_bytes(task.program.read(address, 8), "little") if address else None


# ---------------------------------------------------------------- poll


def _poll(scheduler: Scheduler, task: Task, timeout_ns: int | None, mask: int | None = None) -> Reply:
    address, count = task.arguments[0], task.arguments[1] & 0xFFFFFFFF
    if count > _DESCRIPTORS_MAX:
        raise OSError(errno.EINVAL, "too many")
    room = bytearray(task.program.read(address, POLLFD.size * count))
    asked = [POLLFD.unpack_from(room, POLLFD.size * place) for place in range(count)]
    found = 0

    def check() -> int:
        nonlocal found
        found = 0
        for place, (number, events, _) in enumerate(asked):
            ready = _ready(scheduler, task, number, events & 0xFFFF) if number >= 0 else 0
            struct.pack_into("<H", room, POLLFD.size * place + 6, ready & 0xFFFF)
            found += ready != 0
        return found

    def finish() -> None:
        check()
        task.program.write(address, bytes(room))
        scheduler.reply(task, found)

    return _wait(scheduler, task, timeout_ns, check, finish, mask)


@answers("poll")
def poll(scheduler: Scheduler, task: Task) -> Reply:
    timeout_ms = task.signed(2)
    return _poll(scheduler, task, None if timeout_ms < 0 else timeout_ms * _MILLISECOND_NS)


@answers("ppoll")
def ppoll(scheduler: Scheduler, task: Task) -> Reply:
    timeout_ns = timespec_ns(task, task.arguments[2]) if task.arguments[2] else None
    return _poll(scheduler, task, timeout_ns, _mask(task, task.arguments[3]))


# ---------------------------------------------------------------- select


def _select(
    scheduler: Scheduler,
    task: Task,
    timeout_ns: int | None,
    write_left: Callable[[int], None],
    mask: int | None = None,
) -> Reply:
    count = task.signed(0)
    if not 0 <= count <= _DESCRIPTORS_MAX:
        raise OSError(errno.EINVAL, "too many")
    size = (count + 63) // 64 * 8
    places = task.arguments[1:4]
    asked = [int.from_bytes(task.program.read(each, size), "little") if each else 0 for each in places]
    found = 0
    answers_: list[int] = [0, 0, 0]
    deadline_ns = None if timeout_ns is None else scheduler.time.monotonic_ns() + timeout_ns

    def check() -> int:
        nonlocal found
        found = 0
        answers_[:] = [0, 0, 0]
        for number in range(count):
            for place, (bits, event) in enumerate(((_READ_BITS, 1), (_WRITE_BITS, 4), (_EXCEPT_BITS, 2))):
                if not asked[place] >> number & 1:
                    continue
                ready = _ready(scheduler, task, number, event)
                if ready & _POLL_INVALID:
                    raise OSError(errno.EBADF, "no such descriptor")
                if ready & bits:
                    answers_[place] |= 1 << number
                    found += 1
        return found

    def finish() -> None:
        check()
        for address, answer in zip(places, answers_, strict=True):
            if address:
                task.program.write(address, answer.to_bytes(size, "little"))
        if deadline_ns is not None:
            write_left(max(0, deadline_ns - scheduler.time.monotonic_ns()))
        scheduler.reply(task, found)

    return _wait(scheduler, task, timeout_ns, check, finish, mask)


@answers("select")
def select(scheduler: Scheduler, task: Task) -> Reply:
    timeout_ns = None
    if task.arguments[4]:
        whole, microseconds = struct.unpack("<qq", task.program.read(task.arguments[4], 16))
        if whole < 0 or microseconds < 0:
            raise OSError(errno.EINVAL, "not a time")
        timeout_ns = (whole * 1_000_000 + microseconds) * 1000
    where = task.arguments[4]

    def write_left(left_ns: int) -> None:
        task.program.write(where, TIMESPEC.pack(*divmod(left_ns // 1000, 1_000_000)))

    return _select(scheduler, task, timeout_ns, write_left)


@answers("pselect6")
def pselect6(scheduler: Scheduler, task: Task) -> Reply:
    where, masked = task.arguments[4], task.arguments[5]
    timeout_ns = timespec_ns(task, where) if where else None
    (mask_at,) = struct.unpack("<Q", task.program.read(masked, 8)) if masked else (0,)
    write_left = lambda left_ns: write_timespec(task, where, left_ns)  # noqa: E731
    return _select(scheduler, task, timeout_ns, write_left, _mask(task, mask_at))


# ---------------------------------------------------------------- epoll


def _epoll(scheduler: Scheduler, task: Task, timeout_ns: int | None, mask: int | None = None) -> Reply:
    opened = task.program.opened(task.descriptor())
    if not isinstance(opened, Epoll):
        raise OSError(errno.EINVAL, "no epoll")
    most = task.signed(2)
    if most <= 0:
        raise OSError(errno.EINVAL, "no room")
    told = b""

    def check() -> int:
        nonlocal told
        if not told:
            for slot in task.program.slots.values():
                if isinstance(slot.opened, Socket):
                    slot.opened.refresh(scheduler)
            # Asked once: an edge that was told is not told again.
            told = b"".join(_signals_now(task, opened)[:most])
            room = most - len(told) // EPOLL_EVENT_BYTES
            if room > 0:
                told += kernel.epoll_now(opened.kernel_end, min(room, _EVENTS_MAX), EPOLL_EVENT_BYTES)
        return len(told)

    def finish() -> None:
        check()
        if told:
            task.program.write(task.arguments[1], told)
        scheduler.reply(task, len(told) // EPOLL_EVENT_BYTES)

    return _wait(scheduler, task, timeout_ns, check, finish, mask)


@answers("epoll_wait", "epoll_pwait")
def epoll_wait(scheduler: Scheduler, task: Task) -> Reply:
    timeout_ms = task.signed(3)
    mask = _mask(task, task.arguments[4]) if task.number == NUMBERS["epoll_pwait"] else None
    return _epoll(scheduler, task, None if timeout_ms < 0 else timeout_ms * _MILLISECOND_NS, mask)


@answers("epoll_pwait2")
def epoll_pwait2(scheduler: Scheduler, task: Task) -> Reply:
    timeout_ns = timespec_ns(task, task.arguments[3]) if task.arguments[3] else None
    return _epoll(scheduler, task, timeout_ns, _mask(task, task.arguments[4]))


@answers("epoll_ctl")
def epoll_ctl(scheduler: Scheduler, task: Task) -> Reply:
    """The kernel keeps the interest; it watches the program's own copies, which are the same open descriptions as ours."""
    opened = task.program.opened(task.descriptor(2))
    if isinstance(opened, Socket):
        opened.refresh(scheduler)
    watcher = task.program.opened(task.descriptor())
    if isinstance(opened, Signals) and isinstance(watcher, Epoll):
        return _watch_signals(task, watcher, opened)
    return NATIVE


def _watch_signals(task: Task, watcher: Epoll, opened: Signals) -> Reply:
    operation, number = task.signed(1), task.descriptor(2)
    known = number in watcher.signals and watcher.signals[number][0] is opened
    if known == (operation == _ADD):
        raise OSError(errno.EEXIST if known else errno.ENOENT, "watched" if known else "not watched")
    if operation == _DELETE:
        del watcher.signals[number]
    else:
        raw = task.program.read(task.arguments[3], EPOLL_EVENT_BYTES)
        watcher.signals[number] = (opened, int.from_bytes(raw[:4], "little"), raw[4:])
    return 0


def _signals_now(task: Task, watcher: Epoll) -> list[bytes]:
    """What an epoll has to tell of signalfds, as struct epoll_event each; whether it asked for edges is not looked at."""
    return [
        struct.pack("<I", 1) + tag
        for opened, events, tag in watcher.signals.values()
        if events & 1 and opened.holders and opened.has_any(task.program.pid, task.tid)
    ]


# ---------------------------------------------------------------- futexes and turns


@answers("futex")
def futex(scheduler: Scheduler, task: Task) -> Reply:
    address, operation, value, timeout, second, value3 = task.arguments
    realtime = bool(operation & futexes.CLOCK_REALTIME)
    private = bool(operation & futexes.PRIVATE)
    operation &= ~(futexes.PRIVATE | futexes.CLOCK_REALTIME) & 0xFFFFFFFF
    book = scheduler.futexes
    key = book.key(task, address, private=private)
    count, count2 = value & 0x7FFFFFFF, timeout & 0x7FFFFFFF
    if operation == futexes.WAIT:
        deadline_ns = scheduler.time.monotonic_ns() + timespec_ns(task, timeout) if timeout else None
        return book.wait(task, key, address, value, deadline_ns, futexes.ALL_BITS)
    if operation == futexes.WAIT_BITSET:
        deadline_ns = wall_ns = None
        if timeout:
            at_ns = timespec_ns(task, timeout)
            deadline_ns, wall_ns = deadline_of(scheduler, 0 if realtime else 1, at_ns), at_ns if realtime else None
        return book.wait(task, key, address, value, deadline_ns, value3 & 0xFFFFFFFF, wall_ns)
    if operation == futexes.WAKE:
        return book.wake(key, count)
    if operation == futexes.WAKE_BITSET:
        return book.wake(key, count, value3 & 0xFFFFFFFF)
    if operation == futexes.REQUEUE:
        return book.requeue(key, count, count2, book.key(task, second, private=private))
    if operation == futexes.CMP_REQUEUE:
        if book.word(task, address) != value3 & 0xFFFFFFFF:
            raise OSError(errno.EAGAIN, "the word has changed")
        return book.requeue(key, count, count2, book.key(task, second, private=private))
    if operation == futexes.WAKE_OP:
        second_key = book.key(task, second, private=private)
        return book.wake_op(task, key, count, second, second_key, count2, value3 & 0xFFFFFFFF)
    if operation in (futexes.LOCK_PI, futexes.LOCK_PI2, futexes.TRYLOCK_PI):
        deadline_ns = wall_ns = None
        if timeout and operation != futexes.TRYLOCK_PI:
            realtime = realtime or operation == futexes.LOCK_PI
            at_ns = timespec_ns(task, timeout)
            deadline_ns, wall_ns = deadline_of(scheduler, 0 if realtime else 1, at_ns), at_ns if realtime else None
        tries = operation == futexes.TRYLOCK_PI
        return book.lock_pi(task, key, address, tries=tries, deadline_ns=deadline_ns, wall_ns=wall_ns)
    if operation == futexes.UNLOCK_PI:
        return book.unlock_pi(task, key, address)
    scheduler.refuse(f"futex operation {operation} is not modelled")
    raise OSError(errno.ENOSYS, "futex operation")


@answers("sched_yield")
def sched_yield(scheduler: Scheduler, task: Task) -> Reply:
    return scheduler.behind_the_others(task)


@answers("getcpu")
def getcpu(scheduler: Scheduler, task: Task) -> Reply:
    for address in task.arguments[:2]:
        if address:
            task.program.write(address, bytes(4))
    return 0


@answers("sched_getaffinity")
def sched_getaffinity(scheduler: Scheduler, task: Task) -> Reply:
    """One processor."""
    size = task.arguments[1]
    if size < 8:
        raise OSError(errno.EINVAL, "too small")
    task.program.write(task.arguments[2], (1).to_bytes(8, "little"))
    return 8

"""Futexes: who waits for which word of memory, woken in the order of waiting.

Models: private words by program and address, shared ones by what is mapped there, so that programs that share memory wake each
other; wait, wake, requeue and wake_op with their bit sets; mutexes with priority inheritance, as plain ones: there are no
priorities. A waiter for a robust mutex hears of it when the owner has died.
Does not model: requeueing to a mutex with priority inheritance.
Source: futex(2).
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.sut.supervisor.procfs import shared_place
from harness.sut.supervisor.registry import Reply
from harness.sut.supervisor.tasks import Task, Wait

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET = 0, 1, 3, 4, 5, 9, 10
LOCK_PI, UNLOCK_PI, TRYLOCK_PI, LOCK_PI2 = 6, 7, 8, 13
PRIVATE, CLOCK_REALTIME = 128, 256
ALL_BITS = 0xFFFFFFFF
_WAITERS, _OWNER_DIED, _OWNER = 0x80000000, 0x40000000, 0x3FFFFFFF

Key = tuple[int | str, int]
"""Program and address, or the object that is mapped and the place in it."""


class _Waiter:
    __slots__ = ("address", "bits", "key", "task")

    def __init__(self, task: Task, key: Key, bits: int, address: int) -> None:
        self.task = task
        self.key = key
        self.bits = bits
        self.address = address
        """Of the word in its own memory; 0 when it was sent to wait for another."""


class Futexes:
    """All words that threads wait for."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._queues: dict[Key, deque[_Waiter]] = {}

    def key(self, task: Task, address: int, *, private: bool) -> Key:
        """Which word is meant."""
        pid = task.program.pid
        shared = None if private else shared_place(pid, address)
        return shared if shared is not None else (pid, address)

    def word(self, task: Task, address: int) -> int:
        """A futex's value."""
        return int.from_bytes(task.program.read(address, 4), "little")

    def wait(
        self,
        task: Task,
        key: Key,
        address: int,
        expected: int,
        deadline_ns: int | None,
        bits: int,
        wall_ns: int | None = None,
    ) -> Reply:
        """Block until woken, unless the word is no longer what was expected."""
        if self.word(task, address) != expected & 0xFFFFFFFF:
            raise OSError(errno.EAGAIN, "the word has changed")
        return self._wait(task, key, address, deadline_ns, bits, wall_ns)

    def _wait(
        self, task: Task, key: Key, address: int, deadline_ns: int | None, bits: int, wall_ns: int | None
    ) -> Reply:
        waiter = _Waiter(task, key, bits, address)
        self._queues.setdefault(key, deque()).append(waiter)

        def finish(_timed_out: bool) -> None:
            self._leave(waiter)
            raise OSError(errno.ETIMEDOUT, "nobody woke it")

        return self._scheduler.block(
            task, Wait(finish, None, deadline_ns, lambda: self._leave(waiter), wall_ns=wall_ns)
        )

    # ------------------------------------------------------------ mutexes that know their owner

    def lock_pi(
        self, task: Task, key: Key, address: int, *, tries: bool, deadline_ns: int | None, wall_ns: int | None
    ) -> Reply:
        """FUTEX_LOCK_PI: the word becomes the thread's id, now or when the owner gives it up."""
        word = self.word(task, address)
        owner = word & _OWNER
        if owner == task.tid:
            raise OSError(errno.EDEADLK, "its own")
        if not owner:
            self._set(task, address, task.tid | word & (_WAITERS | _OWNER_DIED))
            return 0
        if tries:
            raise OSError(errno.EAGAIN, "taken")
        self._set(task, address, word | _WAITERS)
        return self._wait(task, key, address, deadline_ns, ALL_BITS, wall_ns)

    def unlock_pi(self, task: Task, key: Key, address: int) -> int:
        """FUTEX_UNLOCK_PI: whoever has waited longest owns it now."""
        if self.word(task, address) & _OWNER != task.tid:
            raise OSError(errno.EPERM, "not the owner")
        queue = self._queues.get(key)
        if not queue:
            self._set(task, address, 0)
            return 0
        self._set(task, address, queue[0].task.tid | (_WAITERS if len(queue) > 1 else 0))
        self.wake(key, 1)
        return 0

    def _set(self, task: Task, address: int, value: int) -> None:
        task.program.write(address, value.to_bytes(4, "little"))

    def somebody_died(self) -> None:
        """The kernel has marked the robust mutexes of a thread that has ended; who waits for them, waits here."""
        for key, queue in list(self._queues.items()):
            waiter = queue[0]
            if waiter.address and waiter.task.program.alive and self.word(waiter.task, waiter.address) & _OWNER_DIED:
                self.wake(key, 1)

    # ------------------------------------------------------------ waking

    def _leave(self, waiter: _Waiter) -> None:
        queue = self._queues.get(waiter.key)
        if queue is not None and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[waiter.key]

    def wake(self, key: Key, count: int, bits: int = ALL_BITS) -> int:
        """Wake at most ``count`` waiters, first come first served; how many."""
        queue = self._queues.get(key)
        woken = 0
        while queue and woken < count:
            waiter = next((each for each in queue if each.bits & bits), None)
            if waiter is None:
                break
            self._leave(waiter)
            self._scheduler.wake(waiter.task, self._answer(waiter.task))
            woken += 1
        return woken

    def _answer(self, task: Task) -> Callable[[], None]:
        return lambda: self._scheduler.reply(task)

    def requeue(self, key: Key, wake_count: int, move_count: int, target: Key) -> int:
        """Wake some waiters and let others wait for another word; how many were woken or moved."""
        done = self.wake(key, wake_count)
        queue = self._queues.get(key)
        moved = 0
        while queue and moved < move_count:
            waiter = queue.popleft()
            waiter.key, waiter.address = target, 0
            self._queues.setdefault(waiter.key, deque()).append(waiter)
            moved += 1
        if queue is not None and not queue:
            self._queues.pop(key, None)
        return done + moved

    def wake_op(
        self, task: Task, key: Key, count: int, second: int, second_key: Key, second_count: int, encoded: int
    ) -> int:
        """FUTEX_WAKE_OP: change the second word, wake at the first, and at the second if its old value compares so."""
        operation, comparison = encoded >> 28 & 15, encoded >> 24 & 15
        operand, compared = _signed12(encoded >> 12), _signed12(encoded)
        if operation & 8:
            operand = 1 << (operand & 31)
            operation &= 7
        if operation > 4 or comparison > 5:
            raise OSError(errno.ENOSYS, "no such operation")
        old = self.word(task, second)
        changed = [operand, old + operand, old | operand, old & ~operand, old ^ operand][operation] & 0xFFFFFFFF
        task.program.write(second, changed.to_bytes(4, "little"))
        woken = self.wake(key, count)
        signed = old - (1 << 32) if old & 0x80000000 else old
        holds = [
            signed == compared,
            signed != compared,
            signed < compared,
            signed <= compared,
            signed > compared,
            signed >= compared,
        ][comparison]
        return woken + (self.wake(second_key, second_count) if holds else 0)


def _signed12(value: int) -> int:
    value &= 0xFFF
    return value - 0x1000 if value & 0x800 else value

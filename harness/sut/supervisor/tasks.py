"""Programs and their threads as the supervisor keeps book of them: descriptors, children, what each thread is about.

Models: a descriptor table with close-on-exec, shared by the threads of a program and copied by fork. Descriptors that the
kernel opened by itself (libraries) are not in it.
Does not model: sessions, users, limits of the kernel.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from harness.storage.inode import Directory
from harness.sut.supervisor.objects import Opened
from harness.sut.supervisor.ringing import Ringing

State: TypeAlias = Literal["running", "asking", "blocked", "native", "spinning", "vfork"]
"""``running`` in user space; ``asking`` in the queue; ``native``: seen blocked in a call that the kernel answers."""


@dataclass(slots=True)
class Wait:
    """What a blocked thread waits for. ``finish`` is called once, with True when its time was up; it answers the call."""

    finish: Callable[[bool], None]
    ready: Callable[[], bool] | None = None
    deadline_ns: int | None = None
    on_cancel: Callable[[], None] | None = None
    restarts: bool = True
    """Whether a handler installed with SA_RESTART has the call made again, where signal(7) has it so for some."""
    wall_ns: int | None = None
    """Of a wait until a time of day: CLOCK_REALTIME when it ends, by which ``deadline_ns`` moves when the clock is set."""
    mask: int | None = None
    """The signals that are blocked while it waits, when the call sets that (sigsuspend, ppoll)."""
    on_signal: Callable[[], None] | None = None
    """Called when a signal ends the wait, before the call fails with EINTR."""
    so_far: Callable[[], int | None] | None = None
    """What a call that a signal cuts short returns instead of an error; None for the error."""


@dataclass(slots=True)
class Slot:
    """One descriptor."""

    opened: Opened
    close_on_exec: bool = False


class Task:
    """One thread. ``order`` numbers threads as they appear; it settles ties."""

    __slots__ = ("arguments", "call", "clear_tid", "number", "order", "program", "resume", "state", "tid", "wait")

    def __init__(self, tid: int, program: Program, order: int) -> None:
        self.tid = tid
        self.program = program
        self.order = order
        self.state: State = "running"
        self.call = 0
        self.number = 0
        self.arguments: tuple[int, ...] = ()
        self.wait: Wait | None = None
        self.resume: Callable[[], None] | None = None
        """Set when the thread is in the queue to be answered, not to be asked."""
        self.clear_tid = 0

    def descriptor(self, place: int = 0) -> int:
        """An argument that is a descriptor: a signed 32-bit number."""
        value = self.arguments[place] & 0xFFFFFFFF
        return value - (1 << 32) if value & 0x80000000 else value

    def signed(self, place: int) -> int:
        """An argument that is a signed 32-bit number."""
        return self.descriptor(place)


class Program:
    """One process."""

    def __init__(self, pid: int, number: int, parent: Program | None = None) -> None:
        self.pid = pid
        self.number = number
        """What it is told its process id is."""
        self.parent = parent
        self.alive = True
        self.tasks: list[Task] = []
        self.children: list[Program] = []
        self.slots: dict[int, Slot] = {}
        self.directory: Directory | None = None
        """Its working directory, when that is on one of the device's volumes; else it is ``machine_directory``."""
        self.machine_directory = "/"
        self.kernel_directory = "/"
        """Where the kernel thinks it is, which only exec of a relative path still asks."""
        self.status: int | None = None
        """As waitpid gave it."""
        self.unborn: list[int] = []
        """Of threads that were cloned and have not asked yet: the word that their end clears."""
        self.alarm_due_ns = 0
        self.alarm_interval_ns = 0
        self.alarm_generation = 0
        self.timers: dict[int, Ringing] = {}
        """Of timer_create: not inherited, and gone with an exec."""
        self._memory = -1
        if parent is not None:
            self.directory = parent.directory
            self.machine_directory = parent.machine_directory
            self.kernel_directory = parent.kernel_directory
            for number_, slot in parent.slots.items():
                slot.opened.holders += 1
                self.slots[number_] = Slot(slot.opened, slot.close_on_exec)

    # ------------------------------------------------------------ memory

    def _open_memory(self) -> int:
        if self._memory < 0:
            self._memory = os.open(f"/proc/{self.pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        return self._memory

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes of its memory; OSError EFAULT where there is none."""
        if size == 0:
            return b""
        try:
            data = os.pread(self._open_memory(), size, address)
        except (OSError, OverflowError):
            raise OSError(14, "Bad address") from None
        if len(data) < size:
            raise OSError(14, "Bad address")
        return data

    def read_some(self, address: int, bytes_max: int) -> bytes:
        """As much of its memory from there on as there is, up to a limit."""
        return os.pread(self._open_memory(), bytes_max, address)

    def write(self, address: int, data: bytes) -> None:
        """Change its memory; OSError EFAULT where there is none."""
        try:
            written = os.pwrite(self._open_memory(), data, address)
        except (OSError, OverflowError):
            raise OSError(14, "Bad address") from None
        if written < len(data):
            raise OSError(14, "Bad address")

    def text(self, address: int, bytes_max: int = 4096) -> str:
        """A C string; ENAMETOOLONG for one without an end in sight."""
        data = b""
        while len(data) < bytes_max:
            # Up to the end of a page: what follows may not be there.
            part = self.read(address + len(data), min(256, 4096 - (address + len(data)) % 4096))
            end = part.find(b"\0")
            if end >= 0:
                return os.fsdecode(data + part[:end])
            data += part
        raise OSError(36, "File name too long")

    def forget_memory(self) -> None:
        """Its memory is another now (exec), or gone."""
        if self._memory >= 0:
            os.close(self._memory)
            self._memory = -1

    # ------------------------------------------------------------ descriptors

    def opened(self, number: int) -> Opened | None:
        """What a descriptor leads to; None for one that the kernel opened by itself, or that is none."""
        slot = self.slots.get(number)
        return None if slot is None else slot.opened

    def install(self, number: int, opened: Opened, *, close_on_exec: bool) -> None:
        """The kernel has put a descriptor into its table."""
        self.release(number)
        opened.holders += 1
        self.slots[number] = Slot(opened, close_on_exec)

    def release(self, number: int) -> None:
        """A descriptor is closed."""
        slot = self.slots.pop(number, None)
        if slot is not None:
            slot.opened.let_go()

    def release_all(self) -> None:
        """The program is gone."""
        for number in list(self.slots):
            self.release(number)

    def executed(self) -> None:
        """Exec has succeeded."""
        for number in [number for number, slot in self.slots.items() if slot.close_on_exec]:
            self.release(number)
        self.timers.clear()
        self.forget_memory()


def known_as(program: Program, to: Program) -> int:
    """The id by which another knows a program: its parent, by what fork returned."""
    return program.pid if program.parent is to else program.number

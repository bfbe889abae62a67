"""Failures of memory: a call raises MemoryError, as when the allocation below it fails.

Models: one allocation that fails in a call of the software into its device or its disk, before the call has done anything; for
good: every later one, until the software has died of it or the flow is over. Software that lives on MemoryErrors alone is ended
by the kernel, as for want of memory. To a program of its own the kernel says ENOMEM when it has no memory to look at a file; what
the program asks for itself (malloc) is bounded by the device's budget, not failed one by one.
Does not model: an allocation that fails after the call was carried out, or between calls, in the software's own code; the
harness's own allocations never fail.
Source: SQLite's out-of-memory tests (sqlite.org/testing.html, section 3.1); Linux mm/oom_kill.c.
"""

from __future__ import annotations

import errno
from typing import Any, ClassVar

from harness.engine.crashpoints.calls.failure import FAILURES, TRIES_MAX, Failure
from harness.engine.crashpoints.calls.gate import Call, Proceed
from harness.history.events import Event, SoftwareDied
from harness.storage.oserrors import os_error


@FAILURES.register("memory")
class NoMemory(Failure):
    """The call raises MemoryError."""

    name: ClassVar[str] = "memory"
    summary: ClassVar[str] = "calls into the device and the disk"
    fault_once: ClassVar[str] = "allocation_failure"
    fault_for_good: ClassVar[str] = "allocation_failure"

    def counts(self, call: Call) -> bool:
        if self.scene.station.software.is_program:
            return call.room == "storage"
        # A restart that was asked for needs nothing of the software any more.
        return call.room != "link" and call.name != "reboot"

    def describe(self, call: Call) -> tuple[str, str]:
        name, path = super().describe(call)
        return (f"{call.part}.{name}" if call.part else name), ("" if call.room == "device" else path)

    def fail(self, call: Call, proceed: Proceed) -> Any:
        if self.seen == self.nth and self.manner.for_good:
            self.scene.tape.watch(SoftwareDied, self._died)
        if self.scene.station.software.is_program:
            self.bite(f"{' '.join(self.describe(call))} returned ENOMEM")
            raise os_error(errno.ENOMEM)
        self.bite(f"{' '.join(self.describe(call)).strip()} raised MemoryError")
        raise MemoryError

    def _died(self, _: int, event: Event) -> None:
        """With the software goes what it held: the next boot has memory."""
        self.lift()

    def lifted(self) -> None:
        if self.struck and self.manner.for_good:
            self.scene.tape.unwatch(SoftwareDied, self._died)

    def tired(self) -> None:
        detail = f"{TRIES_MAX} allocations failed in a row without a pause"
        self.scene.station.crash("out_of_memory", detail)

"""Memory leak: something below the software loses memory with each action until nothing is left.

Models: a driver or library that leaks; what is lost stays lost until the next boot, and the kernel kills the software when its
own memory and the leak together exceed the budget. The page cache survives that death. Does not model: a leak in the software
itself, which the census finds without any fault.
Source: domain.md section 7 (article 2: 内存泄漏→崩溃) and section 2 (24-hour reboots mask leaks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.device.memory import Leak
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.history.events import MemorySampled, SoftwareDied

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("memory_leak")
@dataclass(frozen=True, slots=True)
class MemoryLeak(Fault):
    """Each action loses ``per_action_bytes`` until the software is killed for want of memory, again and again."""

    kind: ClassVar[str] = "memory_leak"
    family: ClassVar[Family] = "memory"

    per_action_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        require(self.per_action_bytes >= 1, "at least one byte an action")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        leak = Leak(bytes_per_action=self.per_action_bytes)
        memory = station.hardware.memory
        memory.conditions.append(leak)
        deaths: list[int] = []
        own_bytes = 0

        def sampled(_: int, event: MemorySampled) -> None:
            nonlocal own_bytes
            if event.device == station.name:
                own_bytes = event.software_bytes

        def died(_: int, event: SoftwareDied) -> None:
            if event.device == station.name and event.reason == "out_of_memory" and own_bytes <= memory.budget_bytes:
                # Software that alone is over the budget would have died without the leak.
                deaths.append(event.at_us)

        world.recorder.watch(MemorySampled, sampled)
        world.recorder.watch(SoftwareDied, died)

        def evidence() -> str:
            # Memory that is gone and not missed is no effect: it has bitten when the kernel killed the software.
            return f"killed for want of memory {len(deaths)} times" if deaths else ""

        def lift() -> None:
            memory.conditions.remove(leak)
            world.recorder.unwatch(MemorySampled, sampled)
            world.recorder.unwatch(SoftwareDied, died)

        return Strike(evidence, lift)

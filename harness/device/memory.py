"""The device's memory budget, and a leak that faults inject on top of what the software really holds.

Models: a budget for the application, and memory that something in the device (a driver, a library below the software)
loses with each action until the next boot. What the software itself holds is counted by a census of the runner.
Does not model: fragmentation, swap, other processes coming and going.
"""

from dataclasses import dataclass, field

from harness.device.condition import DeviceCondition


@dataclass(slots=True, eq=False)
class Leak(DeviceCondition):
    """Each action loses ``bytes_per_action``; what is lost stays lost until the next boot, also when the leak has ended."""

    bytes_per_action: int = 0

    def __post_init__(self) -> None:
        if self.bytes_per_action <= 0:
            raise ValueError("a leak loses at least one byte an action")


@dataclass(slots=True)
class Memory:
    """Memory of one device."""

    device: str
    budget_bytes: int
    leaked_bytes: int = 0
    conditions: list[Leak] = field(default_factory=list)

    def action_started(self) -> None:
        """An action was handed to the software: whatever leaks, leaks now."""
        for leak in self.conditions:
            self.leaked_bytes += leak.bytes_per_action
            leak.bite(self.device, f"{leak.bytes_per_action} bytes leaked, {self.leaked_bytes} in all")

    def exhausted(self, software_bytes: int) -> bool:
        """Whether the software's own memory and the leak together exceed the budget."""
        return software_bytes + self.leaked_bytes > self.budget_bytes

    def booted(self) -> None:
        """A fresh process starts with nothing leaked."""
        self.leaked_bytes = 0

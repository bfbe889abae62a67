"""What the device's own conditions share: they are added, bite, and are lifted, like those of the link."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class DeviceCondition:
    """Counts bites; ``on_bite(device, evidence)`` is called for each."""

    bites: int = field(default=0, init=False)
    on_bite: Callable[[str, str], None] | None = field(default=None, init=False)

    def bite(self, device: str, evidence: str) -> None:
        """Count one effect."""
        self.bites += 1
        if self.on_bite is not None:
            self.on_bite(device, evidence)

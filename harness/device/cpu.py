"""How a peripheral makes the terminal software wait: the runner below the software implements this.

Models: one thread of control per device that blocks in virtual time. CPU time itself is not modelled; storage and
peripheral time is accrued with ``spend`` and paid at the next point at which the software waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import simpy


class Cpu(Protocol):
    """What peripherals may do to the software that called them."""

    env: simpy.Environment

    def spend(self, duration_us: int) -> None:
        """Add ``duration_us`` to what the software owes; paid before it next waits or looks at a clock."""

    def sleep(self, duration_us: int) -> None:
        """Block the caller for ``duration_us`` of virtual time."""

    def wait(self, event: simpy.Event, timeout_us: int | None = None) -> bool:
        """Block until ``event`` has happened; False when ``timeout_us`` passed first. A failed event raises its exception."""

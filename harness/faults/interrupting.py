"""What faults share that end the software's process: they bite when an action was under way, or a start.

Models: the bite alone. Does not model: how the process ends, which is the fault's own.
Source: design section 9 (a fault bites when it has an effect).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.faults.base import Strike
from harness.history.events import ActionEnded

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


def interrupting(world: World, station: Station, end_process: Callable[[], None]) -> Strike:
    """A strike that calls ``end_process`` and bites when that interrupted an action of the device, or its start."""
    interrupted: list[str] = []

    def ended(_: int, event: ActionEnded) -> None:
        if event.device == station.name and event.outcome == "interrupted":
            interrupted.append(f"action {event.action}")

    def strike() -> None:
        if station.starting:
            interrupted.append("its start")
        world.recorder.watch(ActionEnded, ended)
        end_process()
        world.recorder.unwatch(ActionEnded, ended)

    return Strike(lambda: f"{interrupted[0]} was interrupted" if interrupted else "", begin=strike)

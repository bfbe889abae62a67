"""When a device is searched for card data: after each settlement, after each power cut, and at the end.

After a power cut it is what the next boot mounts, before the software has run: the durable image, with whatever the software
would tidy up when it starts. A search of a batch of 50 costs some milliseconds of real time; trading itself pays only for
looking at texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.history.events import ActionEnded, ActionStarted, Booted, PowerLost
from harness.sut.secrecy import search

if TYPE_CHECKING:
    from harness.scenario.build import Built


class Searches:
    """Watches a run and searches at the instants named above."""

    def __init__(self, built: Built) -> None:
        self._stations = {station.name: station for station in built.world.stations}
        self._settling: set[tuple[str, int]] = set()
        self._cut: set[str] = set()
        recorder = built.world.recorder
        recorder.watch(ActionStarted, self._started)
        recorder.watch(ActionEnded, self._ended)
        recorder.watch(PowerLost, self._power_lost)
        recorder.watch(Booted, self._booted)

    def _started(self, _: int, event: ActionStarted) -> None:
        if event.kind == "settle":
            self._settling.add((event.device, event.action))

    def _ended(self, _: int, event: ActionEnded) -> None:
        key = (event.device, event.action)
        if key in self._settling:
            self._settling.remove(key)
            if event.outcome == "done":
                search(self._stations[event.device], "after_settlement")

    def _power_lost(self, _: int, event: PowerLost) -> None:
        self._cut.add(event.device)

    def _booted(self, _: int, event: Booted) -> None:
        if event.device in self._cut:
            self._cut.remove(event.device)
            search(self._stations[event.device], "after_power_loss")

    def finish(self) -> None:
        """The run is over: once more, wherever there is power or not."""
        for station in self._stations.values():
            search(station, "end")

"""The world of one run: what people, faults and the engine find each other through."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer

if TYPE_CHECKING:
    from harness.host.service import HostQueue
    from harness.network.link import Link
    from harness.sut.station import Station


@dataclass(slots=True)
class World:
    """``start`` is the first day; virtual time 0 is its local midnight. ``phase`` is the run's, as PhaseStarted names it."""

    env: simpy.Environment
    decisions: Decisions
    recorder: Recorder
    stations: list[Station]
    acquirer: Acquirer
    start: datetime.date
    phase: str = "trading"
    host_service: HostQueue | None = None

    @property
    def now_us(self) -> int:
        """Virtual time in microseconds."""
        return int(self.env._now)  # not its property: people and devices ask all the time

    @property
    def streams(self) -> Streams:
        """Named randomness of the run."""
        return self.decisions.streams

    @property
    def links(self) -> dict[str, Link]:
        """The path to the acquirer of each device, by name."""
        return {station.name: station.hardware.link for station in self.stations}

    def undo_by_hand(self, device: str, batch: str, stan: str) -> bool:
        """The acquirer undoes one request in its own books, as it was asked on the telephone; False when it cannot."""
        return self.acquirer.undo_by_hand(self.station(device).tid, batch, stan, self.now_us)

    def station(self, name: str) -> Station:
        """The station of that name; KeyError when there is none."""
        for station in self.stations:
            if station.name == name:
                return station
        raise KeyError(f"no station is named {name!r}")

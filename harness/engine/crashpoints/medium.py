"""A medium: one column of the picture, a profile for each volume, and what no software keeps on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.engine.crashpoints.record import Recorded
from harness.engine.crashpoints.states import State
from harness.storage.profiles.base import Profile


@dataclass(frozen=True, slots=True)
class Medium:
    """``profiles`` by volume name."""

    name: str
    profiles: Mapping[str, Profile]

    def excuses(self, recorded: Recorded, state: State) -> frozenset[int]:
        """Invariants that no software could keep in this one state: the medium did there what nothing survives."""
        numbers: set[int] = set()
        for name, volume in zip(recorded.timeline.volumes, state.volumes, strict=True):
            numbers.update(self.profiles[name].excuses(volume))
        return frozenset(numbers)

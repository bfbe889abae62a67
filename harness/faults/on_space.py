"""What the faults that take space share: telling whether the lack of it was felt.

A lower figure of free space is no effect while there is room enough. What counts is that a call ran out of space, or that the
software, having asked how much was free, told people that its storage is full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.base import Strike
from harness.history.events import ScreenShown
from harness.storage.conditions import ForeignBallast, ShrunkCapacity
from harness.storage.media import strike

if TYPE_CHECKING:
    from harness.storage.media import Condition
    from harness.storage.volume import Volume
    from harness.sut.station import Station


class Felt:
    """Whether the lack of space on one volume was felt since the fault struck."""

    def __init__(self, station: Station) -> None:
        self.ran_out = False
        self.asked = False
        self.said_full = 0
        self._station = station
        station.world.recorder.watch(ScreenShown, self._screen)

    def _screen(self, _: int, event: ScreenShown) -> None:
        if event.device == self._station.name and event.kind == "storage_full" and self.asked:
            self.said_full += 1

    def evidence(self) -> str:
        """How it was felt, or empty."""
        if self.ran_out:
            return "a storage call ran out of space"
        if self.said_full:
            return f"the software found too little space and said so ({self.said_full} times)"
        return ""

    def over(self) -> None:
        """Stop looking."""
        self._station.world.recorder.unwatch(ScreenShown, self._screen)


class Ballast(ForeignBallast):
    """Foreign bytes that tell ``felt`` what they did."""

    def __init__(self, free_bytes: int, felt: Felt) -> None:
        super().__init__(free_bytes)
        self._felt = felt

    def ran_out_of_space(self) -> None:
        super().ran_out_of_space()
        self._felt.ran_out = self._felt.ran_out or self.taken_blocks > 0

    def reported_free_blocks(self, free_blocks: int) -> int:
        self._felt.asked = self._felt.asked or self.taken_blocks > 0
        return super().reported_free_blocks(free_blocks)


class Shrunk(ShrunkCapacity):
    """A smaller volume that tells ``felt`` what it did."""

    def __init__(self, total_bytes: int, felt: Felt) -> None:
        super().__init__(total_bytes)
        self._felt = felt

    def ran_out_of_space(self) -> None:
        super().ran_out_of_space()
        self._felt.ran_out = self._felt.ran_out or self.taken_blocks > 0

    def reported_free_blocks(self, free_blocks: int) -> int:
        self._felt.asked = self._felt.asked or self.taken_blocks > 0
        return super().reported_free_blocks(free_blocks)


def strike_space(volume: Volume, condition: Condition, felt: Felt) -> Strike:
    """``condition`` on the volume, judged by ``felt``."""
    strike(volume, condition)

    def lift() -> None:
        condition.lift()
        felt.over()

    return Strike(felt.evidence, lift)

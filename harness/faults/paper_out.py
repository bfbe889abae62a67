"""Paper out: the roll is empty, or somebody took it out.

Models: the printer refuses until paper is put in, by people or when the fault is lifted. Does not model: jams and pale print.
Source: domain.md 1.7 D6 (paper-out aborts settlement before clearing) and section 5 (pull paper).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.history.events import ActionEnded, BatchSettled

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("paper_out")
@dataclass(frozen=True, slots=True)
class PaperOut(Fault):
    """The printer has no paper until somebody puts in a roll."""

    kind: ClassVar[str] = "paper_out"
    family: ClassVar[Family] = "operator"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        printer = station.hardware.printer
        before, told_before = printer.refusals, printer.told_empty
        printer.remove_paper()
        slips = _MissedSlips(world, station)

        def evidence() -> str:
            refused = printer.refusals - before
            if refused:
                return f"{refused} slips could not be printed"
            if slips.missed:
                return f"{slips.missed} actions ended well and had no paper for their slip"
            # Software that looks first and goes another way has met the fault, too.
            told = printer.told_empty - told_before
            return f"the software was told {told} times that there is no paper" if told else ""

        def lift() -> None:
            slips.stop()
            if not printer.has_paper():
                printer.load_paper()

        return Strike(evidence, lift)


class _MissedSlips:
    """Counts what ended well without paper: software that looks first is refused nothing, and yet there is no slip."""

    def __init__(self, world: World, station: Station) -> None:
        self.missed = 0
        self._world = world
        self._station = station
        self._closed = False
        world.recorder.watch(ActionEnded, self._action)
        world.recorder.watch(BatchSettled, self._batch)

    def stop(self) -> None:
        """Stop counting."""
        self._world.recorder.unwatch(ActionEnded, self._action)
        self._world.recorder.unwatch(BatchSettled, self._batch)

    def _batch(self, _: int, event: BatchSettled) -> None:
        if event.device == self._station.name and event.closed:
            self._closed = True

    def _action(self, _: int, event: ActionEnded) -> None:
        if event.device != self._station.name:
            return
        closed, self._closed = self._closed, False
        owed = event.outcome == "approved" or (event.outcome == "done" and closed)
        self.missed += owed and not self._station.hardware.printer.has_paper()

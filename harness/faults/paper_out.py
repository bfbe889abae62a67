"""Paper out: the roll is empty, or somebody took it out.

Models: the printer refuses until paper is put in, by people or when the fault is lifted. Does not model: jams and pale print.
Source: domain.md 1.7 D6 (paper-out aborts settlement before clearing) and section 5 (pull paper).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike

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
        before = printer.refusals
        printer.remove_paper()

        def evidence() -> str:
            refused = printer.refusals - before
            return f"{refused} slips could not be printed" if refused else ""

        def lift() -> None:
            if not printer.has_paper():
                printer.load_paper()

        return Strike(evidence, lift)

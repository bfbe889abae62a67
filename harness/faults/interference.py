"""Interference: a strong field beside the till garbles messages on the line and keeps the reader from reading cards.

Models: a message that is garbled fails the line's own check and is thrown away, either way; a card read fails with a
probability. Does not model: bit errors that the check lets through (``wrong_mac`` is what is left of them where a message has a
MAC). Serial lines and radio modems behave so; TCP end to end shows a lost message.
Source: domain.md section 7 (articles 2 and 4: 电磁/磁场干扰: read errors, bit flips on the link).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.device.card_reader import ReadFailures
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_link import strike_link
from harness.network.conditions import Garbled

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("interference")
@dataclass(frozen=True, slots=True)
class Interference(Fault):
    """Messages are lost with ``garbled_percent`` and cards not read with ``unread_percent``, until it is lifted."""

    kind: ClassVar[str] = "interference"
    family: ClassVar[Family] = "network"

    garbled_percent: float = 10.0
    unread_percent: float = 20.0

    def __post_init__(self) -> None:
        require(self.garbled_percent > 0.0 or self.unread_percent > 0.0, "a share above 0% of one of the two")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        unread = ReadFailures(self.unread_percent / 100.0)
        reader = station.hardware.card_reader
        reader.conditions.append(unread)
        line = strike_link(station, Garbled(self.garbled_percent / 100.0))

        def evidence() -> str:
            return line.evidence() or (f"{unread.bites} reads failed" if unread.bites else "")

        def lift() -> None:
            line.lift()
            if any(each is unread for each in reader.conditions):
                reader.conditions.remove(unread)

        return Strike(evidence, lift, begin=line.begin)

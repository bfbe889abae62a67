"""What the network faults share: a condition added to the device's link, lifted by taking it away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.faults.base import Strike

if TYPE_CHECKING:
    from harness.network.conditions import Condition
    from harness.sut.station import Station


def strike_link(station: Station, condition: Condition, times: int | None = None) -> Strike:
    """The condition on the station's link; it has bitten once a message or a handshake fared worse for it.

    ``times``: after so many bites it has done all it can do.
    """
    first: list[str] = []

    def bitten(device: str, evidence: str) -> None:
        if not first:
            first.append(evidence)

    # Before it strikes: messages lost in flight at this very instant count.
    condition.on_bite = bitten
    conditions = station.hardware.link.conditions

    def lift() -> None:
        if any(each is condition for each in conditions):
            conditions.remove(condition)

    def spent() -> bool:
        return times is not None and condition.bites >= times

    return Strike(lambda: first[0] if first else "", lift, spent=spent, begin=lambda: conditions.add(condition))

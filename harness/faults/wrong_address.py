"""A terminal that is set up for the wrong host: a wrong address, a name that does not resolve, a wrong routing header.

Models: connects are refused, or the name is not found, or the front end throws every request away because its header (TPDU)
leads nowhere; until somebody corrects the settings. Does not model: an address at which another acquirer listens.
Source: domain.md section 7 (article 3: 网络配置错误: wrong APN, address, TPDU: it fails before money moves).
Survivability: everything: no request reaches the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_link import strike_link
from harness.network.conditions import Condition, NameFailure, UpLoss, WrongAddress

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("wrong_address")
@dataclass(frozen=True, slots=True)
class WrongAddressFault(Fault):
    """The ``wrong`` setting keeps every request from the host until somebody corrects it (until it is lifted)."""

    kind: ClassVar[str] = "wrong_address"
    family: ClassVar[Family] = "network"

    wrong: Literal["address", "name", "header"] = "address"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        conditions: dict[str, type[Condition]] = {"address": WrongAddress, "name": NameFailure, "header": UpLoss}
        return strike_link(station, conditions[self.wrong]())

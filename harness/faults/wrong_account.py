"""The merchant's account is mistyped in the acquirer's own records: payouts come back until somebody puts it right.

Models: an error at the acquirer's desk, or on the form, which no terminal can see before a payout has come back.
Does not model: an account that exists and is somebody else's.
Source: article on late funds (domain.md section 7, 收款账户错误: payout bounce).
Survivability: everything: the money waits, and the terminal says that it came back when it is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.faults.on_host import hold

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("wrong_account")
@dataclass(frozen=True, slots=True)
class WrongAccount(Fault):
    """Payouts go to an account that does not exist and come back, until it is lifted."""

    kind: ClassVar[str] = "wrong_account"
    family: ClassVar[Family] = "operator"

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return hold(world, station, "account_mistyped_until_us", "payouts came back")

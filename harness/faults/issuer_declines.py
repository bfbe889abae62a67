"""Cards that their issuers decline: expired, wrong, suspected or known for fraud, above a limit, at a merchant who is blocked.

Models: the next sales, or the next above an amount, are declined with a definitive code and booked as declined; reversals,
settlement and sign-on go on as ever. Does not model: an issuer that takes the card away, or customers who know before they try.
Source: domain.md 1.4 and section 7 (article 3: 欺诈 59/34, 监管处罚 03, 交易限额过低 61; article 4: 卡信息错/过期 14/54).
Survivability: everything: the host did nothing and will do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_DEFINITIVE = frozenset(
    {"03", "04", "05", "07", "14", "34", "41", "43", "51", "54", "55", "57", "59", "61", "62", "65", "75"}
)


@FAULTS.register("issuer_declines")
@dataclass(frozen=True, slots=True)
class IssuerDeclines(Fault):
    """The issuer declines the next ``messages`` sales with ``code``; everything else goes on as ever."""

    kind: ClassVar[str] = "issuer_declines"
    family: ClassVar[Family] = "host"

    code: str = "54"
    messages: int = 3
    above_fen: int = 0
    """Only sales above this amount."""

    def __post_init__(self) -> None:
        require(self.code in _DEFINITIVE, f"a definitive decline ({', '.join(sorted(_DEFINITIVE))}), not {self.code!r}")
        require(self.messages >= 1, "at least one message")
        require(self.above_fen >= 0, "an amount from 0 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        knobs = world.acquirer.knobs(station.tid)
        # One terminal's cards are declined for one reason at a time: the latest strike's.
        knobs.issuer_code, knobs.issuer_above_fen = self.code, self.above_fen
        strike = wind_up(world, station, "issuer_declines", self.messages, f"sales were declined with {self.code}")

        def lift() -> None:
            strike.lift()
            if not knobs.issuer_declines:
                knobs.issuer_code, knobs.issuer_above_fen = "", 0

        return replace(strike, lift=lift)

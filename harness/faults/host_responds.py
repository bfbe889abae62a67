"""A host that answers with a code of its own: system fault, issuer unreachable, no reply from the issuer.

Models: the request is not carried out and the answer says so. Does not model: an answer that lies about what was done, which no
software could survive: codes that a reversal or an upload may take for success (00, 12, 25, 94) are refused.
Source: domain.md 1.4 (90, 91, 96, 98), 1.5 R6 and section 7 (article 3: 系统升级维护, 处理能力受限).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_host import wind_up

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

_TAKEN_FOR_SUCCESS = frozenset({"00", "12", "25", "94"})


@FAULTS.register("host_responds")
@dataclass(frozen=True, slots=True)
class HostResponds(Fault):
    """The host answers the next ``messages`` requests with ``code`` and does not carry them out."""

    kind: ClassVar[str] = "host_responds"
    family: ClassVar[Family] = "host"

    code: str = "96"
    messages: int = 3

    def __post_init__(self) -> None:
        require(len(self.code) == 2 and self.code.isalnum(), f"a response code of two characters, not {self.code!r}")
        require(self.code not in _TAKEN_FOR_SUCCESS, f"a code that says no; {self.code} may be taken for success")
        require(self.messages >= 1, "at least one message")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        # One terminal has one code at a time: the latest strike's.
        world.acquirer.knobs(station.tid).respond_code = self.code
        return wind_up(world, station, "respond_count", self.messages, f"requests were answered {self.code}")

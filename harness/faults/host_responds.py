"""A host that answers with a code of its own: system fault, day cut-over, issuer unreachable.

Models: the request is not carried out and the answer says so. Does not model: an answer that lies about what was done (that is
``host_silent`` without the silence, and no host known does it).
Source: domain.md 1.4 (90, 91, 96, 98) and section 7 (article 3: 系统升级维护, 处理能力受限).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("host_responds")
@dataclass(frozen=True, slots=True)
class HostResponds(Fault):
    """The host answers the next ``messages`` requests with ``code`` and does not carry them out."""

    kind: ClassVar[str] = "host_responds"
    family: ClassVar[Family] = "host"

    code: str = "96"
    messages: int = 3

    def inject(self, world: World, station: Station, key: str) -> Strike:
        knobs = world.acquirer.knobs(station.tid)
        knobs.respond_code, knobs.respond_count = self.code, self.messages
        before = knobs.struck["respond_count"]

        def evidence() -> str:
            struck = knobs.struck["respond_count"] - before
            return f"{struck} requests were answered {self.code}" if struck else ""

        def lift() -> None:
            knobs.respond_count = 0

        return Strike(evidence, lift)

"""A flash without a clean block: even an overwrite, a rename or a new name gets ENOSPC; only deleting works.

Models: a medium that writes out of place (JFFS2, LittleFS, YAFFS2, a full F2FS) and is filled until less than
``reserve_bytes`` are free: whatever changes, changed metadata too, needs a clean page, so that files made large beforehand
are no reserve. It is lifted before "settlement frees space" is judged: how much a settlement may still write differs from
one file system to the next, and ``full_storage`` judges that. Does not model: a collector that frees a block a moment
later.
Source: Linux fs/jffs2/nodemgmt.c (each node needs space; resv_blocks_deletion below resv_blocks_write); littlefs DESIGN.md
(copy on write); domain.md section 2 (ENOSPC also on metadata and GC).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import volume_of
from harness.storage.conditions import ForeignBallast
from harness.storage.media import strike
from harness.storage.shortage import NoCleanBlock

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("no_clean_block")
@dataclass(frozen=True, slots=True)
class NoCleanBlockFault(Fault):
    """The volume is filled to ``free_bytes``, and with less than ``reserve_bytes`` free any change but deletion gets ENOSPC."""

    kind: ClassVar[str] = "no_clean_block"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    free_bytes: int = 0
    reserve_bytes: int = 8 * 1024

    def __post_init__(self) -> None:
        require(self.reserve_bytes >= 1, "a reserve of at least one byte")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        volume = volume_of(station, self.volume)
        ballast, refusal = ForeignBallast(self.free_bytes), NoCleanBlock(self.reserve_bytes)
        strike(volume, ballast)
        strike(volume, refusal)

        def evidence() -> str:
            return f"a change that needs no new block got ENOSPC ({refusal.bites} times)" if refusal.bites else ""

        def lift() -> None:
            refusal.lift()
            ballast.lift()

        return Strike(evidence, lift)

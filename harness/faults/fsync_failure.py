"""An fsync that fails once: the pages are marked clean and never written; the next fsync reports success.

Models: what Linux file systems do on a write-back error. Readers keep seeing the data until power goes, and then it is gone:
software that retries the fsync and believes the second answer has lost it. Does not model: file systems that remount read-only.
Source: Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC'20.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import FsyncDropsPages

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("fsync_failure")
@dataclass(frozen=True, slots=True)
class FsyncFailure(Fault):
    """The ``nth`` fsync of dirty pages fails, its pages are dropped from write-back, and later fsyncs report success."""

    kind: ClassVar[str] = "fsync_failure"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    nth: int = 1

    def __post_init__(self) -> None:
        require(self.nth >= 1, "a count from 1 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        return strike_volume(
            station, self.volume, FsyncDropsPages(self.nth), "an fsync failed and dropped its pages", once=True
        )

"""Storage errors: the n-th read, write or fsync returns EIO, once or from then on.

Models: a worn chip or a bad contact: the call fails and changes nothing. Does not model: wrong data without an error
(``corrupt_file``), an fsync that lies afterwards (``fsync_failure``).
Source: domain.md section 7 (articles 0, 1 and 2: 存储芯片损坏, 接触不良).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_volume import strike_volume
from harness.storage.conditions import InputOutputError

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("storage_error")
@dataclass(frozen=True, slots=True)
class StorageError(Fault):
    """The ``nth`` call ``on`` the volume from now returns EIO, once or, ``until_lifted``, from then on."""

    kind: ClassVar[str] = "storage_error"
    family: ClassVar[Family] = "storage"
    survivability: ClassVar[Mapping[int, str]] = {}
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    on: Literal["read", "write", "fsync", "any"] = "write"
    nth: int = 1
    until_lifted: bool = False

    def __post_init__(self) -> None:
        require(self.nth >= 1, "a count from 1 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        condition = InputOutputError(self.on, self.nth, until_lifted=self.until_lifted)
        return strike_volume(station, self.volume, condition, f"EIO on {self.on}", once=not self.until_lifted)

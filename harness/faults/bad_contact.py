"""A bad contact: a memory card or chip that answers with an error now and then, and a line that breaks off in mid-message.

Models: each call on the volume returns EIO with ``error_percent``, each message breaks its connection with
``reset_percent``, until it is lifted. Does not model: contacts that fail in bursts, or wrong data without an error.
Source: domain.md section 7 (article 2: 接触不良: random I/O errors and link resets).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_link import strike_link
from harness.faults.on_volume import volume_of
from harness.network.conditions import LooseConnection
from harness.storage.media import Condition, strike
from harness.storage.oserrors import os_error

if TYPE_CHECKING:
    from harness.storage.calls import CallKind
    from harness.storage.inode import Inode
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("bad_contact")
@dataclass(frozen=True, slots=True)
class BadContact(Fault):
    """Storage calls fail with ``error_percent`` and connections break off with ``reset_percent``, until it is lifted."""

    kind: ClassVar[str] = "bad_contact"
    family: ClassVar[Family] = "storage"
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    error_percent: float = 1.0
    reset_percent: float = 5.0

    def __post_init__(self) -> None:
        require(self.error_percent > 0.0 or self.reset_percent > 0.0, "a share above 0% of one of the two")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        loose = _LooseMemory(world, station, self.error_percent / 100.0)
        line = strike_link(station, LooseConnection(self.reset_percent / 100.0))
        strike(volume_of(station, self.volume), loose)

        def evidence() -> str:
            return f"EIO from a bad contact ({loose.bites} times)" if loose.bites else line.evidence()

        def lift() -> None:
            loose.lift()
            line.lift()

        return Strike(evidence, lift, begin=line.begin)


class _LooseMemory(Condition):
    """Each call fails with EIO, or not, by a decision of its own; a call that fails changes nothing."""

    def __init__(self, world: World, station: Station, probability: float) -> None:
        super().__init__()
        self._decisions = world.decisions
        self._link = station.hardware.link
        self._probability = probability

    def before(self, kind: CallKind, inode: Inode) -> None:
        key = self._link.current_keys().next("storage.bad_contact")
        if self._decisions.integer(key, 0, lambda u: int(u < self._probability)):
            self.bites += 1
            inode.volume.tell_failure(kind, inode, errno.EIO)
            raise os_error(errno.EIO)

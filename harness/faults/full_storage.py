"""Full storage: somebody else's bytes take the space, at once or as the day goes by.

Models: ballast by an update that was staged, by a cache that grows with every transaction, or simply there; the terminal meets
it as ENOSPC or as a low figure from statvfs. The bytes are foreign: the terminal can neither see nor delete them, but for a cache
that the system clears with it.
Does not model: the terminal's own records filling the volume, which needs no fault: a small volume and nobody who settles.
Source: domain.md section 7 (articles 0 and 1: 存储满请先结算, 系统缓存过多, 更新占空间, 存储设备B已满).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.core.units import US_PER_MINUTE
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.on_space import Ballast, Felt, strike_space
from harness.faults.on_volume import volume_of
from harness.history.events import ActionEnded, ActionStarted
from harness.storage.media import strike

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("full_storage")
@dataclass(frozen=True, slots=True)
class FullStorage(Fault):
    """A volume is filled with foreign bytes until ``free_bytes`` are left, by ``cause``."""

    kind: ClassVar[str] = "full_storage"
    family: ClassVar[Family] = "storage"
    fills: ClassVar[bool] = True
    unsupported_disks: ClassVar[frozenset[str]] = frozenset({"pyfakefs"})

    volume: str = "data"
    free_bytes: int = 0
    cause: Literal["ballast", "cache", "update"] = "ballast"
    """ballast: at once; cache: ``step_bytes`` with each action; update: ``step_bytes`` a minute, as a download does."""
    step_bytes: int = 64 * 1024
    clearable: bool = False
    """A cache goes when the terminal says that it has cleared the cache, and grows again."""

    def __post_init__(self) -> None:
        require(self.step_bytes >= 1, "a step of at least one byte")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        if self.cause == "ballast":
            felt = Felt(station)
            return strike_space(volume_of(station, self.volume), Ballast(self.free_bytes, felt), felt)
        return _Growing(self, world, station).strike


class _Growing:
    """Ballast that grows step by step until the volume is as full as it shall be."""

    def __init__(self, fault: FullStorage, world: World, station: Station) -> None:
        self._fault = fault
        self._world = world
        self._station = station
        self._lifted = False
        self._pieces: list[Ballast] = []
        self._felt = Felt(station)
        self._clearing: set[int] = set()
        if fault.cause == "cache":
            world.recorder.watch(ActionStarted, self._action)
            if fault.clearable:
                world.recorder.watch(ActionEnded, self._ended)
        else:
            self._minute(None)
        self.strike = Strike(self._felt.evidence, self._lift, fault.cause)

    def _grow(self) -> None:
        volume = volume_of(self._station, self._fault.volume)
        free_bytes = volume.free_blocks * volume.block_size_bytes
        left_bytes = max(self._fault.free_bytes, free_bytes - self._fault.step_bytes)
        if left_bytes < free_bytes:
            piece = Ballast(left_bytes, self._felt)
            strike(volume, piece)
            self._pieces.append(piece)

    def _action(self, _: int, event: ActionStarted) -> None:
        if event.device == self._station.name:
            self._grow()
            if event.kind == "clear_cache":
                self._clearing.add(event.action)

    def _ended(self, _: int, event: ActionEnded) -> None:
        if event.device == self._station.name and event.action in self._clearing:
            self._clearing.discard(event.action)
            if event.outcome == "done":
                self._give_back()

    def _give_back(self) -> None:
        for piece in self._pieces:
            piece.lift()
        self._pieces.clear()

    def _minute(self, _: object) -> None:
        if not self._lifted:
            self._grow()
            self._world.env.timeout(US_PER_MINUTE).callbacks.append(self._minute)

    def _lift(self) -> None:
        self._lifted = True
        if self._fault.cause == "cache":
            self._world.recorder.unwatch(ActionStarted, self._action)
            if self._fault.clearable:
                self._world.recorder.unwatch(ActionEnded, self._ended)
        self._felt.over()
        self._give_back()

"""Power loss: the plug is pulled, the battery contact slips, a fuse goes.

Models: everything but storage, PIN-pad keys and NVRAM is gone at this instant, in the middle of whatever was under way. Each
volume keeps one legal image under its profile, drawn from the decision that the strike names. Power comes back after
``off_for_us``; with ``repeats`` it goes again while the terminal is still coming up.
Does not model: brown-outs that garble a sector which was not being written (a fault of its own).
Source: domain.md section 7 (articles 0, 2 and 4: 交易中突然断电, 电源不稳); crash images: storage/profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike
from harness.history.events import ActionEnded, MessageDropped, StorageAfterPowerLoss

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


@FAULTS.register("power_loss")
@dataclass(frozen=True, slots=True)
class PowerLoss(Fault):
    """Power goes at once and comes back after ``off_for_us``; storage keeps what its profile allows."""

    kind: ClassVar[str] = "power_loss"
    family: ClassVar[Family] = "power"

    off_for_us: int = 60 * US_PER_SECOND
    repeats: int = 0
    """How many more times power goes, each time ``again_after_us`` after it came back (in the middle of recovery)."""
    again_after_us: int = 200_000

    def inject(self, world: World, station: Station, key: str) -> Strike:
        evidence = _Evidence(world, station)
        self._cut(world, station, key, self.repeats)
        return Strike(evidence.told, detail=f"off for {self.off_for_us / US_PER_SECOND:g} s")

    def _cut(self, world: World, station: Station, key: str, repeats_left: int) -> None:
        if station.powered:
            station.power_cut("power_loss", world.decisions.seed(f"{key}/image/{repeats_left}"))

        def back(_: object) -> None:
            station.power_on()
            if repeats_left > 0:
                again = world.env.timeout(self.again_after_us)
                again.callbacks.append(lambda _: self._cut(world, station, key, repeats_left - 1))

        world.env.timeout(self.off_for_us).callbacks.append(back)


class _Evidence:
    """It has bitten when an action was interrupted, storage lost or tore something, or an awaited message was lost."""

    def __init__(self, world: World, station: Station) -> None:
        self._station = station
        self._text = ""
        self._world = world
        self._until_us = world.now_us
        self._watching = True
        world.recorder.watch(ActionEnded, self._action)
        world.recorder.watch(StorageAfterPowerLoss, self._storage)
        world.recorder.watch(MessageDropped, self._message)

    def told(self) -> str:
        """What the cut did, or empty; asking for it after the instant of the cut ends the watch."""
        if self._watching and self._world.now_us > self._until_us:
            self._watching = False
            self._world.recorder.unwatch(ActionEnded, self._action)
            self._world.recorder.unwatch(StorageAfterPowerLoss, self._storage)
            self._world.recorder.unwatch(MessageDropped, self._message)
        return self._text

    def _note(self, device: str, text: str) -> None:
        if device == self._station.name and not self._text and self._world.now_us == self._until_us:
            self._text = text

    def _action(self, _: int, event: ActionEnded) -> None:
        if event.outcome == "interrupted":
            self._note(event.device, f"action {event.action} was interrupted")

    def _storage(self, _: int, event: StorageAfterPowerLoss) -> None:
        if event.lost + event.torn:
            what = f"{event.lost} lost, {event.torn} torn of {event.pending} pending operations"
            self._note(event.device, f"volume {event.volume}: {what}")

    def _message(self, _: int, event: MessageDropped) -> None:
        if event.reason == "power":
            self._note(event.device, f"message {event.message} was lost with the power")

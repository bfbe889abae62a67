"""Power loss: the plug is pulled, the battery contact slips, a fuse goes.

Models: everything but storage, PIN-pad keys and NVRAM is gone at this instant, in the middle of whatever was under way. Each
volume keeps one legal image under its profile, drawn from the decision that the strike names; at a storage operation it is
drawn whether that operation had begun, so that any part of it that the profile allows may have landed, or none of it. Each
message on its way to the host arrives or is lost, drawn for each. Power comes back after
``off_for_us``; with ``repeats`` it goes again while the terminal is still coming up: at a storage operation of its recovery,
or ``again_after_us`` after power came back when there was no such operation until then.
Does not model: brown-outs that garble a sector which was not being written (a fault of its own).
Source: domain.md section 7 (articles 0, 2 and 4: 交易中突然断电, 电源不稳); crash images: storage/profiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.core.units import US_PER_SECOND
from harness.faults.base import FAULTS, Family, Fault, Strike, require
from harness.faults.tap import call_in_flight, once_begun, tap_storage
from harness.history.events import ActionEnded, MessageDropped, StorageAfterPowerLoss
from harness.storage.calls import BARRIER_KINDS

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World


_BEGUN = 0.5
"""The chance that the storage operation at which power goes had begun."""


@FAULTS.register("power_loss")
@dataclass(frozen=True, slots=True)
class PowerLoss(Fault):
    """Power goes at once and comes back after ``off_for_us``; storage keeps what its profile allows."""

    kind: ClassVar[str] = "power_loss"
    family: ClassVar[Family] = "power"
    instant: ClassVar[bool] = True

    off_for_us: int = 60 * US_PER_SECOND
    repeats: int = 0
    """How many more times power goes, each time after it came back (in the middle of recovery)."""
    again_operation: tuple[int, int] = (1, 6)
    """The storage operation after power came back at which it goes again, drawn from this inclusive range."""
    again_after_us: int = 200_000
    """It goes again at the latest so long after it came back."""

    def __post_init__(self) -> None:
        require(1 <= self.again_operation[0] <= self.again_operation[1], "a range of operations from 1 up")

    def inject(self, world: World, station: Station, key: str) -> Strike:
        outage = _Outage(self, world, station, key)
        detail = f"off for {self.off_for_us / US_PER_SECOND:g} s"
        return Strike(
            lambda: outage.evidence, outage.stop, detail, lambda: outage.over, lambda: outage.strike(self.repeats)
        )


class _Outage:
    """One strike: a cut, power coming back, and further cuts.

    It has bitten when an action or a start was interrupted, storage lost or tore something, or a message was lost with the power.
    """

    def __init__(self, fault: PowerLoss, world: World, station: Station, key: str) -> None:
        self.evidence = ""
        self.over = False
        self._fault = fault
        self._world = world
        self._station = station
        self._key = key
        self._stopped = False

    def stop(self) -> None:
        """No further cuts; if power is out, it still comes back."""
        self._stopped = True

    def strike(self, repeats_left: int) -> None:
        """Power goes now; at a storage operation it is drawn whether that had begun, as far as the medium knows."""
        call = call_in_flight(self._station)
        if call is None or call.kind in BARRIER_KINDS or call.kind == "read":
            # A barrier that has begun and not returned has promised nothing: what is pending may have landed or not.
            self.cut(repeats_left)
        elif self._world.decisions.uniform(f"{self._key}/begun/{repeats_left}", 1.0) < _BEGUN:
            volume, length = call.volume, len(call.volume.log)

            def begun() -> None:
                # A call that was refused, or changes nothing that a log has, leaves nothing under way.
                self.cut(repeats_left, volume.name if len(volume.log) > length else None)

            once_begun(self._station, call, begun)
        else:
            self.cut(repeats_left)

    def cut(self, repeats_left: int, under_way: str | None = None) -> None:
        """Power goes, unless it is out already for another reason, which then says when it returns.

        ``under_way`` names the volume whose last operation had begun and not returned.
        """
        if not self._station.powered:
            self.over = True
            return
        if self._station.starting:
            self._note(self._station.name, "its start was interrupted")
        recorder = self._world.recorder
        recorder.watch(ActionEnded, self._action)
        recorder.watch(StorageAfterPowerLoss, self._storage)
        recorder.watch(MessageDropped, self._message)
        seed = self._world.decisions.seed(f"{self._key}/image/{repeats_left}")
        self._station.power_cut("power_loss", seed, f"{self._key}/messages/{repeats_left}", under_way)
        recorder.unwatch(ActionEnded, self._action)
        recorder.unwatch(StorageAfterPowerLoss, self._storage)
        self._after(self._fault.off_for_us, lambda: self._back(repeats_left))

    def _back(self, repeats_left: int) -> None:
        # A reply that the host sent into the dead line was lost with the power as well, so the watch lasted until now.
        self._world.recorder.unwatch(MessageDropped, self._message)
        self._station.power_on()
        if repeats_left == 0 or self._stopped:
            self.over = True
            return
        self._again(repeats_left - 1)

    def _again(self, repeats_left: int) -> None:
        low, high = self._fault.again_operation
        left = self._world.decisions.integer(
            f"{self._key}/again/{repeats_left}", low, lambda u: low + int(u * (high - low + 1))
        )
        armed = True

        def once() -> None:
            nonlocal armed
            if armed:
                armed = False
                shut()
                if self._stopped:
                    self.over = True
                else:
                    self.strike(repeats_left)

        def before(_: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                once()

        shut = tap_storage(self._station, before)
        self._after(self._fault.again_after_us, once)

    def _after(self, delay_us: int, then: Callable[[], None]) -> None:
        self._world.env.timeout(delay_us).callbacks.append(lambda _: then())

    def _note(self, device: str, text: str) -> None:
        if device == self._station.name and not self.evidence:
            self.evidence = text

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

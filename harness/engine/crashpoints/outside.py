"""What outlives a power cut beside storage, at one instant: history told, host, keys, NVRAM, paper, clock, messages under way.

Models: the instant as a whole, so that nothing is compared with a host or a pad of another moment (double charges and lost
records would be false otherwise). Does not model: the display, RAM, sockets, which go with the power.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import msgspec

from harness.device.hardware import HardwareState
from harness.engine.crashpoints.scene import Scene
from harness.host.acquirer import HostImage


@dataclass(frozen=True, slots=True)
class Underway:
    """A request that has been sent and has not arrived; ``connection`` numbers the one that carries it."""

    message: int
    frame: bytes
    connection: int = 0


@dataclass(frozen=True, slots=True)
class Outside:
    """One instant. ``events`` is how long the tape is; ``host_digest`` stands for what the host remembers."""

    events: int
    hardware: HardwareState
    host: HostImage
    host_digest: bytes
    underway: tuple[Underway, ...]

    def arrivals(self) -> list[tuple[Underway, ...]]:
        """Which of the messages under way may still arrive: behind one that is lost nothing of its connection does.

        Each connection loses on its own account; what arrives does so in the order of sending.
        """
        lanes: dict[int, list[Underway]] = {}
        for each in self.underway:
            lanes.setdefault(each.connection, []).append(each)
        prefixes = ([lane[:arrived] for arrived in range(len(lane) + 1)] for lane in lanes.values())
        return [
            tuple(sorted((each for lane in chosen for each in lane), key=lambda each: each.message))
            for chosen in product(*prefixes)
        ]


class OutsideEye:
    """Looks at a scene; what did not change since the last look is shared with it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._host: HostImage | None = None
        self._host_digest = b""

    def look(self, nvram: bytes | None = None) -> Outside:
        """The instant as it is now; ``nvram`` in place of the memory's content, when a write to it is half done."""
        scene = self._scene
        if self._host is None or self._host_digest != scene.site.digest:
            self._host = scene.acquirer.image()
            self._host_digest = scene.site.digest
        hardware = scene.hardware.snapshot()
        if nvram is not None:
            hardware = HardwareState(hardware.pin_pad, nvram, hardware.slips_left, hardware.rtc)
        underway = tuple(
            Underway(flight.message, flight.frame, connection.number)
            for connection in scene.hardware.link.connections
            for flight in connection.up.flights
            if not flight.settled
        )
        return Outside(scene.tape.count, hardware, self._host, self._host_digest, underway)


def hardware_key(state: HardwareState) -> tuple[bytes, bytes, int, tuple[int, ...]]:
    """A hardware state as something to compare and hash."""
    return msgspec.msgpack.encode(state.pin_pad), state.nvram, state.slips_left, tuple(state.rtc)

"""All of one device: its parts, what power loss does to each, and the facade that each boot's software gets.

Models: which state outlives what. Power loss kills the software's ports, the display, whatever is in flight down the link
and a write that is under way; paper, NVRAM, the PIN pad's keys and the clock stay, storage keeps what its profile allows
(the station works that out). A death of the software alone spares the page cache and closes the sockets.
Does not model: the software (``sut``), the acquirer (``host``), people (``workload``); who joins them is above this room.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import simpy

from harness.contract import CableChanged, CardData, CardPresented, PaperChanged
from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.device.card_reader import CardReader
from harness.device.chip import Chip
from harness.device.cpu import Cpu
from harness.device.facade import DeviceFacade, Peripherals, StationCallbacks
from harness.device.memory import Memory
from harness.device.nvram import Nvram
from harness.device.pin_pad import PinPad, PinPadState
from harness.device.printer import Printer
from harness.device.rtc import Rtc, RtcState
from harness.device.scope import Scope
from harness.device.secrets import Secrets
from harness.device.session import Session
from harness.device.spec import DeviceSpec
from harness.device.text_map import NO_MAP, Readable, TextMap
from harness.history.recorder import Recorder
from harness.network.link import Addresses, Link
from harness.network.ports import Describe, HostEndpoint, Split
from harness.storage.disk import Disk


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all devices of a run share. ``start_us`` is virtual time 0 in microseconds since 1970."""

    env: simpy.Environment
    decisions: Decisions
    recorder: Recorder
    endpoint: HostEndpoint
    split: Split
    describe: Describe
    next_message: Callable[[], int]
    start_us: int = 0
    host_name: str = "acquirer.example"
    host_ip: str = "192.0.2.10"
    host_port: int = 5500

    @property
    def streams(self) -> Streams:
        """Named randomness of the run."""
        return self.decisions.streams


@dataclass(frozen=True, slots=True)
class HardwareState:
    """What outlives power, but for storage and the host: for crash points, which start from one instant's state."""

    pin_pad: PinPadState
    nvram: bytes
    slips_left: int
    rtc: RtcState


class Hardware:
    """One device. ``disk`` is the present process's view; whoever restarts the process replaces it."""

    def __init__(self, spec: DeviceSpec, surroundings: Surroundings, master_key: bytes) -> None:
        env, decisions = surroundings.env, surroundings.decisions
        self.spec = spec
        self.name = spec.name
        self.tid = spec.tid
        self.mid = spec.mid
        self.env = env
        self.powered = False
        self.boots = 0
        self.facade: DeviceFacade | None = None
        self.scope = Scope(spec.name)
        self.printer = Printer(spec.paper_slips, spec.printer)
        self.printer.on_paper = self._paper_changed
        self.card_reader = CardReader(env, spec.name)
        self.pin_pad = PinPad(spec.name, master_key, surroundings.streams)
        self.nvram = Nvram()
        self.secrets = Secrets()
        self.screens, self.slips = Readable(), Readable()
        self.rtc = Rtc(spec.name, surroundings.start_us, spec.rtc_offset_us, spec.rtc_drift_ppm)
        self.memory = Memory(spec.name, spec.memory_budget_bytes)
        self.disk = self._fresh_disk()
        self.link = Link(
            env,
            spec.name,
            spec.link_kind,
            decisions,
            surroundings.recorder,
            surroundings.endpoint,
            surroundings.split,
            surroundings.describe,
            lambda: self.scope.name,
            surroundings.next_message,
            Addresses(surroundings.host_name, surroundings.host_ip, surroundings.host_port, spec.own_ip),
        )
        self.link.on_cable = self._cable_changed
        self._decisions = decisions
        self._recorder = surroundings.recorder

    @classmethod
    def build(cls, spec: DeviceSpec, surroundings: Surroundings, master_key: bytes) -> "Hardware":
        """The device, without power, its volumes freshly formatted, its PIN pad holding ``master_key``."""
        return cls(spec, surroundings, master_key)

    def _fresh_disk(self) -> Disk:
        """The disk as it leaves the factory."""
        if self.spec.disk == "vfs":
            return Disk([volume.build() for volume in self.spec.volumes], now_us=self._now)
        # Loaded only when asked for: pyfakefs takes a tenth of a second to import.
        from harness.storage.pyfakefs_disk import PyfakefsDisk

        disk = PyfakefsDisk(sum(volume.total_bytes for volume in self.spec.volumes), now_us=self._now)
        for volume in self.spec.volumes:
            if volume.mount_point != "/":
                disk.mkdir(volume.mount_point)
        disk.sync()
        # It answers the same calls; what it lacks raises, and has been refused by name before the run.
        return cast(Disk, disk)

    def _now(self) -> int:
        return int(self.env._now)

    # ------------------------------------------------------------ power and software

    def power_on(self) -> None:
        """Power comes on; ``boot`` gives the software its hold on the device."""
        if not self.powered:
            self.powered = True
            self.rtc.power_on(self._now())
            self.link.power_on()

    def boot(
        self, cpu: Cpu, callbacks: StationCallbacks, dead_error: type[BaseException], texts: TextMap = NO_MAP
    ) -> DeviceFacade:
        """The facade for a fresh boot of the software, which waits through ``cpu``. ``texts``: what its texts say."""
        self._end_boot()
        self.boots += 1
        self.memory.booted()
        self.link.dead_error = dead_error
        session = Session(self.name, cpu, self._recorder)
        session.dead_error = dead_error
        session.secrets = self.secrets
        session.texts = texts
        session.screens, session.slips = self.screens, self.slips
        parts = Peripherals(self.card_reader, self.pin_pad, self.printer, self.nvram, self.memory, self.scope)
        self.facade = DeviceFacade(
            session,
            parts,
            callbacks,
            self._decisions,
            tid=self.tid,
            mid=self.mid,
            host_address=(self.link.host_name, self.link.host_port),
            volumes={volume.name: volume.mount_point for volume in self.spec.volumes},
        )
        return self.facade

    def power_lost(self, arrives: Callable[[int], bool] | None = None) -> None:
        """Power goes, at this instant and for everything at once: ports first, so that unwinding software does nothing.

        ``arrives`` decides the fate of messages on their way up, as ``Link.power_lost`` says.
        """
        self.powered = False
        self._end_boot()
        self.disk.kill()
        self.link.power_lost(arrives)
        self.rtc.power_lost()

    def process_died(self) -> None:
        """The software is gone, the device is not: its ports are dead and the kernel closes its files and sockets."""
        self._end_boot()
        self.disk.abandon_process()
        self.link.process_died()

    def _end_boot(self) -> None:
        if self.facade is not None:
            self.facade.kill()
            self.facade = None
        self.card_reader.power_lost()
        self.nvram.stopped(self._now())

    # ------------------------------------------------------------ what the world does to it

    def present_card(self, card: CardData, chip: Chip | None = None) -> None:
        """A customer shows a card; software that is not reading gets an event."""
        if self.powered and not self.card_reader.present(card, chip) and self.facade is not None:
            self.facade.post(CardPresented())

    def wall_us(self, now_us: int) -> int:
        """What the device's clock shows at virtual time ``now_us``."""
        return self.rtc.wall_us(now_us)

    def _paper_changed(self, loaded: bool) -> None:
        if self.facade is not None:
            self.facade.post(PaperChanged(loaded))

    def _cable_changed(self, connected: bool) -> None:
        if self.facade is not None:
            self.facade.post(CableChanged(connected))

    # ------------------------------------------------------------ one instant's state

    def snapshot(self) -> HardwareState:
        """What outlives power at this instant; storage is the volumes' own affair."""
        return HardwareState(
            self.pin_pad.snapshot(), bytes(self.nvram.content), self.printer.slips_left, self.rtc.snapshot()
        )

    def restore(self, state: HardwareState) -> None:
        """Put back what ``snapshot`` gave."""
        self.pin_pad.restore(state.pin_pad)
        self.nvram.content[:] = state.nvram
        self.printer.slips_left = state.slips_left
        self.rtc.restore(state.rtc)

"""A scene: one terminal with its host and its people, with nothing left to chance, from a fresh device or from a cut.

Models: what a run has, by the same parts; every drawn value takes its neutral default (median delays, no declines), so that two
scenes from the same state play alike. The host answers as soon as a request arrives: a cut between arrival and
carrying out would come to the same, as nothing can stop the host any more.
Does not model: other terminals, faults; the crash point is the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING

import simpy

from harness.core.decisions import Decisions
from harness.core.environment import Environment
from harness.core.streams import Streams
from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.device.hardware import Hardware, HardwareState, Surroundings
from harness.device.spec import DeviceSpec
from harness.engine.crashpoints.nvram import WatchedNvram
from harness.engine.crashpoints.tape import Tape
from harness.faults.injector import Injector
from harness.history.events import TerminalInstalled
from harness.host.acquirer import Acquirer, HostImage, Reply
from harness.host.dialects import Dialect
from harness.host.orders import OrderClock
from harness.scenario.build import Built, device_spec, master_key, start_us
from harness.storage.image import Image
from harness.sut.station import Station
from harness.sut.world import World
from harness.workload.behaviour import Behaviour
from harness.workload.merchants import MERCHANTS
from harness.workload.till import Till
from harness.workload.trading import Floor, TradingDays

if TYPE_CHECKING:
    from harness.engine.placing import PlacesOf
    from harness.network.connection import Connection
    from harness.scenario.plan import Plan
    from harness.sut.software import Software

CHAPTER_US = 6 * US_PER_HOUR
"""Virtual time between a cut and the next power-on, so that no time of one chapter is another's."""
DEVICE = "T01"
_NUMBERS_A_CHAPTER = 10_000
_PEOPLE = Behaviour(
    attempts=1,
    settlement_tries=2,
    shows_card_again_percent=0.0,
    presses_key_again_percent=0.0,
    retries_after_unknown_percent=0.0,
    tries_other_card_percent=0.0,
    daily_reboot=False,
    scans_codes_percent=100.0,
)


@dataclass(slots=True)
class WorkedOut:
    """What comes to the same in all scenes of a setting: the device as data, and what its messages say."""

    spec: DeviceSpec | None = None
    dialect: Dialect | None = None

    def device(self, plan: Plan) -> DeviceSpec:
        """The one device of ``plan``."""
        if self.spec is None:
            self.spec = device_spec(plan, DEVICE, 0)
        return self.spec

    def teach(self, dialect: Dialect) -> None:
        """Let a scene's host know what the hosts of scenes before it have read."""
        if self.dialect is None:
            self.dialect = dialect
        dialect.share_reading(self.dialect)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all scenes of one exploration share."""

    plan: Plan
    software: Software
    seed: int
    on_images: bool = False
    """The terminal had traded before the history begins."""
    on_foreign: Callable[[], None] | None = field(default=None, compare=False, repr=False)
    """Told when software asks its PIN pad to open what another pad had sealed."""
    places: PlacesOf | None = field(default=None, compare=False, repr=False)
    """Where the software is at each event, for whoever tells it as a story."""
    worked_out: WorkedOut = field(default_factory=WorkedOut, init=False, compare=False, repr=False)
    """Begun anew with ``replace``: it belongs to this plan."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What is left after a cut: all that a power loss does not take, and one legal image of each volume."""

    images: Mapping[str, Image]
    hardware: HardwareState
    host: HostImage
    host_digest: bytes
    frames: tuple[bytes, ...] = ()
    """Requests that were under way when the power went and arrive after all."""


class PromptSite:
    """``network.HostEndpoint``: each request is carried out on arrival.

    ``busy`` while one is being carried out: what the host remembers then is no state that it could be found in. ``digest``
    stands for all that it remembers: equal when it was asked the same things at the same times.
    """

    def __init__(self, acquirer: Acquirer, env: simpy.Environment, digest: bytes = b"") -> None:
        self.acquirer = acquirer
        self.env = env
        self.digest = digest
        self.busy = False
        self.listening = True
        self.on_handled: Callable[[], None] | None = None
        self._clock = OrderClock(env, acquirer, self._happened)

    def wind(self) -> None:
        """The host was given a memory: what is due in it happens."""
        self._clock.wind()

    def _happened(self) -> None:
        """The host did something by itself."""
        self.digest = blake2b(int(self.env.now).to_bytes(8, "big"), key=self.digest, digest_size=16).digest()
        if self.on_handled is not None:
            self.on_handled()

    def receive(self, connection: Connection, frame: bytes, message: int) -> None:
        """A whole message arrived."""
        reply = self.carry_out(frame)
        if reply.frame is not None:
            connection.reply(reply.frame)
        else:
            connection.leave_unanswered(message, reply.why_silent)

    def carry_out(self, frame: bytes) -> Reply:
        """What a request does to the host, and the answer that it would send."""
        now_us = int(self.env.now)
        self.busy = True
        reply = self.acquirer.handle(frame, now_us)
        self.busy = False
        self._clock.wind()
        self.digest = blake2b(now_us.to_bytes(8, "big") + frame, key=self.digest, digest_size=16).digest()
        if self.on_handled is not None:
            self.on_handled()
        return reply


class Scene:
    """One terminal in chapter ``chapter`` of its life: 0 is the flow recorded, each cut begins another."""

    def __init__(self, setting: Setting, chapter: int = 0, remains: Remains | None = None) -> None:
        plan, seed = setting.plan, setting.seed
        self.setting = setting
        self.chapter = chapter
        self.tape = Tape()
        env = self.env = Environment(initial_time=chapter * CHAPTER_US)
        decisions = Decisions(Streams(seed), {})
        self.acquirer = Acquirer(
            setting.software.speaks,
            self.tape,
            seed.to_bytes(16, "big", signed=True),
            start_date=plan.days.start,
        )
        setting.worked_out.teach(self.acquirer.dialect)
        self.site = PromptSite(self.acquirer, env, b"" if remains is None else remains.host_digest)
        surroundings = Surroundings(
            env,
            decisions,
            self.tape,
            self.site,
            self.acquirer.dialect.split_frames,
            self.acquirer.describe,
            count(chapter * _NUMBERS_A_CHAPTER).__next__,
            start_us(plan.days.start),
        )
        world = World(
            env=env, decisions=decisions, recorder=self.tape, stations=[], acquirer=self.acquirer, start=plan.days.start
        )
        spec = setting.worked_out.device(plan)
        factory_key = master_key(seed, spec.tid)
        hardware = self.hardware = Hardware.build(spec, surroundings, factory_key)
        hardware.nvram = WatchedNvram()
        if setting.on_foreign is not None:
            hardware.pin_pad.on_foreign = setting.on_foreign
        self.acquirer.register_terminal(
            hardware.tid, hardware.mid, DEVICE, factory_key, setting.software.manifest.capture
        )
        if remains is not None:
            self.acquirer.restore(remains.host)
            self.site.wind()
            hardware.restore(remains.hardware)
            hardware.disk = hardware.disk.load(dict(remains.images))
        self.station = Station(world, 0, hardware, setting.software)
        self.station.carry_on(chapter * _NUMBERS_A_CHAPTER, chapter * _NUMBERS_A_CHAPTER)
        world.stations.append(self.station)
        if setting.places is not None:
            setting.places.attend(self.station, self.tape)
        merchant = MERCHANTS.get(plan.merchant_of(0))
        floor = Floor.open(world)
        self.till = Till(world, self.station, merchant, _PEOPLE, floor.witness, presented=chapter * _NUMBERS_A_CHAPTER)
        floor.tills[DEVICE] = self.till
        injector = Injector(world, (), 1, 0, US_PER_DAY)
        self.built = Built(
            plan, setting.software, world, floor, injector, {DEVICE: merchant}, TradingDays(count=chapter)
        )
        self.world = world
        if remains is None:
            self.tape.emit(
                TerminalInstalled(
                    0, DEVICE, hardware.tid, hardware.mid, merchant.name, setting.software.spec,
                    setting.software.speaks.name, plan.device.link,
                )
            )  # fmt: skip

    @property
    def now_us(self) -> int:
        """Virtual time."""
        return self.world.now_us

    def close(self) -> None:
        """The scene is over; its tape can still be read. Thousands of scenes follow, and each would stay in memory."""
        self.station.retire()

    def run_until(self, event: simpy.Event, limit_us: int) -> bool:
        """Let time pass until ``event`` or for ``limit_us``; whether it happened."""
        env = self.env
        env.run(until=env.any_of([event, env.timeout(limit_us)]))
        return event.triggered

    def run_for(self, duration_us: int) -> None:
        """Let time pass."""
        self.env.run(until=self.now_us + duration_us)

    def deliver(self, frames: Sequence[bytes]) -> None:
        """Requests that were under way when the power went arrive after all; nobody is there to hear the answers."""
        for frame in frames:
            self.site.carry_out(frame)

"""A scenario becomes a world: devices, links, the acquirer's site, tills with their people, faults ready to strike.

Why here: devices do not know the host, people do not know storage, and faults know all of them through the world alone.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from types import MappingProxyType
from typing import TextIO

import simpy

from harness.core.decisions import Decisions
from harness.core.environment import Environment
from harness.core.errors import UsageError
from harness.core.streams import Streams
from harness.core.units import US_PER_DAY, US_PER_SECOND
from harness.device.hardware import Hardware, Surroundings
from harness.device.spec import MIB, SYSTEM_VOLUME, DeviceSpec, VolumeSpec
from harness.faults.injector import Injector
from harness.faults.software_update import SoftwareUpdate
from harness.history.events import Diverged, Event, OperatorDid, TerminalInstalled
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.host.holds import Rules
from harness.host.service import HostQueue, ServiceTimes
from harness.scenario.device import refuse_too_small
from harness.scenario.field_data import FieldData
from harness.scenario.host_site import HostSite, Issuers
from harness.scenario.in_service import put_in_service
from harness.scenario.payouts import open_payouts
from harness.scenario.plan import Plan, VolumePlan
from harness.storage.profiles import registry as profiles
from harness.sut.software import Software, previous_release
from harness.sut.station import Station
from harness.sut.world import World
from harness.workload.merchants import MERCHANTS, Merchant
from harness.workload.trading import Floor, TradingDays, start_trading

_SYSTEM_BYTES = 4 * MIB
_MASTER_KEY_BYTES = 16


@dataclass(slots=True)
class Built:
    """A world that has not begun: nothing is powered, nobody trades, no fault is armed."""

    plan: Plan
    software: Software
    world: World
    floor: Floor
    injector: Injector
    merchants: dict[str, Merchant]
    trading_days: TradingDays
    images: Mapping[str, FieldData] = field(default_factory=dict)
    """By device: what it began with, where that was not empty volumes."""
    before: tuple[Event, ...] = ()
    """What the history is told first of all: how things stood before it began."""

    @property
    def days(self) -> int:
        """How many days are traded."""
        return self.plan.days.count

    def open(self) -> None:
        """Power every terminal on, arm the faults, let people come."""
        for event in self.before:
            self.world.recorder.emit(event)
        for station in self.world.stations:
            station.power_on()
        self.injector.arm()
        for station in self.world.stations:
            start_trading(
                self.world, station, self.merchants[station.name], self.trading_days, self.plan.people, self.floor
            )


def build(
    plan: Plan,
    software: Software,
    seed: int,
    recorder: Recorder,
    spill: TextIO | None = None,
    images: Mapping[str, FieldData] = MappingProxyType({}),
) -> Built:
    """The world of ``plan`` with ``software`` on every terminal. Drawn values are written to ``spill``, when given.

    ``images``: by device, what it begins with instead of empty volumes.
    """
    refuse_what_the_disk_lacks(plan)
    refuse_too_small(plan, software.manifest)
    env = Environment()
    decisions = Decisions(Streams(seed), plan.decisions, spill, draws_missing=plan.unpinned == "drawn")
    decisions.on_divergence = lambda key: _diverged(recorder, env, key)
    names = plan.station_names()
    merchants = {name: MERCHANTS.get(plan.merchant_of(place)) for place, name in enumerate(names)}
    acquirer = _acquirer(plan, software, seed, recorder, decisions, [merchants[name] for name in names])
    surroundings = Surroundings(
        env,
        decisions,
        recorder,
        HostSite(env, acquirer, HostQueue(_service_times(plan)), decisions),
        acquirer.dialect.split_frames,
        acquirer.describe,
        count().__next__,
        start_us(plan.days.start),
    )
    world = World(
        env=env, decisions=decisions, recorder=recorder, stations=[], acquirer=acquirer, start=plan.days.start
    )
    before: list[Event] = []
    previous = previous_release(software) if _updates(plan) else software
    for place, name in enumerate(names):
        hardware = build_hardware(plan, name, place, seed, surroundings)
        acquirer.register_terminal(
            hardware.tid, hardware.mid, name, master_key(seed, hardware.tid), software.manifest.capture
        )
        if name in images:
            hardware.disk = hardware.disk.load(dict(images[name].images))
        world.stations.append(Station(world, place, hardware, software))
        recorder.emit(
            TerminalInstalled(
                0, name, hardware.tid, hardware.mid, merchants[name].name, software.spec,
                software.speaks.name, plan.device.link,
            )
        )  # fmt: skip
        world.stations[place].releases["previous"] = previous
        if plan.release == "previous":
            before.append(_begin_with(world.stations[place], previous))
        if name in images:
            before.extend(put_in_service(world.stations[place], images[name], seed, master_key(seed, hardware.tid)))
    trading_days = TradingDays(
        plan.days.count,
        plan.days.open_us,
        plan.days.close_us,
        plan.sales_per_day,
        None if plan.only_intents is None else frozenset(plan.only_intents),
        plan.surge,
        plan.actions,
    )
    injector = _injector(plan, world, trading_days, list(merchants.values()))
    floor = Floor.open(world)
    floor.trace_number = plan.trace_number
    if plan.funds is not None:
        open_payouts(plan.funds, world, floor, plan.days.count)
    return Built(plan, software, world, floor, injector, merchants, trading_days, images, tuple(before))


def refuse_what_the_disk_lacks(plan: Plan) -> None:
    """UsageError naming everything that the scenario needs and the second disk (pyfakefs) does not have."""
    if plan.disk != "pyfakefs":
        return
    volumes = plan.device.volumes
    lacking = [f"volume {volume.name!r}: one volume is all it has" for volume in volumes[1:]]
    for volume in volumes:
        if volume.inode_limit is not None:
            lacking.append(f"volume {volume.name!r}: inode_limit")
        profile = volume.profile or plan.profile
        if profile not in _CUTS_AT_FSYNC:
            lacking.append(
                f"profile {profile!r}: a power cut keeps exactly what was synced ({' or '.join(_CUTS_AT_FSYNC)})"
            )
    for fault in plan.faults:
        if "pyfakefs" in fault.fault.unsupported_disks:
            lacking.append(f"fault {fault.name!r} ({fault.fault.kind}): media faults")
        if fault.trigger.storage_operation is not None:
            lacking.append(f"fault {fault.name!r}: strikes at a storage operation")
        if fault.trigger.fill_percent is not None:
            lacking.append(f"fault {fault.name!r}: strikes at a fill level")
    if lacking:
        raise UsageError(
            f"{plan.name}: --disk pyfakefs cannot give what this scenario needs; run it on the default disk\n  "
            + "\n  ".join(lacking)
        )


_CUTS_AT_FSYNC = ("posix-weak", "ext4-ordered")
"""Profiles of which "exactly what was synced" is one legal image."""


# ---------------------------------------------------------------- parts


def _updates(plan: Plan) -> bool:
    """Whether the release before the one under test has a part in it."""
    return plan.release == "previous" or any(isinstance(each.fault, SoftwareUpdate) for each in plan.faults)


def _begin_with(station: Station, previous: Software) -> Event:
    """The station runs the release before the one under test; an update brings that."""
    station.software = previous
    told = f"{previous.name} {previous.manifest.version} is installed, the release before the one under test"
    return OperatorDid(0, station.name, told)


def _acquirer(
    plan: Plan, software: Software, seed: int, recorder: Recorder, decisions: Decisions, merchants: list[Merchant]
) -> Acquirer:
    declines = plan.host.decline_percent
    issuers = Issuers(
        decisions,
        tuple(merchant.decline_percent if declines is None else declines for merchant in merchants),
        plan.host.partial_percent,
        plan.people.confirms_codes_percent,
        plan.people.leaves_unconfirmed_percent,
    )
    return Acquirer(
        software.speaks,
        recorder,
        seed.to_bytes(16, "big", signed=True),
        start_date=plan.days.start,
        decide=issuers.decide,
        rules=_rules(plan, software),
        part=issuers.part if plan.host.partial_percent else None,
        payer=issuers.confirms_after_us,
    )


def _rules(plan: Plan, software: Software) -> Rules:
    """The acquirer's rules: the scenario's, and where it says nothing of limits the dialect file's."""
    host, dialect = plan.host, software.speaks.rules
    amount_fen, count = host.amount_limit_fen, host.count_limit
    if dialect is not None:
        amount_fen = dialect.amount_limit_fen if amount_fen is None else amount_fen
        count = dialect.count_limit if count is None else count
    return Rules(host.hold_us, amount_fen, count, host.trusts_completions, host.trusts_codes)


def _service_times(plan: Plan) -> ServiceTimes:
    host = plan.host
    return ServiceTimes(
        workers=host.workers,
        median_us=host.latency_median_us,
        p99_us=host.latency_p99_us,
        no_reply_probability=host.no_reply_percent / 100.0,
    )


def build_hardware(plan: Plan, name: str, place: int, seed: int, surroundings: Surroundings) -> Hardware:
    """The device at ``place`` (from 0), without power, as it leaves the factory."""
    spec = device_spec(plan, name, place)
    return Hardware.build(spec, surroundings, master_key(seed, spec.tid))


def device_spec(plan: Plan, name: str, place: int) -> DeviceSpec:
    """The hardware of the device at ``place`` (from 0), as data."""
    tid = f"{10_000_001 + place:08d}"
    mid = f"{104_110_000_000_001 + place:015d}"
    paper = plan.device.paper_slips
    return DeviceSpec(
        name,
        tid,
        mid,
        _volumes(plan),
        plan.device.ram_bytes,
        plan.device.link,
        paper_slips=1 << 30 if paper is None else paper,
        own_ip=f"10.{place // 65_536}.{place // 256 % 256}.{place % 256}",
        disk="pyfakefs" if plan.disk == "pyfakefs" else "vfs",
    )


def _volumes(plan: Plan) -> tuple[VolumeSpec, ...]:
    """The scenario's volumes, and a system volume at the root when it names none."""
    planned = plan.device.volumes
    if all(volume.name != SYSTEM_VOLUME for volume in planned):
        planned = (VolumePlan(SYSTEM_VOLUME, _SYSTEM_BYTES), *planned)
    specs = []
    for volume in planned:
        profile = volume.profile or plan.profile
        profiles.get(profile)
        specs.append(
            VolumeSpec.on(
                volume.medium,
                volume.name,
                volume.size_bytes,
                block_size_bytes=volume.block_bytes,
                inode_limit=volume.inode_limit,
                partial_writes=volume.partial_writes,
                profile=profile,
                directory_blocks=volume.directory_blocks,
                erase_block_bytes=volume.erase_block_bytes,
                program_bytes=volume.program_bytes,
                endurance_cycles=volume.endurance_cycles,
            )
        )
    return tuple(specs)


def _injector(plan: Plan, world: World, days: TradingDays, merchants: list[Merchant]) -> Injector:
    known = {station.name for station in world.stations}
    for fault in plan.faults:
        if isinstance(fault.devices, tuple):
            missing = [device for device in fault.devices if device not in known]
            if missing:
                raise UsageError(
                    f"fault {fault.name!r} names {', '.join(missing)}, but only {len(known)} terminals run"
                )
    # Faults strike while every shop is open; shops that open earlier or close later are spared nothing that matters.
    open_us = max(days.hours(merchant).open_us for merchant in merchants)
    close_us = min(days.hours(merchant).close_us for merchant in merchants)
    if open_us >= close_us:
        open_us, close_us = 0, US_PER_DAY
    return Injector(world, plan.faults, plan.days.count, open_us, close_us)


def master_key(seed: int, tid: str) -> bytes:
    """What the factory put into the PIN pad, and the acquirer knows."""
    return blake2b(f"master/{seed}/{tid}".encode(), digest_size=_MASTER_KEY_BYTES).digest()


def start_us(start: datetime.date) -> int:
    """Local midnight of the first day in microseconds since 1970; the devices' zone is UTC+8 (China has one zone)."""
    days = start.toordinal() - datetime.date(1970, 1, 1).toordinal()
    return days * US_PER_DAY - 8 * 3600 * US_PER_SECOND


def _diverged(recorder: Recorder, env: simpy.Environment, key: str) -> None:
    recorder.emit(Diverged(int(env.now), key))

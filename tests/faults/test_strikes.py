"""What single strikes do to the medium: how much, how long, and what of it is gone once they are lifted or used up."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

import pytest

from harness.core.units import US_PER_MINUTE
from harness.faults.base import Fault, FaultPlan, Strike
from harness.faults.corrupt_read import CorruptReadFault
from harness.faults.fsync_failure import FsyncFailure
from harness.faults.full_storage import FullStorage
from harness.faults.latency_drift import LatencyDriftFault
from harness.faults.on_volume import volume_of
from harness.faults.shrink_capacity import ShrinkCapacity
from harness.faults.slow_with_fill import SlowWithFillFault
from harness.faults.stale_backup import StaleBackup
from harness.faults.storage_error import StorageError
from harness.storage.conditions import LatencyDrift, SlowWithFill
from harness.storage.media import media_of
from harness.storage.unreadable import lose_sectors
from harness.sut.station import Station
from harness.sut.world import World
from tests.faults.fault_bench import HOUR_US, SMALL, run
from tests.faults.test_bites import NOON, TINY, _stored


@pytest.fixture(scope="module")
def world() -> World:
    """A world that is at rest after a day with one sale."""
    found = run(replace(SMALL, terminals=1, sales_per_day=1)).built.world
    found.decisions.spill = None  # the run's file is closed
    return found


@pytest.fixture
def station(world: World) -> Station:
    _stored(world.stations[0].hardware.disk, "/data/x", b"0" * 64)
    return world.stations[0]


@pytest.mark.parametrize("cause", ["cache", "update"])
def test_what_grows_stops_growing_when_it_is_lifted_and_gives_all_of_it_back(cause: str) -> None:
    fault = FullStorage(cause=cause, step_bytes=256 * 1024)  # type: ignore[arg-type]
    outcome = run(TINY, FaultPlan("f", fault, NOON, lift_after_us=HOUR_US))
    assert outcome.struck("f") == 2
    for each in outcome.built.world.stations:
        volume = volume_of(each, "data")
        assert (volume.foreign_blocks, media_of(volume).conditions) == (0, [])


def test_an_update_grows_by_a_step_a_minute_until_it_is_lifted(world: World, station: Station) -> None:
    volume = volume_of(station, "data")
    strike = FullStorage(cause="update", step_bytes=8192).inject(world, station, "k")
    grown = []
    for minutes in (0, 1, 2):
        world.env.run(until=world.env.now + minutes * US_PER_MINUTE + 1)
        grown.append(volume.foreign_blocks * volume.block_size_bytes // 8192)
    strike.lift()
    world.env.run(until=world.env.now + 5 * US_PER_MINUTE)
    assert grown == [1, 2, 4] and volume.foreign_blocks == 0


def meet(station: Station, call: str) -> None:
    disk = station.hardware.disk
    descriptor = disk.open("/data/x", os.O_RDWR)
    try:
        if call == "read":
            disk.pread(descriptor, 8, 0)
        else:
            disk.pwrite(descriptor, b"11", 0)
            disk.fsync(descriptor)
    except OSError as error:
        assert error.errno == errno.EIO
    disk.close(descriptor)


ONCE: list[tuple[Fault, str, bool]] = [
    (FsyncFailure(), "write", True),
    (CorruptReadFault(), "read", True),
    (StorageError(on="write"), "write", True),
    (StorageError(on="write", until_lifted=True), "write", False),
]


@pytest.mark.parametrize(("fault", "call", "spent"), ONCE, ids=lambda each: str(getattr(each, "kind", each)))
def test_what_strikes_one_call_is_over_with_it(
    world: World, station: Station, fault: Fault, call: str, spent: bool
) -> None:
    strike: Strike = fault.inject(world, station, "k")
    assert not strike.spent() and strike.evidence() == ""
    meet(station, call)
    assert strike.spent() == spent and strike.evidence()
    strike.lift()
    assert not media_of(volume_of(station, "data")).conditions


def test_parameters_reach_the_medium(world: World, station: Station) -> None:
    volume = volume_of(station, "data")
    blocks = volume.total_blocks
    strikes = [fault.inject(world, station, "k") for fault in (SlowWithFillFault(slower=7.0), LatencyDriftFault())]
    slow, drift = media_of(volume).conditions
    assert isinstance(slow, SlowWithFill) and (slow.from_fill_percent, slow.full_percent) == (50, 700)
    assert isinstance(drift, LatencyDrift) and (drift.more_per_day_percent, drift.most_percent) == (100, 2000)
    strikes.append(ShrinkCapacity(remaining_percent=25.0).inject(world, station, "k"))
    assert volume.total_blocks == blocks // 4
    for each in strikes:
        each.lift()
    assert volume.total_blocks == blocks and not media_of(volume).conditions


def test_the_backup_that_is_put_back_is_the_latest_and_not_the_first(world: World, station: Station) -> None:
    striker = StaleBackup(every_us=HOUR_US).prepare(world, station)
    for content in (b"first", b"second", b"third"):
        _stored(station.hardware.disk, "/data/x", content)
        world.env.run(until=world.env.now + HOUR_US - 1_000_000)
    _stored(station.hardware.disk, "/data/x", b"fourth")
    strike = striker("k")
    assert strike.detail == "/data: as it was 1.0 h before"
    station.power_cut("test", 1)
    strike.begin()
    descriptor = station.hardware.disk.open("/data/x", os.O_RDONLY)
    assert station.hardware.disk.read(descriptor, 64).startswith(b"third")


def test_a_call_on_a_bad_sector_is_told_in_the_history_whether_it_reads_or_writes(
    world: World, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        volume_of(station, "data"),
        "witness",
        type("Told", (), {"failed": staticmethod(lambda call, *rest: told.append((call, errno.errorcode[rest[-1]])))}),
    )
    lose_sectors(station.hardware.disk, "/data/x", 0, 64)
    meet(station, "read")
    meet(station, "write")
    assert told == [("read", "EIO"), ("write", "EIO")]

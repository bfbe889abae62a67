"""What a scenario says reaches the world that is built: each key is read back from the device, the host or the people."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from harness.core.decisions import Decisions
from harness.core.errors import UsageError
from harness.core.streams import Streams
from harness.faults.base import FaultPlan
from harness.faults.crash import Crash
from harness.history.events import Diverged, Event
from harness.history.recorder import Recorder
from harness.host.service import ServiceTimes
from harness.iso8583.keys import WorkingKeys
from harness.scenario.build import Built, build
from harness.scenario.host_site import DECLINES, HostSite, Issuers
from harness.scenario.plan import DaysPlan, DevicePlan, HostPlan, MerchantShare, Plan, VolumePlan
from harness.sut import software
from harness.terminals.catalogue import CATALOGUE
from harness.workload.behaviour import Behaviour
from tests.host.host_client import Client

SOFTWARE = software.load("reference", {name: each.spec for name, each in CATALOGUE.items()}, share_modules=True)
KIB = 1024


def built(plan: Plan | None = None, seed: int = 1, recorder: Recorder | None = None, **changes: object) -> Built:
    plan = replace(plan or Plan("x"), **changes)  # type: ignore[arg-type]
    return build(plan, SOFTWARE, seed, recorder or Recorder())


def site_of(world: Built) -> HostSite:
    site = world.world.stations[0].hardware.link.endpoint
    assert isinstance(site, HostSite)
    return site


def test_volumes_are_as_the_scenario_says() -> None:
    volumes = (
        VolumePlan("data", 512 * KIB, 2 * KIB, "fat", inode_limit=17, partial_writes=False),
        VolumePlan("cache", 256 * KIB, 1 * KIB),
    )
    world = built(profile="posix-weak", device=DevicePlan(volumes=volumes))
    station = world.world.stations[0]
    specs = {spec.name: spec for spec in station.hardware.spec.volumes}
    assert list(specs) == ["system", "data", "cache"]
    assert [specs[name].mount_point for name in specs] == ["/", "/data", "/cache"]
    data, cache = specs["data"], specs["cache"]
    assert (data.total_bytes, data.block_size_bytes, data.inode_limit, data.partial_writes) == (
        512 * KIB,
        2 * KIB,
        17,
        False,
    )
    assert (cache.total_bytes, cache.block_size_bytes, cache.inode_limit, cache.partial_writes) == (
        256 * KIB,
        KIB,
        None,
        True,
    )
    profiles = {name: profile.name for name, profile in station.durability.profiles.items()}
    assert profiles == {"system": "posix-weak", "data": "fat", "cache": "posix-weak"}
    sizes = {volume.name: (volume.total_blocks, volume.block_size_bytes) for volume in station.hardware.disk.volumes}
    assert sizes["data"] == (256, 2 * KIB)


@pytest.mark.parametrize("profile", ["posix-weak", "ext4-ordered", "fat"])
def test_the_scenario_s_profile_is_every_volume_s(profile: str) -> None:
    station = built(profile=profile).world.stations[0]
    assert {each.name for each in station.durability.profiles.values()} == {profile}


def test_a_profile_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="posix-weka"):
        built(profile="posix-weka")


def test_the_device_is_as_the_scenario_says() -> None:
    device = DevicePlan(ram_bytes=7 * KIB * KIB, link="gprs", paper_slips=33)
    hardware = built(device=device).world.stations[0].hardware
    assert hardware.spec.memory_budget_bytes == 7 * KIB * KIB
    assert hardware.spec.link == "gprs"
    assert (hardware.printer.slips_left, hardware.printer.roll_slips) == (33, 33)
    endless = built(device=DevicePlan(paper_slips=None)).world.stations[0].hardware
    assert endless.printer.slips_left > 10**9


def test_the_second_disk_is_put_in_when_asked_for() -> None:
    assert built(disk="pyfakefs", profile="posix-weak").world.stations[0].hardware.spec.disk == "pyfakefs"
    assert built().world.stations[0].hardware.spec.disk == "vfs"


def test_every_terminal_is_another_one_to_the_host() -> None:
    stations = built(terminals=300).world.stations
    assert len({station.tid for station in stations}) == 300
    assert len({station.mid for station in stations}) == 300
    assert len({station.hardware.spec.own_ip for station in stations}) == 300
    assert [station.name for station in stations[:2]] == ["T01", "T02"]
    keys = {station.hardware.pin_pad.snapshot().master for station in stations[:20]}
    assert len(keys) == 20


def test_another_seed_gives_other_keys() -> None:
    one, other = (built(seed=seed).world.stations[0].hardware.pin_pad.snapshot().master for seed in (1, 2))
    assert one != other


def test_the_host_s_working_keys_are_those_of_the_run_s_seed() -> None:
    def signed_on(seed: int) -> tuple[bytes, bytes]:
        world = built(seed=seed).world
        station = world.stations[0]
        client = Client(world.acquirer, station.tid, station.mid, station.hardware.pin_pad.snapshot().master)
        keys = WorkingKeys.parse(client.sign_on().binary(62))  # type: ignore[no-untyped-call]
        # Unwrapped: another master key alone would make other cryptograms of the same keys.
        return keys.mac_key.unwrap(client.master), keys.pin_key.unwrap(client.master)

    one, same, other = signed_on(1), signed_on(1), signed_on(2)
    assert one == same
    assert one[0] != other[0] and one[1] != other[1] and one[0] != one[1]


def test_merchants_are_dealt_out_by_their_shares() -> None:
    world = built(terminals=4, merchants=(MerchantShare("convenience", 3.0), MerchantShare("restaurant", 1.0)))
    assert [merchant.name for merchant in world.merchants.values()] == ["convenience"] * 3 + ["restaurant"]


def test_days_and_volume_are_the_scenario_s() -> None:
    world = built(days=DaysPlan(5, open_us=11, close_us=22), sales_per_day=77.0, only_intents=(3, 4))
    days = world.trading_days
    assert (days.count, days.open_us, days.close_us) == (5, 11, 22)
    assert (days.sales_per_day, days.only_intents) == (77.0, frozenset({3, 4}))
    assert world.days == 5


def test_the_clock_begins_at_local_midnight_of_the_first_day() -> None:
    start = datetime.date(2027, 12, 31)
    world = built(days=DaysPlan(start=start))
    wall = datetime.datetime.fromtimestamp(
        world.world.stations[0].hardware.rtc.wall_us(0) / 1e6, datetime.timezone(datetime.timedelta(hours=8))
    )
    assert wall == datetime.datetime(2027, 12, 31, tzinfo=wall.tzinfo)
    assert world.world.start == start
    assert world.world.acquirer.dialect.start_date == start


def test_the_host_is_as_the_scenario_says() -> None:
    host = HostPlan(latency_median_us=1_000, latency_p99_us=9_000, no_reply_percent=12.5)
    assert site_of(built(host=host)).queue.times == ServiceTimes(
        median_us=1_000, p99_us=9_000, no_reply_probability=0.125
    )


def declined_percent(world: Built, station: int = 0) -> float:
    issuers = world.world.acquirer.bank.decide
    answers = [issuers(f"{station:04d}{number:07d}", 100, "6200000000000000") for number in range(2_000)]
    return 100.0 * sum(code != "00" for code in answers) / len(answers)


def test_as_many_cards_are_declined_as_the_scenario_or_the_merchant_says() -> None:
    for percent in (0.0, 20.0, 100.0):
        assert abs(declined_percent(built(host=HostPlan(decline_percent=percent))) - percent) < 3.0
    world = built(terminals=2, merchants=(MerchantShare("convenience"), MerchantShare("petrol")))
    for place, merchant in enumerate(world.merchants.values()):
        assert declined_percent(world, place) > 0.0
        assert abs(declined_percent(world, place) - merchant.decline_percent) < 2.0


def test_a_fault_on_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"fault 'c' names T09, but only 2 terminals run"):
        built(terminals=2, faults=(FaultPlan("c", Crash(), devices=("T01", "T09")),))


def test_pins_are_what_is_decided_and_a_missing_one_is_in_the_history() -> None:
    diverged: list[Event] = []
    recorder = Recorder()
    recorder.watch(Diverged, lambda _, event: diverged.append(event))
    world = built(decisions={"known": 0.125}, recorder=recorder)
    assert world.world.decisions.uniform("known") == 0.125
    assert diverged == []
    assert world.world.decisions.uniform("gone", 0.5) == 0.5
    assert diverged == [Diverged(0, "gone")]


def test_nothing_is_powered_before_the_world_is_opened_and_everything_is_armed_then() -> None:
    world = built(terminals=2, faults=(FaultPlan("c", Crash()),), people=Behaviour(restarts_per_day=1.0))
    assert not any(station.powered for station in world.world.stations)
    assert world.injector.tallies == []
    world.open()
    assert all(station.powered for station in world.world.stations)
    assert [tally.name for tally in world.injector.tallies] == ["c"]
    assert set(world.floor.tills) == {"T01", "T02"}
    assert all(till.behaviour.restarts_per_day == 1.0 for till in world.floor.tills.values())


# ---------------------------------------------------------------- issuers


def test_a_retransmission_gets_the_answer_that_it_had() -> None:
    issuers = Issuers(Decisions(Streams(1)), (50.0,))
    tokens = [f"0000{number:07d}" for number in range(200)]
    first = [issuers.decide(token, 100, "62") for token in tokens]
    assert [issuers.decide(token, 100, "62") for token in tokens] == first
    assert len(set(first)) > 2


def test_declines_have_their_shares() -> None:
    issuers = Issuers(Decisions(Streams(1)), (100.0,))
    codes = [issuers.decide(f"0000{number:07d}", 100, "62") for number in range(4_000)]
    for code, percent in DECLINES:
        assert abs(100.0 * codes.count(code) / len(codes) - percent) < 3.0


@pytest.mark.parametrize("token", ["", "000", "0001", "99990000001", "abcd0000001"])
def test_a_card_that_nobody_issued_is_declined(token: str) -> None:
    assert Issuers(Decisions(Streams(1)), (0.0,)).decide(token, 100, "62") == "14"

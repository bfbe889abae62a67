"""What outlives a cut, a crash and a restart, and what must not: anything that is kept too long makes every verdict kinder."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.device.spec import MIB, VolumeSpec
from harness.history.events import ActionEnded, StorageAfterPowerLoss
from harness.storage.disk import Disk
from harness.storage.oplog import ROOT_INODE, Close, Link, Op, SyncVolume, Write
from harness.storage.profiles import registry
from harness.storage.volume import Volume
from harness.sut.durability import FOLD_AT_OPERATIONS, Durability
from harness.sut.station import InitPolicy
from tests.sut.rig import Rig

SECOND_US = 1_000_000

# ---------------------------------------------------------------- volumes


def files(first: int, count: int) -> list[Op]:
    """Operations that make ``count`` files, none of them synced."""
    made: list[Op] = []
    for number in range(first, first + count):
        made += [Link(ROOT_INODE, f"f{number}", 2 + number, 0o100644), Write(2 + number, 0, b"x", 0)]
    return made


def medium(profile: str) -> tuple[Durability, Disk, Volume]:
    volume = VolumeSpec("data", "/", MIB, profile=profile).build()
    return Durability({"data": registry.get(profile)}), Disk([volume], now_us=lambda: 0), volume


def most_lost(durability: Durability, disk: Disk) -> int:
    """How many of the operations in the log some cut loses."""
    (at_cut,) = durability.at_cut(disk)
    return max(
        len(at_cut.profile.draw(at_cut.base, at_cut.log, random.Random(seed)).lost_indices) for seed in range(16)
    )


def test_however_long_the_log_grows_what_was_not_synced_can_be_lost() -> None:
    durability, disk, volume = medium("posix-weak")
    volume.log += files(0, FOLD_AT_OPERATIONS)
    durability.fold(disk, 0)
    assert len(volume.log) == 2 * FOLD_AT_OPERATIONS
    assert most_lost(durability, disk) > FOLD_AT_OPERATIONS // 2


def test_what_was_synced_leaves_the_log_and_stays_in_the_base() -> None:
    durability, disk, volume = medium("posix-weak")
    volume.log += [*files(0, FOLD_AT_OPERATIONS), SyncVolume(), *files(FOLD_AT_OPERATIONS, 3)]
    durability.fold(disk, 0)
    assert len(volume.log) == 6
    assert len(durability.base(volume).tree()) >= FOLD_AT_OPERATIONS
    assert most_lost(durability, disk) > 0


@pytest.mark.parametrize("profile", ["littlefs", "raw-slots", "battery-ram", "yaffs2"])
def test_what_returned_leaves_the_log_where_each_call_is_durable(profile: str) -> None:
    """Software that never syncs keeps its files there, and the history of its day does not grow for ever."""
    durability, disk, volume = medium(profile)
    for day in range(3):
        volume.log += files(day * FOLD_AT_OPERATIONS, FOLD_AT_OPERATIONS)
        if profile != "raw-slots" and profile != "battery-ram":
            volume.log += [Close(2 + day * FOLD_AT_OPERATIONS + number) for number in range(FOLD_AT_OPERATIONS)]
        durability.fold(disk, day)
        assert len(volume.log) <= 2
        assert len(durability.base(volume).tree()) == (day + 1) * FOLD_AT_OPERATIONS
    volume.log += [Link(ROOT_INODE, "last", 9_999, 0o100644)]
    (account,) = durability.cut(disk, 1, 3)[1]
    assert account.pending > 0 and account.lost == account.torn == 0


def test_an_open_file_stays_in_the_log_where_content_waits_for_its_close() -> None:
    durability, disk, volume = medium("littlefs")
    volume.log += files(0, FOLD_AT_OPERATIONS)
    for moment in range(3):
        durability.fold(disk, moment)
        assert FOLD_AT_OPERATIONS <= len(volume.log) <= 2 * FOLD_AT_OPERATIONS + 1
    (at_cut,) = durability.at_cut(disk)
    found = [at_cut.profile.draw(at_cut.base, at_cut.log, random.Random(seed)).image.tree() for seed in range(8)]
    assert {len(tree) for tree in found} == {FOLD_AT_OPERATIONS} and any(b"" in tree.values() for tree in found)


def test_the_kernel_writes_back_after_its_time_and_not_before() -> None:
    durability, disk, volume = medium("ext4-ordered")
    volume.log += files(0, 4)
    durability.fold(disk, 0)
    durability.fold(disk, 59 * SECOND_US)
    assert most_lost(durability, disk) > 0
    durability.fold(disk, 61 * SECOND_US)
    assert most_lost(durability, disk) == 0


def test_the_age_of_what_was_folded_is_not_passed_on_to_what_comes_after() -> None:
    durability, disk, volume = medium("ext4-ordered")
    volume.log += [*files(0, FOLD_AT_OPERATIONS), SyncVolume()]
    durability.fold(disk, 0)
    assert not volume.log
    volume.log += files(FOLD_AT_OPERATIONS, 4)
    durability.fold(disk, 61 * SECOND_US)
    assert most_lost(durability, disk) > 0


def test_the_age_of_what_was_there_before_a_cut_is_not_passed_on_either() -> None:
    durability, disk, volume = medium("ext4-ordered")
    volume.log += files(0, 8)
    durability.fold(disk, 0)
    images, _ = durability.cut(disk, 1, SECOND_US)
    fresh = disk.load(images)
    (mounted,) = fresh.volumes
    mounted.log += files(100, 4)
    durability.fold(fresh, 61 * SECOND_US)
    assert most_lost(durability, fresh) > 0


def test_a_second_cut_starts_from_what_the_first_left() -> None:
    durability, disk, volume = medium("posix-weak")
    volume.log += [*files(0, FOLD_AT_OPERATIONS), SyncVolume()]
    durability.fold(disk, 0)
    volume.log += [*files(FOLD_AT_OPERATIONS, 2), SyncVolume()]
    images, _ = durability.cut(disk, 1, 0)
    fresh = disk.load(images)
    again, accounts = durability.cut(fresh, 2, 0)
    (account,) = accounts
    assert (account.pending, account.lost, account.torn) == (0, 0, 0)
    first, second = images["data"], again["data"]
    assert set(first.files) == set(second.files)
    assert len(second.files) == FOLD_AT_OPERATIONS + 2


# ---------------------------------------------------------------- stations

UNSYNCED = """
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action):
            with open("/data/journal", "ab") as file:
                file.write(b"r")
            return Approved("000001")
    """


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_neither_a_restart_nor_a_crash_makes_anything_durable(tmp_path: Path, how: str) -> None:
    kept = set()
    for seed in range(6):
        rig = Rig(tmp_path, UNSYNCED).start()
        rig.act()
        if how == "restart":
            rig.station.restart("support restarted it")
        else:
            rig.station.crash("exception", "test")
        rig.run(10)
        assert rig.station.ready and rig.files()["/data/journal"] == b"r"
        rig.station.power_cut("plug", seed)
        (told,) = [each for each in rig.of(StorageAfterPowerLoss) if each.volume == "data"]  # type: ignore[attr-defined]
        assert told.pending > 0  # type: ignore[attr-defined]
        kept.add(rig.files().get("/data/journal", b""))
    assert b"" in kept


WAITING = """
    class App(Terminal):
        manifest = Manifest(name="app")
        def sale(self, action):
            import time
            time.sleep(60)
            return Approved("000001")
    """


def test_a_cut_ends_the_action_under_way_at_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path, WAITING).start()
    pending = rig.act(seconds=5)
    assert not pending.done.triggered
    rig.station.power_cut("plug", 1)
    rig.run(1)
    assert pending.done.triggered and pending.done.value is None
    assert [(each.action, each.outcome) for each in rig.of(ActionEnded)] == [(1, "interrupted")]  # type: ignore[attr-defined]
    rig.station.power_on()
    rig.run(1)
    assert rig.station.ready, "what the cut ended does not keep the next boot from work"


DIES_WHEN_IDLE = """
    class App(Terminal):
        manifest = Manifest(name="app")
        idle_timeout_s = 1.0
        def idle(self): raise RuntimeError("idle")
        def sale(self, action): return Approved("000001")
    """


def test_coming_up_alone_does_not_keep_a_boot_loop_going(tmp_path: Path) -> None:
    rig = Rig(tmp_path, DIES_WHEN_IDLE, init=InitPolicy(boot_limit=3)).start()
    rig.run(600)
    assert len(rig.deaths()) == 3
    assert rig.station.gave_up
    rig.station.restart("support restarted it")
    assert not rig.station.gave_up
    rig.run(600)
    assert len(rig.deaths()) == 6, "a restart by people begins the count anew"


def test_an_action_that_was_done_begins_the_count_anew(tmp_path: Path) -> None:
    rig = Rig(tmp_path, DIES_WHEN_IDLE, init=InitPolicy(boot_limit=3, restart_delay_us=SECOND_US)).start(0.5)
    for _ in range(4):
        rig.act(seconds=2.5)
    assert len(rig.deaths()) >= 4 and not rig.station.gave_up


GLOBAL = """
    SEEN = []
    class App(Terminal):
        manifest = Manifest(name="app")
        cache = []
        def boot(self):
            print(len(SEEN), len(self.cache))
            SEEN.append(1); self.cache.append(1)
        def sale(self, action): return Approved("000001")
    """


def test_no_global_and_no_class_attribute_outlives_a_boot(tmp_path: Path) -> None:
    rig = Rig(tmp_path, GLOBAL, terminals=2).start()
    rig.station.crash("exception", "test")
    rig.run(10)
    rig.station.power_cut("plug", 1)
    rig.station.power_on()
    rig.run(10)
    assert rig.printed("T01") == ["0 0"] * 3
    assert rig.printed("T02") == ["0 0"]


@pytest.mark.parametrize(("profile", "sure"), [("yaffs2", True), ("littlefs", True), ("posix-weak", False)])
def test_a_cut_from_outside_finds_every_call_returned(tmp_path: Path, profile: str, sure: bool) -> None:
    """The plug is pulled while the software waits: what its calls did is there, where a call's return says so."""
    kept = set()
    for seed in range(12):
        rig = Rig(tmp_path, UNSYNCED)
        station = rig.station
        station.durability = Durability(dict.fromkeys(station.durability.profiles, registry.get(profile)))
        rig.start()
        rig.act()
        station.power_cut("plug", seed)
        kept.add(rig.files().get("/data/journal", b""))
    assert (kept == {b"r"}) == sure

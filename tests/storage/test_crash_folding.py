"""Folding, case by case: what must not move into the base past what is still pending."""

import pytest

from harness.storage.oplog import Op, SyncVolume
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from harness.storage.profiles.unordered import Rules, UnorderedProfile
from tests.storage.crash_builders import Bench, aged, every_state, keys


class FsyncSavesNames(UnorderedProfile):
    name = "fsync-saves-names"
    summary = "posix-weak, where fsync of a new file saves its name without what happened to that name before"
    rules = Rules(fsync_persists_name=True)


PROFILES = [*(registry.get(name) for name in registry.names()), FsyncSavesNames()]
every_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)


def same_after_fold(profile: Profile, bench: Bench, fold_at: int) -> list[Op]:
    """The rest of the log, when the legal images are the same with the first ``fold_at`` operations folded."""
    base, rest = profile.durable_prefix(bench.base, bench.log[:fold_at])
    folded = every_state(profile, base, [*rest, *bench.log[fold_at:]])
    assert keys(folded) == keys(every_state(profile, bench.base, bench.log))
    return rest


def bench_with_state() -> Bench:
    bench = Bench()
    bench.write("/state", b"oooo")
    return bench.settle()


@every_profile
def test_a_synced_write_waits_for_a_dropped_one_below_it(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"11", 0)
    bench.drop_dirty("/state")
    bench.write("/state", b"2", 1)
    bench.sync_file("/state")
    same_after_fold(profile, bench, len(bench.log))


@every_profile
def test_a_synced_write_passes_a_dropped_one_beside_it(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"1", 0)
    bench.drop_dirty("/state")
    bench.write("/state", b"2", 3)
    bench.sync_file("/state")
    aged(profile, bench)
    assert len(same_after_fold(profile, bench, len(bench.log))) < len(bench.log)


@every_profile
def test_a_dropped_write_stays_dropped_after_a_fold(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write_open("/state", b"1", 0)
    bench.drop_dirty("/state")
    bench.write("/other", b"x")
    bench.sync_file("/other")
    bench.sync_directory()
    fold_at = len(bench.log)
    bench.sync_file("/state")
    same_after_fold(profile, bench, fold_at)
    assert b"oooo" in bench.contents(profile, "/state")


@every_profile
def test_a_saved_name_waits_for_a_removal_of_the_same_name(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.unlink("/state")
    bench.write("/state", b"new")
    bench.sync_file("/state")
    same_after_fold(profile, bench, len(bench.log))


@every_profile
def test_a_rename_saved_in_one_of_its_directories_stays_half_saved(profile: Profile) -> None:
    for synced in ("/", "/d"):
        bench = bench_with_state()
        bench.disk.mkdir("/d")
        bench.settle()
        bench.disk.rename("/state", "/d/state")
        bench.sync_directory(synced)
        same_after_fold(profile, bench, len(bench.log))


@every_profile
def test_truncation_erases_what_was_pending_before_it(profile: Profile) -> None:
    """A log file that is cut to nothing now and then, and synced then, does not grow the history for ever."""
    bench = bench_with_state()
    for _ in range(5):
        bench.write("/state", b"line")
    bench.disk.truncate("/state", 0)
    bench.sync_file("/state")
    aged(profile, bench)
    assert same_after_fold(profile, bench, len(bench.log)) == []


@every_profile
def test_what_was_pending_on_a_removed_file_goes_with_it(profile: Profile) -> None:
    bench = bench_with_state()
    for _ in range(5):
        bench.write("/state", b"line")
    bench.disk.unlink("/state")
    bench.sync_directory()
    aged(profile, bench)
    if profile.name.startswith("f2fs"):
        # A checkpoint saved a size whose data it did not: the log keeps both until the kernel has written the data back.
        bench.log.append(SyncVolume(written_back=True))
    assert same_after_fold(profile, bench, len(bench.log)) == []

"""posix-weak: each promise, and each thing it may lose; most hold for alice-default and FAT too."""

import pytest

from harness.storage.draft import garbage
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from tests.storage.crash_builders import Bench

WEAK = registry.get("posix-weak")
ALICE = registry.get("alice-default")
every_unordered = pytest.mark.parametrize("profile", [WEAK, ALICE, registry.get("fat")], ids=lambda p: p.name)


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


# ---------------------------------------------------------------------- content and barriers


@every_unordered
def test_fsynced_content_under_a_fsynced_name_survives(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"x" * 3000)
    bench.sync_file("/a")
    bench.sync_directory()
    bench.write("/b", b"y")
    assert bench.contents(profile, "/a") == {b"x" * 3000}


@every_unordered
def test_fsynced_content_survives_a_later_torn_append(profile: Profile) -> None:
    bench = bench_with_state(b"x" * 700)
    bench.write("/state", b"y" * 1000)
    assert all(content is not None and content[:700] == b"x" * 700 for content in bench.contents(profile, "/state"))


@every_unordered
def test_file_lost_without_directory_fsync(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"x")
    bench.sync_file("/a")
    assert bench.contents(profile, "/a") == {None, b"x"}


@every_unordered
def test_file_empty_with_directory_fsync_alone(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"x")
    bench.sync_directory()
    found = bench.contents(profile, "/a")
    assert {b"", b"x"} <= found and None not in found


@every_unordered
def test_fsync_of_one_file_says_nothing_about_another(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"")
    bench.write("/b", b"")
    bench.settle()
    bench.write("/a", b"x")
    bench.write("/b", b"y")
    bench.sync_file("/b")
    assert b"" in bench.contents(profile, "/a") and bench.contents(profile, "/b") == {b"y"}


@every_unordered
def test_fdatasync_saves_content_and_size_but_not_the_mode(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"new")
    bench.disk.chmod("/state", 0o640)
    bench.sync_file("/state", data_only=True)
    assert bench.contents(profile, "/state") == {b"oldnew"}
    assert len({state.image.digest() for state in bench.outcomes(profile)}) == 2
    bench.sync_file("/state")
    assert len(bench.outcomes(profile)) == 1


@every_unordered
def test_name_in_a_new_directory_needs_that_directory_s_own_name(profile: Profile) -> None:
    bench = Bench()
    bench.disk.mkdir("/d")
    bench.write("/d/a", b"x")
    bench.sync_file("/d/a")
    bench.sync_directory("/d")
    assert bench.contents(profile, "/d/a") == {None, b"x"}
    bench.sync_directory("/")
    assert bench.contents(profile, "/d/a") == {b"x"}


@every_unordered
def test_writes_land_out_of_order(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"-")
    bench.write("/b", b"-")
    bench.settle()
    bench.write("/a", b"1", 0)
    bench.write("/b", b"2", 0)
    pairs = {(state.image.read("/a"), state.image.read("/b")) for state in bench.outcomes(profile)}
    assert pairs == {(b"-", b"-"), (b"1", b"-"), (b"-", b"2"), (b"1", b"2")}


@every_unordered
def test_writes_dropped_by_a_failed_fsync_stay_losable(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"1")
    bench.drop_dirty("/state")
    bench.sync_file("/state")
    assert {b"old", b"old1"} <= bench.contents(profile, "/state")
    bench.write("/state", b"2")
    bench.sync_file("/state")
    assert all(content is not None and content[4:] == b"2" for content in bench.contents(profile, "/state"))


# ---------------------------------------------------------------------- torn and half-grown


@every_unordered
def test_overwrite_is_torn_at_sectors_in_any_combination(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 1536)
    bench.write("/state", b"n" * 1536, 0)
    sectors = {tuple(content[at] for at in (0, 512, 1024)) for content in bench.contents(profile, "/state") if content}
    old, new = ord("o"), ord("n")
    assert sectors == {(a, b, c) for a in (old, new) for b in (old, new) for c in (old, new)}


@every_unordered
def test_a_sector_is_never_torn_within(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 512)
    bench.write("/state", b"n" * 512, 0)
    assert bench.contents(profile, "/state") == {b"o" * 512, b"n" * 512}


@every_unordered
def test_append_may_grow_over_zeros_or_stale_bytes_before_its_data(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"new")
    assert bench.contents(profile, "/state") == {b"old", b"oldnew", b"old\0\0\0", b"old" + garbage(3, 3)}


@every_unordered
def test_append_may_lose_its_first_sector_and_keep_its_second(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 512)
    bench.write("/state", b"n" * 1024)
    assert b"o" * 512 + bytes(512) + b"n" * 512 in bench.contents(profile, "/state")


@every_unordered
def test_truncation_may_come_after_the_write_that_followed_it(profile: Profile) -> None:
    bench = bench_with_state(b"old content")
    bench.rewrite("/state", b"new")
    assert {b"", b"new", b"new content", b"old content"} <= bench.contents(profile, "/state")


@every_unordered
def test_truncation_stops_half_way(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 1300)
    bench.disk.truncate("/state", 0)
    sizes = {len(content) for content in bench.contents(profile, "/state") if content is not None}
    assert sizes == {0, 512, 1024, 1300}


@every_unordered
def test_extension_may_show_stale_bytes(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.truncate("/state", 10)
    assert bench.contents(profile, "/state") == {b"old", b"old" + bytes(7), b"old" + garbage(3, 7)}


# ---------------------------------------------------------------------- names


@every_unordered
def test_rename_to_a_new_name_leaves_one_both_or_neither(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    found = {tuple(state.image.tree()) for state in bench.outcomes(profile)}
    assert found == {("/state",), ("/moved",), ("/moved", "/state"), ()}


@every_unordered
def test_rename_is_saved_by_fsync_of_its_directory(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    bench.sync_directory()
    assert [state.image.tree() for state in bench.outcomes(profile)] == [{"/moved": b"old"}]


@every_unordered
def test_rename_between_directories_needs_fsync_of_both(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.mkdir("/d")
    bench.settle()
    bench.disk.rename("/state", "/d/state")
    bench.sync_directory("/d")
    found = [tuple(state.image.tree()) for state in bench.outcomes(profile)]
    assert sorted(found) == [("/d", "/d/state"), ("/d", "/state", "/d/state")]
    bench.sync_directory("/")
    assert len(bench.outcomes(profile)) == 1


def replaced(*, sync: bool) -> Bench:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    if sync:
        bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    return bench


def test_replace_leaves_the_old_file_or_the_new_one() -> None:
    assert replaced(sync=True).contents(WEAK, "/state") == {b"old", b"new"}


def test_replace_without_fsync_may_leave_an_empty_file() -> None:
    found = replaced(sync=False).contents(WEAK, "/state")
    assert {b"", b"\0\0\0", b"old", b"new"} <= found and None not in found


def test_replace_may_leave_nothing_or_an_emptied_file_in_alices_model() -> None:
    assert replaced(sync=True).contents(ALICE, "/state") == {b"old", b"new", b"", None}


@every_unordered
def test_removal_may_be_undone_or_leave_the_file_empty(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.unlink("/state")
    assert bench.contents(profile, "/state") == {b"old", b"", None}
    bench.sync_directory()
    assert bench.contents(profile, "/state") == {None}


def test_removal_of_one_name_never_empties_the_other() -> None:
    bench = bench_with_state()
    bench.disk.link("/state", "/twin")
    bench.settle()
    bench.disk.unlink("/state")
    assert bench.contents(WEAK, "/twin") == {b"old"}
    assert bench.contents(WEAK, "/state") == {b"old", None}


@every_unordered
def test_change_of_mode_may_be_lost(profile: Profile) -> None:
    bench = bench_with_state()
    before = bench.base.digest()
    bench.disk.chmod("/state", 0o400)
    assert {state.image.digest() for state in bench.outcomes(profile)} == {before, bench.now().digest()}


@every_unordered
def test_symbolic_link_is_kept_whole_or_lost(profile: Profile) -> None:
    bench = Bench()
    bench.disk.symlink("target", "/link")
    assert bench.contents(profile, "/link") == {None, b"target"}


def test_the_story_names_what_was_lost() -> None:
    told = {loss.text for state in replaced(sync=True).outcomes(WEAK) for loss in (*state.lost, *state.torn)}
    assert "the rename of /state.tmp to /state was lost" in told
    assert "the rename of /state.tmp to /state was torn: the old name is gone" in told
    bench = bench_with_state(b"o" * 512)
    bench.write("/state", b"n" * 1024)
    told = {state.description for state in bench.outcomes(WEAK)}
    assert "the append of 1024 bytes at 512 in /state was lost" in told
    assert "the append of 1024 bytes at 512 in /state was torn: sector 1 lost, sector 2 kept" in told

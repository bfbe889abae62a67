"""ext4 as it is, without auto_da_alloc, and as it was before 5.6: each promise, and each thing it may lose."""

import os

import pytest

from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from tests.storage.crash_builders import Bench

EXT4 = registry.get("ext4-ordered")
NO_DA = registry.get("ext4-noauto_da_alloc")
LOCK = registry.get("ext4-dioread_lock")
both = pytest.mark.parametrize("profile", [EXT4, NO_DA, LOCK], ids=lambda profile: profile.name)
unwritten = pytest.mark.parametrize("profile", [EXT4, NO_DA], ids=lambda profile: profile.name)


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def trees(bench: Bench, profile: Profile) -> list[dict[str, bytes | None]]:
    return [state.image.tree() for state in bench.outcomes(profile)]


# ---------------------------------------------------------------------- metadata


@both
def test_fsync_of_a_new_file_saves_its_name(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"x" * 9000)
    bench.sync_file("/a")
    assert bench.contents(profile, "/a") == {b"x" * 9000}


@both
def test_metadata_is_kept_as_a_prefix(profile: Profile) -> None:
    bench = Bench()
    for name in ("/a", "/b", "/c"):
        bench.write(name, b"")
    assert sorted(map(sorted, trees(bench, profile))) == [[], ["/a"], ["/a", "/b"], ["/a", "/b", "/c"]]


@both
def test_one_fsync_commits_every_earlier_name(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.disk.rename("/state", "/moved")
    bench.write("/b", b"x")
    bench.sync_file("/b")
    (tree,) = trees(bench, profile)
    assert tree == {"/a": b"", "/moved": b"old", "/b": b"x"}


@both
def test_fsync_of_a_file_that_did_not_change_commits_nothing(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.sync_file("/state")
    assert {} in [{key: value for key, value in tree.items() if key == "/a"} for tree in trees(bench, profile)]


@both
def test_fdatasync_of_an_overwrite_commits_no_names(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/state", b"new", 0)
    bench.sync_file("/state", data_only=True)
    assert bench.contents(profile, "/state") == {b"new"} and None in bench.contents(profile, "/a")


@both
def test_fdatasync_of_an_append_commits_its_size(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"new")
    bench.sync_file("/state", data_only=True)
    assert bench.contents(profile, "/state") == {b"oldnew"}


@both
def test_rename_is_atomic(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    assert sorted(map(list, trees(bench, profile))) == [["/moved"], ["/state"]]


@both
def test_rename_may_be_lost_without_directory_fsync(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(profile, "/state") == {b"old", b"new"}
    bench.sync_directory()
    assert bench.contents(profile, "/state") == {b"new"}


@both
def test_removal_keeps_the_file_whole_or_takes_it(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.unlink("/state")
    assert bench.contents(profile, "/state") == {b"old", None}


# ---------------------------------------------------------------------- data


@both
def test_new_file_without_fsync_may_be_empty(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"new")
    zeros = set() if profile is LOCK else {bytes(3)}
    assert bench.contents(profile, "/a") == {None, b"", b"new", *zeros}


@both
def test_fsync_after_an_overwrite_commits_no_names(profile: Profile) -> None:
    """Within a tick of the clock an overwrite does not even change the inode's times, and fsync finds nothing to commit."""
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/state", b"new", 0)
    bench.sync_file("/state")
    assert bench.contents(profile, "/state") == {b"new"} and None in bench.contents(profile, "/a")


@both
def test_overwrite_lands_though_the_append_before_it_is_not_to_be_seen(profile: Profile) -> None:
    """The page is written as it is; what lies beyond the size that the medium has is there and does not show."""
    bench = bench_with_state(b"o" * 700)
    bench.write("/state", b"a" * 10)
    bench.write("/state", b"n" * 300, 500)
    assert b"o" * 500 + b"n" * 200 in bench.contents(profile, "/state")
    assert b"o" * 500 + b"n" * 200 + bytes(10) not in bench.contents(profile, "/state")


@both
def test_write_into_an_extension_never_shows_a_size_that_was_never_set(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.truncate("/state", 6000)
    bench.write("/state", b"n" * 100, 5000)
    assert {len(content or b"") for content in bench.contents(profile, "/state")} == {3, 6000}


@both
def test_new_blocks_never_show_anything_but_their_data(profile: Profile) -> None:
    """In a file that had no block before there is nothing to be torn: a block is there with its data or not."""
    bench = Bench()
    bench.write("/a", b"x" * 9000)
    blocks = (b"x" * 4096, b"x" * 4096, b"x" * 808)
    for content in bench.contents(profile, "/a") - {None}:
        assert content is not None
        pieces = [content[at : at + 4096] for at in range(0, len(content), 4096)]
        assert all(piece in (block, bytes(len(block))) for piece, block in zip(pieces, blocks, strict=False))


@both
def test_append_within_the_last_block_may_show_zeros(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"new")
    assert bench.contents(profile, "/state") == {b"old", b"oldnew", b"old\0\0\0"}


@both
def test_append_beyond_the_last_block_shows_zeros_where_extents_are_unwritten(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 4096)
    bench.write("/state", b"new")
    zeros = set() if profile is LOCK else {b"o" * 4096 + bytes(3)}
    assert bench.contents(profile, "/state") == {b"o" * 4096, b"o" * 4096 + b"new", *zeros}


@both
def test_overwrite_in_place_is_torn_at_sectors(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 1024)
    bench.write("/state", b"n" * 1024, 0)
    assert bench.contents(profile, "/state") == {
        a + b for a in (b"o" * 512, b"n" * 512) for b in (b"o" * 512, b"n" * 512)
    }


@both
def test_later_write_to_a_sector_never_lands_without_the_earlier(profile: Profile) -> None:
    """A page cache writes the page as it is: half of its history cannot be missing."""
    bench = bench_with_state(b"----")
    bench.write("/state", b"1", 0)
    bench.write("/state", b"2", 1)
    assert bench.contents(profile, "/state") == {b"----", b"1---", b"12--"}


@both
def test_overwrite_may_land_before_earlier_metadata_and_growth_may_not(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/state", b"new", 0)
    assert {"/state": b"new"} in trees(bench, profile)
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/state", b"new")
    assert all(tree["/state"] == b"old" for tree in trees(bench, profile) if "/a" not in tree)


@both
def test_unfinished_truncation_may_have_zeroed_the_rest_of_its_block(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 10)
    bench.disk.truncate("/state", 4)
    assert bench.contents(profile, "/state") == {b"o" * 10, b"oooo", b"oooo" + bytes(6)}
    bench = bench_with_state(b"o" * 1200)
    bench.disk.truncate("/state", 600)
    # Sectors of the rest land each on its own account.
    whole, first, second = b"o" * 1200, b"o" * 600 + bytes(424) + b"o" * 176, b"o" * 1024 + bytes(176)
    assert bench.contents(profile, "/state") == {whole, b"o" * 600, first, second, b"o" * 600 + bytes(600)}


@both
def test_truncation_to_nothing_is_whole_or_not_there(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 2000)
    bench.disk.truncate("/state", 0)
    assert bench.contents(profile, "/state") == {b"o" * 2000, b""}


@both
def test_writes_dropped_by_a_failed_fsync_stay_losable(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"1")
    bench.drop_dirty("/state")
    bench.sync_file("/state")
    assert {b"old", b"old1"} <= bench.contents(profile, "/state")


@both
def test_truncation_dropped_by_a_failed_fsync_stays_losable(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.truncate("/state", 0)
    bench.drop_dirty("/state")
    bench.write("/a", b"x")
    bench.sync_file("/a")
    assert bench.contents(profile, "/state") == {b"old", b""}
    assert bench.contents(profile, "/a") == {b"x"}


# ---------------------------------------------------------------------- auto_da_alloc


def replaced_without_fsync() -> Bench:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new" * 2000)
    bench.disk.replace("/state.tmp", "/state")
    return bench


def test_replace_by_rename_never_leaves_an_empty_file_with_auto_da_alloc() -> None:
    assert replaced_without_fsync().contents(LOCK, "/state") == {b"old", b"new" * 2000}
    assert b"" not in replaced_without_fsync().contents(EXT4, "/state")


@unwritten
def test_replace_by_rename_may_leave_a_file_of_zeros(profile: Profile) -> None:
    """Its blocks are allocated before the rename is committed, and written after."""
    assert bytes(6000) in replaced_without_fsync().contents(profile, "/state")


def test_block_that_an_earlier_write_had_allocated_is_not_protected() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"1" * 100)
    bench.write("/state.tmp", b"2" * 100)
    bench.disk.replace("/state.tmp", "/state")
    assert b"1" * 100 + bytes(100) in bench.contents(LOCK, "/state")


def test_replace_by_rename_may_leave_an_empty_file_without_auto_da_alloc() -> None:
    assert {b"old", b"", b"new" * 2000} <= replaced_without_fsync().contents(NO_DA, "/state")


@both
def test_rename_to_a_new_name_is_not_protected(profile: Profile) -> None:
    bench = Bench()
    bench.write("/state.tmp", b"new")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(profile, "/state") - {bytes(3)} == {None, b"", b"new"}


def rewritten(*, then: str) -> Bench:
    """Truncated, rewritten, closed; then a later name, so that one can tell whether the close was committed."""
    bench = bench_with_state()
    bench.rewrite("/state", b"new")
    bench.write(then, b"")
    return bench


def test_rewritten_and_closed_file_has_its_data_once_the_close_is_committed() -> None:
    assert {tree["/state"] for tree in trees(rewritten(then="/z"), LOCK) if "/z" in tree} == {b"new"}
    assert {tree["/state"] for tree in trees(rewritten(then="/z"), EXT4) if "/z" in tree} == {b"new", bytes(3)}
    assert b"" in {tree["/state"] for tree in trees(rewritten(then="/z"), NO_DA) if "/z" in tree}


def test_rewritten_file_may_be_empty_before_its_close_is_committed() -> None:
    assert {tree["/state"] for tree in trees(rewritten(then="/z"), LOCK)} == {b"old", b"", b"new"}
    assert {tree["/state"] for tree in trees(rewritten(then="/z"), EXT4)} == {b"old", b"", b"new", bytes(3)}


def test_fsync_of_another_file_commits_the_close() -> None:
    bench = bench_with_state()
    bench.write("/other", b"-")
    bench.settle()
    bench.rewrite("/state", b"new")
    bench.write("/other", b"-")
    bench.sync_file("/other")
    assert bench.contents(LOCK, "/state") == {b"new"}
    assert bench.contents(EXT4, "/state") == {b"new", bytes(3)}
    assert b"" in bench.contents(NO_DA, "/state")


def test_rewritten_file_still_open_is_not_protected() -> None:
    bench = bench_with_state()
    fd = bench.disk.open("/state", os.O_WRONLY | os.O_TRUNC)
    bench.disk.write(fd, b"new")
    bench.write("/z", b"")
    assert b"" in {tree["/state"] for tree in trees(bench, EXT4) if "/z" in tree}


def test_protection_outlives_a_fold_of_the_truncation() -> None:
    bench = bench_with_state()
    fd = bench.disk.open("/state", os.O_WRONLY | os.O_TRUNC)
    bench.sync_directory()
    bench.write("/y", b"")
    bench.sync_file("/y")
    bench.disk.write(fd, b"new")
    bench.disk.close(fd)
    bench.write("/z", b"")
    bench.base, bench.volume.log[:] = LOCK.durable_prefix(bench.base, bench.log)
    assert {tree["/state"] for tree in trees(bench, LOCK) if "/z" in tree} == {b"new"}

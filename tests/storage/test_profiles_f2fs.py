"""f2fs, in posix and in strict fsync mode: each promise, and each thing it may lose."""

import pytest

from harness.storage.draft import garbage
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from tests.storage.crash_builders import Bench

POSIX = registry.get("f2fs")
STRICT = registry.get("f2fs-strict")
both = pytest.mark.parametrize("profile", [POSIX, STRICT], ids=lambda profile: profile.name)
BLOCK = 4096


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def trees(bench: Bench, profile: Profile) -> list[dict[str, bytes | None]]:
    found: list[dict[str, bytes | None]] = []
    for state in bench.outcomes(profile):
        if state.image.tree() not in found:
            found.append(state.image.tree())
    return found


# ---------------------------------------------------------------------- names


@both
def test_fsync_of_a_new_file_saves_it_with_its_name(profile: Profile) -> None:
    bench = Bench()
    bench.write("/a", b"x" * 9000)
    bench.sync_file("/a")
    assert bench.contents(profile, "/a") == {b"x" * 9000}


@both
@pytest.mark.parametrize("new", [False, True])
def test_fsync_of_a_file_saves_no_other_name(profile: Profile, new: bool) -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    path = "/b" if new else "/state"
    bench.write(path, b"x")
    bench.sync_file(path)
    assert bench.contents(profile, "/a") == {None, b""}


@both
def test_names_are_kept_as_a_prefix_and_renames_are_atomic(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.mkdir("/a")
    bench.disk.rename("/state", "/moved")
    bench.disk.rmdir("/a")
    assert sorted(map(sorted, trees(bench, profile))) == [["/a", "/moved"], ["/a", "/state"], ["/moved"], ["/state"]]


@both
def test_fsync_of_a_directory_saves_every_name_whatever_directory_it_is(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.mkdir("/d")
    bench.settle()
    bench.disk.rename("/state", "/moved")
    bench.sync_directory("/d")
    (tree,) = trees(bench, profile)
    assert tree == {"/d": None, "/moved": b"old"}


def renamed_and_recreated() -> Bench:
    """xfstests generic/342: foo renamed to bar, a new foo written and fsynced."""
    bench = Bench()
    bench.disk.mkdir("/a")
    bench.write("/a/foo", b"\xf1" * 16)
    bench.settle()
    bench.disk.rename("/a/foo", "/a/bar")
    bench.write("/a/foo", b"\xba" * 16)
    bench.sync_file("/a/foo")
    return bench


def test_generic_342_fails_in_posix_mode_and_the_renamed_file_is_gone() -> None:
    foo, bar = {"/a/foo": b"\xba" * 16}, {"/a/bar": b"\xf1" * 16}
    assert trees(renamed_and_recreated(), POSIX) == [{"/a": None, **foo, **bar}, {"/a": None, **foo}]
    (told,) = {state.description for state in renamed_and_recreated().outcomes(POSIX) if not state.intact}
    assert told == "the rename of /a/foo to /a/bar was torn: the old name is gone"


def test_generic_342_passes_in_strict_mode() -> None:
    (tree,) = trees(renamed_and_recreated(), STRICT)
    assert tree == {"/a": None, "/a/foo": b"\xba" * 16, "/a/bar": b"\xf1" * 16}


def test_directory_fsync_between_rename_and_new_file_saves_the_renamed_one() -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/state.1")
    bench.sync_directory()
    bench.write("/state", b"new")
    bench.sync_file("/state")
    (tree,) = trees(bench, POSIX)
    assert tree == {"/state": b"new", "/state.1": b"old"}


@both
def test_file_replaced_again_and_again_without_directory_fsync_goes_back_to_the_checkpoint(profile: Profile) -> None:
    """Each temporary file takes the place of the one before, which was renamed over the state: in posix mode both are lost."""
    bench = bench_with_state()
    for content in (b"1", b"2", b"3"):
        bench.write("/state.tmp", content)
        bench.sync_file("/state.tmp")
        bench.disk.replace("/state.tmp", "/state")
    found = bench.contents(profile, "/state")
    assert found == ({b"old", b"1", b"2", b"3"} if profile is POSIX else {b"2", b"3"})


@both
def test_removed_and_created_anew_under_its_name_the_new_file_stays(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.unlink("/state")
    bench.write("/state", b"new")
    bench.sync_file("/state")
    assert bench.contents(profile, "/state") == {b"new"}


@both
@pytest.mark.parametrize("how", ["renamed", "linked", "new directory"])
def test_fsync_makes_a_checkpoint_where_the_node_cannot_say_the_name(profile: Profile, how: str) -> None:
    bench = bench_with_state()
    bench.write("/other", b"")
    if how == "renamed":
        bench.disk.rename("/state", "/target")
    elif how == "linked":
        bench.disk.link("/state", "/target")
    else:
        bench.disk.mkdir("/d")
        bench.write("/d/target", b"old")
    bench.sync_file("/d/target" if how == "new directory" else "/target")
    assert bench.contents(profile, "/other") == {b""}
    assert bench.contents(profile, "/d/target" if how == "new directory" else "/target") == {b"old"}


@both
def test_fsync_of_an_unchanged_file_makes_no_checkpoint(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.link("/state", "/second")
    bench.settle()
    bench.write("/a", b"")
    bench.sync_file("/state")
    assert bench.contents(profile, "/a") == {None, b""}


@both
def test_fdatasync_of_an_overwrite_saves_no_rename(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    bench.write("/moved", b"new", 0)
    bench.sync_file("/moved", data_only=True)
    assert trees(bench, profile) == [{"/moved": b"new"}, {"/state": b"new"}]


# ---------------------------------------------------------------------- data


@both
def test_checkpoint_saves_the_size_before_the_data(profile: Profile) -> None:
    bench = bench_with_state(b"o" * BLOCK)
    bench.write("/state", b"n" * 10)
    bench.sync_directory()
    assert bench.contents(profile, "/state") == {b"o" * BLOCK + b"n" * 10, b"o" * BLOCK + bytes(10)} | (
        {b"o" * BLOCK + garbage(BLOCK, 10)} if profile is POSIX else set()
    )


@both
def test_append_not_synced_may_be_lost_or_there_without_data_even_within_a_block(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"new")
    assert bench.contents(profile, "/state") == {b"old", b"oldnew", b"old\0\0\0"}


def test_fsync_under_way_may_show_what_new_blocks_held_in_posix_mode_alone() -> None:
    bench = bench_with_state(b"o" * BLOCK)
    bench.write("/state", b"n" * 10)
    stale = b"o" * BLOCK + garbage(BLOCK, 10)
    assert stale in bench.contents(POSIX, "/state") and stale not in bench.contents(STRICT, "/state")
    bench.sync_file("/state")
    assert bench.contents(POSIX, "/state") == {b"o" * BLOCK + b"n" * 10}


@both
def test_overwrite_is_torn_at_sectors_as_it_is_made_in_place(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 1024)
    bench.write("/state", b"n" * 1024, 0)
    halves = (b"o" * 512, b"n" * 512)
    assert bench.contents(profile, "/state") == {a + b for a in halves for b in halves}


@both
def test_later_write_to_a_sector_never_lands_without_the_earlier(profile: Profile) -> None:
    bench = bench_with_state(b"----")
    bench.write("/state", b"1", 0)
    bench.write("/state", b"2", 1)
    assert bench.contents(profile, "/state") == {b"----", b"1---", b"12--"}


@both
def test_replace_by_rename_without_fsync_may_be_found_as_zeros(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"n" * 10)
    bench.disk.replace("/state.tmp", "/state")
    found = bench.contents(profile, "/state")
    assert {b"old", bytes(10), b"n" * 10} <= found and b"" not in found


@both
def test_replace_by_rename_with_fsync_leaves_the_old_file_or_the_new_one(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(profile, "/state") == {b"old", b"new"}
    bench.sync_directory()
    assert bench.contents(profile, "/state") == {b"new"}


@both
def test_file_shortened_may_keep_its_length_with_the_rest_of_the_block_zeroed(profile: Profile) -> None:
    bench = bench_with_state(b"o" * 10)
    bench.disk.truncate("/state", 4)
    assert bench.contents(profile, "/state") == {b"o" * 10, b"oooo", b"oooo" + bytes(6)}
    bench.sync_file("/state")
    assert bench.contents(profile, "/state") == {b"oooo"}


@both
def test_rewritten_file_is_old_or_new_or_zeros_but_never_a_mixture(profile: Profile) -> None:
    """The blocks of a truncated file are not used again before a checkpoint knows that they are free."""
    bench = bench_with_state(b"o" * 1000)
    bench.rewrite("/state", b"n" * 600)
    found = bench.contents(profile, "/state")
    allowed = {b"o" * 1000, b"", b"n" * 600, bytes(600), garbage(0, 600)}
    assert found == (allowed if profile is POSIX else allowed - {garbage(0, 600)})


@both
def test_writes_dropped_by_a_failed_fsync_stay_losable(profile: Profile) -> None:
    bench = bench_with_state()
    bench.write("/state", b"1")
    bench.drop_dirty("/state")
    bench.sync_file("/state")
    assert {b"old", b"old1"} <= bench.contents(profile, "/state")


@both
def test_block_that_was_only_in_memory_is_not_overwritten_in_place(profile: Profile) -> None:
    bench = bench_with_state(b"")
    bench.write("/state", b"x" * 100)
    bench.write("/state", b"n" * 10, 0)
    found = bench.contents(profile, "/state")
    assert {b"", bytes(100), b"x" * 100, b"n" * 10 + b"x" * 90} <= found
    assert b"n" * 10 + bytes(90) not in found


@both
def test_fsync_of_a_changed_file_with_two_names_makes_a_checkpoint(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.link("/state", "/second")
    bench.settle()
    bench.write("/a", b"")
    bench.write("/state", b"new")
    bench.sync_file("/state")
    assert bench.contents(profile, "/a") == {b""}


def test_strict_fsync_of_a_new_file_saves_a_removal_beside_it_the_first_time_only() -> None:
    for profile, found in ((POSIX, {None, b"old"}), (STRICT, {None})):
        bench = bench_with_state()
        bench.disk.unlink("/state")
        bench.write("/b", b"x")
        bench.sync_file("/b")
        assert bench.contents(profile, "/state") == found
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/b", b"x")
    bench.sync_file("/b")
    bench.disk.unlink("/state")
    bench.write("/b", b"y")
    bench.sync_file("/b")
    assert bench.contents(STRICT, "/state") == {None, b"old"} and bench.contents(STRICT, "/b") == {b"xy"}
    assert bench.contents(STRICT, "/a") == {None, b""}

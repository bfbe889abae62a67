"""ubifs: each promise, and each thing it may lose."""

import pytest

from harness.storage.oplog import Returned
from harness.storage.profiles import registry
from tests.storage.crash_builders import Bench

UBIFS = registry.get("ubifs")
BLOCK = 4096


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def trees(bench: Bench) -> list[dict[str, bytes | None]]:
    return [state.image.tree() for state in bench.outcomes(UBIFS)]


def test_size_lands_before_the_data_in_part_too() -> None:
    """As UBIFS documents it: empty, all zeros, zeros at the end, or whole; where blocks landed alone, as long as they reach."""
    bench = Bench()
    bench.write("/f", b"")
    bench.settle()
    bench.write("/f", b"x" * (2 * BLOCK + 100))
    first, second, third = (b"x" * BLOCK, bytes(BLOCK)), (b"x" * BLOCK, bytes(BLOCK)), (b"x" * 100, bytes(100))
    whole_size = {a + b + c for a in first for b in second for c in third}
    shorter = {b"", b"x" * BLOCK, bytes(BLOCK) + b"x" * BLOCK, b"x" * 2 * BLOCK}
    assert bench.contents(UBIFS, "/f") == whole_size | shorter


def test_append_within_a_block_is_whole_zeros_or_not_there() -> None:
    bench = bench_with_state()
    bench.write("/state", b"new")
    assert bench.contents(UBIFS, "/state") == {b"old", b"oldnew", b"old\0\0\0"}


def test_overwritten_block_is_old_or_new_and_blocks_land_in_any_order() -> None:
    bench = bench_with_state(b"o" * 2 * BLOCK)
    bench.write("/state", b"n" * 2 * BLOCK, 0)
    halves = (b"o" * BLOCK, b"n" * BLOCK)
    assert bench.contents(UBIFS, "/state") == {a + b for a in halves for b in halves}


def test_later_write_to_a_block_never_lands_without_the_earlier() -> None:
    bench = bench_with_state(b"-" * BLOCK)
    bench.write("/state", b"1", 0)
    bench.write("/state", b"2", 1)
    rest = b"-" * (BLOCK - 2)
    assert bench.contents(UBIFS, "/state") == {b"--" + rest, b"1-" + rest, b"12" + rest}


def test_fsync_saves_content_size_name_and_every_earlier_name() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.disk.rename("/state", "/moved")
    bench.write("/b", b"x" * 9000)
    bench.sync_file("/b")
    (tree,) = trees(bench)
    assert tree == {"/a": b"", "/moved": b"old", "/b": b"x" * 9000}


def test_fsync_of_a_file_without_a_node_in_the_buffer_saves_no_name() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.sync_file("/state")
    assert bench.contents(UBIFS, "/a") == {None, b""}


def test_fsync_of_a_file_saves_names_up_to_its_own_last_change_alone() -> None:
    bench = bench_with_state()
    bench.write("/state", b"new", 0)
    bench.write("/a", b"")
    bench.sync_file("/state")
    assert bench.contents(UBIFS, "/state") == {b"new"} and bench.contents(UBIFS, "/a") == {None, b""}


def test_fdatasync_of_an_overwrite_saves_no_name_and_of_an_append_does() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/state", b"new", 0)
    bench.sync_file("/state", data_only=True)
    assert bench.contents(UBIFS, "/state") == {b"new"} and None in bench.contents(UBIFS, "/a")
    bench.write("/state", b"er")
    bench.sync_file("/state", data_only=True)
    assert bench.contents(UBIFS, "/state") == {b"newer"} and bench.contents(UBIFS, "/a") == {b""}


def test_names_are_kept_as_a_prefix_and_renames_are_atomic() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.disk.rename("/state", "/moved")
    bench.disk.unlink("/a")
    assert sorted(map(sorted, trees(bench))) == [["/a", "/moved"], ["/a", "/state"], ["/moved"], ["/state"]]


@pytest.mark.parametrize(("synced", "allowed"), [(False, {b"old", b"", bytes(3), b"new"}), (True, {b"old", b"new"})])
def test_replace_by_rename_may_be_found_empty_or_zeros_unless_synced_first(synced: bool, allowed: set[bytes]) -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    if synced:
        bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(UBIFS, "/state") == allowed


def test_directory_fsync_saves_the_rename() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    bench.sync_directory()
    assert bench.contents(UBIFS, "/state") == {b"new"}


def test_rewrite_mixes_new_blocks_with_the_old_length_when_the_truncation_is_lost() -> None:
    """Data nodes go to a journal head of their own, and may be on the flash before the truncation is."""
    bench = bench_with_state(b"o" * 2 * BLOCK)
    bench.rewrite("/state", b"new")
    found = bench.contents(UBIFS, "/state")
    assert b"new" + bytes(BLOCK - 3) + b"o" * BLOCK in found
    assert found == {b"o" * 2 * BLOCK, b"", b"new", bytes(3), b"new" + bytes(BLOCK - 3) + b"o" * BLOCK}


def test_shortening_is_whole_or_not_there() -> None:
    bench = bench_with_state(b"o" * 10)
    bench.disk.truncate("/state", 4)
    assert bench.contents(UBIFS, "/state") == {b"o" * 10, b"oooo"}


def test_data_of_a_file_whose_creation_was_lost_is_nowhere() -> None:
    bench = Bench()
    bench.write("/a", b"x")
    assert bench.contents(UBIFS, "/a") == {None, b"", b"\0", b"x"}


def test_writes_dropped_by_a_failed_fsync_stay_losable() -> None:
    bench = bench_with_state()
    bench.write("/state", b"1")
    bench.drop_dirty("/state")
    bench.sync_file("/state")
    assert bench.contents(UBIFS, "/state") == {b"old", b"old1", b"old\0"}


def test_mode_waits_for_the_inode() -> None:
    bench = bench_with_state()
    bench.disk.chmod("/state", 0o640)
    modes = {state.image.modes[state.image.inode_of("/state") or 0] & 0o777 for state in bench.outcomes(UBIFS)}
    assert modes == {0o600, 0o640}
    bench.sync_file("/state")
    modes = {state.image.modes[state.image.inode_of("/state") or 0] & 0o777 for state in bench.outcomes(UBIFS)}
    assert modes == {0o640}


def test_calls_that_returned_promise_nothing() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.log.append(Returned())
    assert bench.contents(UBIFS, "/a") == {None, b""}


def test_a_size_is_written_after_every_name_that_came_before_it_and_data_is_not() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.write("/state", b"new")
    without_name = {tree["/state"] for tree in trees(bench) if "/a" not in tree}
    assert without_name == {b"old", b"oldnew"}


def test_lengthening_waits_for_the_inode_whatever_is_named_later() -> None:
    bench = bench_with_state()
    bench.disk.truncate("/state", 5)
    bench.write("/a", b"")
    assert {tree["/state"] for tree in trees(bench) if "/a" in tree} == {b"old", b"old\0\0"}


def test_block_written_after_a_lost_truncation_may_land_though_its_earlier_version_did_not() -> None:
    bench = bench_with_state(b"o" * 10)
    bench.write("/state", b"x" * 10, BLOCK)
    bench.disk.truncate("/state", 5)
    bench.write("/state", b"y", BLOCK)
    beginning = b"o" * 10 + bytes(BLOCK - 10)
    assert {beginning + b"y", beginning + b"y" + bytes(9)} <= bench.contents(UBIFS, "/state")

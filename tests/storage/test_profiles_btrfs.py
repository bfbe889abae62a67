"""btrfs: each promise, and each thing it may lose."""

from harness.storage.profiles import registry
from tests.storage.crash_builders import Bench

BTRFS = registry.get("btrfs")


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def trees(bench: Bench) -> list[dict[str, bytes | None]]:
    return [state.image.tree() for state in bench.outcomes(BTRFS)]


def test_replace_by_rename_without_fsync_may_be_empty_or_zeros() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(BTRFS, "/state") == {b"old", b"", bytes(3), b"new", None}
    # Once the new file is durable itself, the name leads to one of the two.
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(BTRFS, "/state") == {b"old", b"new"}


def test_rename_leaves_one_name_or_the_other_or_both_and_never_neither() -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    assert sorted(map(sorted, trees(bench))) == [["/moved"], ["/moved", "/state"], ["/state"]]


def moved_between_directories(synced: str) -> Bench:
    bench = Bench()
    bench.write("/state", b"old")
    bench.disk.mkdir("/d")
    bench.settle()
    bench.disk.rename("/state", "/d/state")
    bench.sync_directory(synced)
    return bench


def test_sync_of_the_directory_a_file_left_saves_the_whole_rename() -> None:
    assert [sorted(tree) for tree in trees(moved_between_directories("/"))] == [["/d", "/d/state"]]


def test_sync_of_the_directory_a_file_came_to_may_leave_both_names() -> None:
    bench = moved_between_directories("/d")
    assert sorted(map(sorted, trees(bench))) == [["/d", "/d/state"], ["/d", "/d/state", "/state"]]
    base, _ = BTRFS.durable_prefix(bench.base, bench.log)
    assert base.exists("/d/state")


def test_fsync_of_a_new_file_saves_its_name_and_no_other() -> None:
    bench = bench_with_state()
    bench.write("/a", b"1")
    bench.write("/b", b"2")
    bench.sync_file("/b")
    assert all(tree["/b"] == b"2" for tree in trees(bench))
    assert {"/a" in tree for tree in trees(bench)} == {True, False}


def test_overwrite_is_whole_by_the_block() -> None:
    bench = bench_with_state(b"o" * 8192)
    bench.write("/state", b"n" * 8192, 0)
    old, new = b"o" * 4096, b"n" * 4096
    assert bench.contents(BTRFS, "/state") == {old + old, old + new, new + old, new + new}


def test_removal_keeps_the_file_whole_or_takes_it() -> None:
    bench = bench_with_state()
    bench.disk.unlink("/state")
    assert bench.contents(BTRFS, "/state") == {b"old", None}


def test_file_written_anew_may_have_its_old_content_up_to_its_new_size() -> None:
    bench = bench_with_state(b"o" * 900)
    bench.rewrite("/state", b"n" * 300)
    assert {b"o" * 900, b"", b"n" * 300, bytes(300), b"o" * 300} <= bench.contents(BTRFS, "/state")

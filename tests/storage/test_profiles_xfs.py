"""xfs: each promise, and each thing it may lose, where it differs from ext4."""

from harness.storage.profiles import registry
from tests.storage.crash_builders import Bench

XFS = registry.get("xfs")


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def test_replace_by_rename_without_fsync_may_be_empty_and_never_zeros() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(XFS, "/state") == {b"old", b"", b"new"}


def test_file_rewritten_and_closed_may_be_empty_for_good() -> None:
    bench = bench_with_state()
    bench.rewrite("/state", b"new")
    bench.write("/z", b"z")
    bench.sync_file("/z")
    assert bench.contents(XFS, "/state") == {b"", b"new"}


def test_append_within_a_block_is_there_whole_or_not_at_all() -> None:
    bench = bench_with_state(b"o" * 100)
    bench.write("/state", b"n" * 2000)
    assert bench.contents(XFS, "/state") == {b"o" * 100, b"o" * 100 + b"n" * 2000}


def test_block_that_did_not_land_below_one_that_did_reads_as_zeros() -> None:
    bench = bench_with_state(b"o" * 4096)
    bench.write("/state", b"n" * 8192)
    contents = bench.contents(XFS, "/state")
    assert b"o" * 4096 + bytes(4096) + b"n" * 4096 in contents
    assert b"o" * 4096 + bytes(8192) not in contents


def test_overwrite_in_place_is_torn_at_sectors() -> None:
    bench = bench_with_state(b"o" * 1024)
    bench.write("/state", b"n" * 1024, 0)
    assert b"o" * 512 + b"n" * 512 in bench.contents(XFS, "/state")


def test_later_append_to_a_block_carries_the_earlier() -> None:
    bench = bench_with_state(b"o" * 100)
    bench.write("/state", b"1" * 600)
    bench.write("/state", b"2" * 600)
    kept = b"o" * 100
    assert bench.contents(XFS, "/state") == {kept, kept + b"1" * 600, kept + b"1" * 600 + b"2" * 600}


def test_fsync_saves_the_file_its_name_and_every_earlier_name() -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    bench.write("/a", b"x")
    bench.sync_file("/a")
    assert [state.image.tree() for state in bench.outcomes(XFS)] == [{"/moved": b"old", "/a": b"x"}]


def test_sync_with_nothing_to_commit_leaves_an_overwrite_in_the_cache_and_fsync_does_not() -> None:
    bench = bench_with_state()
    bench.write("/state", b"new", 0)
    bench.disk.sync()
    assert bench.contents(XFS, "/state") == {b"old", b"new"}
    bench.write("/a", b"")
    bench.disk.sync()
    assert bench.contents(XFS, "/state") == {b"new"}
    bench = bench_with_state()
    bench.write("/state", b"new", 0)
    bench.sync_file("/state")
    assert bench.contents(XFS, "/state") == {b"new"}

"""yaffs2: each promise, and each thing it may lose."""

import os

import pytest

from harness.storage.oplog import Returned, SyncVolume
from harness.storage.profiles import registry
from tests.storage.crash_builders import Bench

YAFFS2 = registry.get("yaffs2")
CHUNK = 2048


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def opened(bench: Bench, path: str) -> int:
    return bench.disk.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)


def returned(bench: Bench) -> Bench:
    bench.log.append(Returned())
    return bench


def trees(bench: Bench) -> list[dict[str, bytes | None]]:
    return [state.image.tree() for state in bench.outcomes(YAFFS2)]


def test_what_returned_is_there_without_any_fsync() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new" * 2000)
    bench.disk.replace("/state.tmp", "/state")
    bench.disk.chmod("/state", 0o640)
    bench.disk.link("/state", "/other")
    bench.disk.unlink("/state")
    (state,) = returned(bench).outcomes(YAFFS2)
    assert state.intact and state.image.tree() == {"/other": b"new" * 2000}


def test_before_a_call_is_known_to_have_returned_the_cut_may_be_at_any_moment_in_order() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.disk.rename("/state", "/moved")
    bench.disk.unlink("/a")
    assert sorted(map(sorted, trees(bench))) == [["/a", "/moved"], ["/a", "/state"], ["/moved"], ["/state"]]


@pytest.mark.parametrize("synced", [False, True])
def test_data_of_an_open_file_waits_for_its_fsync(synced: bool) -> None:
    bench = bench_with_state()
    descriptor = opened(bench, "/state")
    bench.disk.write(descriptor, b"new")
    if synced:
        bench.disk.fsync(descriptor)
    assert returned(bench).contents(YAFFS2, "/state") == ({b"oldnew"} if synced else {b"old", b"oldnew"})


def test_open_file_is_not_written_out_by_age_nor_by_fsync_of_another() -> None:
    bench = bench_with_state()
    bench.disk.write(opened(bench, "/log"), b"x")
    bench.log.append(SyncVolume(written_back=True))
    bench.write("/state", b"new")
    bench.sync_file("/state")
    bench.sync_directory()
    assert bench.contents(YAFFS2, "/log") == {b"", b"x"} and bench.contents(YAFFS2, "/state") == {b"oldnew"}
    bench.disk.sync()
    assert bench.contents(YAFFS2, "/log") == {b"x"}


def test_chunks_of_an_open_file_land_in_any_order_over_zeros() -> None:
    bench = bench_with_state(b"o" * 2000)
    bench.disk.write(opened(bench, "/state"), b"n" * 100)
    old, first, second = b"o" * 2000, b"n" * 48, b"n" * 52
    assert returned(bench).contents(YAFFS2, "/state") == {
        old,
        old + first,
        old + first + second,
        old + bytes(48) + second,
    }


def test_overwritten_chunk_is_old_or_new() -> None:
    bench = bench_with_state(b"o" * CHUNK)
    descriptor = bench.disk.open("/state", os.O_WRONLY)
    bench.disk.write(descriptor, b"n" * 1500)
    assert returned(bench).contents(YAFFS2, "/state") == {b"o" * CHUNK, b"n" * 1500 + b"o" * (CHUNK - 1500)}


def test_size_never_lands_before_the_data() -> None:
    bench = bench_with_state()
    bench.disk.write(opened(bench, "/state"), b"new")
    bench.disk.chmod("/state", 0o640)
    assert returned(bench).contents(YAFFS2, "/state") == {b"old", b"oldnew"}


def test_replace_by_rename_leaves_the_old_file_or_the_new_one() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    returned(bench)
    bench.disk.replace("/state.tmp", "/state")
    assert sorted(tuple(sorted(tree.items())) for tree in trees(bench)) == [
        (("/state", b"new"),),
        (("/state", b"old"), ("/state.tmp", b"new")),
    ]


def test_file_renamed_over_another_while_still_open_may_lack_its_data() -> None:
    bench = bench_with_state()
    bench.disk.write(opened(bench, "/state.tmp"), b"new")
    bench.disk.replace("/state.tmp", "/state")
    assert returned(bench).contents(YAFFS2, "/state") == {b"", b"new"}


def test_shortening_may_have_zeroed_the_rest_of_its_chunk() -> None:
    bench = bench_with_state(b"o" * 3000)
    bench.disk.truncate("/state", 100)
    zeroed = b"o" * 100 + bytes(CHUNK - 100) + b"o" * (3000 - CHUNK)
    assert bench.contents(YAFFS2, "/state") == {b"o" * 3000, zeroed, b"o" * 100}
    assert returned(bench).contents(YAFFS2, "/state") == {b"o" * 100}


def test_change_of_length_writes_out_what_was_cached() -> None:
    bench = bench_with_state()
    descriptor = opened(bench, "/state")
    bench.disk.write(descriptor, b"new")
    bench.disk.ftruncate(descriptor, 5)
    assert returned(bench).contents(YAFFS2, "/state") == {b"oldne"}


def test_removed_file_is_whole_or_gone() -> None:
    bench = bench_with_state()
    bench.disk.unlink("/state")
    assert bench.contents(YAFFS2, "/state") == {b"old", None}


def test_writes_dropped_by_a_failed_fsync_stay_losable_and_closed_ones_are_safe() -> None:
    bench = bench_with_state()
    bench.write("/state", b"1")
    descriptor = opened(bench, "/state")
    bench.disk.write(descriptor, b"2")
    bench.drop_dirty("/state")
    bench.disk.fsync(descriptor)
    assert bench.contents(YAFFS2, "/state") == {b"old1", b"old12", b"old1\0"}


def test_close_writes_out_what_was_cached_however_old() -> None:
    bench = bench_with_state()
    descriptor = opened(bench, "/state")
    bench.disk.write(descriptor, b"new")
    bench.log.append(SyncVolume(written_back=True))
    bench.disk.close(descriptor)
    assert returned(bench).contents(YAFFS2, "/state") == {b"oldnew"}

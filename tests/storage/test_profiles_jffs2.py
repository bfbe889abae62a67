"""jffs2: each promise, and each thing it may lose."""

import pytest

from harness.storage.oplog import Returned
from harness.storage.profiles import registry
from tests.storage.crash_builders import Bench

JFFS2 = registry.get("jffs2")
PAGE = 4096


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def trees(bench: Bench) -> list[dict[str, bytes | None]]:
    return [state.image.tree() for state in bench.outcomes(JFFS2)]


def test_a_cut_takes_the_end_of_the_log_whatever_the_files() -> None:
    bench = bench_with_state()
    bench.write("/a", b"1")
    bench.write("/state", b"2")
    bench.write("/b", b"3")
    assert trees(bench) == [
        {"/state": b"old2", "/a": b"1", "/b": b"3"},
        {"/state": b"old2", "/a": b"1", "/b": b""},
        {"/state": b"old2", "/a": b"1"},
        {"/state": b"old", "/a": b"1"},
        {"/state": b"old", "/a": b""},
        {"/state": b"old"},
    ]


def test_fsync_saves_everything_before_the_last_node_of_the_file() -> None:
    bench = bench_with_state()
    bench.write("/a", b"1")
    bench.disk.rename("/a", "/b")
    bench.write("/state", b"2")
    bench.write("/c", b"")
    bench.sync_file("/state")
    assert [tree for tree in trees(bench) if tree.get("/b") != b"1" or tree["/state"] != b"old2"] == []
    assert bench.contents(JFFS2, "/c") == {None, b""}


def test_fsync_saves_no_name_that_came_after_the_last_node_of_the_file() -> None:
    """The entry of a file created empty comes after its inode, and a rename writes no node of the file at all."""
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.sync_file("/a")
    assert bench.contents(JFFS2, "/a") == {None, b""}
    bench.disk.rename("/state", "/moved")
    bench.sync_file("/moved")
    assert {"/state": b"old"} in trees(bench)
    bench.sync_directory()
    (tree,) = trees(bench)
    assert tree == {"/a": b"", "/moved": b"old"}


def test_fsync_of_a_new_file_with_data_saves_its_name() -> None:
    bench = Bench()
    bench.write("/a", b"x" * 9000)
    bench.sync_file("/a")
    assert bench.contents(JFFS2, "/a") == {b"x" * 9000}


def test_rename_may_leave_both_names_and_never_neither() -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    assert sorted(map(sorted, trees(bench))) == [["/moved"], ["/moved", "/state"], ["/state"]]


def test_replace_by_rename_leaves_the_old_file_or_the_new_one() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    assert sorted(tuple(sorted(tree.items())) for tree in trees(bench)) == [
        (("/state", b"new"),),
        (("/state", b"new"), ("/state.tmp", b"new")),
        (("/state", b"old"), ("/state.tmp", b"new")),
    ]


def test_replace_without_fsync_is_in_order_all_the_same() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.disk.replace("/state.tmp", "/state")
    assert bench.contents(JFFS2, "/state") == {b"old", b"new"}


def test_overwrite_of_pages_is_new_up_to_a_node_and_old_beyond() -> None:
    bench = bench_with_state(b"o" * 2 * PAGE)
    bench.write("/state", b"n" * 2 * PAGE, 0)
    found = bench.contents(JFFS2, "/state")
    assert b"n" * PAGE + b"o" * PAGE in found and b"o" * PAGE + b"n" * PAGE not in found
    assert all(
        content is not None and content == content.replace(b"o", b"") + b"o" * content.count(b"o") for content in found
    )


def test_a_large_new_file_is_cut_at_a_page_and_never_shows_zeros() -> None:
    bench = Bench()
    bench.write("/a", b"x" * 9445)
    found = bench.contents(JFFS2, "/a") - {None}
    assert {b"", b"x" * PAGE, b"x" * 2 * PAGE, b"x" * 9445} <= found
    assert all(content == b"x" * len(content or b"") for content in found)


@pytest.mark.parametrize(
    ("length", "lengths"), [(100, {0, 100}), (255, {0, 255}), (300, {0, 128, 300}), (700, {0, 512, 700})]
)
def test_a_record_is_cut_where_an_erase_block_ends_but_not_before_128_bytes(length: int, lengths: set[int]) -> None:
    bench = bench_with_state(b"")
    bench.write("/state", b"r" * length)
    assert {len(content or b"") for content in bench.contents(JFFS2, "/state")} == lengths


def test_truncation_and_mode_are_whole_or_not_there() -> None:
    bench = bench_with_state(b"o" * 10)
    bench.disk.truncate("/state", 4)
    bench.disk.chmod("/state", 0o640)
    found = [
        (len(state.image.read("/state")), state.image.modes[state.image.inode_of("/state") or 0] & 0o777)
        for state in bench.outcomes(JFFS2)
    ]
    assert sorted(found) == [(4, 0o600), (4, 0o640), (10, 0o600)]


def test_half_a_rename_across_directories_may_be_saved_by_fsync_of_the_new_one() -> None:
    bench = bench_with_state()
    bench.disk.mkdir("/d")
    bench.settle()
    bench.disk.rename("/state", "/d/state")
    bench.sync_directory("/d")
    assert sorted(tuple(sorted(tree)) for tree in trees(bench)) == [("/d", "/d/state"), ("/d", "/d/state", "/state")]
    base, rest = JFFS2.durable_prefix(bench.base, bench.log)
    assert base.digest() == bench.base.digest() and len(rest) == 2


def test_calls_that_returned_promise_nothing() -> None:
    bench = bench_with_state()
    bench.write("/a", b"")
    bench.log.append(Returned())
    assert bench.contents(JFFS2, "/a") == {None, b""}


def test_writes_dropped_by_a_failed_fsync_stay_losable() -> None:
    bench = bench_with_state()
    bench.write("/state", b"1")
    bench.drop_dirty("/state")
    bench.sync_file("/state")
    assert bench.contents(JFFS2, "/state") == {b"old", b"old1"}


def test_each_page_is_a_node_however_short_its_part_of_a_record() -> None:
    bench = bench_with_state(b"o" * (PAGE - 50))
    bench.write("/state", b"r" * 100)
    assert {len(content or b"") - PAGE for content in bench.contents(JFFS2, "/state")} == {-50, 0, 50}

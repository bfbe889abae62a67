"""FAT: what it loses beyond posix-weak, and what it keeps."""

from harness.storage.draft import garbage
from harness.storage.profiles import registry
from tests.storage.crash_builders import Bench

FAT = registry.get("fat")


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def test_replace_may_leave_neither_file_nor_content() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.sync_directory()
    bench.disk.replace("/state.tmp", "/state")
    assert {None, b"", b"old", b"new"} == bench.contents(FAT, "/state")
    assert {} in [state.image.tree() for state in bench.outcomes(FAT)]


def test_replace_is_saved_by_fsync_of_its_directory() -> None:
    bench = bench_with_state()
    bench.write("/state.tmp", b"new")
    bench.sync_file("/state.tmp")
    bench.disk.replace("/state.tmp", "/state")
    bench.sync_directory()
    assert [state.image.tree() for state in bench.outcomes(FAT)] == [{"/state": b"new"}]


def test_both_names_of_a_rename_are_two_files() -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    (image,) = [state.image for state in bench.outcomes(FAT) if len(state.image.tree()) == 2]
    assert image.read("/state") == image.read("/moved") == b"old"
    assert image.inode_of("/state") != image.inode_of("/moved")


def test_shortened_file_may_show_stale_clusters() -> None:
    bench = bench_with_state(b"o" * 600)
    bench.disk.truncate("/state", 0)
    assert garbage(0, 600) in bench.contents(FAT, "/state")
    bench.sync_file("/state")
    assert bench.contents(FAT, "/state") == {b""}


def test_clusters_may_end_up_with_no_owner() -> None:
    bench = bench_with_state(b"o" * 600)
    bench.disk.unlink("/state")
    assert {state.image.lost_bytes for state in bench.outcomes(FAT) if not state.image.exists("/state")} == {0, 600}
    assert all(set(FAT.excuses(state)) == ({15} if state.image.lost_bytes else set()) for state in bench.outcomes(FAT))
    bench = Bench()
    bench.write("/a", b"x" * 100)
    bench.sync_file("/a")
    assert {(state.image.exists("/a"), state.image.lost_bytes) for state in bench.outcomes(FAT)} == {
        (True, 0),
        (False, 100),
    }


def test_lost_space_stays_lost_over_the_next_cut() -> None:
    bench = bench_with_state(b"o" * 600)
    bench.disk.unlink("/state")
    leaked = next(state.image for state in bench.outcomes(FAT) if state.image.lost_bytes)
    bench.base = leaked
    assert {state.image.lost_bytes for state in bench.outcomes(FAT)} == {600}


def test_finished_removal_loses_no_space() -> None:
    bench = bench_with_state(b"o" * 600)
    bench.disk.unlink("/state")
    bench.sync_directory()
    assert {state.image.lost_bytes for state in bench.outcomes(FAT)} == {0}


def test_overwrite_in_place_of_a_synced_file_keeps_its_other_sectors() -> None:
    """So a slot of fixed size, written in turn with a second one, is safe here."""
    bench = bench_with_state(b"a" * 512 + b"b" * 512)
    bench.write("/state", b"A" * 512, 0)
    assert bench.contents(FAT, "/state") == {b"a" * 512 + b"b" * 512, b"A" * 512 + b"b" * 512}

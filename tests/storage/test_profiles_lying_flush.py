"""A flush that lies: the last two promised nothing, earlier ones and age did."""

import pytest

from harness.storage.draft import garbage
from harness.storage.oplog import SyncVolume
from harness.storage.profiles import registry
from harness.storage.profiles.lying_flush import LIES
from tests.storage.crash_builders import Bench

LYING = registry.get("lying-flush")
EXT4 = registry.get("ext4-ordered")


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def flush_elsewhere(bench: Bench, times: int) -> None:
    """Flushes of something that does not matter."""
    bench.disk.mkdir("/elsewhere")
    for _ in range(times):
        bench.sync_directory("/elsewhere")


def test_the_last_two_flushes_may_have_done_nothing_and_the_one_before_did() -> None:
    bench = bench_with_state()
    bench.write("/state", b"new", 0)
    bench.sync_file("/state")
    assert bench.contents(EXT4, "/state") == {b"new"}
    assert bench.contents(LYING, "/state") == {b"old", b"new"}
    flush_elsewhere(bench, LIES - 1)
    assert bench.contents(LYING, "/state") == {b"old", b"new"}
    bench.sync_directory("/elsewhere")
    assert bench.contents(LYING, "/state") == {b"new"}


def test_names_and_sync_of_the_volume_are_lied_about_as_well() -> None:
    bench = bench_with_state()
    bench.disk.rename("/state", "/moved")
    bench.sync_directory()
    bench.disk.sync()
    assert [sorted(state.image.tree()) for state in bench.outcomes(LYING)] in (
        [["/moved"], ["/state"]],
        [["/state"], ["/moved"]],
    )


def test_what_the_kernel_wrote_back_in_time_is_there() -> None:
    bench = bench_with_state()
    bench.write("/state", b"new", 0)
    bench.sync_file("/state")
    bench.log.append(SyncVolume(written_back=True))
    assert bench.contents(LYING, "/state") == {b"new"}


def test_age_is_not_a_flush_that_somebody_asked_for() -> None:
    """It neither lies nor pushes an earlier lie back."""
    bench = bench_with_state()
    bench.log.extend([SyncVolume(written_back=True)] * 3)
    bench.write("/state", b"new", 0)
    bench.sync_file("/state")
    assert b"old" in bench.contents(LYING, "/state")


def test_a_synced_file_may_show_what_its_block_held_before() -> None:
    bench = Bench()
    bench.write("/a", b"n" * 5000)
    bench.sync_file("/a")
    contents = bench.contents(LYING, "/a")
    assert garbage(0, 4096) + b"n" * 904 in contents
    assert b"n" * 4096 + garbage(4096, 904) in contents
    assert bench.contents(EXT4, "/a") == {b"n" * 5000}


def test_a_block_that_was_there_before_is_old_or_new_and_never_stale() -> None:
    bench = bench_with_state(b"o" * 4096)
    bench.write("/state", b"n" * 4096, 0)
    bench.sync_file("/state")
    for content in bench.contents(LYING, "/state"):
        assert content is not None and set(content) <= set(b"on")


def test_names_stay_in_order_among_themselves() -> None:
    bench = Bench()
    for name in ("/a", "/b", "/c"):
        bench.write(name, b"")
        bench.sync_directory()
    found = sorted(sorted(state.image.tree()) for state in bench.outcomes(LYING))
    assert found == [["/a"], ["/a", "/b"], ["/a", "/b", "/c"]]


def test_only_what_an_honest_flush_would_have_kept_is_excused() -> None:
    bench = bench_with_state()
    bench.write("/state", b"new", 0)
    bench.sync_file("/state")
    bench.write("/unsynced", b"x")
    excused = {state.image.tree()["/state"] for state in bench.outcomes(LYING) if 1 in LYING.excuses(state)}
    kept = [state for state in bench.outcomes(LYING) if state.image.tree()["/state"] == b"new"]
    assert excused == {b"old"} and len(kept) > 1
    assert not any(LYING.excuses(state) for state in kept)


def test_a_stale_block_of_a_synced_file_is_excused_and_one_of_an_unsynced_file_is_not() -> None:
    bench = Bench()
    bench.write("/a", b"n" * 100)
    bench.write("/b", b"n" * 100)
    bench.sync_file("/a")
    for state in bench.outcomes(LYING):
        honest = state.image.tree().get("/a") == b"n" * 100
        assert bool(LYING.excuses(state)) == (not honest)


@pytest.mark.parametrize("numbers", [(8, 9, 10, 12, 18, 24)])
def test_what_software_can_keep_without_trusting_a_flush_stays_due(numbers: tuple[int, ...]) -> None:
    assert not set(numbers) & set(LYING.survivability)

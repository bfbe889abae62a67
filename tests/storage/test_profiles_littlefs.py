"""littlefs: names at once, content whole at close or fsync; behind a layer that syncs at open; on a medium that reorders."""

import os

import pytest

from harness.storage.draft import garbage
from harness.storage.oplog import Returned
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from tests.storage.crash_builders import Bench

LITTLEFS = registry.get("littlefs")
NUTTX = registry.get("littlefs-nuttx")
UNORDERED = registry.get("littlefs-unordered")
every = pytest.mark.parametrize("profile", [LITTLEFS, NUTTX, UNORDERED], ids=lambda profile: profile.name)


def bench_with_state(content: bytes = b"old") -> Bench:
    bench = Bench()
    bench.write("/state", content)
    return bench.settle()


def trees(bench: Bench, profile: Profile) -> list[dict[str, bytes | None]]:
    return [state.image.tree() for state in bench.outcomes(profile)]


@every
def test_names_are_there_when_their_call_returned(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.mkdir("/d")
    bench.disk.rename("/state", "/d/moved")
    bench.log.append(Returned())
    assert trees(bench, profile) == [{"/d": None, "/d/moved": b"old"}]
    bench.disk.unlink("/d/moved")
    assert {"/d": None} in trees(bench, profile)
    bench.log.append(Returned())
    assert trees(bench, profile) == [{"/d": None}]


@every
def test_the_name_under_way_is_old_or_new_and_never_both(profile: Profile) -> None:
    bench = bench_with_state()
    bench.disk.mkdir("/d")
    bench.settle()
    bench.disk.rename("/state", "/d/moved")
    assert sorted(map(list, trees(bench, profile))) == [["/d", "/d/moved"], ["/d", "/state"]]


@every
def test_changes_since_something_was_seen_outside_come_in_order(profile: Profile) -> None:
    bench = Bench()
    for name in ("/a", "/b"):
        bench.disk.mkdir(name)
    assert sorted(map(list, trees(bench, profile))) == [[], ["/a"], ["/a", "/b"]]


def test_content_is_old_until_close_and_then_new_whole() -> None:
    bench = bench_with_state(b"o" * 3000)
    fd = bench.disk.open("/state", os.O_WRONLY | os.O_TRUNC)
    bench.disk.write(fd, b"n" * 2000)
    bench.log.append(Returned())
    bench.disk.write(fd, b"m" * 2000)
    bench.log.append(Returned())
    bench.disk.mkdir("/other")
    before = bench.contents(LITTLEFS, "/state")
    assert before == {b"o" * 3000, b"n" * 2000 + b"m" * 2000}  # an fsync may be under way, and no part of it shows
    bench.disk.close(fd)
    bench.log.append(Returned())
    assert bench.contents(LITTLEFS, "/state") == {b"n" * 2000 + b"m" * 2000}


def test_content_left_open_is_lost_whole_when_something_else_is_under_way() -> None:
    bench = bench_with_state()
    fd = bench.disk.open("/state", os.O_WRONLY)
    bench.disk.write(fd, b"new")
    bench.disk.mkdir("/other")
    assert [tree for tree in trees(bench, LITTLEFS) if "/other" not in tree] == [{"/state": b"old"}]


@every
def test_a_sync_of_one_file_leaves_another_uncommitted(profile: Profile) -> None:
    bench = bench_with_state()
    fd = bench.disk.open("/state", os.O_WRONLY)
    bench.disk.write(fd, b"new")
    bench.write("/other", b"x")
    bench.sync_file("/other")
    assert b"old" in bench.contents(profile, "/state")
    bench.disk.fsync(fd)
    assert bench.contents(profile, "/state") == {b"new"}


@every
def test_truncation_by_path_is_committed_by_its_call(profile: Profile) -> None:
    bench = bench_with_state(b"old content")
    bench.disk.truncate("/state", 3)
    assert bench.contents(profile, "/state") == {b"old content", b"old"}
    bench.log.append(Returned())
    assert bench.contents(profile, "/state") == {b"old"}


def test_a_rewritten_file_is_found_empty_only_behind_a_layer_that_syncs_at_open() -> None:
    bench = bench_with_state()
    bench.rewrite("/state", b"new")
    assert bench.contents(LITTLEFS, "/state") == {b"old", b"new"}
    assert bench.contents(NUTTX, "/state") == {b"old", b"", b"new"}


def test_a_commit_before_its_data_shows_stale_blocks_until_the_call_returns() -> None:
    bench = bench_with_state(b"o" * 200)
    bench.rewrite("/state", b"n" * 600)
    assert bench.contents(LITTLEFS, "/state") == {b"o" * 200, b"n" * 600}
    assert bench.contents(UNORDERED, "/state") == {b"o" * 200, b"n" * 600, garbage(0, 600)}
    bench.log.append(Returned())
    assert bench.contents(UNORDERED, "/state") == {b"n" * 600}


def test_small_content_lies_in_the_metadata_and_is_never_stale() -> None:
    bench = bench_with_state()
    bench.rewrite("/state", b"n" * 64)
    assert bench.contents(UNORDERED, "/state") == {b"old", b"n" * 64}

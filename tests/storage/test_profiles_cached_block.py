"""eMMC and SD: what a cut does to sectors that nobody was writing, and what it never does."""

import random

import pytest

from harness.storage.draft import garbage
from harness.storage.image import Image
from harness.storage.profiles import registry
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.profiles.cached_block import HARM_ONE_IN, SECTOR_BYTES
from tests.storage.crash_builders import Bench

EMMC = registry.get("emmc")
RELIABLE = registry.get("emmc-reliable-write")
SD = registry.get("sd")
EXT4, FAT = registry.get("ext4-ordered"), registry.get("fat")
both = pytest.mark.parametrize("profile", [EMMC, SD], ids=lambda profile: profile.name)
KIB = 1024


def bench_with(**files: bytes) -> Bench:
    bench = Bench()
    for name, content in files.items():
        bench.write(f"/{name}", content)
    return bench.settle()


def sector(letter: str) -> bytes:
    return letter.encode() * SECTOR_BYTES


def damaged(bench: Bench, profile: Profile) -> list[CrashState]:
    return [state for state in bench.outcomes(profile) if state.damage]


def changed_ranges(state: CrashState, before: Image) -> set[tuple[str, int]]:
    """Paths and sectors that differ from what the software had there."""
    found = set()
    for path, content in state.image.tree().items():
        old = before.tree().get(path) or b""
        for offset in range(0, len(content or b""), SECTOR_BYTES):
            if content and content[offset : offset + SECTOR_BYTES] != old[offset : offset + SECTOR_BYTES]:
                found.add((path, offset // SECTOR_BYTES))
    return found


@both
def test_the_sectors_beside_a_pending_write_may_be_stale(profile: Profile) -> None:
    bench = bench_with(a=sector("1") + sector("2") + sector("3") + sector("4") + sector("5"))
    bench.write("/a", sector("N"), 2 * SECTOR_BYTES)
    ranges = [frozenset(changed_ranges(state, bench.base)) for state in damaged(bench, profile)]
    for place in (0, 1, 3, 4):
        assert frozenset({("/a", place)}) in ranges
    assert not any(len({place for _, place in each} - {2}) in (2, 3) for each in ranges)  # one of them, or all


@both
def test_the_whole_erase_block_may_be_erased_but_for_the_write(profile: Profile) -> None:
    bench = bench_with(a=sector("1") + sector("2"), b=b"another file")
    bench.write("/a", sector("N"), 0)
    trees = [state.image.tree() for state in damaged(bench, profile)]
    assert {"/a": sector("N") + bytes(SECTOR_BYTES), "/b": bytes(12)} in trees


@both
def test_the_sector_under_way_may_be_neither_old_nor_new(profile: Profile) -> None:
    bench = bench_with(a=sector("1"))
    bench.write("/a", sector("N"), 0)
    assert bench.contents(profile, "/a") == {sector("1"), sector("N"), garbage(0, SECTOR_BYTES)}


def test_with_reliable_writes_a_sector_is_old_or_new_and_nothing_else_is_touched() -> None:
    bench = bench_with(a=sector("1") + sector("2"), b=b"other")
    bench.write("/a", sector("N"), 0)
    trees = [state.image.tree() for state in bench.outcomes(RELIABLE)]
    assert sorted(trees, key=str) == sorted(
        [{"/a": first + sector("2"), "/b": b"other"} for first in (sector("1"), sector("N"))], key=str
    )


@both
def test_nothing_is_damaged_while_nothing_is_being_written(profile: Profile) -> None:
    bench = bench_with(a=sector("1") + sector("2"))
    bench.write("/a", sector("N"), 0)
    bench.sync_file("/a")
    assert [state.image.tree() for state in bench.outcomes(profile)] == [{"/a": sector("N") + sector("2")}]


@both
def test_a_write_that_was_given_up_is_not_being_written_nor_one_that_was_synced_over_it(profile: Profile) -> None:
    bench = bench_with(a=sector("1") + sector("2"))
    bench.write("/a", b"gave up", 0)
    bench.drop_dirty("/a")
    bench.write("/a", b"landed", 3)
    bench.sync_file("/a")
    assert len(bench.outcomes(profile)) > 1 and damaged(bench, profile) == []


def test_another_erase_block_is_safe() -> None:
    """Half a mebibyte further on, in the same file or in the next."""
    bench = bench_with(a=bytes(512 * KIB) + b"far away", b=b"further still")
    bench.write("/a", sector("N"), SECTOR_BYTES)
    for state in damaged(bench, EMMC):
        assert state.image.read("/a").endswith(b"far away") and state.image.read("/b") == b"further still"
    assert any(not state.image.read("/a").endswith(b"far away") for state in damaged(bench, SD))  # 4 MiB there


def test_only_one_erase_block_is_damaged_at_a_cut() -> None:
    bench = bench_with(a=sector("1") * 2, b=bytes(512 * KIB), c=sector("3") * 2)
    bench.write("/a", sector("N"), 0)
    bench.write("/c", sector("N"), 0)
    for state in damaged(bench, EMMC):
        assert len({each.inode for each in state.damage}) <= 2  # b lies in both
        assert not {"/a", "/c"} <= {path for path, place in changed_ranges(state, bench.base) if place == 1}


def test_entries_beside_the_one_being_written_may_go_on_a_card_and_not_under_a_journal() -> None:
    bench = bench_with(a=b"1", b=b"2", d=b"4", e=b"5", z=b"6")
    bench.write("/c", b"")
    names = [set(state.image.tree()) for state in damaged(bench, SD)]
    for gone in ("/a", "/b", "/d", "/e"):
        assert any(gone not in each and {"/a", "/b", "/d", "/e", "/z"} - {gone} <= each for each in names)
    assert all("/z" in each for each in names)
    lost = [state.image.lost_bytes for state in damaged(bench, SD)]
    assert lost and all(lost)
    assert damaged(bench, EMMC) == []


@both
def test_damage_only_adds_to_what_the_file_system_allows(profile: Profile) -> None:
    bench = bench_with(a=sector("1") * 3)
    bench.write("/a", sector("N"), SECTOR_BYTES)
    bench.disk.rename("/a", "/b")
    file_system = EXT4 if profile is EMMC else FAT
    plain = {state.image.digest() for state in bench.outcomes(file_system)}
    assert plain == {state.image.digest() for state in bench.outcomes(profile) if not state.damage}


@both
def test_at_most_seven_damaged_images_for_each_pending_write(profile: Profile) -> None:
    bench = bench_with(a=sector("1") * 20)
    whole = len(bench.outcomes(profile))
    for place in range(1, 4):
        bench.write("/a", sector("N"), 5 * place * SECTOR_BYTES)
        undamaged = 2**place
        assert whole < len(bench.outcomes(profile)) <= undamaged * (1 + 7 * place)


@both
def test_draws_damage_one_cut_in_so_many_and_every_image_in_the_end(profile: Profile) -> None:
    bench = bench_with(a=sector("1") * 4)
    bench.write("/a", sector("N"), SECTOR_BYTES)
    rng = random.Random(5)
    states = [profile.draw(bench.base, bench.log, rng) for _ in range(4000)]
    share = sum(bool(state.damage) for state in states) / len(states)
    assert 0.7 / HARM_ONE_IN < share < 1.3 / HARM_ONE_IN
    listed = {state.image.digest() for state in bench.outcomes(profile)}
    assert {state.image.digest() for state in states} == listed


@both
def test_damage_excuses_only_the_states_that_have_some(profile: Profile) -> None:
    bench = bench_with(a=sector("1") * 4)
    bench.write("/a", sector("N"), SECTOR_BYTES)
    for state in bench.outcomes(profile):
        assert (1 in profile.excuses(state)) == bool(state.damage)
        assert not {18, 24}.intersection(profile.excuses(state))
        assert (15 in profile.excuses(state)) == bool(state.image.lost_bytes)


@both
def test_the_story_names_the_damaged_bytes(profile: Profile) -> None:
    bench = bench_with(a=sector("1") + sector("2"))
    bench.write("/a", sector("N"), 0)
    stories = [state.description for state in damaged(bench, profile)]
    assert "bytes 512 to 1024 of /a are erased" in stories and "bytes 512 to 1024 of /a are stale" in stories
    assert all(state.bites and not state.intact for state in damaged(bench, profile))

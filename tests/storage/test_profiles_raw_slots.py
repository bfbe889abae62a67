"""Raw slots on NOR flash and in battery RAM: what the write under way leaves, word by word, and what an erase takes with it."""

import os

import pytest

from harness.storage.oplog import Returned
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from harness.storage.profiles.raw_slots import SECTOR_BYTES
from tests.storage.crash_builders import Bench

NOR = registry.get("raw-slots")
RAM = registry.get("battery-ram")
both = pytest.mark.parametrize("profile", [NOR, RAM], ids=lambda profile: profile.name)


def bench_with(content: bytes) -> Bench:
    bench = Bench()
    bench.write("/slots", content)
    return bench.settle()


@both
def test_a_write_that_returned_is_there_without_any_sync(profile: Profile) -> None:
    bench = bench_with(b"\x00" * 64)
    bench.write("/slots", b"\xaa" * 64, 0)
    bench.log.append(Returned())
    assert bench.contents(profile, "/slots") == {b"\xaa" * 64}


@both
def test_a_later_write_never_lands_without_the_earlier(profile: Profile) -> None:
    bench = bench_with(b"\xff" * 16)
    bench.write("/slots", b"\x01" * 4, 0)
    bench.write("/slots", b"\x02" * 4, 8)
    contents = bench.contents(profile, "/slots")
    assert b"\x01" * 4 + b"\xff" * 4 + b"\x02" * 4 + b"\xff" * 4 in contents
    assert not any(each is not None and each[:4] != b"\x01" * 4 and b"\x02" in each for each in contents)


def test_ram_stops_at_any_byte_and_touches_nothing_else() -> None:
    bench = bench_with(b"oooooooo")
    bench.write("/slots", b"nnnn", 2)
    assert bench.contents(RAM, "/slots") == {b"oo" + b"n" * n + b"o" * (6 - n) for n in range(5)}


def test_flash_is_programmed_a_word_at_a_time_where_it_was_erased() -> None:
    bench = bench_with(b"\xff" * 12)
    bench.write("/slots", b"\x10" * 8, 0)
    whole, half = b"\x10" * 4, b"\x1f" * 4
    erased = b"\xff" * 4
    assert bench.contents(NOR, "/slots") == {
        erased * 3,
        half + erased * 2,
        whole + erased * 2,
        whole + half + erased,
        whole * 2 + erased,
    }


def test_a_write_over_programmed_bits_erases_the_sector_around_it() -> None:
    old = b"\x00" * 8 + b"neighbour-" * 2 + b"\x00" * 4
    bench = bench_with(old + b"\x00" * (SECTOR_BYTES - len(old)) + b"next sector")
    bench.write("/slots", b"\xf0" * 4, 0)
    contents = bench.contents(NOR, "/slots")
    assert b"\xff" * SECTOR_BYTES + b"next sector" in contents
    half_erased = bytes(byte | 0xA5 for byte in bench.base.read("/slots")[:SECTOR_BYTES])
    assert half_erased + b"next sector" in contents
    assert b"\xf0" * 4 + b"\xff" * (SECTOR_BYTES - 4) + b"next sector" in contents
    assert all(each is not None and each.endswith(b"next sector") for each in contents)
    assert not any(
        each is not None and each[:4] == b"\x00" * 4 and each != bench.base.read("/slots") for each in contents
    )


def test_clearing_bits_needs_no_erase_and_spares_the_neighbours() -> None:
    bench = bench_with(b"\xff" * 4 + b"neighbour")
    bench.write("/slots", b"\x00" * 4, 0)
    assert all(each is not None and each.endswith(b"neighbour") for each in bench.contents(NOR, "/slots"))


def test_what_lies_before_the_write_is_back_before_it() -> None:
    """A driver programs the sector from its beginning."""
    bench = bench_with(b"before" + b"\x00" * 4 + b"behind")
    bench.write("/slots", b"\xf0" * 4, 6)
    for each in bench.contents(NOR, "/slots"):
        assert each is not None
        if b"\xf0" in each:
            assert each.startswith(b"before")
    assert b"before" + b"\xf0" * 4 + b"\xff" * 6 in bench.contents(NOR, "/slots")
    assert b"\xff" * 16 in bench.contents(NOR, "/slots")


def test_a_write_over_two_sectors_is_whole_in_the_first_before_it_begins_the_second() -> None:
    bench = bench_with(b"\x00" * SECTOR_BYTES * 2)
    bench.write("/slots", b"\xf0" * 16, SECTOR_BYTES - 8)
    for each in bench.contents(NOR, "/slots"):
        assert each is not None
        if each[SECTOR_BYTES:] != b"\x00" * SECTOR_BYTES:
            assert each[SECTOR_BYTES - 8 : SECTOR_BYTES] == b"\xf0" * 8 and each[0] == 0


@both
def test_a_rename_is_three_writes_in_order(profile: Profile) -> None:
    bench = bench_with(b"old")
    bench.write("/new", b"new")
    bench.settle()
    bench.disk.replace("/new", "/slots")
    trees = [state.image.tree() for state in bench.outcomes(profile)]
    assert sorted(trees, key=str) == sorted(
        [
            {"/new": b"new", "/slots": b"old"},
            {"/new": b"new"},
            {"/new": b"new", "/slots": b"new"},
            {"/slots": b"new"},
        ],
        key=str,
    )


def test_every_place_of_a_short_write_is_tried_and_eight_of_a_long_one() -> None:
    bench = bench_with(b"\x00" * 100)
    bench.write("/slots", b"\x01" * 8, 0)
    assert len(bench.outcomes(RAM)) == 9
    bench = bench_with(b"\x00" * 100)
    bench.write("/slots", b"\x01" * 100, 0)
    lengths = {each.count(1) for each in bench.contents(RAM, "/slots") if each is not None}
    assert len(lengths) == 9 and {0, 1, 100} <= lengths


def test_a_shortened_file_may_lose_the_rest_of_its_sector_on_the_way() -> None:
    bench = bench_with(b"k" * 8)
    fd = bench.disk.open("/slots", os.O_WRONLY)
    bench.disk.ftruncate(fd, 4)
    contents = bench.contents(NOR, "/slots")
    assert {b"k" * 8, b"k" * 4} < contents and all(each is not None and each[:4] == b"k" * 4 for each in contents)
    assert bench.contents(RAM, "/slots") == {b"k" * 8, b"k" * 4}


def test_the_story_tells_what_was_erased() -> None:
    bench = bench_with(b"\x00" * 8)
    bench.write("/slots", b"\xf0" * 4, 0)
    stories = [state.description for state in bench.outcomes(NOR)]
    assert "bytes 0 to 8 of /slots are erased (0xFF)" in " | ".join(stories)

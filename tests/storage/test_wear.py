"""Wear: what is written is paid for in erases, and past the rating block after block goes, as each says it would."""

import errno
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.flash import FLASH, Flash
from harness.storage.latency import LatencyModel
from harness.storage.media import strike
from harness.storage.volume import Volume
from harness.storage.wear import LIMIT_SPREAD_PERCENT, MOVE_US_PER_KIB, SLOWEST_PERCENT, Wear, block_limits
from tests.storage.volume_replay import check_accounts

KIB = 1024
SMALL = Flash(4 * KIB, 256, 1000)


def worn(
    flash: Flash = SMALL,
    total_bytes: int = 64 * KIB,
    life_used_percent: float = 0.0,
    ages_per_day: int = 1,
    first_try_fails_nth: int = 0,
    latency: LatencyModel | None = None,
) -> tuple[Disk, Wear, int]:
    """A disk with one open file of a block, and its wear, which begins after that."""
    disk = Disk([Volume("data", "/data", total_bytes, latency=latency, flash=flash)])
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    disk.write(descriptor, b"x" * 4 * KIB)
    wear = Wear(
        flash,
        7,
        life_used_percent=life_used_percent,
        ages_per_day=ages_per_day,
        first_try_fails_nth=first_try_fails_nth,
    )
    strike(disk.volume("data"), wear)
    return disk, wear, descriptor


def test_limits_lie_from_the_rating_up_and_are_drawn_from_the_seed_alone() -> None:
    limits = block_limits(2000, FLASH["slc-nand"], 3)
    assert (
        limits == sorted(limits) == block_limits(2000, FLASH["slc-nand"], 3) != block_limits(2000, FLASH["slc-nand"], 4)
    )
    assert 100_000 <= limits[0] < 100_500 and 129_500 < limits[-1] <= 100_000 * (100 + LIMIT_SPREAD_PERCENT) // 100


def test_each_write_programs_whole_units_and_each_barrier_and_name_one_more() -> None:
    disk, wear, descriptor = worn()
    for count, units in ((1, 1), (256, 1), (257, 2), (4 * KIB, 16)):
        before = wear.programmed_bytes
        disk.pwrite(descriptor, b"y" * count, 0)
        assert wear.programmed_bytes - before == units * 256
    before = wear.programmed_bytes
    disk.fsync(descriptor)
    disk.rename("/data/a", "/data/b")
    assert wear.programmed_bytes - before == 2 * 256
    disk.pread(descriptor, 100, 0)
    assert wear.programmed_bytes - before == 2 * 256, "reading wears nothing here"


def test_a_full_flash_wears_faster_than_an_empty_one() -> None:
    disk, wear, _ = worn()
    volume = disk.volume("data")
    amplification = [wear.amplification_percent(volume)]
    for name in "bcd":
        with disk.fopen(f"/data/{name}", "wb") as file:
            file.write(b"x" * 16 * KIB)
        amplification.append(wear.amplification_percent(volume))
    # 1, 5, 9 and 13 of 16 blocks hold something: 1 / (1 - u).
    assert amplification == [106, 145, 228, 533]
    with disk.fopen("/data/e", "wb") as file:
        file.write(b"x" * 12 * KIB)
    assert wear.amplification_percent(volume) == 1600, "at worst one block at a time is won"


def test_erases_follow_from_bytes_amplification_and_the_fast_forward() -> None:
    _, slow, _ = worn()
    disk, fast, descriptor = worn(ages_per_day=50)
    for _ in range(64):
        disk.pwrite(descriptor, b"y" * 4 * KIB, 0)
    # 64 blocks written, 1.06 times as many programmed, 50 days for one, spread over 16 blocks.
    assert fast.erases_per_block == 64 * 106 * 50 // 100 // 16 == 212
    assert fast.life_used_percent == 21 and slow.erases_per_block == 0


def test_life_used_is_where_it_begins() -> None:
    assert worn(life_used_percent=99.0)[1].erases_per_block == 990
    assert worn(life_used_percent=99.0)[1].bites == 0


def grind(disk: Disk, descriptor: int, times: int, size: int = 4 * KIB) -> None:
    for _ in range(times):
        disk.pwrite(descriptor, b"y" * size, 0)


def grind_until(disk: Disk, wear: Wear, descriptor: int, bad_blocks: int) -> int:
    """Write until so many blocks are bad; how many writes that took."""
    for writes in range(10_000):
        if wear.bad_blocks >= bad_blocks:
            return writes
        grind(disk, descriptor, 1)
    raise AssertionError(f"only {wear.bad_blocks} blocks went bad")


def test_past_the_rating_the_volume_shrinks_block_by_block() -> None:
    disk, wear, descriptor = worn(life_used_percent=100.0)
    volume = disk.volume("data")
    blocks: list[int] = []
    for _ in range(10_000):
        if len(blocks) == 10:
            break
        before = volume.total_blocks
        grind(disk, descriptor, 1)
        if volume.total_blocks != before:
            assert before - volume.total_blocks == 1
            blocks.append(wear.erases_per_block)
            check_accounts(volume)
    assert wear.bad_blocks == wear.bites == 10 and wear.lost_bytes == 40 * KIB
    assert blocks == [max(limit, blocks[0]) for limit in block_limits(16, SMALL, 7)[:10]]
    assert disk.statvfs("/data").f_blocks == 6
    descriptor = disk.open("/data/b", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError) as refused:
        for _ in range(10):
            disk.write(descriptor, b"z" * 4 * KIB)
    assert refused.value.errno in (errno.ENOSPC, errno.EIO)
    wear.lift()
    assert volume.total_blocks == 16
    check_accounts(volume)


def test_spare_blocks_stand_in_for_the_first_and_each_costs_time() -> None:
    flash = Flash(4 * KIB, 256, 1000, spare_permille=200)
    disk, wear, descriptor = worn(flash, life_used_percent=100.0, latency=LatencyModel(write_us=1))
    volume = disk.volume("data")
    for spare in (1, 2, 3):
        before_us = disk.accrued_us
        writes = grind_until(disk, wear, descriptor, spare)
        grind(disk, descriptor, 1)
        assert disk.accrued_us - before_us == writes + 1 + 4 * MOVE_US_PER_KIB, "told of with the next call"
        assert (volume.total_blocks, wear.bites) == (16, spare)
    grind_until(disk, wear, descriptor, 4)
    assert volume.total_blocks == 15


def test_without_room_to_move_to_the_write_that_met_it_fails_and_changes_nothing() -> None:
    disk, wear, descriptor = worn(life_used_percent=100.0)
    with disk.fopen("/data/full", "wb") as file:
        file.write(b"x" * 60 * KIB)
    volume = disk.volume("data")
    assert volume.free_blocks <= 0
    with pytest.raises(OSError) as refused:
        grind(disk, descriptor, 10_000)
    assert refused.value.errno == errno.EIO and wear.program_errors == 1
    before = export_volume(volume)
    records, bad = len(volume.log), wear.bad_blocks
    with pytest.raises(OSError):
        for _ in range(10_000):
            records = len(volume.log)
            disk.pwrite(descriptor, b"y" * 4 * KIB, 0)
    assert len(volume.log) == records and wear.bad_blocks > bad
    assert export_volume(volume) == before
    assert disk.pread(descriptor, 4, 0) in (b"xxxx", b"yyyy"), "what is stored stays readable"


def test_the_last_block_may_go_and_nothing_breaks() -> None:
    disk, wear, descriptor = worn(total_bytes=16 * KIB, life_used_percent=100.0)
    disk.unlink("/data/a")
    for _ in range(8000):
        try:
            grind(disk, descriptor, 1)
        except OSError as error:
            assert error.errno in (errno.EIO, errno.ENOSPC)
    assert wear.bad_blocks == 4 and disk.volume("data").total_blocks == 0
    wear.lift()
    assert disk.volume("data").total_blocks == 4
    check_accounts(disk.volume("data"))


def test_old_flash_reads_slower_and_slower_and_at_last_not_at_the_first_try() -> None:
    latency = LatencyModel(read_us=1000, write_us=1000)

    def costs(life: float) -> tuple[int, int]:
        disk, _, descriptor = worn(life_used_percent=life, latency=latency)
        start_us = disk.accrued_us
        disk.pread(descriptor, 1, 0)
        read_us = disk.accrued_us - start_us
        disk.pwrite(descriptor, b"y", 0)
        return read_us, disk.accrued_us - start_us - read_us

    assert costs(80.0) == (1000, 1000)
    assert costs(90.0) == (2500, 1000)
    assert costs(100.0)[0] == 1000 * SLOWEST_PERCENT // 100
    disk, wear, descriptor = worn(life_used_percent=100.0, first_try_fails_nth=3)
    got = []
    for _ in range(6):
        try:
            got.append(disk.pread(descriptor, 1, 0))
        except OSError as error:
            assert error.errno == errno.EIO
            got.append(b"")
    assert got == [b"x", b"x", b"", b"x", b"x", b""] and wear.read_errors == 2
    young, unworn, descriptor = worn(life_used_percent=99.0, first_try_fails_nth=1)
    assert young.pread(descriptor, 1, 0) == b"x" and unworn.read_errors == 0


def test_it_goes_on_through_a_power_cycle() -> None:
    disk, wear, descriptor = worn(life_used_percent=100.0)
    grind_until(disk, wear, descriptor, 3)
    after = disk.load({"data": export_volume(disk.volume("data"))})
    assert after.volume("data").total_blocks == 13
    check_accounts(after.volume("data"))
    descriptor = after.open("/data/a", os.O_RDWR)
    grind_until(after, wear, descriptor, 5)
    assert after.volume("data").total_blocks == 11


@given(
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=30),
    ages=st.integers(1, 400),
    endurance=st.integers(1, 50),
    spare=st.integers(0, 300),
)
@settings(max_examples=120, deadline=None)
def test_accounts_hold_whatever_is_written(sizes: list[int], ages: int, endurance: int, spare: int) -> None:
    flash = Flash(4 * KIB, 512, endurance, spare)
    disk, wear, _ = worn(flash, ages_per_day=ages)
    volume = disk.volume("data")
    total = 16 + 16 * spare // 1000
    for number, size in enumerate(sizes):
        try:
            with disk.fopen(f"/data/f{number % 5}", "wb", buffering=0) as file:
                file.write(b"w" * size)
        except OSError as error:
            assert error.errno in (errno.ENOSPC, errno.EIO)
        check_accounts(volume)
        gone = max(0, wear.bad_blocks - 16 * spare // 1000)
        assert volume.total_blocks == 16 - gone and wear.bad_blocks <= total
        assert wear.bad_blocks == total or block_limits(total, flash, 7)[wear.bad_blocks] > wear.erases_per_block
    wear.lift()
    assert volume.total_blocks == 16
    check_accounts(volume)

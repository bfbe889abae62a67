"""Sectors that cannot be read: every read says so, a write over all of one gives it a sound sector, power changes nothing."""

import errno
import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.storage.contents import export_volume
from harness.storage.damage import erase_range, overwrite_range
from harness.storage.disk import Disk
from harness.storage.latency import LatencyModel
from harness.storage.oplog import SyncFile
from harness.storage.unreadable import RETRY_US, lose_sectors
from harness.storage.volume import Volume
from tests.storage.volume_replay import check_log

SIZE = 4096


@pytest.fixture
def disk() -> Disk:
    fresh = Disk([Volume("data", "/data", 64 * 1024, latency=LatencyModel(read_us=10))])
    descriptor = fresh.open("/data/a", os.O_CREAT | os.O_RDWR)
    fresh.write(descriptor, bytes(range(256)) * 16)
    fresh.close(descriptor)
    return fresh


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(OSError) as error:
        call()
    assert error.value.errno == errno.EIO


def test_a_read_that_touches_it_fails_for_ever_and_others_do_not(disk: Disk) -> None:
    lost = lose_sectors(disk, "/data/a", 512, 512)
    assert (lost.changed_bytes, lost.bites) == (512, 0)
    assert isinstance(disk.volume("data").log[-1], SyncFile)
    descriptor = disk.open("/data/a", os.O_RDWR)
    assert len(disk.pread(descriptor, 512, 0)) == 512
    assert len(disk.pread(descriptor, SIZE, 1024)) == SIZE - 1024
    for offset, count in ((0, 513), (1023, 1), (512, 512), (0, SIZE)):
        refused(lambda offset=offset, count=count: disk.pread(descriptor, count, offset))  # type: ignore[misc]
    assert lost.bites == 4


def test_it_survives_power_and_a_new_process(disk: Disk) -> None:
    lose_sectors(disk, "/data/a", 512, 512)
    after = disk.load({"data": export_volume(disk.volume("data"))})
    descriptor = after.open("/data/a", os.O_RDONLY)
    refused(lambda: after.read(descriptor, SIZE))
    refused(lambda: after.restart().fopen("/data/a", "rb").read())


def test_a_write_over_all_of_it_mends_it_and_one_over_a_part_fails(disk: Disk) -> None:
    lost = lose_sectors(disk, "/data/a", 512, 512)
    descriptor = disk.open("/data/a", os.O_RDWR)
    before, records = export_volume(disk.volume("data")), len(disk.volume("data").log)
    refused(lambda: disk.pwrite(descriptor, b"x" * 100, 500))
    refused(lambda: disk.pwrite(descriptor, b"x" * 511, 512))
    assert export_volume(disk.volume("data")) == before and len(disk.volume("data").log) == records
    assert lost.bites == 2
    assert disk.pwrite(descriptor, b"x" * 512, 0) == 512, "next to it"
    assert disk.pwrite(descriptor, b"y" * 512, 512) == 512
    assert disk.pread(descriptor, 1024, 0) == b"x" * 512 + b"y" * 512
    check_log(disk.volume("data"))


def test_truncating_it_away_mends_it_too(disk: Disk) -> None:
    lose_sectors(disk, "/data/a", 512, 512)
    descriptor = disk.open("/data/a", os.O_RDWR)
    disk.ftruncate(descriptor, 512)
    disk.ftruncate(descriptor, SIZE)
    assert disk.pread(descriptor, SIZE, 0) == bytes(range(256)) * 2 + bytes(SIZE - 512)


def test_what_is_corrected_costs_time_until_no_correction_helps(disk: Disk) -> None:
    lost = lose_sectors(disk, "/data/a", 0, 512, corrected_reads=2)
    descriptor = disk.open("/data/a", os.O_RDWR)
    costs = []
    for _ in range(2):
        before_us = disk.accrued_us
        assert disk.pread(descriptor, 4, 0) == b"\x00\x01\x02\x03"
        costs.append(disk.accrued_us - before_us)
    assert costs == [RETRY_US + 10] * 2
    refused(lambda: disk.pread(descriptor, 4, 0))
    assert lost.bites == 3


def test_past_the_end_and_in_a_hole_there_is_nothing_to_lose(disk: Disk) -> None:
    assert lose_sectors(disk, "/data/a", SIZE, 512).changed_bytes == 0
    assert lose_sectors(disk, "/data/a", SIZE - 100, 512).changed_bytes == 100


def test_erased_and_garbled_ranges_are_read_as_such(disk: Disk) -> None:
    assert erase_range(disk, "/data/a", 10, 5).changed_bytes == 5
    assert overwrite_range(disk, "/data/a", SIZE - 2, b"garbage").changed_bytes == 2
    with disk.fopen("/data/a", "rb") as file:
        content = file.read()
    assert (content[9:16], content[-3:], len(content)) == (b"\x09" + b"\xff" * 5 + b"\x0f", b"\xfdga", SIZE)
    check_log(disk.volume("data"))


@given(
    lost=st.tuples(st.integers(0, 60), st.integers(1, 30)),
    writes=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40)), max_size=6),
    read=st.tuples(st.integers(0, 80), st.integers(1, 40)),
)
@settings(max_examples=200, deadline=None)
def test_reads_fail_exactly_where_something_lost_was_never_written_whole(
    lost: tuple[int, int], writes: list[tuple[int, int]], read: tuple[int, int]
) -> None:
    """Held against the obvious model: a set of lost bytes, and a set of bytes that a whole rewrite saved."""
    disk = Disk([Volume("data", "/data", 64 * 1024)])
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    disk.write(descriptor, b"o" * 100)
    lose_sectors(disk, "/data/a", *lost)
    gone = set(range(lost[0], min(100, sum(lost))))
    for at, count in writes:
        touched = set(range(at, at + count))
        if gone and gone & touched and not gone <= touched:
            refused(lambda at=at, count=count: disk.pwrite(descriptor, b"n" * count, at))  # type: ignore[misc]
            continue
        disk.pwrite(descriptor, b"n" * count, at)
        gone -= touched
    if gone & set(range(read[0], sum(read))):
        refused(lambda: disk.pread(descriptor, read[1], read[0]))
    else:
        disk.pread(descriptor, read[1], read[0])


def test_as_long_as_it_can_be_corrected_a_part_of_it_can_be_written(disk: Disk) -> None:
    """The kernel reads the rest of the sector first, and that read still succeeds."""
    lose_sectors(disk, "/data/a", 0, 512, corrected_reads=1)
    descriptor = disk.open("/data/a", os.O_RDWR)
    assert disk.pwrite(descriptor, b"new", 0) == 3
    assert disk.pread(descriptor, 4, 0) == b"new\x03"
    refused(lambda: disk.pwrite(descriptor, b"more", 0))

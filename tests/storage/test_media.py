"""Every media fault bites, is lifted without a trace, and leaves its damage; every bite is counted."""

import errno
import os
from collections.abc import Callable

from harness.storage.conditions import (
    CorruptRead,
    ForeignBallast,
    FsyncDropsPages,
    InputOutputError,
    MisdirectedWrite,
    MisreportedFreeSpace,
    ReadOnlyRemount,
    ShrunkCapacity,
    SlowWithFill,
)
from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.inode import RegularFile
from harness.storage.latency import LatencyModel
from harness.storage.media import strike
from harness.storage.oplog import DropDirty, SyncFile, Write
from harness.storage.volume import Volume
from tests.storage.media_bench import TOTAL_BYTES, disk, get, lay, put, refused_with
from tests.storage.volume_replay import check_accounts, check_log

__all__ = ["disk"]


# -- input and output errors -------------------------------------------------------------------------------------------


def test_the_nth_read_fails_once(disk: Disk) -> None:
    condition = InputOutputError("read", nth=3)
    lay(disk, condition)
    descriptor = disk.open("/data/a", os.O_RDONLY)
    assert disk.read(descriptor, 2) == b"\x00\x01"
    disk.pread(descriptor, 1, 0)
    refused_with(errno.EIO, lambda: disk.read(descriptor, 2))
    assert disk.read(descriptor, 2) == b"\x02\x03", "the failed read did not move the position"
    assert condition.bites == 1


def test_reads_fail_until_lifted(disk: Disk) -> None:
    condition = InputOutputError("read", nth=2, until_lifted=True)
    lay(disk, condition)
    descriptor = disk.open("/data/a", os.O_RDONLY)
    disk.read(descriptor, 1)
    refused_with(errno.EIO, lambda: disk.read(descriptor, 1))
    refused_with(errno.EIO, lambda: disk.read(descriptor, 1))
    condition.lift()
    assert disk.read(descriptor, 1) == b"\x01"
    assert condition.bites == 2


def test_a_failed_write_changes_nothing(disk: Disk) -> None:
    condition = InputOutputError("write")
    lay(disk, condition)
    before, records = export_volume(disk.volume("data")), len(disk.volume("data").log)
    descriptor = disk.open("/data/a", os.O_WRONLY)
    refused_with(errno.EIO, lambda: disk.write(descriptor, b"new"))
    assert export_volume(disk.volume("data")) == before
    assert len(disk.volume("data").log) == records
    assert disk.write(descriptor, b"new") == 3
    assert condition.bites == 1


def test_writing_errors_strike_names_too(disk: Disk) -> None:
    lay(disk, InputOutputError("write", until_lifted=True))
    refused_with(errno.EIO, lambda: disk.mkdir("/data/d"))
    refused_with(errno.EIO, lambda: disk.rename("/data/a", "/data/b"))
    refused_with(errno.EIO, lambda: disk.open("/data/new", os.O_CREAT | os.O_WRONLY))
    assert disk.listdir("/data") == ["a"]
    assert get(disk, "/data/a")[:2] == b"\x00\x01"


def test_an_error_can_be_limited_to_one_file(disk: Disk) -> None:
    put(disk, "/data/b", b"b")
    lay(disk, InputOutputError("read", until_lifted=True, inode=disk.stat("/data/b").st_ino))
    assert len(get(disk, "/data/a")) == 5120
    refused_with(errno.EIO, lambda: get(disk, "/data/b"))


def test_a_failed_barrier_leaves_its_pages_dirty(disk: Disk) -> None:
    condition = InputOutputError("fsync")
    descriptor = disk.open("/data/a", os.O_WRONLY)
    disk.write(descriptor, b"new")
    lay(disk, condition)
    refused_with(errno.EIO, lambda: disk.fsync(descriptor))
    log = disk.volume("data").log
    assert isinstance(log[-1], Write), "no barrier, and nothing dropped"
    disk.fsync(descriptor)
    assert isinstance(log[-1], SyncFile)
    assert condition.bites == 1


def test_a_synchronous_write_reports_the_failed_barrier(disk: Disk) -> None:
    descriptor = disk.open("/data/a", os.O_WRONLY | os.O_DSYNC)
    lay(disk, InputOutputError("fsync"))
    refused_with(errno.EIO, lambda: disk.write(descriptor, b"new"))
    assert disk.write(descriptor, b"new") == 3


def test_an_fsync_that_drops_its_pages_succeeds_the_next_time(disk: Disk) -> None:
    condition = FsyncDropsPages()
    lay(disk, condition)
    descriptor = disk.open("/data/a", os.O_WRONLY)
    inode = disk.fstat(descriptor).st_ino
    disk.fsync(descriptor)
    disk.pwrite(descriptor, b"lost", 0)
    refused_with(errno.EIO, lambda: disk.fsync(descriptor))
    disk.fsync(descriptor)
    assert disk.volume("data").log[-3:-1] == [Write(inode, 0, b"lost", 5120), DropDirty(inode)]
    assert isinstance(disk.volume("data").log[-1], SyncFile)
    assert get(disk, "/data/a")[:4] == b"lost", "readers see it until power goes"
    assert condition.bites == 1


def test_dropped_pages_are_clean_so_a_second_failure_needs_new_ones(disk: Disk) -> None:
    lay(disk, FsyncDropsPages())
    descriptor = disk.open("/data/a", os.O_WRONLY)
    disk.write(descriptor, b"lost")
    refused_with(errno.EIO, lambda: disk.fsync(descriptor))
    second = FsyncDropsPages()
    lay(disk, second)
    disk.fsync(descriptor)
    assert second.bites == 0
    disk.write(descriptor, b"more")
    refused_with(errno.EIO, lambda: disk.fsync(descriptor))
    assert second.bites == 1


# -- space -------------------------------------------------------------------------------------------------------------


def test_ballast_fills_the_volume_and_goes_again(disk: Disk) -> None:
    volume = disk.volume("data")
    free = volume.free_blocks
    condition = ForeignBallast(free_bytes=8192)
    lay(disk, condition)
    assert volume.free_bytes == 8192
    descriptor = disk.open("/data/b", os.O_CREAT | os.O_WRONLY)
    assert disk.write(descriptor, b"x" * 10_000) == 8192
    refused_with(errno.ENOSPC, lambda: disk.write(descriptor, b"x"))
    assert condition.bites == 2
    check_accounts(volume)
    condition.lift()
    assert volume.free_blocks == free - 2
    assert disk.write(descriptor, b"x") == 1
    check_accounts(volume)


def test_ballast_stays_through_a_power_cycle(disk: Disk) -> None:
    condition = ForeignBallast(free_bytes=4096)
    lay(disk, condition)
    after = disk.load({"data": export_volume(disk.volume("data"))})
    assert after.volume("data").free_bytes == 4096
    condition.lift()
    assert after.volume("data").free_bytes == TOTAL_BYTES - 8192
    check_accounts(after.volume("data"))


def test_capacity_can_shrink_below_what_is_used(disk: Disk) -> None:
    put(disk, "/data/big", b"x" * 40_960)
    condition = ShrunkCapacity(total_bytes=16_384)
    lay(disk, condition)
    status = disk.statvfs("/data")
    assert (status.f_blocks, status.f_bfree) == (4, 0)
    assert len(get(disk, "/data/big")) == 40_960
    refused_with(errno.ENOSPC, lambda: put(disk, "/data/c", b"c"))
    disk.unlink("/data/big")
    assert disk.statvfs("/data").f_bfree == 2
    assert condition.bites >= 2
    condition.lift()
    assert disk.statvfs("/data").f_blocks == 16
    assert disk.volume("data").free_bytes == TOTAL_BYTES - 8192


def test_misreported_space_is_a_lie_that_writes_do_not_believe(disk: Disk) -> None:
    condition = MisreportedFreeSpace(free_bytes=1 << 30)
    lay(disk, condition)
    assert disk.statvfs("/data").f_bfree == (1 << 30) // 4096
    descriptor = disk.open("/data/b", os.O_CREAT | os.O_WRONLY)
    assert disk.write(descriptor, b"x" * 100_000) == TOTAL_BYTES - 8192
    condition.lift()
    assert disk.statvfs("/data").f_bfree == 0
    assert condition.bites == 1


def test_a_truthful_report_is_no_bite(disk: Disk) -> None:
    condition = MisreportedFreeSpace(free_bytes=TOTAL_BYTES - 8192)
    lay(disk, condition)
    disk.statvfs("/data")
    assert condition.bites == 0


def test_a_read_only_remount_refuses_changes_of_open_files_too(disk: Disk) -> None:
    descriptor = disk.open("/data/a", os.O_RDWR)
    before = export_volume(disk.volume("data"))
    condition = ReadOnlyRemount()
    lay(disk, condition)
    calls: list[Callable[[], object]] = [
        lambda: disk.write(descriptor, b"x"),
        lambda: disk.ftruncate(descriptor, 0),
        lambda: disk.open("/data/a", os.O_WRONLY),
        lambda: disk.open("/data/n", os.O_CREAT | os.O_RDONLY),
        lambda: disk.mkdir("/data/d"),
        lambda: disk.unlink("/data/a"),
        lambda: disk.rename("/data/a", "/data/b"),
        lambda: disk.link("/data/a", "/data/b"),
        lambda: disk.symlink("a", "/data/b"),
        lambda: disk.chmod("/data/a", 0o600),
        lambda: disk.utime("/data/a"),
        lambda: disk.truncate("/data/a", 0),
        lambda: disk.posix_fallocate(descriptor, 0, 9000),
    ]
    for call in calls:
        refused_with(errno.EROFS, call)
    assert condition.bites == len(calls)
    assert export_volume(disk.volume("data")) == before
    assert disk.read(descriptor, 2) == b"\x00\x01"
    assert disk.statvfs("/data").f_flag & os.ST_RDONLY
    assert disk.access("/data/a", os.W_OK) is False
    condition.lift()
    assert disk.write(descriptor, b"x") == 1


def test_two_read_only_conditions_end_with_the_last(disk: Disk) -> None:
    first, second = ReadOnlyRemount(), ReadOnlyRemount()
    lay(disk, first)
    lay(disk, second)
    first.lift()
    refused_with(errno.EROFS, lambda: disk.mkdir("/data/d"))
    second.lift()
    disk.mkdir("/data/d")


def test_a_volume_that_was_read_only_stays_so() -> None:
    volume = Volume("system", "/", TOTAL_BYTES, read_only=True)
    condition = ReadOnlyRemount()
    strike(volume, condition)
    condition.lift()
    assert volume.read_only


# -- slowness and wrong bytes ------------------------------------------------------------------------------------------


def test_slowing_with_fill_adds_time_and_ends_with_lifting() -> None:
    latency = LatencyModel(write_us=100, metadata_us=10)
    disk = Disk([Volume("data", "/data", TOTAL_BYTES, latency=latency)])
    condition = SlowWithFill(from_fill_percent=50, full_percent=300)
    lay(disk, condition)
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_WRONLY)

    def cost_us(size: int) -> int:
        start = disk.accrued_us
        disk.write(descriptor, b"x" * size)
        return disk.accrued_us - start

    assert cost_us(TOTAL_BYTES // 2) == 100
    assert condition.bites == 0
    assert cost_us(TOTAL_BYTES // 4) == 100, "charged for the fill before the call"
    assert cost_us(4096) == 200, "half way from 50 % to 100 % is half way from 100 % to 300 %"
    assert condition.bites == 1
    condition.lift()
    assert cost_us(4096) == 100


def test_a_corrupt_read_returns_one_flipped_bit_once(disk: Disk) -> None:
    good = get(disk, "/data/a")
    condition = CorruptRead(nth=1, bit=17)
    lay(disk, condition)
    bad = get(disk, "/data/a")
    assert [index for index, (one, other) in enumerate(zip(good, bad, strict=True)) if one != other] == [2]
    assert bad[2] ^ good[2] == 2
    assert get(disk, "/data/a") == good
    assert condition.bites == 1


def test_a_misdirected_write_hits_the_victim_and_spares_its_target(disk: Disk) -> None:
    put(disk, "/data/victim", b"v" * 100)
    victim = disk.locate("/data/victim")
    assert isinstance(victim, RegularFile)
    condition = MisdirectedWrite(victim, 10, nth=2)
    lay(disk, condition)
    descriptor = disk.open("/data/a", os.O_WRONLY)
    disk.pwrite(descriptor, b"first", 0)
    assert disk.pwrite(descriptor, b"second", 100) == 6
    assert disk.pwrite(descriptor, b"end", 5120) == 3
    content = get(disk, "/data/a")
    assert (content[:5], content[100:106]) == (b"first", bytes(range(100, 106)))
    assert content[5120:] == b"end"
    assert get(disk, "/data/victim") == b"v" * 10 + b"second" + b"v" * 84
    assert condition.bites == 1
    check_log(disk.volume("data"))
    check_accounts(disk.volume("data"))


def test_a_misdirected_append_takes_its_blocks_and_finds_none_on_a_full_volume(disk: Disk) -> None:
    put(disk, "/data/victim", b"v" * 100)
    victim = disk.locate("/data/victim")
    assert isinstance(victim, RegularFile)
    volume = disk.volume("data")
    free = volume.free_blocks
    lay(disk, MisdirectedWrite(victim, 0))
    descriptor = disk.open("/data/a", os.O_WRONLY)
    disk.pwrite(descriptor, b"r" * 50, 8192)
    assert volume.free_blocks == free - 1
    check_log(volume)
    check_accounts(volume)
    lay(disk, ForeignBallast(free_bytes=0))
    stray = MisdirectedWrite(victim, 0)
    lay(disk, stray)
    refused_with(errno.ENOSPC, lambda: disk.pwrite(descriptor, b"r" * 50, 20_000))
    assert stray.bites == 0 and get(disk, "/data/victim")[50:] == b"v" * 50
    check_accounts(volume)


def test_a_misdirected_append_leaves_zeros_where_it_should_have_been(disk: Disk) -> None:
    put(disk, "/data/victim", b"v" * 100)
    victim = disk.locate("/data/victim")
    assert isinstance(victim, RegularFile)
    lay(disk, MisdirectedWrite(victim, 0))
    with disk.fopen("/data/a", "ab") as file:
        file.write(b"record")
    assert get(disk, "/data/a")[5120:] == bytes(6)
    assert get(disk, "/data/victim")[:6] == b"record"
    check_log(disk.volume("data"))
    check_accounts(disk.volume("data"))

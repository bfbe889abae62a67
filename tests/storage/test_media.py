"""Every media fault bites, is lifted without a trace, and leaves its damage; every bite is counted."""

import errno
import os
from collections.abc import Callable

import pytest

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
from harness.storage.damage import copy_tree, flip_bits, lose_file, restore_tree, truncate_file, zero_range
from harness.storage.disk import Disk
from harness.storage.inode import RegularFile
from harness.storage.latency import LatencyModel
from harness.storage.media import Condition, strike
from harness.storage.oplog import DropDirty, SyncDirectory, SyncFile, Write
from harness.storage.volume import Volume
from tests.storage.volume_replay import check_accounts, check_log

TOTAL_BYTES = 64 * 1024


@pytest.fixture
def disk() -> Disk:
    fresh = Disk([Volume("data", "/data", TOTAL_BYTES)])
    put(fresh, "/data/a", bytes(range(256)) * 20)
    return fresh


def put(disk: Disk, path: str, content: bytes) -> None:
    with disk.fopen(path, "wb") as file:
        file.write(content)
        file.flush()
        disk.fsync(file)


def get(disk: Disk, path: str) -> bytes:
    with disk.fopen(path, "rb") as file:
        return bytes(file.read())


def lay(disk: Disk, condition: Condition) -> None:
    strike(disk.volume("data"), condition)


def refused_with(number: int, call: Callable[[], object]) -> None:
    with pytest.raises(OSError) as refused:
        call()
    assert refused.value.errno == number


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


# -- damage ------------------------------------------------------------------------------------------------------------


def test_flipped_bits_stay_and_count_the_reads_that_meet_them(disk: Disk) -> None:
    damage = flip_bits(disk, "/data/a", 10, b"\x01\x00\x80")
    assert (damage.changed_bytes, damage.bites) == (2, 0)
    descriptor = disk.open("/data/a", os.O_RDWR)
    disk.pread(descriptor, 10, 0)
    assert damage.bites == 0
    assert disk.pread(descriptor, 3, 10) == bytes((10 ^ 1, 11, 12 ^ 0x80))
    assert damage.bites == 1
    disk.pwrite(descriptor, b"rewritten", 8)
    disk.pread(descriptor, 20, 0)
    assert damage.bites == 1, "what was overwritten cannot be met any more"
    assert isinstance(disk.volume("data").log[-2], SyncFile)
    check_log(disk.volume("data"))


def test_flips_past_the_end_hit_nothing(disk: Disk) -> None:
    records = len(disk.volume("data").log)
    assert flip_bits(disk, "/data/a", 10_000, b"\xff").changed_bytes == 0
    assert len(disk.volume("data").log) == records


def test_a_zeroed_range_and_a_truncation_reach_the_durable_image(disk: Disk) -> None:
    assert zero_range(disk, "/data/a", 1, 3).changed_bytes == 3
    cut = truncate_file(disk, "/data/a", 100)
    assert cut.changed_bytes == 5020
    assert get(disk, "/data/a") == bytes(4) + bytes(range(4, 100))
    assert cut.bites > 0
    assert isinstance(disk.volume("data").log[-1], SyncFile)
    check_log(disk.volume("data"))
    check_accounts(disk.volume("data"))


def test_a_lost_file_is_gone_and_its_absence_is_met(disk: Disk) -> None:
    damage = lose_file(disk, "/data/a")
    assert damage.changed_names == 1
    assert isinstance(disk.volume("data").log[-1], SyncDirectory)
    assert damage.bites == 0
    refused_with(errno.ENOENT, lambda: disk.stat("/data/a"))
    assert disk.listdir("/data") == []
    assert damage.bites == 2
    refused_with(errno.ENOENT, lambda: lose_file(disk, "/data/a"))
    assert damage.bites == 2, "the harness looking is no bite"
    check_accounts(disk.volume("data"))


def test_a_stale_backup_undoes_what_came_after_it(disk: Disk) -> None:
    disk.mkdir("/data/d")
    put(disk, "/data/d/x", b"old x")
    disk.symlink("x", "/data/d/link")
    backup = copy_tree(disk, "/data/d")
    put(disk, "/data/d/x", b"new x, longer")
    put(disk, "/data/d/y", b"later")
    disk.unlink("/data/d/link")
    disk.mkdir("/data/d/sub")
    put(disk, "/data/d/sub/z", b"later still")
    damage = restore_tree(disk, "/data/d", backup)
    assert copy_tree(disk, "/data/d") == backup
    assert get(disk, "/data/d/x") == b"old x"
    assert damage.changed_names == 3
    assert damage.bites > 0
    check_log(disk.volume("data"))
    check_accounts(disk.volume("data"))
    assert restore_tree(disk, "/data/d", backup).met == ()


def test_a_single_file_can_be_restored_too(disk: Disk) -> None:
    backup = copy_tree(disk, "/data/a")
    lose_file(disk, "/data/a")
    restore_tree(disk, "/data/a", backup)
    assert len(get(disk, "/data/a")) == 5120
    check_log(disk.volume("data"))


def test_damage_works_while_power_is_off(disk: Disk) -> None:
    disk.kill()
    flip_bits(disk, "/data/a", 0, b"\x01")
    after = disk.load({"data": export_volume(disk.volume("data"))})
    assert get(after, "/data/a")[0] == 1


# -- lifting -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        InputOutputError("any", until_lifted=True),
        FsyncDropsPages(),
        ReadOnlyRemount(),
        ShrunkCapacity(8192),
        ForeignBallast(0),
        MisreportedFreeSpace(0),
        SlowWithFill(0, 1000),
        CorruptRead(),
    ],
    ids=lambda condition: type(condition).__name__,
)
def test_lifting_leaves_no_trace_and_may_be_repeated(disk: Disk, condition: Condition) -> None:
    volume = disk.volume("data")

    def seen() -> object:
        return export_volume(volume), volume.free_blocks, volume.total_blocks, volume.read_only, disk.statvfs("/data")

    before = seen()
    lay(disk, condition)
    condition.lift()
    condition.lift()
    assert seen() == before
    bites = condition.bites
    put(disk, "/data/b", b"works again")
    assert get(disk, "/data/b") == b"works again"
    assert condition.bites == bites


def test_a_condition_is_laid_once(disk: Disk) -> None:
    condition = ForeignBallast(0)
    lay(disk, condition)
    with pytest.raises(ValueError, match="once"):
        lay(disk, condition)


def test_an_error_on_any_call_is_one_on_each_kind_of_call(disk: Disk) -> None:
    """A dead chip takes no write, gives nothing back, and flushes nothing."""
    descriptor = disk.open("/data/a", os.O_RDWR)
    disk.write(descriptor, b"dirty")
    lay(disk, InputOutputError("any", until_lifted=True))
    calls: list[Callable[[], object]] = [
        lambda: disk.read(descriptor, 1),
        lambda: disk.write(descriptor, b"x"),
        lambda: disk.fsync(descriptor),
        lambda: disk.fdatasync(descriptor),
        lambda: disk.mkdir("/data/d"),
        lambda: disk.rename("/data/a", "/data/b"),
        lambda: disk.unlink("/data/a"),
        lambda: disk.ftruncate(descriptor, 1),
    ]
    for call in calls:
        refused_with(errno.EIO, call)


def test_an_error_on_writes_is_none_on_barriers_nor_the_other_way_round(disk: Disk) -> None:
    descriptor = disk.open("/data/a", os.O_RDWR)
    disk.pwrite(descriptor, b"dirty", 0)
    for on in ("write", "read"):
        condition = InputOutputError(on, until_lifted=True)  # type: ignore[arg-type]
        lay(disk, condition)
        disk.fsync(descriptor)
        condition.lift()
        assert condition.bites == 0
    lay(disk, InputOutputError("fsync", until_lifted=True))
    assert disk.pwrite(descriptor, b"more", 0) == 4 and disk.pread(descriptor, 4, 0) == b"more"
    refused_with(errno.EIO, lambda: disk.fdatasync(descriptor))


@pytest.mark.parametrize("make", [FsyncDropsPages, CorruptRead])
def test_a_fault_of_one_file_leaves_others_alone(disk: Disk, make: Callable[..., Condition]) -> None:
    put(disk, "/data/b", b"b" * 64)
    condition = make(inode=disk.locate("/data/b").number)
    lay(disk, condition)
    put(disk, "/data/c", b"c" * 64)
    assert get(disk, "/data/a") == bytes(range(256)) * 20 and get(disk, "/data/c") == b"c" * 64
    assert condition.bites == 0
    if make is CorruptRead:
        assert get(disk, "/data/b") != b"b" * 64
    else:
        refused_with(errno.EIO, lambda: put(disk, "/data/b", b"new"))
    assert condition.bites == 1


def test_a_wrong_bit_is_read_where_it_was_drawn(disk: Disk) -> None:
    lay(disk, CorruptRead(bit=8 * 7 + 3))
    descriptor = disk.open("/data/a", os.O_RDONLY)
    expected = bytearray(range(256))
    expected[7] ^= 1 << 3
    assert disk.pread(descriptor, 256, 0) == expected

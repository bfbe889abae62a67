"""Damage of a medium stays and is met by reads; conditions are lifted without a trace."""

import errno
import os
from collections.abc import Callable

import pytest

from harness.storage.conditions import (
    CorruptRead,
    ForeignBallast,
    FsyncDropsPages,
    InputOutputError,
    MisreportedFreeSpace,
    ReadOnlyRemount,
    ShrunkCapacity,
    SlowWithFill,
)
from harness.storage.contents import export_volume
from harness.storage.damage import copy_tree, flip_bits, lose_file, restore_tree, truncate_file, zero_range
from harness.storage.disk import Disk
from harness.storage.media import Condition
from harness.storage.oplog import SyncDirectory, SyncFile
from tests.storage.media_bench import disk, get, lay, put, refused_with
from tests.storage.volume_replay import check_accounts, check_log

__all__ = ["disk"]


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

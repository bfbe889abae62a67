"""Volumes: geometry, ext4's accounting, mounts, images in and out, hooks, ordinals, latency, the op log."""

import errno
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.storage.calls import StorageCall
from harness.storage.contents import export_volume, load_image, spawn_volume
from harness.storage.disk import Disk
from harness.storage.latency import EMMC, MEDIA, LatencyModel
from harness.storage.oplog import Close, Link, SyncDirectory, SyncFile, Truncate, Write
from harness.storage.volume import Volume
from tests.storage.fuzz_operations import Sequence
from tests.storage.fuzz_targets import virtual_target
from tests.storage.small_volumes import ext4, failed_with
from tests.storage.volume_replay import check_accounts, check_log, replay

# -- properties over random histories ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tmpfs", "ext4", "small blocks"])
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_any_history_keeps_its_accounts_and_is_rebuilt_from_its_log(kind: str, seed: int) -> None:
    volume = {
        "tmpfs": lambda: Volume("data", "/data", 128 * 1024, inode_limit=24),
        "ext4": lambda: ext4(inode_limit=24),
        "small blocks": lambda: Volume("data", "/data", 64 * 1024, 512),
    }[kind]()
    disk = play(volume, seed, 120)
    check_accounts(volume)
    check_log(volume)
    disk.abandon_process()
    assert volume.orphans == {}
    check_accounts(volume)
    contents = export_volume(volume)
    for loaded in (spawn_volume(volume, contents), volume):
        if loaded is volume:
            load_image(volume, contents)
        assert export_volume(loaded) == contents
        check_accounts(loaded)


def play(volume: Volume, seed: int, length: int) -> Disk:
    disk = Disk([volume])
    target = virtual_target(disk, f"{volume.mount_point}/root")
    target.begin()
    drawn = Sequence(random.Random(seed))
    for operation in drawn.opening():
        target.apply(operation)
    for _ in range(length):
        target.apply(drawn.next())
    return disk


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_the_same_calls_give_the_same_log(seed: int) -> None:
    logs = []
    for _ in range(2):
        volume = Volume("data", "/data", 128 * 1024)
        play(volume, seed, 80)
        logs.append([repr(record) for record in volume.log])
    assert logs[0] == logs[1]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32))
def test_ordinals_count_every_change_and_barrier_once(seed: int) -> None:
    volume = Volume("data", "/data", 128 * 1024)
    disk = Disk([volume])
    seen: list[StorageCall] = []
    disk.before_operation = seen.append
    target = virtual_target(disk, "/data/root")
    target.begin()
    drawn = Sequence(random.Random(seed))
    changes = 0
    for operation in [*drawn.opening(), *(drawn.next() for _ in range(80))]:
        records = len(volume.log)
        count = len(seen)
        target.apply(operation)
        new = [record for record in volume.log[records:] if not isinstance(record, Close)]
        changes += len(new)
        assert len(seen) - count >= len(new), "nothing changes unannounced"
    assert [call.ordinal for call in seen] == list(range(1, disk.operation_ordinal + 1))
    assert len(seen) >= changes


# -- ext4's ways -------------------------------------------------------------------------------------------------------


def test_without_partial_writes_a_write_that_does_not_fit_stores_nothing() -> None:
    disk = Disk([ext4(32 * 1024)])
    free = disk.volume("data").free_bytes
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_WRONLY)
    with pytest.raises(OSError) as refused:
        disk.write(descriptor, b"x" * (free + 1))
    assert failed_with(refused) == "ENOSPC"
    assert disk.fstat(descriptor).st_size == 0
    assert disk.write(descriptor, b"x" * free) == free


def test_directories_take_blocks_and_grow_and_do_not_shrink() -> None:
    disk = Disk([ext4(inode_limit=200)])
    volume = disk.volume("data")
    free = volume.free_blocks
    disk.mkdir("/data/d")
    assert volume.free_blocks == free - 1
    for index in range(40):
        disk.close(disk.open(f"/data/d/{index:0100d}", os.O_CREAT | os.O_WRONLY))
    assert disk.stat("/data/d").st_size == 8192
    assert volume.free_blocks == free - 2
    for index in range(40):
        disk.unlink(f"/data/d/{index:0100d}")
    assert disk.stat("/data/d").st_size == 8192
    disk.rmdir("/data/d")
    assert volume.free_blocks == free
    check_accounts(volume)


def test_a_full_volume_refuses_a_new_directory() -> None:
    disk = Disk([ext4(16 * 1024)])
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_WRONLY)
    disk.write(descriptor, b"x" * disk.volume("data").free_bytes)
    with pytest.raises(OSError) as refused:
        disk.mkdir("/data/d")
    assert failed_with(refused) == "ENOSPC"
    disk.close(disk.open("/data/b", os.O_CREAT | os.O_WRONLY))
    check_accounts(disk.volume("data"))


def test_hard_links_take_inodes_on_tmpfs_only() -> None:
    for volume, taken in ((Volume("data", "/data", 65_536), 1), (ext4(), 0)):
        disk = Disk([volume])
        disk.fopen("/data/a", "w").close()
        free = volume.free_inodes
        disk.link("/data/a", "/data/b")
        assert volume.free_inodes == free - taken
        check_accounts(volume)


def test_a_file_cannot_grow_beyond_the_limit() -> None:
    disk = Disk([Volume("data", "/data", 1 << 20, file_bytes_max=10_000)])
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    assert disk.pwrite(descriptor, b"x" * 100, 9_950) == 50
    for call in (
        lambda: disk.pwrite(descriptor, b"x", 10_000),
        lambda: disk.ftruncate(descriptor, 10_001),
        lambda: disk.posix_fallocate(descriptor, 0, 10_001),
    ):
        with pytest.raises(OSError) as refused:
            call()
        assert failed_with(refused) == "EFBIG"


def test_geometry_is_checked() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Volume("data", "/data", 65_536, 1000)
    with pytest.raises(ValueError, match="absolute"):
        Volume("data", "data", 65_536)


# -- the log -----------------------------------------------------------------------------------------------------------


def test_records_say_what_was_done() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_WRONLY | os.O_SYNC, 0o640)
    disk.write(descriptor, b"abc")
    disk.lseek(descriptor, 5, os.SEEK_SET)
    disk.write(descriptor, b"d")
    disk.close(descriptor)
    descriptor = disk.open("/data/a", os.O_WRONLY | os.O_DSYNC | os.O_TRUNC)
    disk.write(descriptor, b"e")
    duplicate = disk.dup(descriptor)
    disk.close(descriptor)
    directory = disk.open("/data", os.O_RDONLY)
    disk.fsync(directory)
    disk.close(duplicate)
    disk.close(directory)
    assert disk.volume("data").log == [
        Link(1, "a", 2, 0o100640),
        Write(2, 0, b"abc", 0),
        SyncFile(2),
        Write(2, 5, b"d", 3),
        SyncFile(2),
        Close(2),
        Truncate(2, 0, 6),
        Write(2, 0, b"e", 0),
        SyncFile(2, data_only=True),
        SyncDirectory(1),
        Close(2),
    ]
    assert replay(disk.volume("data")).files == {2: b"e"}


def test_failed_calls_are_neither_counted_nor_logged() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    for call in (lambda: disk.unlink("/data/none"), lambda: disk.mkdir("/data"), lambda: disk.rmdir("/data/none")):
        with pytest.raises(OSError):
            call()
    assert (disk.operation_ordinal, disk.volume("data").log) == (0, [])


# -- hooks and cost ----------------------------------------------------------------------------------------------------


def test_the_hook_is_told_the_current_name_of_a_renamed_file() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    seen: list[StorageCall] = []
    descriptor = disk.open("/data/a.tmp", os.O_CREAT | os.O_WRONLY)
    disk.before_operation = seen.append
    disk.rename("/data/a.tmp", "/data/a")
    disk.write(descriptor, b"abc")
    disk.fsync(descriptor)
    disk.unlink("/data/a")
    disk.write(descriptor, b"d")
    assert [(call.kind, call.path, call.source_path) for call in seen] == [
        ("rename", "/data/a", "/data/a.tmp"),
        ("write", "/data/a", ""),
        ("fsync", "/data/a", ""),
        ("unlink", "/data/a", ""),
        ("write", "/data/a (deleted)", ""),
    ]
    assert [(call.byte_count, call.offset_bytes, call.inode) for call in seen[1:3]] == [(3, 0, 2), (3, 0, 2)]
    assert {call.volume.name for call in seen} == {"data"}


def test_reads_are_announced_on_request_without_counting() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    with disk.fopen("/data/a", "wb") as file:
        file.write(b"abc")
    seen: list[StorageCall] = []
    disk.before_operation = seen.append
    descriptor = disk.open("/data/a", os.O_RDONLY)
    disk.read(descriptor, 10)
    assert seen == []
    disk.hook_reads = True
    disk.pread(descriptor, 10, 1)
    assert [(call.ordinal, call.kind, call.path, call.byte_count, call.offset_bytes) for call in seen] == [
        (2, "read", "/data/a", 10, 1)
    ]


def test_an_error_raised_by_the_hook_is_the_calls_result() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])

    def refuse(call: StorageCall) -> None:
        raise OSError(errno.EIO, "from the hook")

    disk.before_operation = refuse
    with pytest.raises(OSError, match="from the hook"):
        disk.mkdir("/data/d")
    disk.before_operation = None
    assert disk.listdir("/data") == []


def test_costs_accrue_in_whole_microseconds() -> None:
    latency = LatencyModel(
        read_us=10,
        read_us_per_kib=2,
        write_us=5,
        metadata_us=7,
        barrier_us=100,
        barrier_us_per_dirty_kib=50,
    )
    disk = Disk([Volume("data", "/data", 1 << 20, latency=latency)])
    spent = []

    def note() -> None:
        spent.append(disk.accrued_us - sum(spent))

    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    note()
    disk.write(descriptor, b"x" * 4096)
    note()
    disk.fsync(descriptor)
    note()
    disk.fsync(descriptor)
    note()
    disk.pread(descriptor, 1500, 0)
    note()
    disk.write(descriptor, b"x" * 100)
    note()
    disk.sync()
    note()
    disk.sync()
    note()
    assert spent == [7, 5, 100 + 200, 100, 10 + 3, 5, 100 + 5, 100]
    assert isinstance(disk.accrued_us, int)


def test_media_slow_down_as_they_fill() -> None:
    assert EMMC.slowdown_percent(85) == 100
    assert EMMC.slowdown_percent(100) == EMMC.full_slowdown_percent
    for model in MEDIA.values():
        costs = [model.cost_us("write", 4096, 4096, fill) for fill in range(0, 101, 5)]
        assert costs == sorted(costs)
    with pytest.raises(ValueError, match="no slowdown"):
        LatencyModel(full_slowdown_percent=50)


# -- limits and odd ends -----------------------------------------------------------------------------------------------


def test_descriptors_run_out_and_the_lowest_free_one_is_given() -> None:
    disk = Disk([Volume("data", "/data", 65_536)], descriptor_limit=6)
    descriptors = [disk.open("/data/a", os.O_CREAT | os.O_RDWR) for _ in range(3)]
    assert descriptors == [3, 4, 5]
    with pytest.raises(OSError) as refused:
        disk.open("/data/none", os.O_RDONLY)
    assert failed_with(refused) == "EMFILE"
    disk.close(4)
    disk.close(3)
    assert [disk.dup(5), disk.dup(5)] == [3, 4]


def test_an_unnamed_temporary_file_is_refused_so_that_callers_fall_back() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    with pytest.raises(OSError) as refused:
        disk.open("/data", os.O_TMPFILE | os.O_RDWR)
    assert refused.value.errno == errno.EOPNOTSUPP


def test_a_lock_that_would_block_for_ever_raises_instead() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    first, second = disk.fopen("/data/l", "w"), disk.fopen("/data/l", "w")
    disk.flock(first, 2)
    with pytest.raises(OSError) as refused:
        disk.flock(second, 2)
    assert refused.value.errno == errno.EDEADLK


def test_a_removed_working_directory_is_given_back_when_left() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    free = disk.volume("data").free_inodes
    disk.mkdir("/data/d")
    disk.chdir("/data/d")
    disk.rmdir("/data/d")
    assert disk.volume("data").free_inodes == free - 1
    with pytest.raises(FileNotFoundError):
        disk.getcwd()
    disk.chdir("/")
    assert disk.volume("data").free_inodes == free


def test_times_are_virtual() -> None:
    now = [1_000_000]
    disk = Disk([Volume("data", "/data", 65_536)], now_us=lambda: now[0])
    disk.fopen("/data/a", "w").close()
    assert disk.stat("/data/a").st_mtime_ns == 1_000_000_000
    now[0] = 2_500_000
    with disk.fopen("/data/a", "a") as file:
        file.write("x")
    assert disk.stat("/data/a").st_mtime == 2.5
    disk.utime("/data/a", (7, 8.5))
    assert (disk.stat("/data/a").st_atime, disk.stat("/data/a").st_mtime_ns) == (7.0, 8_500_000_000)


def test_text_without_an_encoding_is_utf_8() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    with disk.fopen("/data/a", "w") as file:
        assert file.encoding == "utf-8"
        file.write("交易")
    with disk.fopen("/data/a", encoding="locale") as file:
        assert file.read() == "交易"


def test_line_buffered_bytes_warn_as_open_does() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    with pytest.warns(RuntimeWarning, match="line buffering"):
        disk.fopen("/data/a", "wb", buffering=1).close()

"""Room that is refused: inodes, quotas, a log without a clean block; each bites, and is lifted without a trace."""

import errno
import os
from collections.abc import Callable

import pytest

from harness.storage.conditions import ForeignBallast, LatencyDrift
from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.latency import LatencyModel
from harness.storage.media import Condition, strike
from harness.storage.shortage import NoCleanBlock, NoInodes, Quota
from harness.storage.volume import Volume
from tests.storage.volume_replay import check_accounts

TOTAL_BYTES = 64 * 1024
DAY_US = 86_400_000_000


@pytest.fixture
def disk() -> Disk:
    fresh = Disk([Volume("data", "/data", TOTAL_BYTES, inode_limit=16)])
    put(fresh, "/data/a", b"a" * 5000)
    return fresh


def put(disk: Disk, path: str, content: bytes) -> None:
    with disk.fopen(path, "wb") as file:
        file.write(content)
        file.flush()
        disk.fsync(file)


def lay(disk: Disk, condition: Condition) -> None:
    strike(disk.volume("data"), condition)


def refused_with(number: int, call: Callable[[], object]) -> OSError:
    with pytest.raises(OSError) as refused:
        call()
    assert refused.value.errno == number
    return refused.value


# -- inodes ------------------------------------------------------------------------------------------------------------


def test_without_inodes_no_file_can_be_made_and_those_there_are_can_be_written(disk: Disk) -> None:
    condition = NoInodes(left=1)
    lay(disk, condition)
    assert disk.statvfs("/data").f_ffree == 1
    put(disk, "/data/b", b"b")
    calls: list[Callable[[], object]] = [
        lambda: disk.open("/data/c", os.O_CREAT | os.O_WRONLY),
        lambda: disk.mkdir("/data/d"),
        lambda: disk.symlink("a", "/data/s"),
        lambda: disk.link("/data/a", "/data/l"),
    ]
    for call in calls:
        refused_with(errno.ENOSPC, call)
    assert condition.bites == len(calls)
    put(disk, "/data/a", b"longer than before" * 1000)
    disk.rename("/data/a", "/data/z")
    assert condition.bites == len(calls), "room for bytes is left"
    disk.unlink("/data/b")
    put(disk, "/data/c", b"c")
    condition.lift()
    for name in "defghij":
        put(disk, f"/data/{name}", b"")
    check_accounts(disk.volume("data"))


def test_inodes_stay_used_up_through_a_power_cycle(disk: Disk) -> None:
    condition = NoInodes(left=0)
    lay(disk, condition)
    after = disk.load({"data": export_volume(disk.volume("data"))})
    refused_with(errno.ENOSPC, lambda: put(after, "/data/b", b""))
    condition.lift()
    assert after.volume("data").free_inodes == 16 - 2
    check_accounts(after.volume("data"))


def test_a_lack_of_inodes_is_no_bite_of_what_takes_space(disk: Disk) -> None:
    ballast, inodes = ForeignBallast(free_bytes=8192), NoInodes(left=0)
    lay(disk, ballast)
    lay(disk, inodes)
    refused_with(errno.ENOSPC, lambda: put(disk, "/data/b", b""))
    assert (ballast.bites, inodes.bites) == (0, 1)
    descriptor = disk.open("/data/a", os.O_WRONLY)
    disk.write(descriptor, b"x" * 16_384)
    refused_with(errno.ENOSPC, lambda: disk.write(descriptor, b"x"))
    assert (ballast.bites, inodes.bites) == (1, 1)


# -- quota -------------------------------------------------------------------------------------------------------------


def test_a_quota_refuses_what_statvfs_promises(disk: Disk) -> None:
    condition = Quota(free_bytes=8192)
    free = disk.statvfs("/data").f_bfree
    lay(disk, condition)
    assert disk.statvfs("/data").f_bfree == free
    descriptor = disk.open("/data/b", os.O_CREAT | os.O_WRONLY)
    assert disk.write(descriptor, b"x" * 10_000) == 8192
    error = refused_with(errno.EDQUOT, lambda: disk.write(descriptor, b"x"))
    assert error.strerror == "Disk quota exceeded"
    refused_with(errno.EDQUOT, lambda: disk.posix_fallocate(descriptor, 0, 20_000))
    assert disk.statvfs("/data").f_bfree == free - 2
    assert condition.bites == 3, "a short write, a refused one, a refused allocation"
    disk.unlink("/data/a")
    assert disk.write(descriptor, b"x" * 9000) == 8192
    condition.lift()
    assert disk.write(descriptor, b"x" * 9000) == 9000
    check_accounts(disk.volume("data"))


def test_a_quota_above_what_is_free_changes_nothing(disk: Disk) -> None:
    condition = Quota(free_bytes=1 << 30)
    lay(disk, condition)
    descriptor = disk.open("/data/b", os.O_CREAT | os.O_WRONLY)
    disk.write(descriptor, b"x" * TOTAL_BYTES)
    refused_with(errno.ENOSPC, lambda: disk.write(descriptor, b"x"))
    assert condition.bites == 0


def test_beyond_a_quota_and_below_nothing_statvfs_says_nothing_is_free(disk: Disk) -> None:
    lay(disk, ForeignBallast(free_bytes=0))
    lay(disk, Quota(free_bytes=0))
    assert disk.statvfs("/data").f_bfree == 0


# -- no clean block ----------------------------------------------------------------------------------------------------


def test_without_a_clean_block_even_an_overwrite_fails_and_deleting_works(disk: Disk) -> None:
    put(disk, "/data/b", b"b" * 9000)
    descriptor = disk.open("/data/a", os.O_RDWR)
    before = export_volume(disk.volume("data"))
    ballast, condition = ForeignBallast(free_bytes=4096), NoCleanBlock(reserve_bytes=8192)
    lay(disk, ballast)
    lay(disk, condition)
    calls: list[Callable[[], object]] = [
        lambda: disk.pwrite(descriptor, b"new", 0),
        lambda: disk.rename("/data/a", "/data/c"),
        lambda: disk.mkdir("/data/d"),
        lambda: disk.open("/data/n", os.O_CREAT | os.O_WRONLY),
        lambda: disk.link("/data/a", "/data/l"),
        lambda: disk.chmod("/data/a", 0o600),
        lambda: disk.posix_fallocate(descriptor, 0, 4096),
    ]
    for call in calls:
        refused_with(errno.ENOSPC, call)
    assert condition.bites == len(calls)
    assert export_volume(disk.volume("data")) == before
    assert disk.pread(descriptor, 3, 0) == b"aaa"
    disk.fsync(descriptor)
    disk.unlink("/data/b")
    assert disk.pwrite(descriptor, b"new", 0) == 3, "what was deleted is clean again"
    condition.lift()
    ballast.lift()
    check_accounts(disk.volume("data"))


def test_with_the_reserve_free_nothing_is_refused(disk: Disk) -> None:
    condition = NoCleanBlock(reserve_bytes=8192)
    lay(disk, condition)
    put(disk, "/data/b", b"b" * 9000)
    disk.rename("/data/b", "/data/c")
    assert condition.bites == 0


# -- time --------------------------------------------------------------------------------------------------------------


def test_latency_drifts_with_age_up_to_a_limit_and_goes_back() -> None:
    now_us = 0
    latency = LatencyModel(write_us=100)
    disk = Disk([Volume("data", "/data", TOTAL_BYTES, latency=latency)], now_us=lambda: now_us)
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_WRONLY)
    now_us = 5 * DAY_US
    condition = LatencyDrift(more_per_day_percent=50, most_percent=300)
    lay(disk, condition)

    def cost_us() -> int:
        before = disk.accrued_us
        disk.pwrite(descriptor, b"x", 0)
        return disk.accrued_us - before

    assert (cost_us(), condition.bites) == (100, 0), "it ages from the strike on"
    now_us += DAY_US
    assert (cost_us(), condition.bites) == (150, 1)
    now_us += DAY_US // 2
    assert cost_us() == 175
    now_us += 30 * DAY_US
    assert cost_us() == 300
    condition.lift()
    assert cost_us() == 100

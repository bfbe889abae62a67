"""The dead write nothing: power loss and process death, with half-written records, with-blocks and forgotten files."""

import errno
import gc
import os
import subprocess
import sys
from typing import Any

import pytest

from harness.storage.calls import StorageCall
from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.oplog import Close
from harness.storage.volume import Volume


class PowerCut(BaseException):
    """As the harness raises it: not an Exception, so that terminal software does not catch it by accident."""


def fresh() -> Disk:
    return Disk([Volume("data", "/data", 256 * 1024)])


def state(disk: Disk) -> tuple[Any, int]:
    volume = disk.volume("data")
    return export_volume(volume), len(volume.log)


def test_after_a_kill_every_call_raises_eio_and_changes_nothing() -> None:
    disk = fresh()
    disk.mkdir("/data/d")
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    disk.write(descriptor, b"kept")
    directory = disk.open("/data/d", os.O_RDONLY)
    before = state(disk)
    disk.kill()
    calls = [
        lambda: disk.open("/data/b", os.O_CREAT | os.O_WRONLY),
        lambda: disk.fopen("/data/b", "w"),
        lambda: disk.fopen("/data/a"),
        lambda: disk.write(descriptor, b"x"),
        lambda: disk.pwrite(descriptor, b"x", 0),
        lambda: disk.writev(descriptor, [b"x"]),
        lambda: disk.read(descriptor, 1),
        lambda: disk.lseek(descriptor, 0, 0),
        lambda: disk.ftruncate(descriptor, 0),
        lambda: disk.truncate("/data/a", 0),
        lambda: disk.posix_fallocate(descriptor, 0, 4096),
        lambda: disk.fsync(descriptor),
        lambda: disk.fdatasync(descriptor),
        lambda: disk.fsync(directory),
        disk.sync,
        lambda: disk.close(descriptor),
        lambda: disk.dup(descriptor),
        lambda: disk.mkdir("/data/e"),
        lambda: disk.rmdir("/data/d"),
        lambda: disk.unlink("/data/a"),
        lambda: disk.rename("/data/a", "/data/b"),
        lambda: disk.link("/data/a", "/data/b"),
        lambda: disk.symlink("a", "/data/b"),
        lambda: disk.readlink("/data/a"),
        lambda: disk.chmod("/data/a", 0o600),
        lambda: disk.utime("/data/a"),
        lambda: disk.stat("/data/a"),
        lambda: disk.fstat(descriptor),
        lambda: disk.statvfs("/data"),
        lambda: disk.listdir("/data"),
        lambda: disk.scandir("/data"),
        lambda: disk.chdir("/data"),
        disk.getcwd,
        lambda: disk.flock(descriptor, 1),
    ]
    for call in calls:
        with pytest.raises(OSError) as refused:
            call()
        assert refused.value.errno == errno.EIO
    assert disk.access("/data/a", os.F_OK) is False
    assert state(disk) == before


@pytest.mark.parametrize("end", ["kill", "abandon_process"])
@pytest.mark.parametrize("mode", ["wb", "r+b", "w", "ab"])
def test_what_python_had_buffered_never_lands(end: str, mode: str) -> None:
    disk = fresh()
    with disk.fopen("/data/a", "wb") as file:
        file.write(b"old")
    file = disk.fopen("/data/a", mode)
    file.write("half a record" if mode == "w" else b"half a record")
    getattr(disk, end)()
    before = export_volume(disk.volume("data"))
    records = len(disk.volume("data").log)
    with pytest.raises(OSError):
        file.flush()
    with pytest.raises(OSError):
        file.close()
    del file
    gc.collect()
    assert export_volume(disk.volume("data")) == before
    assert len(disk.volume("data").log) == records


@pytest.mark.parametrize("end", ["kill", "abandon_process"])
def test_unwinding_with_blocks_and_clean_up_code_change_nothing(end: str) -> None:
    disk = fresh()

    def terminal() -> None:
        with disk.fopen("/data/journal", "ab") as journal:
            journal.write(b"first half, ")
            try:
                getattr(disk, end)()
                raise PowerCut
            finally:
                disk.unlink("/data/lock")
                disk.fopen("/data/clean-up", "w").write("shut down cleanly")

    disk.fopen("/data/lock", "w").close()
    with pytest.raises((PowerCut, OSError)):
        terminal()
    contents = export_volume(disk.volume("data"))
    assert sorted(contents.directories[1]) == ["journal", "lock"]
    assert set(contents.files.values()) == {b""}


def test_a_power_cut_raised_by_the_hook_strikes_before_anything_changed() -> None:
    disk = fresh()
    seen: list[StorageCall] = []

    def cut(call: StorageCall) -> None:
        seen.append(call)
        if call.ordinal == 3:
            disk.kill()
            raise PowerCut

    disk.before_operation = cut
    file = disk.fopen("/data/a", "wb")
    file.write(b"one")
    file.flush()
    file.write(b"two")
    before = state(disk)
    with pytest.raises(PowerCut):
        file.flush()
    assert [(call.ordinal, call.kind, call.path) for call in seen] == [
        (1, "create", "/data/a"),
        (2, "write", "/data/a"),
        (3, "write", "/data/a"),
    ]
    del file
    gc.collect()
    assert state(disk) == before


def test_a_hook_that_kills_without_raising_still_stops_the_call() -> None:
    disk = fresh()
    disk.before_operation = lambda call: disk.kill()
    with pytest.raises(OSError):
        disk.mkdir("/data/d")
    assert export_volume(disk.volume("data")).directories[1] == {}


def test_a_process_death_closes_descriptors_drops_locks_and_keeps_the_page_cache() -> None:
    disk = fresh()
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    disk.write(descriptor, b"written, not synced")
    disk.flock(descriptor, 2)
    orphan = disk.open("/data/b", os.O_CREAT | os.O_RDWR)
    disk.write(orphan, b"x" * 8192)
    disk.unlink("/data/b")
    used = disk.volume("data").total_blocks - disk.volume("data").free_blocks
    disk.abandon_process()
    volume = disk.volume("data")
    assert volume.total_blocks - volume.free_blocks == used - 2
    assert sum(isinstance(record, Close) for record in volume.log) == 2
    after = disk.restart()
    again = after.open("/data/a", os.O_RDWR)
    assert again == 3
    assert after.read(again, 100) == b"written, not synced"
    after.flock(again, 2 | 4)
    with pytest.raises(OSError):
        disk.stat("/data/a")


def test_counts_hook_and_cost_carry_over_to_the_next_process() -> None:
    disk = fresh()
    disk.mkdir("/data/d")
    disk.accrued_us = 17
    hook = lambda call: None  # noqa: E731
    disk.before_operation = hook
    after = disk.restart()
    assert (after.operation_ordinal, after.accrued_us, after.before_operation) == (1, 17, hook)
    after.mkdir("/data/e")
    assert after.operation_ordinal == 2


def test_a_power_cycle_mounts_the_image_with_its_inode_numbers() -> None:
    disk = fresh()
    with disk.fopen("/data/a", "wb") as file:
        file.write(b"durable")
    image = export_volume(disk.volume("data"))
    inode = disk.stat("/data/a").st_ino
    disk.fopen("/data/b", "w").close()
    after = disk.load({"data": image})
    assert after.listdir("/data") == ["a"]
    assert after.stat("/data/a").st_ino == inode
    assert after.volume("data").log == []
    after.fopen("/data/c", "w").close()
    assert after.stat("/data/c").st_ino not in (inode, inode + 1), "an inode number is never used twice"


def test_the_collector_prints_nothing_about_the_dead_even_in_development_mode() -> None:
    program = """
import gc
from harness.storage.disk import Disk
from harness.storage.volume import Volume
disk = Disk([Volume("data", "/data", 65536)])
files = [disk.fopen(f"/data/{mode}", mode) for mode in ("wb", "w", "ab", "w+b", "x")]
for file in files:
    file.write("x" if hasattr(file, "encoding") else b"x")
raw = disk.fopen("/data/raw", "wb", buffering=0)
disk.kill()
del files, file, raw
gc.collect()
assert disk.volume("data").free_blocks == 16
"""
    done = subprocess.run([sys.executable, "-X", "dev", "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

"""Volumes in one tree, and images that are mounted: what survives, and what it costs."""

import os
import stat

import pytest

from harness.storage.contents import VolumeContents, export_volume, load_image, spawn_volume
from harness.storage.disk import Disk
from harness.storage.oplog import SyncVolume
from harness.storage.volume import Volume
from tests.storage.small_volumes import failed_with
from tests.storage.volume_replay import check_accounts

# -- mounts ------------------------------------------------------------------------------------------------------------


def three_volumes() -> Disk:
    return Disk(
        [
            Volume("cache", "/mnt/flash/cache", 65_536),
            Volume("system", "/", 65_536),
            Volume("data", "/data", 65_536),
        ]
    )


def test_volumes_form_one_tree() -> None:
    disk = three_volumes()
    assert disk.listdir("/") == ["mnt", "data"]
    assert disk.listdir("/mnt/flash") == ["cache"]
    numbers = [disk.stat(path).st_dev for path in ("/", "/data", "/mnt/flash/cache")]
    assert len(set(numbers)) == 3
    disk.chdir("/mnt/flash/cache")
    assert (disk.getcwd(), disk.stat("../..").st_ino) == ("/mnt/flash/cache", disk.stat("/mnt").st_ino)
    assert [entry.name for entry in disk.scandir("/mnt/flash") if entry.is_dir()] == ["cache"]


def test_names_do_not_move_between_volumes() -> None:
    disk = three_volumes()
    disk.fopen("/data/a", "w").close()
    for call in (disk.rename, disk.replace, disk.link):
        with pytest.raises(OSError) as refused:
            call("/data/a", "/mnt/flash/cache/a")
        assert failed_with(refused) == "EXDEV"
        assert refused.value.filename2 == "/mnt/flash/cache/a"


def test_a_mount_point_is_busy() -> None:
    disk = three_volumes()
    disk.mkdir("/other")
    with pytest.raises(OSError) as refused:
        disk.rmdir("/data")
    assert failed_with(refused) == "EBUSY"
    for source, target in (("/data", "/moved"), ("/other", "/data")):
        with pytest.raises(OSError) as refused:
            disk.rename(source, target)
        assert failed_with(refused) in ("EBUSY", "EXDEV")
    with pytest.raises(FileExistsError):
        disk.mkdir("/data")


def test_each_volume_has_its_own_space_and_log() -> None:
    disk = three_volumes()
    disk.fopen("/data/a", "w").close()
    assert [len(disk.volume(name).log) for name in ("data", "cache")] == [2, 0]
    disk.sync()
    assert [disk.volume(name).log[-1] for name in ("system", "data", "cache")] == [SyncVolume()] * 3
    assert disk.operation_ordinal == 4


def test_mount_points_come_back_after_the_volume_above_lost_them() -> None:
    disk = three_volumes()
    disk.fopen("/mnt/flash/cache/kept", "w").close()
    empty = VolumeContents({}, {1: {}}, {1: 0o40755}, {})
    after = disk.load({"system": empty})
    assert after.listdir("/mnt/flash/cache") == ["kept"]
    assert after.listdir("/") == ["mnt", "data"]


def test_two_volumes_cannot_share_a_mount_point() -> None:
    with pytest.raises(ValueError, match="mount point of its own"):
        Disk([Volume("a", "/data", 65_536), Volume("b", "/data/", 65_536)])


def test_an_unknown_volume_is_named_with_the_known_ones() -> None:
    with pytest.raises(KeyError, match="no volume is named 'dat'; this disk has system, data, cache"):
        three_volumes().volume("dat")


# -- images ------------------------------------------------------------------------------------------------------------


def test_holes_known_to_the_volume_survive_a_mount_and_preallocated_blocks_too() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    disk.close(disk.open("/data/sparse", os.O_CREAT | os.O_WRONLY))
    disk.truncate("/data/sparse", 1 << 20)
    descriptor = disk.open("/data/reserve", os.O_CREAT | os.O_RDWR)
    disk.posix_fallocate(descriptor, 0, 16_384)
    image = export_volume(disk.volume("data"))
    fresh = spawn_volume(disk.volume("data"), image)
    assert fresh.free_bytes == 65_536 - 16_384
    after = disk.load({"data": image})
    assert after.volume("data").free_bytes == 65_536 - 16_384
    assert after.stat("/data/sparse").st_blocks == 0
    assert after.stat("/data/sparse").st_size == 1 << 20
    check_accounts(after.volume("data"))


def test_holes_in_the_middle_survive_a_mount_unless_the_image_holds_data_there() -> None:
    disk = Disk([Volume("data", "/data", 65_536)])
    descriptor = disk.open("/data/a", os.O_CREAT | os.O_RDWR)
    disk.pwrite(descriptor, b"x", 0)
    disk.pwrite(descriptor, b"x", 40_960)
    image = export_volume(disk.volume("data"))
    assert disk.load({"data": image}).stat("/data/a").st_blocks == 16
    content = bytearray(image.files[2])
    content[9000] = 1
    torn = VolumeContents({2: bytes(content)}, image.directories, image.modes, {})
    after = Disk([spawn_volume(disk.volume("data"), torn)])
    assert after.stat("/data/a").st_blocks == 24


def test_a_mounted_image_is_shared_until_it_is_written() -> None:
    content = b"x" * 10_000
    image = VolumeContents({2: content}, {1: {"a": 2}}, {1: 0o40755, 2: 0o100600}, {})
    volume = Volume("data", "/data", 65_536)
    load_image(volume, image)
    disk = Disk([volume])
    assert volume.base_image is image
    descriptor = disk.open("/data/a", os.O_RDWR)
    assert disk.read(descriptor, 5) == b"xxxxx"
    disk.pwrite(descriptor, b"y", 0)
    disk.truncate("/data/a", 9_000)
    assert content == b"x" * 10_000
    assert disk.stat("/data/a").st_mode == 0o100600
    check_accounts(volume)


def test_a_name_without_an_inode_is_an_empty_file() -> None:
    volume = Volume("data", "/data", 65_536)
    load_image(volume, VolumeContents({}, {1: {"lost": 9}}, {}, {}))
    disk = Disk([volume])
    assert stat.S_ISREG(disk.stat("/data/lost").st_mode)
    disk.fopen("/data/new", "w").close()
    assert disk.stat("/data/new").st_ino == 10


def test_an_image_larger_than_the_volume_leaves_no_space() -> None:
    volume = Volume("data", "/data", 8192)
    load_image(volume, VolumeContents({2: b"x" * 20_000}, {1: {"a": 2}}, {}, {}))
    disk = Disk([volume])
    assert disk.statvfs("/data").f_bfree == 0
    with disk.fopen("/data/a", "r+b") as file:
        file.write(b"y" * 20_000)
    with pytest.raises(OSError):
        disk.fopen("/data/b", "wb", buffering=0).write(b"z")

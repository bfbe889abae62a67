"""Device classes: what each is made of, and that it is within what the domain study found such devices to have."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.device.classes import DEVICE_CLASSES, GIB, DeviceClass, device_class
from harness.device.spec import KIB, MIB, VolumeSpec
from harness.network.kinds import LINK_KINDS
from harness.storage.latency import MEDIA
from harness.storage.profiles import registry as profiles

NAMES = DEVICE_CLASSES.names()

# Domain study, section 3: least and most RAM, least and most free for the application's data, profile of the data volume.
STUDY = {
    "legacy": (1 * MIB, 16 * MIB, 300 * KIB, 2 * MIB, "posix-weak"),
    "traditional-ubifs": (32 * MIB, 64 * MIB, 2 * MIB, 20 * MIB, "ubifs"),
    "traditional-jffs2": (32 * MIB, 64 * MIB, 2 * MIB, 20 * MIB, "jffs2"),
    "traditional-yaffs2": (32 * MIB, 64 * MIB, 2 * MIB, 20 * MIB, "yaffs2"),
    "traditional-fat": (32 * MIB, 64 * MIB, 2 * MIB, 20 * MIB, "fat"),
    "mpos-raw": (2 * MIB, 8 * MIB, 64 * KIB, 512 * KIB, "raw-slots"),
    "mpos-littlefs": (2 * MIB, 8 * MIB, 64 * KIB, 512 * KIB, "littlefs"),
    "android-ext4": (64 * MIB, GIB, 200 * MIB, 4 * GIB, "ext4-noauto_da_alloc"),
    "android-f2fs": (64 * MIB, GIB, 200 * MIB, 4 * GIB, "f2fs"),
}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_the_study_found(name: str) -> None:
    found = device_class(name)
    ram_least, ram_most, data_least, data_most, profile = STUDY[name]
    assert found.name == name and len(found.summary) <= 130
    assert ram_least <= found.ram_bytes <= ram_most
    assert data_least <= found.volume("data").total_bytes <= data_most
    assert found.volume("data").profile == profile
    assert [volume.name for volume in found.volumes][:2] == ["system", "data"]


def test_every_class_of_the_study_is_there() -> None:
    assert sorted(NAMES) == sorted(STUDY)


@pytest.mark.parametrize("name", NAMES)
def test_it_names_what_exists(name: str) -> None:
    found = device_class(name)
    assert found.link in LINK_KINDS
    for volume in found.volumes:
        assert volume.profile in profiles.names()
        assert volume.latency == MEDIA[volume.medium]
        assert volume.flash is not None and volume.directory_blocks
        assert volume.total_bytes % volume.flash.erase_block_bytes == 0
        assert volume.flash.erase_block_bytes % volume.block_size_bytes == 0
        built = volume.build()
        assert built.flash == volume.flash
        assert built.free_blocks == built.total_blocks - 1, "the root directory has its block"


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_people_what_it_is_made_of(name: str) -> None:
    lines = list(device_class(name).described())
    found = device_class(name)
    assert found.link in lines[0]
    for line, volume in zip(lines[1:], found.volumes, strict=True):
        assert volume.name in line and volume.profile in line and volume.medium in line


def test_an_unknown_class_is_named_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no device class named 'android-ext'; did you mean 'android-ext4'"):
        device_class("android-ext")


def test_a_volume_takes_the_wear_of_its_medium_unless_given() -> None:
    plain = VolumeSpec.on("spi-nor", "data", MIB)
    assert plain.flash is not None
    assert (plain.flash.erase_block_bytes, plain.flash.program_bytes, plain.flash.endurance_cycles) == (
        4096,
        256,
        100_000,
    )
    given = VolumeSpec.on("spi-nor", "data", MIB, erase_block_bytes=128, endurance_cycles=7)
    assert given.flash is not None
    assert (given.flash.erase_block_bytes, given.flash.program_bytes, given.flash.endurance_cycles) == (128, 128, 7)
    assert VolumeSpec.on("fram", "nv", 8192).flash is None
    assert (VolumeSpec.on("emmc", "system", MIB).mount_point, plain.mount_point) == ("/", "/data")


def test_a_class_is_plain_data() -> None:
    assert all(isinstance(found, DeviceClass) and hash(found) for _, found in DEVICE_CLASSES.items())


# Program and erase units in KiB, whether a write may be done in part: what decides how a full or worn volume is met.
MEDIA_OF = {
    "legacy": ("spi-nor", 64, 64 * KIB, 1, True),
    "traditional-ubifs": ("slc-nand", 128, 2 * KIB, 2, True),
    "traditional-jffs2": ("slc-nand", 16, 2 * KIB, 2, True),
    "traditional-yaffs2": ("slc-nand", 128, 2 * KIB, 2, True),
    "traditional-fat": ("slc-nand", 128, 2 * KIB, 2, True),
    "mpos-raw": ("spi-nor", 4, 256, 0.5, True),
    "mpos-littlefs": ("spi-nor", 4, 256, 4, False),
    "android-ext4": ("emmc", None, None, 4, False),
    "android-f2fs": ("emmc", None, None, 4, False),
}


@pytest.mark.parametrize("name", NAMES)
def test_its_volumes_are_all_on_one_medium_with_its_units(name: str) -> None:
    medium, erase_kib, program_bytes, block_kib, partial_writes = MEDIA_OF[name]
    for volume in device_class(name).volumes:
        assert volume.flash is not None and volume.medium == medium
        assert (volume.block_size_bytes, volume.partial_writes) == (block_kib * KIB, partial_writes)
        assert volume.profile == device_class(name).volume("data").profile
        if erase_kib is not None:
            assert (volume.flash.erase_block_bytes, volume.flash.program_bytes) == (erase_kib * KIB, program_bytes)

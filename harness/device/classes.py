"""Device classes: the kinds of terminal that merchants have, as volumes, memory and link.

Models: what the application may use of each kind of device: its volumes with size, block, medium, file system, erase block and
endurance, its share of RAM, the link it usually has. NVRAM is 256 bytes of battery-backed memory on all of them, as the
contract says. Does not model: the processor, one maker's model, or what the operating system itself keeps on the medium.

Source: the table of hardware in the domain study (section 3): Ingenico iCT220 reference guide p.21 and 27 (16 MB of flash and of
RAM; 10.7 MB for applications); PAX S80/S90 and SP60 class, MPOS and A920 class figures are assumptions within its ranges.
The legacy class has a proprietary file system of which nothing is published, so it gets the profile that promises least.
Android's ``/data`` on ext4 is mounted ``noauto_da_alloc`` by nearly every vendor's fstab, which is one protection less.
Erase blocks and endurance: the media's own (``storage/flash``) but where a row says otherwise. File systems on flash write out of
place and take whole blocks for directories; ENOSPC is all or nothing where allocation is delayed (ext4, F2FS).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.core.registry import Registry
from harness.device.spec import KIB, MIB, VolumeSpec

GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class DeviceClass:
    """One kind of device. ``profile`` of each volume says what its medium and file system may lose at a power cut."""

    name: str
    summary: str
    volumes: tuple[VolumeSpec, ...]
    ram_bytes: int
    """What the application and its runtime may use; on a phone-like device, the limit of one application."""
    link: str

    def volume(self, name: str) -> VolumeSpec:
        """The volume of that name; KeyError when there is none."""
        return {volume.name: volume for volume in self.volumes}[name]

    def described(self) -> Iterator[str]:
        """A line for the device and one for each volume, for people."""
        yield f"RAM for the application {_size(self.ram_bytes)}, link {self.link}"
        for volume in self.volumes:
            wear = ""
            if volume.flash is not None:
                block, cycles = volume.flash.erase_block_bytes, volume.flash.endurance_cycles
                wear = f", erased in {_size(block)}, {cycles:,} times"
            yield (
                f"  {volume.name:<7} {_size(volume.total_bytes):>8} on {volume.medium}, profile {volume.profile}, "
                f"blocks of {_size(volume.block_size_bytes)}{wear}"
            )


def _size(size_bytes: int) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size_bytes % unit == 0:
            return f"{size_bytes // unit} {name}"
    return f"{size_bytes} B"


DEVICE_CLASSES: Registry[DeviceClass] = Registry("device class")


def device_class(name: str) -> DeviceClass:
    """The class; UsageError naming the nearest when there is none of that name."""
    return DEVICE_CLASSES.get(name)


def _nand(profile: str, ram_bytes: int, erase_block_bytes: int, title: str, link: str = "gprs") -> DeviceClass:
    """A traditional terminal: 64-128 MB of NAND, of which the application has 2-20 MB."""

    def volume(name: str, size_bytes: int) -> VolumeSpec:
        return VolumeSpec.on(
            "slc-nand",
            name,
            size_bytes,
            block_size_bytes=2 * KIB,
            profile=profile,
            directory_blocks=True,
            erase_block_bytes=erase_block_bytes,
        )

    return DeviceClass(
        f"traditional-{profile}",
        title,
        (volume("system", 16 * MIB), volume("data", 8 * MIB), volume("cache", 4 * MIB)),
        ram_bytes,
        link,
    )


def _mpos(
    name: str, profile: str, data_bytes: int, block_bytes: int, partial_writes: bool, ram_bytes: int, title: str
) -> DeviceClass:
    """A card reader that trades by itself: some hundred KB of NOR flash in 4 KiB sectors, no cache volume."""

    def volume(volume_name: str, size_bytes: int) -> VolumeSpec:
        return VolumeSpec.on(
            "spi-nor",
            volume_name,
            size_bytes,
            block_size_bytes=block_bytes,
            partial_writes=partial_writes,
            profile=profile,
            directory_blocks=True,
        )

    return DeviceClass(name, title, (volume("system", 1 * MIB), volume("data", data_bytes)), ram_bytes, "gprs")


def _android(name: str, profile: str, title: str) -> DeviceClass:
    """8 GB of eMMC and 1 GB of RAM, of which one application sees a part; the data volume is shared with everything else."""

    def volume(volume_name: str, size_bytes: int) -> VolumeSpec:
        return VolumeSpec.on(
            "emmc", volume_name, size_bytes, partial_writes=False, profile=profile, directory_blocks=True
        )

    volumes = (volume("system", 2 * GIB), volume("data", 1 * GIB), volume("cache", 256 * MIB))
    return DeviceClass(name, title, volumes, 256 * MIB, "4g")


def _legacy() -> DeviceClass:
    """16 MB of NOR behind a proprietary file system that rewrites whole 64 KiB sectors."""

    def volume(name: str, size_bytes: int) -> VolumeSpec:
        return VolumeSpec.on(
            "spi-nor",
            name,
            size_bytes,
            block_size_bytes=1 * KIB,
            profile="posix-weak",
            directory_blocks=True,
            erase_block_bytes=64 * KIB,
            program_bytes=64 * KIB,
        )

    title = "iCT220-like: 16 MB of NOR flash and of RAM, a proprietary file system that promises nothing, 1 MB for data"
    volumes = (volume("system", 8 * MIB), volume("data", 1 * MIB), volume("cache", 256 * KIB))
    return DeviceClass("legacy", title, volumes, 10 * MIB, "gprs")


for _class in (
    _legacy(),
    _nand("ubifs", 64 * MIB, 128 * KIB, "S90-like Linux terminal: NAND under UBIFS, 8 MB for data, 64 MB of RAM"),
    _nand(
        "jffs2", 32 * MIB, 16 * KIB, "older Linux terminal: small-page NAND under JFFS2, 8 MB for data, 32 MB of RAM"
    ),
    _nand("yaffs2", 32 * MIB, 128 * KIB, "S80-like terminal: NAND under YAFFS2, 8 MB for data, 32 MB of RAM"),
    _nand("fat", 32 * MIB, 128 * KIB, "VxWorks terminal: FAT on NAND behind a translation layer, 8 MB for data"),
    _mpos("mpos-raw", "raw-slots", 128 * KIB, 512, True, 4 * MIB, "MPOS reader: record slots in 128 KB of NOR flash"),
    _mpos("mpos-littlefs", "littlefs", 512 * KIB, 4 * KIB, False, 8 * MIB, "MPOS reader: 512 KB of NOR under LittleFS"),
    _android(
        "android-ext4", "ext4-noauto_da_alloc", "A920-like: eMMC under ext4 as vendors mount it, 1 GB left for data"
    ),
    _android("android-f2fs", "f2fs", "A920-like: eMMC under F2FS, 1 GB left for data"),
):
    DEVICE_CLASSES.register(_class.name)(_class)

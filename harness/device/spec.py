"""What a device is made of, as plain data."""

from dataclasses import dataclass, replace
from typing import Literal

from harness.network.kinds import LINK_KINDS, LinkKind
from harness.storage.flash import FLASH, Flash
from harness.storage.latency import MEDIA, SLC_NAND, LatencyModel
from harness.storage.volume import Volume

KIB = 1024
MIB = 1024 * KIB
DEFAULT_MEDIUM = "slc-nand"
SYSTEM_VOLUME = "system"
"""The volume at the root; every other is mounted under its name."""


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """One storage volume. ``profile`` names what it may lose at power loss."""

    name: str
    mount_point: str
    total_bytes: int
    block_size_bytes: int = 4096
    inode_limit: int | None = None
    partial_writes: bool = True
    profile: str = "posix-weak"
    latency: LatencyModel | None = SLC_NAND
    """None: storage takes no time."""
    medium: str = DEFAULT_MEDIUM
    flash: Flash | None = FLASH[DEFAULT_MEDIUM]
    """None: the medium does not wear."""
    directory_blocks: bool = False
    """Directories take blocks and a hard link takes no inode, as on every file system but tmpfs."""

    @classmethod
    def on(
        cls,
        medium: str,
        name: str,
        total_bytes: int,
        *,
        block_size_bytes: int = 4096,
        inode_limit: int | None = None,
        partial_writes: bool = True,
        profile: str = "posix-weak",
        directory_blocks: bool = False,
        erase_block_bytes: int | None = None,
        program_bytes: int | None = None,
        endurance_cycles: int | None = None,
    ) -> "VolumeSpec":
        """A volume on a medium of that name, mounted where devices mount it, with the medium's own wear unless given."""
        flash = FLASH.get(medium)
        if flash is not None:
            size = erase_block_bytes or flash.erase_block_bytes
            flash = replace(
                flash,
                erase_block_bytes=size,
                program_bytes=min(size, program_bytes or flash.program_bytes),
                endurance_cycles=endurance_cycles or flash.endurance_cycles,
            )
        mount_point = "/" if name == SYSTEM_VOLUME else f"/{name}"
        return cls(
            name, mount_point, total_bytes, block_size_bytes, inode_limit, partial_writes, profile, MEDIA[medium],
            medium, flash, directory_blocks,
        )  # fmt: skip

    def build(self) -> Volume:
        """The volume, freshly formatted."""
        return Volume(
            self.name,
            self.mount_point,
            self.total_bytes,
            self.block_size_bytes,
            self.inode_limit,
            partial_writes=self.partial_writes,
            latency=self.latency,
            directory_blocks=self.directory_blocks,
            links_use_inodes=not self.directory_blocks,
            flash=self.flash,
        )


DEFAULT_VOLUMES = (
    VolumeSpec("system", "/", 4 * MIB),
    VolumeSpec("data", "/data", 2 * MIB),
    VolumeSpec("cache", "/cache", 1 * MIB),
)
"""A traditional Linux terminal's share for the application (domain study, section 3: 2-20 MB free)."""


@dataclass(frozen=True, slots=True)
class DeviceSpec:
    """One device. Identifiers are text: leading zeros count."""

    name: str
    tid: str
    mid: str
    volumes: tuple[VolumeSpec, ...] = DEFAULT_VOLUMES
    memory_budget_bytes: int = 32 * MIB
    link: str = "4g"
    printer: bool = True
    paper_slips: int = 150
    """Slips on a full roll; a 57 mm x 40 mm roll gives some 150 slips of 10 cm (assumption)."""
    rtc_offset_us: int = 0
    rtc_drift_ppm: int = 0
    own_ip: str = "10.0.0.2"
    disk: Literal["vfs", "pyfakefs"] = "vfs"
    """pyfakefs: the second disk, with one quota for all volumes together and no crash model but cuts at fsync."""

    def __post_init__(self) -> None:
        if len(self.tid) != 8 or len(self.mid) != 15:
            raise ValueError(
                f"{self.name}: a TID has 8 characters and a MID 15, not {len(self.tid)} and {len(self.mid)}"
            )
        names = [volume.name for volume in self.volumes]
        if len(set(names)) != len(names) or not names:
            raise ValueError(f"{self.name}: a device needs volumes with names of their own, not {names}")

    @property
    def link_kind(self) -> LinkKind:
        """The medium; UsageError naming the nearest when there is none of that name."""
        return LINK_KINDS.get(self.link)

"""Which file systems are held against which profile, and whether this machine can.

A kernel that lacks one is said to lack it; a process that may not mount is said to be refused. Neither is a pass.
ext2 is left out: without a journal its files are not to be used before e2fsck has been over them, so that what a bare mount
shows after a cut is no state that a device ever boots from (reading it here gives "Structure needs cleaning" as well).
"""

import os
from dataclasses import dataclass
from pathlib import Path

from harness.storage.kernels import linux
from harness.storage.kernels.blank import blank_path
from harness.storage.profiles import registry

_SECTOR_BYTES, _PAGE_BYTES = 512, 4096


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One file system as mounted, with the profile that has to allow all it shows."""

    name: str
    kind: str
    options: str
    profile_name: str
    # What a cut may split of a write that no flush covers. btrfs keeps one checksum over its 4,096-byte superblock, which a
    # drive has to write whole.
    tear_bytes: int = _SECTOR_BYTES
    hard_links: bool = True


FILE_SYSTEMS = (
    FileSystem("ext4", "ext4", "", "ext4-ordered"),
    FileSystem("ext4-noauto_da_alloc", "ext4", "noauto_da_alloc", "ext4-noauto_da_alloc"),
    FileSystem("ext4-dioread_lock", "ext4", "dioread_lock", "ext4-dioread_lock"),
    FileSystem("ext3", "ext3", "", "ext4-dioread_lock"),
    FileSystem("xfs", "xfs", "nouuid", "xfs"),
    FileSystem("btrfs", "btrfs", "nodiscard", "btrfs", tear_bytes=_PAGE_BYTES),
    FileSystem("f2fs", "f2fs", "", "f2fs"),
    FileSystem("vfat", "vfat", "", "fat", hard_links=False),
)


def named(name: str) -> FileSystem:
    return next(each for each in FILE_SYSTEMS if each.name == name)


def refused() -> str | None:
    """Why this process cannot mount file systems on loop devices; None when it can."""
    for device in ("/dev/loop-control", "/dev/fuse"):
        if not os.path.exists(device):
            return f"no {device} here"
        if not os.access(device, os.R_OK | os.W_OK):
            return f"no access to {device} (needs root)"
    child = os.fork()
    if child == 0:
        try:
            linux.own_mounts()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if status == 0 else f"mounts of its own are refused to this process: {os.strerror(status)}"


def missing(file_system: FileSystem) -> str | None:
    """Why this one file system cannot be checked on this kernel; None when it can."""
    known = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines() if line.strip()}
    if file_system.kind not in known:
        return f"this kernel has no {file_system.kind}"
    if not blank_path(file_system.kind).exists():
        return f"no blank image of {file_system.kind} is shipped"
    if file_system.profile_name not in registry.names():
        return f"there is no profile {file_system.profile_name}"
    return None

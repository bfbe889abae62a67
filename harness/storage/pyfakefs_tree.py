"""A pyfakefs tree as an image, and an image as a pyfakefs tree.

Models: names, contents, modes and symbolic links. Does not model: times, ownership.
Source: pyfakefs 6.3, fake_file.py.
"""

import os
import stat

from pyfakefs.fake_file import FakeDirectory, FakeFile
from pyfakefs.fake_filesystem import FakeFilesystem
from pyfakefs.fake_os import FakeOsModule

from harness.storage.contents import VolumeImage
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE


def inode_of(filesystem: FakeFilesystem, each: FakeFile) -> int:
    """pyfakefs numbers inodes by creation; ours start with the root."""
    return ROOT_INODE if each is filesystem.root else int(each.st_ino) + ROOT_INODE


def tree_of(filesystem: FakeFilesystem) -> Image:
    """The tree as readers see it now."""
    files: dict[int, bytes] = {}
    directories: dict[int, dict[str, int]] = {}
    modes: dict[int, int] = {}
    links: dict[int, str] = {}
    queue: list[FakeFile] = [filesystem.root]
    for each in queue:
        inode = inode_of(filesystem, each)
        if inode in modes:
            continue
        modes[inode] = each.st_mode
        if isinstance(each, FakeDirectory):
            entries = sorted(each.entries.items())
            directories[inode] = {name: inode_of(filesystem, child) for name, child in entries}
            queue.extend(child for _, child in entries)
        elif stat.S_ISLNK(each.st_mode):
            links[inode] = os.fsdecode(each.byte_contents or b"")
        else:
            files[inode] = each.byte_contents or b""
    return Image(files, directories, modes, links)


def fill(fake_os: FakeOsModule, image: VolumeImage) -> None:
    """Lay the image out on an empty file system."""
    made: dict[int, str] = {}
    queue = [(ROOT_INODE, "")]
    for directory, prefix in queue:
        for entry, inode in image.directories.get(directory, {}).items():
            path = f"{prefix}/{entry}"
            if inode in made:
                fake_os.link(made[inode], path)
                continue
            made[inode] = path
            if inode in image.links:
                fake_os.symlink(image.links[inode], path)
                continue
            if inode in image.directories:
                fake_os.mkdir(path)
                queue.append((inode, path))
            else:
                descriptor = fake_os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
                if image.files.get(inode):
                    fake_os.write(descriptor, image.files[inode])
                fake_os.close(descriptor)
            fake_os.chmod(path, stat.S_IMODE(image.modes.get(inode, 0o755)))

"""Path walks over the mounted volumes, with Linux's rules for dots, slashes, links and lengths.

Models: ``.`` and ``..`` across mounts, symbolic links with the limit of 40, trailing slashes, NAME_MAX and PATH_MAX.
Does not model: search permission (a terminal runs as root), magic links, case-insensitive names.
Source: Linux fs/namei.c, path_resolution(7).
"""

import errno
import os
from typing import TypeAlias

from harness.storage.inode import Directory, Inode, SymbolicLink
from harness.storage.oplog import SyncVolume
from harness.storage.oserrors import Shown, os_error
from harness.storage.volume import Volume

NAME_BYTES_MAX = 255
PATH_BYTES_MAX = 4095
LINKS_FOLLOWED_MAX = 40

Step: TypeAlias = tuple[Directory, str, Inode | None, bool]
"""Where a walk ended: directory, last name ("", "." and ".." included), what it leads to, whether a slash followed."""


def is_plain(name: str) -> bool:
    """Whether a last name is one that can be added or removed."""
    return name not in ("", ".", "..")


def path_text(path: str | bytes, shown: Shown) -> str:
    """The path as text, checked for emptiness, NUL and length as the kernel does before it looks anything up."""
    if isinstance(path, bytes):
        text = path.decode("utf-8", "surrogateescape")
    else:
        text = path
    if not text:
        raise os_error(errno.ENOENT, *shown)
    if "\0" in text:
        raise ValueError("embedded null byte")
    if not text.isascii() or len(text) > PATH_BYTES_MAX:
        encoded = text.encode("utf-8", "surrogateescape")
        if len(encoded) > PATH_BYTES_MAX:
            raise os_error(errno.ENAMETOOLONG, *shown)
    return text


def checked_path(path: object, function: str) -> str | bytes:
    """``os.fspath`` with the message the os functions give for other types."""
    if isinstance(path, str | bytes):
        return path
    try:
        return os.fspath(path)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        kind = type(path).__name__
        raise TypeError(f"{function}: path should be string, bytes or os.PathLike, not {kind}") from None


class Namespace:
    """The volumes of one device as one tree."""

    def __init__(self, volumes: tuple[Volume, ...]) -> None:
        by_depth = sorted(volumes, key=lambda volume: (volume.mount_point != "/", volume.mount_point.count("/")))
        points = [volume.mount_point for volume in by_depth]
        for point in points:
            if points.count(point) > 1:
                raise ValueError(f"two volumes are mounted at {point!r}; each needs a mount point of its own")
        if not points or points[0] != "/":
            by_depth.insert(0, Volume("rootfs", "/", total_bytes=64 * 1024))
        self.volumes = tuple(by_depth)
        # Set while the harness itself looks something up: such a look is no bite of damaged names.
        self.unobserved = False
        for index, volume in enumerate(self.volumes):
            volume.device_number = index + 1
        self.mount_all()

    @property
    def root(self) -> Directory:
        return self.volumes[0].root

    def mount_all(self) -> None:
        """Covers the mount points again, as start-up scripts do; missing directories above them are made durable."""
        self.root.directory = None
        for volume in self.volumes[1:]:
            names = volume.mount_point.split("/")[1:]
            directory = self.root
            for name in names[:-1]:
                child = directory.child(name)
                if not isinstance(child, Directory):
                    child = _make_mount_parent(directory, name)
                directory = child
            if directory.mounts is None:
                directory.mounts = {}
            directory.mounts[names[-1]] = volume.root
            volume.root.directory, volume.root.name = directory, names[-1]

    def descend(
        self,
        path: str,
        start: Directory,
        shown: Shown,
        follow: bool,
        budget: int = LINKS_FOLLOWED_MAX,
        *,
        check_last: bool = True,
    ) -> Step:
        """Walks to the last name. It is looked up, and followed if it is a symbolic link and ``follow`` says so.

        ``check_last`` false leaves the length of the last name to the caller, who has other checks to make first.
        """
        trimmed = path.rstrip("/")
        slash = len(trimmed) != len(path)
        directory = self.root if path[0] == "/" else start
        if not trimmed:
            return self.root, "", self.root, slash
        names = trimmed.split("/")
        last = len(names) - 1
        child: Inode | None
        for index, name in enumerate(names):
            if name == "" or name == ".":
                child = directory
            elif name == "..":
                child = directory.directory or directory
            else:
                if len(name) > 63 and (check_last or index != last):
                    check_length(name, shown)
                child = directory.entries.get(name) if directory.mounts is None else directory.child(name)
            if index == last:
                if directory.volume.media is not None and not self.unobserved:
                    directory.volume.media.looked_up(directory, name)
                if follow and isinstance(child, SymbolicLink):
                    return self._follow(child, directory, "/" if slash else "", shown, budget)
                return directory, name, child, slash
            if isinstance(child, Directory):
                directory = child
            elif child is None:
                raise os_error(errno.ENOENT, *shown)
            elif isinstance(child, SymbolicLink):
                rest = "/" + "/".join(names[index + 1 :]) + ("/" if slash else "")
                return self._follow(child, directory, rest, shown, budget, follow, check_last)
            else:
                raise os_error(errno.ENOTDIR, *shown)
        raise AssertionError("a walk ends at its last name")

    def _follow(
        self,
        link: SymbolicLink,
        directory: Directory,
        rest: str,
        shown: Shown,
        budget: int,
        follow: bool = True,
        check_last: bool = True,
    ) -> Step:
        if budget == 0:
            raise os_error(errno.ELOOP, *shown)
        return self.descend(link.target + rest, directory, shown, follow, budget - 1, check_last=check_last)

    def lookup(self, path: str, start: Directory, shown: Shown, follow: bool = True) -> Inode:
        """The inode a path leads to. A trailing slash follows a link and demands a directory."""
        _, _, inode, slash = self.descend(path, start, shown, follow or path[-1] == "/")
        if inode is None:
            raise os_error(errno.ENOENT, *shown)
        if slash and not isinstance(inode, Directory):
            raise os_error(errno.ENOTDIR, *shown)
        return inode


def _make_mount_parent(directory: Directory, name: str) -> Directory:
    volume = directory.volume
    in_the_way = directory.entries.get(name)
    if in_the_way is not None:
        volume.unlink(directory, name, in_the_way)
    made = Directory(volume, volume.next_inode, 0o40755, volume.now_us() * 1000)
    volume.next_inode += 1
    volume.create(directory, name, made)
    volume.log.append(SyncVolume())
    return made


def check_length(name: str, shown: Shown) -> None:
    if len(name) > NAME_BYTES_MAX or len(name.encode("utf-8", "surrogateescape")) > NAME_BYTES_MAX:
        raise os_error(errno.ENAMETOOLONG, *shown)

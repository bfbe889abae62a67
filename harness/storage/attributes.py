"""stat, statvfs, chmod, utime, access, chdir: calls about an inode rather than its bytes."""

import errno
import os
import stat
from typing import Any

from harness.storage.inode import Directory, Inode, RegularFile, SymbolicLink, path_of
from harness.storage.namespace import checked_path
from harness.storage.oserrors import os_error
from harness.storage.process import DiskProcess
from harness.storage.volume import Volume

TMPFS_NAME_BYTES = 20
SECTOR_SHIFT = 9
MOUNT_READ_ONLY = os.ST_RDONLY


class AttributeCalls(DiskProcess):
    """Calls on attributes. The process is root: no permission is ever refused."""

    def stat(self, path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if path.__class__ is not str:
            if isinstance(path, int):
                return _stat_result(self._by_descriptor(path))
            path = _path_or_type_error(path, "stat")
        return _stat_result(self._lookup(path, dir_fd, follow=follow_symlinks))

    def lstat(self, path: Any, *, dir_fd: int | None = None) -> os.stat_result:
        return _stat_result(self._lookup(checked_path(path, "lstat"), dir_fd, follow=False))

    def fstat(self, fd: int) -> os.stat_result:
        return _stat_result(self._description(fd).inode)

    def _by_descriptor(self, descriptor: int) -> Inode:
        """For calls that take a path or a descriptor; their errors show the number."""
        found = self._descriptors.get(descriptor)
        if found is None:
            raise self._bad_descriptor(descriptor)
        return found.inode

    def _target(self, path: Any, function: str, dir_fd: int | None = None, *, follow: bool = True) -> Inode:
        if isinstance(path, int):
            return self._by_descriptor(path)
        return self._lookup(checked_path(path, function), dir_fd, follow=follow)

    def statvfs(self, path: Any) -> os.statvfs_result:
        return _statvfs_result(self._target(path, "statvfs").volume)

    def fstatvfs(self, fd: int, /) -> os.statvfs_result:
        return _statvfs_result(self._description(fd).inode.volume)

    def access(
        self,
        path: Any,
        mode: int,
        *,
        dir_fd: int | None = None,
        effective_ids: bool = False,
        follow_symlinks: bool = True,
    ) -> bool:
        try:
            inode = self._lookup(checked_path(path, "access"), dir_fd, follow=follow_symlinks)
        except OSError:
            return False
        if mode & os.X_OK and isinstance(inode, RegularFile) and not inode.mode & 0o111:
            return False
        return not (mode & os.W_OK and inode.volume.read_only and not isinstance(inode, SymbolicLink))

    # -- changing attributes -------------------------------------------------------------------------------------------

    def chmod(self, path: Any, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        inode = self._target(path, "chmod", dir_fd, follow=follow_symlinks)
        if isinstance(inode, SymbolicLink):
            raise os_error(errno.EOPNOTSUPP, path)
        self._set_mode(inode, mode, path)

    def fchmod(self, fd: int, mode: int) -> None:
        self._set_mode(self._description(fd).inode, mode)

    def _set_mode(self, inode: Inode, mode: int, *shown: object) -> None:
        inode.volume.refuse_if_read_only(shown)
        self._begin("chmod", inode)
        inode.volume.set_mode(inode, stat.S_IFMT(inode.mode) | (mode & 0o7777))

    def chown(self, path: Any, uid: int, gid: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        """Accepted and forgotten: a terminal's files have one owner."""
        self._target(path, "chown", dir_fd, follow=follow_symlinks).volume.refuse_if_read_only((path,))

    def lchown(self, path: Any, uid: int, gid: int) -> None:
        self.chown(path, uid, gid, follow_symlinks=False)

    def fchown(self, fd: int, uid: int, gid: int) -> None:
        self._description(fd).inode.volume.refuse_if_read_only()

    def utime(
        self,
        path: Any,
        times: tuple[float, float] | None = None,
        *,
        ns: tuple[int, int] | None = None,
        dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        """Times are not in the op log: after a mount they start afresh."""
        if times is not None and ns is not None:
            raise ValueError("utime: you may specify either 'times' or 'ns' but not both")
        if isinstance(path, int):
            inode = self._description(path).inode
        else:
            try:
                inode = self._lookup(checked_path(path, "utime"), dir_fd, follow=follow_symlinks)
            except OSError as error:
                assert error.errno is not None
                raise os_error(error.errno) from None  # CPython names no path here
        inode.volume.refuse_if_read_only()
        self._begin("utime", inode)
        now_ns = self.now_us() * 1000
        if ns is None:
            ns = (now_ns, now_ns) if times is None else (_nanoseconds(times[0]), _nanoseconds(times[1]))
        inode.atime_ns, inode.mtime_ns = ns
        inode.ctime_ns = now_ns

    # -- working directory ---------------------------------------------------------------------------------------------

    def getcwd(self) -> str:
        self._check_alive()
        if self._working_directory.links == 0:
            raise os_error(errno.ENOENT)
        return path_of(self._working_directory)

    def getcwdb(self) -> bytes:
        return self.getcwd().encode("utf-8", "surrogateescape")

    def chdir(self, path: Any) -> None:
        inode = self._target(path, "chdir")
        if not isinstance(inode, Directory):
            raise os_error(errno.ENOTDIR, path)
        self._enter(inode)

    def fchdir(self, fd: object) -> None:
        inode = self._file_of(fd).inode
        if not isinstance(inode, Directory):
            raise os_error(errno.ENOTDIR)
        self._enter(inode)


def _path_or_type_error(path: object, function: str) -> str | bytes:
    if isinstance(path, str | bytes | os.PathLike):
        return checked_path(path, function)
    kind = type(path).__name__
    raise TypeError(f"{function}: path should be string, bytes, os.PathLike or integer, not {kind}")


def _nanoseconds(seconds: float) -> int:
    """A time as utime takes it, rounded down as CPython does."""
    if isinstance(seconds, int):
        return seconds * 1_000_000_000
    whole = int(seconds // 1)
    return whole * 1_000_000_000 + int((seconds - whole) * 1e9)


def _stat_result(inode: Inode) -> os.stat_result:
    volume = inode.volume
    if isinstance(inode, RegularFile):
        size = inode.size_bytes
    elif isinstance(inode, Directory):
        size = directory_size_bytes(inode)
    else:
        assert isinstance(inode, SymbolicLink)
        size = len(inode.target.encode("utf-8", "surrogateescape"))
    atime, mtime, ctime = inode.atime_ns, inode.mtime_ns, inode.ctime_ns
    return os.stat_result(
        (
            inode.mode,
            inode.number,
            volume.device_number,
            inode.links,
            0,
            0,
            size,
            atime // 1_000_000_000,
            mtime // 1_000_000_000,
            ctime // 1_000_000_000,
            atime / 1e9,
            mtime / 1e9,
            ctime / 1e9,
            atime,
            mtime,
            ctime,
            volume.block_size_bytes,
            volume.allocated_blocks(inode) << (volume.block_shift - SECTOR_SHIFT),
            0,
        )
    )


def directory_size_bytes(inode: Directory) -> int:
    """tmpfs counts 20 bytes a name, the two dots included; with directory blocks the size is theirs."""
    if inode.volume.directory_blocks:
        return inode.blocks << inode.volume.block_shift
    return TMPFS_NAME_BYTES * (len(inode.entries) + 2)


def _statvfs_result(volume: Volume) -> os.statvfs_result:
    free = max(0, volume.free_blocks)
    if volume.media is not None:
        free = volume.media.reported_free_blocks(free)
    block = volume.block_size_bytes
    free_inodes = max(0, volume.free_inodes)
    flags = MOUNT_READ_ONLY if volume.read_only else 0
    total = max(0, volume.total_blocks)
    return os.statvfs_result(
        (
            block,
            block,
            total,
            free,
            free,
            volume.inode_limit,
            free_inodes,
            free_inodes,
            flags,
            255,
            volume.device_number,
        )
    )

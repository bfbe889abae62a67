"""The second disk: pyfakefs behind the same methods, for names, data, a byte quota, whole-write ENOSPC and cuts at fsync.

Models: what pyfakefs models, on one FakeFilesystem of our own (no Patcher: nothing of the process is replaced). What was
synced is copied aside, and a power cut leaves exactly that: contents as of their last fsync, names as of the last
barrier on anything. That is one image of those posix-weak allows, the one with all unsynced data lost.
Does not model: everything in ``UNSUPPORTED``; a scenario that needs any of it is refused by name (``refuse``). A call
that is not implemented raises ENOSYS and is counted in ``refused_calls``; it never reaches the real machine, to which
pyfakefs's own fake os would pass it. Times are the disk's clock, not pyfakefs's, which reads the host's.
Source: pyfakefs 6.3 (fake_os.py, fake_open.py), with the divergences from a real tmpfs that tests/storage lists.
"""

import errno
import os
import stat
from typing import Any

from pyfakefs.fake_file import FakeDirectory, FakeFile

from harness.storage.pyfakefs_handle import FakeHandle
from harness.storage.pyfakefs_listing import FakeListing
from harness.storage.pyfakefs_process import FakeProcess

_REPORTED_BLOCK_BYTES = 4096
_SYNCHRONOUS = os.O_SYNC | os.O_DSYNC


class PyfakefsDisk(FakeProcess):
    """One process's view of one volume at ``/``. Methods are named and behave as the functions of ``os``."""

    # ------------------------------------------------------------------ descriptors

    def open(self, path: Any, flags: int, mode: int = 0o777) -> int:
        self._alive()
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP), path)
        # pyfakefs sets the mode of files that were there already; giving it theirs undoes that.
        existing = stat.S_IMODE(self._fs.resolve(path).st_mode) if self._fs.exists(path) else None
        wanted = mode & ~self.umask_bits if existing is None else existing
        descriptor = int(self._os.open(path, flags & ~_SYNCHRONOUS, wanted))
        if flags & _SYNCHRONOUS:
            self._synchronous.add(descriptor)
        if existing is None or flags & os.O_TRUNC:
            self._names_changed = True
            self._touch(self._object(descriptor))
        return descriptor

    def close(self, fd: int) -> None:
        self._alive()
        self._synchronous.discard(fd)
        self._os.close(fd)

    def dup(self, fd: int) -> int:
        self._alive()
        return int(self._os.dup(fd))

    def write(self, fd: int, data: Any) -> int:
        self._alive()
        written = int(self._os.write(fd, bytes(data)))
        self._touch(self._object(fd))
        if fd in self._synchronous:
            self.fsync(fd)
        return written

    def read(self, fd: int, length: int) -> bytes:
        self._alive()
        return bytes(self._os.read(fd, length))

    def pwrite(self, fd: int, data: Any, offset: int) -> int:
        """``data`` at ``offset``; the position stays where it was."""
        before = self.lseek(fd, 0, os.SEEK_CUR)
        try:
            self.lseek(fd, offset, os.SEEK_SET)
            return self.write(fd, data)
        finally:
            self.lseek(fd, before, os.SEEK_SET)

    def pread(self, fd: int, length: int, offset: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; the position stays."""
        before = self.lseek(fd, 0, os.SEEK_CUR)
        try:
            self.lseek(fd, offset, os.SEEK_SET)
            return self.read(fd, length)
        finally:
            self.lseek(fd, before, os.SEEK_SET)

    def lseek(self, fd: int, position: int, how: int) -> int:
        self._alive()
        self._os.lseek(fd, position, how)
        return self._position(fd)  # pyfakefs's own returns None

    def _position(self, fd: int) -> int:
        handle: Any = self._fs.get_open_file(fd)
        return int(handle.tell())

    def ftruncate(self, fd: int, length: int) -> None:
        self._alive()
        handle: Any = self._fs.get_open_file(fd)
        if not getattr(handle, "allow_update", False):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        size = self._object(fd).st_size or 0
        if length <= size:
            self._os.ftruncate(fd, length)
        else:
            # pyfakefs grows the size of an empty file without giving it bytes to read; writing them does.
            position = self._position(fd)
            self._os.lseek(fd, size, os.SEEK_SET)
            self._os.write(fd, bytes(length - size))
            self._os.lseek(fd, position, os.SEEK_SET)
        self._touch(self._object(fd))

    def fsync(self, fd: Any) -> None:
        """The file's content and every name so far become durable; of a directory, the names alone."""
        self._alive()
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        self._os.fsync(descriptor)
        self._sync_names()
        each = self._object(descriptor)
        if not isinstance(each, FakeDirectory):
            self._synced[self._inode(each)] = each.byte_contents or b""

    def fdatasync(self, fd: Any) -> None:
        self.fsync(fd)

    def sync(self) -> None:
        self._alive()
        self._names_changed = True
        self._sync_names()
        self._synced = dict(self._names_synced.files)

    def isatty(self, fd: int) -> bool:
        self._alive()
        self._fs.get_open_file(fd)
        return False

    def fopen(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> FakeHandle:
        """builtins.open, as far as pyfakefs has it."""
        self._alive()
        made = not isinstance(file, int) and mode[:1] != "r"
        if made:
            self._names_changed = True
        previous = self._fs.umask
        self._fs.umask = self.umask_bits
        try:
            return FakeHandle(self._fopen(file, mode, *args, **kwargs), self._alive, self._touch, self._closed)
        finally:
            self._fs.umask = previous

    # ------------------------------------------------------------------ names

    def _change(self, function: str, *args: Any, **kwargs: Any) -> None:
        self._alive()
        self._names_changed = True
        getattr(self._os, function)(*args, **kwargs)

    def mkdir(self, path: Any, mode: int = 0o777) -> None:
        self._change("mkdir", path, mode & ~self.umask_bits)

    def rmdir(self, path: Any) -> None:
        self._change("rmdir", path)

    def unlink(self, path: Any) -> None:
        self._change("unlink", path)

    def remove(self, path: Any) -> None:
        self._change("remove", path)

    def rename(self, src: Any, dst: Any) -> None:
        self._change("rename", src, dst)

    def replace(self, src: Any, dst: Any) -> None:
        self._change("replace", src, dst)

    def link(self, src: Any, dst: Any) -> None:
        self._change("link", src, dst)

    def symlink(self, src: Any, dst: Any, target_is_directory: bool = False) -> None:
        self._change("symlink", src, dst)

    def truncate(self, path: Any, length: int) -> None:
        if isinstance(path, int):
            self.ftruncate(path, length)
            return
        descriptor = self.open(path, os.O_WRONLY)
        try:
            self.ftruncate(descriptor, length)
        finally:
            self._os.close(descriptor)

    def chmod(self, path: Any, mode: int, *, follow_symlinks: bool = True) -> None:
        self._change("chmod", path, mode, follow_symlinks=follow_symlinks)

    def fchmod(self, fd: int, mode: int) -> None:
        self._change("fchmod", fd, mode)

    def utime(self, path: Any, times: tuple[float, float] | None = None, *, ns: tuple[int, int] | None = None) -> None:
        self._alive()
        if ns is not None:
            changed_us = ns[1] // 1000
        else:
            changed_us = self.now_us() if times is None else int(times[1] * 1_000_000)
        self._changed_us[self._inode(self._fs.resolve(path))] = changed_us

    # ------------------------------------------------------------------ looking

    def readlink(self, path: Any) -> Any:
        self._alive()
        return self._os.readlink(path)

    def listdir(self, path: Any = ".") -> list[Any]:
        self._alive()
        return sorted(self._os.listdir(path))

    def scandir(self, path: Any = ".") -> FakeListing:
        self._alive()
        return FakeListing(self, path)

    def access(self, path: Any, mode: int) -> bool:
        self._alive()
        return bool(self._os.access(path, mode))

    def stat(self, path: Any, *, follow_symlinks: bool = True) -> os.stat_result:
        self._alive()
        if isinstance(path, int):
            return self.fstat(path)
        return self._shown(self._fs.resolve(path) if follow_symlinks else self._fs.lresolve(path))

    def lstat(self, path: Any) -> os.stat_result:
        return self.stat(path, follow_symlinks=False)

    def fstat(self, fd: int) -> os.stat_result:
        self._alive()
        return self._shown(self._object(fd))

    def _shown(self, each: FakeFile) -> os.stat_result:
        changed_us = self._changed_us.get(self._inode(each), 0)
        seconds, exact = changed_us // 1_000_000, changed_us / 1_000_000
        whole = (each.st_mode, self._inode(each), 1, each.st_nlink, 0, 0, each.st_size or 0, seconds, seconds, seconds)
        return os.stat_result((*whole, exact, exact, exact, *([changed_us * 1000] * 3)))

    def statvfs(self, path: Any = "/") -> os.statvfs_result:
        self._alive()
        if not isinstance(path, int):
            self._fs.resolve(path)
        used = int(self._fs.get_disk_usage("/")[1])
        block = _REPORTED_BLOCK_BYTES
        free = max(0, self.total_bytes - used) // block
        return os.statvfs_result((block, block, self.total_bytes // block, free, free, 0, 0, 0, 0, 255))

    def fstatvfs(self, fd: int) -> os.statvfs_result:
        self._alive()
        self._fs.get_open_file(fd)
        return self.statvfs("/")

    def getcwd(self) -> str:
        self._alive()
        return str(self._os.getcwd())

    def chdir(self, path: Any) -> None:
        self._alive()
        self._os.chdir(path)

    def umask(self, mask: int) -> int:
        self._alive()
        previous, self.umask_bits = self.umask_bits, mask & 0o777
        return previous

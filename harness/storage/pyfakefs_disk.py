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
from collections.abc import Callable, Iterable
from typing import Any

from pyfakefs.fake_file import FakeDirectory, FakeFile
from pyfakefs.fake_filesystem import FakeFilesystem
from pyfakefs.fake_open import FakeFileOpen
from pyfakefs.fake_os import FakeOsModule

from harness.core.errors import UsageError
from harness.storage.calls import BeforeOperation
from harness.storage.contents import VolumeImage
from harness.storage.image import Image
from harness.storage.pyfakefs_handle import FakeHandle
from harness.storage.pyfakefs_listing import FakeListing
from harness.storage.pyfakefs_tree import fill, inode_of, tree_of
from harness.storage.volume import Volume

UNSUPPORTED = frozenset(
    (
        *("durability_profiles", "torn_writes", "operation_log", "short_writes", "block_accounting", "inode_limit"),
        *("several_volumes", "media_faults", "operation_hooks", "latency", "locks", "vector_io"),
        *("fallocate", "directory_descriptors", "anonymous_files"),
    )
)

# Calls of the first disk that this one has not; each raises ENOSYS.
MISSING_CALLS = (
    *("readv", "writev", "preadv", "pwritev", "readinto", "posix_fallocate", "sendfile"),
    *(
        "copy_file_range",
        "flock",
        "lockf",
        "file_io",
        "dup2",
        "closerange",
        "fchdir",
        "getcwdb",
        "chown",
        "lchown",
        "fchown",
    ),
)
_REPORTED_BLOCK_BYTES = 4096
_SYNCHRONOUS = os.O_SYNC | os.O_DSYNC
_DEFAULT_UMASK = 0o022
_STANDARD_STREAMS = 3


_PARTS = (
    *("name", "total_bytes", "now_us", "refused_calls", "_fs", "_os", "_fopen", "_changed_us", "_synced"),
    *("_names_synced", "_names_changed"),
)


def _time_stands_still() -> int:
    return 0


class PyfakefsDisk:
    """One process's view of one volume at ``/``. Methods are named and behave as the functions of ``os``."""

    unsupported = UNSUPPORTED
    volumes: tuple[Volume, ...] = ()
    """None: names, contents and one quota are all there is, and no op log."""
    before_operation: BeforeOperation | None = None
    hook_reads = False
    accrued_us = 0
    operation_ordinal = 0

    def __init__(self, total_bytes: int, *, name: str = "data", now_us: Callable[[], int] = _time_stands_still) -> None:
        self.name = name
        self.total_bytes = total_bytes
        self.now_us = now_us
        self.dead = False
        self.umask_bits = _DEFAULT_UMASK
        self.refused_calls: list[str] = []
        self._fs = FakeFilesystem(path_separator="/", total_size=total_bytes)
        self._fs.shuffle_listdir_results = False  # it shuffles with the global generator
        self._os = FakeOsModule(self._fs)
        self._fopen = FakeFileOpen(self._fs)
        self._changed_us: dict[int, int] = {}
        self._synchronous: set[int] = set()
        self._synced: dict[int, bytes] = {}
        self._names_synced = Image()
        self._names_changed = True
        self._sync_names()

    # ------------------------------------------------------------------ what it cannot do

    @classmethod
    def refuse(cls, needs: Iterable[str]) -> None:
        """Raise UsageError naming what a scenario needs and this disk has not."""
        missing = sorted(cls.unsupported.intersection(needs))
        if missing:
            raise UsageError(f"--disk pyfakefs has no {', '.join(missing)}; run this scenario on the default disk")

    def __getattr__(self, name: str) -> Any:
        # Asked only for what is not defined here, so that nothing falls through to pyfakefs's os, and by it to the host's.
        if name not in MISSING_CALLS:
            raise AttributeError(f"PyfakefsDisk has no {name!r}")

        def missing(*_args: object, **_kwargs: object) -> None:
            self._alive()
            self.refused_calls.append(name)
            raise OSError(errno.ENOSYS, f"{name} is not available with --disk pyfakefs")

        return missing

    # ------------------------------------------------------------------ life and death

    def kill(self) -> None:
        """Power is lost: from here on every call on this disk and its files raises EIO and changes nothing."""
        self.dead = True

    def abandon_process(self) -> None:
        """The process died: nothing it still holds does anything any more. What was written stays."""
        self.dead = True

    def cut(self) -> Image:
        """What a power cut leaves: synced contents under synced names."""
        names = self._names_synced
        files = {inode: self._synced.get(inode, b"") for inode in names.files}
        return Image(files, names.directories, names.modes, names.links)

    def export(self) -> Image:
        """The tree as readers see it now."""
        return tree_of(self._fs)

    def load(self, images: dict[str, VolumeImage]) -> "PyfakefsDisk":
        """Power comes back: a fresh process on a fresh file system that holds the image, all of it durable."""
        self.kill()
        fresh = PyfakefsDisk(self.total_bytes, name=self.name, now_us=self.now_us)
        fill(fresh._os, images[self.name])
        fresh.sync()
        return fresh

    def restart(self) -> "PyfakefsDisk":
        """A new process after a death of the process alone: what was written is there, synced or not."""
        self.kill()
        fresh = PyfakefsDisk.__new__(PyfakefsDisk)
        # Only what a disk is made of: whoever buried this one may have put refusals in the place of its calls.
        for part in _PARTS:
            setattr(fresh, part, getattr(self, part))
        fresh.dead = False
        fresh.umask_bits = _DEFAULT_UMASK
        fresh._synchronous = set()
        # The dead process's descriptors go, and what it had buffered with them; 0 to 2 are pyfakefs's own.
        del self._fs.open_files[_STANDARD_STREAMS:]
        self._fs._free_fd_heap.clear()
        self._fs.cwd = "/"
        return fresh

    def _alive(self) -> None:
        if self.dead:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    # ------------------------------------------------------------------ durability

    def _inode(self, each: FakeFile) -> int:
        return inode_of(self._fs, each)

    def _sync_names(self) -> None:
        if self._names_changed:
            self._names_synced = tree_of(self._fs)
            self._names_changed = False

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

    def _object(self, descriptor: int) -> FakeFile:
        found = self._fs.get_open_file(descriptor).get_object()
        if not isinstance(found, FakeFile):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return found

    def _touch(self, each: FakeFile) -> None:
        self._changed_us[self._inode(each)] = self.now_us()

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
            return FakeHandle(self._fopen(file, mode, *args, **kwargs), self._alive, self._touch)
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

"""The pyfakefs disk as a process has it: its life and death, what of it is durable, and what it cannot do.

Models: one FakeFilesystem of our own; what was synced copied aside; death, after which every call raises EIO.
Does not model: the calls themselves (``pyfakefs_disk``).
Source: pyfakefs 6.3; the design's rule that the dead never write.
"""

import errno
import os
from collections.abc import Callable, Iterable
from typing import Any, Self

from pyfakefs.fake_file import FakeFile
from pyfakefs.fake_filesystem import FakeFilesystem
from pyfakefs.fake_open import FakeFileOpen
from pyfakefs.fake_os import FakeOsModule

from harness.core.errors import UsageError
from harness.storage.calls import BeforeOperation
from harness.storage.contents import VolumeImage
from harness.storage.image import Image
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
_DEFAULT_UMASK = 0o022
_STANDARD_STREAMS = 3


_PARTS = (
    *("name", "total_bytes", "now_us", "refused_calls", "_fs", "_os", "_fopen", "_changed_us", "_synced"),
    *("_names_synced", "_names_changed"),
)


def _time_stands_still() -> int:
    return 0


class FakeProcess:
    """What ``PyfakefsDisk`` is besides its calls."""

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
            raise AttributeError(f"{type(self).__name__} has no {name!r}")

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

    def load(self, images: dict[str, VolumeImage]) -> Self:
        """Power comes back: a fresh process on a fresh file system that holds the image, all of it durable."""
        self.kill()
        fresh = type(self)(self.total_bytes, name=self.name, now_us=self.now_us)
        fill(fresh._os, images[self.name])
        fresh.sync()
        return fresh

    def restart(self) -> Self:
        """A new process after a death of the process alone: what was written is there, synced or not."""
        self.kill()
        fresh = type(self).__new__(type(self))
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

    def _object(self, descriptor: int) -> FakeFile:
        found = self._fs.get_open_file(descriptor).get_object()
        if not isinstance(found, FakeFile):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return found

    def _touch(self, each: FakeFile) -> None:
        """The content of a file may have changed."""
        self._changed_us[self._inode(each)] = self.now_us()

    def _closed(self, each: FakeFile, writable: bool) -> None:
        """A file object was closed; what it had buffered is in the file now."""

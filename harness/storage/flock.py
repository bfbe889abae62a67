"""flock and lockf: advisory locks.

Models: flock per open file description, shared or exclusive, converted in place and dropped with the last descriptor;
lockf as POSIX record locks, which never conflict within one process, and a device runs one.
Does not model: waiting. A lock that would block can only be released by the caller's own process, which is the one that
would wait, so it raises EDEADLK instead of hanging the run.
Source: flock(2), fcntl(2), POSIX.1-2017 fcntl.
"""

import errno
import fcntl
import os

from harness.storage.inode import Description, Directory, RegularFile
from harness.storage.oserrors import os_error
from harness.storage.process import DiskProcess

_KINDS = (fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN)


class LockCalls(DiskProcess):
    """Advisory locks. A directory can be locked too, but conflicts are tracked for regular files alone."""

    def flock(self, fd: object, operation: int, /) -> None:
        description = self._file_of(fd)
        kind = operation & ~fcntl.LOCK_NB
        if kind not in _KINDS:
            raise os_error(errno.EINVAL)
        inode = description.inode
        if isinstance(inode, Directory):
            return
        assert isinstance(inode, RegularFile)
        if kind == fcntl.LOCK_UN:
            self._unlock(description)
            return
        holders = inode.lock_holders if inode.lock_holders is not None else []
        for holder in holders:
            if holder is not description and fcntl.LOCK_EX in (kind, holder.lock):
                # flock(2): a conversion first drops the lock held, so a refused one has lost it.
                self._unlock(description)
                raise os_error(errno.EAGAIN if operation & fcntl.LOCK_NB else errno.EDEADLK)
        if description not in holders:
            holders.append(description)
        description.lock = kind
        inode.lock_holders = holders

    def _unlock(self, description: Description) -> None:
        inode = description.inode
        description.lock = 0
        if isinstance(inode, RegularFile) and inode.lock_holders is not None:
            inode.lock_holders = [holder for holder in inode.lock_holders if holder is not description] or None

    def lockf(self, fd: object, cmd: int, len: int = 0, start: int = 0, whence: int = os.SEEK_SET, /) -> None:
        description = self._file_of(fd)
        kind = cmd & ~fcntl.LOCK_NB
        if kind not in _KINDS:
            raise ValueError("unrecognized lockf argument")
        if kind == fcntl.LOCK_EX and not description.writable:
            raise os_error(errno.EBADF)
        if kind == fcntl.LOCK_SH and not description.readable:
            raise os_error(errno.EBADF)

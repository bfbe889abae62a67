"""open, close, dup: how descriptors come and go."""

import errno
import os
import stat
from typing import Any

from harness.storage.calls import CallKind
from harness.storage.inode import Description, Directory, Inode, RegularFile, SymbolicLink
from harness.storage.namespace import LINKS_FOLLOWED_MAX, checked_path, is_plain, path_text
from harness.storage.oserrors import Shown, os_error
from harness.storage.process import DiskProcess

_TMPFILE = os.O_TMPFILE & ~os.O_DIRECTORY
_SYNC_BITS = os.O_SYNC | os.O_DSYNC


class OpeningCalls(DiskProcess):
    """Calls that make or drop descriptors."""

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if path.__class__ is not str:
            path = checked_path(path, "open")
        shown = (path,)
        if self.dead:
            raise os_error(errno.EIO, path)
        if flags & os.O_CREAT and flags & os.O_DIRECTORY:
            raise os_error(errno.EINVAL, path)
        text = path_text(path, shown)
        self._check_descriptor_limit(path)
        access = flags & os.O_ACCMODE
        if flags & _TMPFILE:
            # Honest refusal: tempfile then falls back to a named file, as it does on FAT and JFFS2.
            raise os_error(errno.EOPNOTSUPP, path)
        start = self._start_for(text, dir_fd, shown)
        if flags & os.O_CREAT:
            inode = self._open_or_create(text, start, flags, mode, shown)
        else:
            follow = not flags & os.O_NOFOLLOW
            inode = self.namespace.lookup(text, start, shown, follow)
            if isinstance(inode, SymbolicLink):
                raise os_error(errno.ENOTDIR if flags & os.O_DIRECTORY else errno.ELOOP, path)
        if isinstance(inode, Directory):
            if flags & os.O_CREAT or access != os.O_RDONLY or flags & os.O_TRUNC:
                raise os_error(errno.EISDIR, path)
        elif flags & os.O_DIRECTORY:
            raise os_error(errno.ENOTDIR, path)
        elif access != os.O_RDONLY or flags & os.O_TRUNC:
            inode.volume.refuse_if_read_only(shown)
        if flags & os.O_TRUNC and isinstance(inode, RegularFile) and inode.size_bytes:
            self._begin("truncate", inode)
            inode.volume.truncate(inode, 0)
        description = Description(
            inode,
            flags,
            readable=access != os.O_WRONLY,
            writable=access != os.O_RDONLY,
            append=bool(flags & os.O_APPEND),
        )
        description.sync_data = bool(flags & _SYNC_BITS)
        inode.open_descriptions += 1
        return self._install(description)

    def _open_or_create(self, text: str, start: Directory, flags: int, mode: int, shown: Shown) -> Inode:
        exclusive = bool(flags & os.O_EXCL)
        follow = not exclusive and not flags & os.O_NOFOLLOW
        for budget in range(LINKS_FOLLOWED_MAX, -1, -1):
            directory, name, inode, slash = self.namespace.descend(text, start, shown, False, budget)
            if slash and is_plain(name):
                # Seen before the name is looked up, also in the text of a link that is followed.
                raise os_error(errno.EISDIR, *shown)
            if not follow or not isinstance(inode, SymbolicLink):
                break
            text, start = inode.target, directory
        if inode is not None:
            if exclusive:
                raise os_error(errno.EEXIST, *shown)
            if isinstance(inode, SymbolicLink):
                raise os_error(errno.ELOOP, *shown)
            return inode
        made = stat.S_IFREG | (mode & 0o7777 & ~self.umask_bits)
        return self._create(directory, name, RegularFile, made, "create", shown)

    def _create(
        self,
        directory: Directory,
        name: str,
        kind: type[RegularFile] | type[Directory],
        mode: int,
        call: CallKind,
        shown: Shown,
    ) -> Inode:
        """A new file or directory under a name that is free."""
        volume = directory.volume
        volume.refuse_if_read_only(shown)
        if directory.links == 0:
            raise os_error(errno.ENOENT, *shown)
        self._begin_name(call, directory, name, None)
        volume.check_new_name(directory, name, shown, new_inode=True)
        if kind is Directory and volume.directory_blocks and volume.free_blocks < 1:
            raise volume.out_of_space(shown)
        inode = kind(volume, volume.next_inode, mode, self.now_us() * 1000)
        volume.next_inode += 1
        volume.create(directory, name, inode)
        return inode

    def close(self, fd: int) -> None:
        description = self._descriptors.pop(fd, None)
        if description is None:
            fd.__index__()
            raise self._bad_descriptor()
        if fd < self._lowest_free and fd >= self.first_descriptor:
            self._lowest_free = fd
        self._release(description)

    def closerange(self, fd_low: int, fd_high: int, /) -> None:
        for descriptor in sorted(self._descriptors):
            if fd_low <= descriptor < fd_high:
                self.close(descriptor)

    def dup(self, fd: int, /) -> int:
        description = self._description(fd)
        self._check_descriptor_limit()
        description.references += 1
        return self._install(description)

    def dup2(self, fd: int, fd2: int, inheritable: bool = True) -> int:
        description = self._description(fd)
        if fd2 < 0 or fd2 >= self.descriptor_limit:
            raise self._bad_descriptor()
        if fd2 == fd:
            return fd2
        if fd2 in self._descriptors:
            self.close(fd2)
        description.references += 1
        self._descriptors[fd2] = description
        return fd2

    def flags_of(self, fd: int) -> int:
        """F_GETFL: access mode and status flags of the open file description."""
        description = self._description(fd)
        return description.flags & ~(
            os.O_CREAT | os.O_EXCL | os.O_TRUNC | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
        )

    def set_flags(self, fd: int, flags: int) -> None:
        """F_SETFL: of the status flags only O_APPEND and O_NONBLOCK can change."""
        description = self._description(fd)
        settable = os.O_APPEND | os.O_NONBLOCK
        description.flags = description.flags & ~settable | flags & settable
        description.append = bool(flags & os.O_APPEND)

    def isatty(self, fd: int, /) -> bool:
        fd.__index__()
        self._check_alive()
        return False

    def umask(self, mask: int, /) -> int:
        self._check_alive()
        previous, self.umask_bits = self.umask_bits, mask & 0o777
        return previous

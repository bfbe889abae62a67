"""mkdir, rename, link, unlink and their relatives: calls that add, move or remove names."""

import errno
import stat
from typing import Any

from harness.storage.inode import Directory, Inode, RegularFile, SymbolicLink, path_of
from harness.storage.namespace import Step, check_length, checked_path, is_plain, path_text
from harness.storage.opening import OpeningCalls
from harness.storage.oserrors import Shown, os_error
from harness.storage.volume import Volume

SYMLINK_BYTES_MAX = 4095


class NameCalls(OpeningCalls):
    """Calls on names. The order of checks is that of Linux fs/namei.c, as it decides which errno a caller sees."""

    def _parent(self, path: str | bytes, dir_fd: int | None, shown: Shown, *, check_last: bool = True) -> Step:
        """The directory a name lies in, the name, what it holds now, and whether a slash followed it."""
        if self.dead:
            raise os_error(errno.EIO, *shown)
        text = path_text(path, shown)
        start = self._start_for(text, dir_fd, shown)
        return self.namespace.descend(text, start, shown, False, check_last=check_last)

    def _new_name(
        self, path: str | bytes, dir_fd: int | None, shown: Shown, *, directory: bool
    ) -> tuple[Directory, str]:
        """A name that can be added: it is free, plain, and its directory still exists."""
        parent, name, inode, slash = self._parent(path, dir_fd, shown)
        if inode is not None or not is_plain(name):
            raise os_error(errno.EEXIST, *shown)
        if parent.links == 0 or (slash and not directory):
            raise os_error(errno.ENOENT, *shown)
        return parent, name

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        path = checked_path(path, "mkdir")
        shown = (path,)
        parent, name = self._new_name(path, dir_fd, shown, directory=True)
        self._create(parent, name, Directory, stat.S_IFDIR | (mode & 0o1777 & ~self.umask_bits), "mkdir", shown)

    def symlink(self, src: Any, dst: Any, target_is_directory: bool = False, *, dir_fd: int | None = None) -> None:
        src, dst = checked_path(src, "symlink"), checked_path(dst, "symlink")
        shown = (src, dst)
        target = path_text(src, shown)
        parent, name = self._new_name(dst, dir_fd, shown, directory=False)
        volume = parent.volume
        volume.refuse_if_read_only(shown)
        self._begin_name("symlink", parent, name, None, source=target)
        volume.check_new_name(parent, name, shown, new_inode=True)
        inode = SymbolicLink(volume, volume.next_inode, target, self.now_us() * 1000)
        if volume.allocated_blocks(inode) > max(0, volume.free_blocks):
            raise volume.out_of_space(shown)
        volume.next_inode += 1
        volume.create(parent, name, inode)

    def link(
        self,
        src: Any,
        dst: Any,
        *,
        src_dir_fd: int | None = None,
        dst_dir_fd: int | None = None,
        follow_symlinks: bool = True,
    ) -> None:
        src, dst = checked_path(src, "link"), checked_path(dst, "link")
        shown = (src, dst)
        if self.dead:
            raise os_error(errno.EIO, *shown)
        text = path_text(src, shown)
        # CPython calls link(2), which does not follow, unless a directory descriptor makes it call linkat(2).
        follow = follow_symlinks and (src_dir_fd is not None or dst_dir_fd is not None)
        inode = self.namespace.lookup(text, self._start_for(text, src_dir_fd, shown), shown, follow)
        parent, name = self._new_name(dst, dst_dir_fd, shown, directory=False)
        if parent.volume is not inode.volume:
            raise os_error(errno.EXDEV, *shown)
        parent.volume.refuse_if_read_only(shown)
        if isinstance(inode, Directory):
            raise os_error(errno.EPERM, *shown)
        self._begin_name("link", parent, name, inode, source=text)
        parent.volume.check_new_name(parent, name, shown, new_inode=False)
        parent.volume.add_link(parent, name, inode)

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        path = checked_path(path, "unlink")
        self._unlink(path, dir_fd, (path,))

    def remove(self, path: Any, *, dir_fd: int | None = None) -> None:
        path = checked_path(path, "remove")
        self._unlink(path, dir_fd, (path,))

    def _unlink(self, path: str | bytes, dir_fd: int | None, shown: Shown) -> None:
        parent, name, inode, slash = self._parent(path, dir_fd, shown)
        if not is_plain(name):
            raise os_error(errno.EISDIR, *shown)
        parent.volume.refuse_if_read_only(shown)
        if inode is None:
            raise os_error(errno.ENOENT, *shown)
        if isinstance(inode, Directory):
            raise os_error(errno.EISDIR, *shown)
        if slash:
            raise os_error(errno.ENOTDIR, *shown)
        self._begin_name("unlink", parent, name, inode)
        parent.volume.unlink(parent, name, inode)

    def rmdir(self, path: Any, *, dir_fd: int | None = None) -> None:
        path = checked_path(path, "rmdir")
        shown = (path,)
        parent, name, inode, _ = self._parent(path, dir_fd, shown)
        if not is_plain(name):
            number = {"": errno.EBUSY, ".": errno.EINVAL, "..": errno.ENOTEMPTY}[name]
            raise os_error(number, *shown)
        parent.volume.refuse_if_read_only(shown)
        if inode is None:
            raise os_error(errno.ENOENT, *shown)
        if not isinstance(inode, Directory):
            raise os_error(errno.ENOTDIR, *shown)
        if inode.volume is not parent.volume:
            raise os_error(errno.EBUSY, *shown)
        if inode.entries or inode.mounts:
            raise os_error(errno.ENOTEMPTY, *shown)
        self._begin_name("rmdir", parent, name, inode)
        parent.volume.unlink(parent, name, inode)

    # -- renaming ------------------------------------------------------------------------------------------------------

    def rename(self, src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        self._rename(checked_path(src, "rename"), checked_path(dst, "rename"), src_dir_fd, dst_dir_fd)

    def replace(self, src: Any, dst: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        self._rename(checked_path(src, "replace"), checked_path(dst, "replace"), src_dir_fd, dst_dir_fd)

    def _rename(self, src: str | bytes, dst: str | bytes, src_dir_fd: int | None, dst_dir_fd: int | None) -> None:
        shown = (src, dst)
        if ("\0" if isinstance(dst, str) else b"\0") in dst:  # type: ignore[operator]
            raise ValueError("embedded null byte")
        old, old_name, inode, old_slash = self._parent(src, src_dir_fd, shown, check_last=False)
        new, new_name, replaced, new_slash = self._parent(dst, dst_dir_fd, shown, check_last=False)
        if old.volume is not new.volume:
            raise os_error(errno.EXDEV, *shown)
        if not is_plain(old_name) or not is_plain(new_name):
            raise os_error(errno.EBUSY, *shown)
        volume = old.volume
        volume.refuse_if_read_only(shown)
        check_length(old_name, shown)
        if inode is None:
            raise os_error(errno.ENOENT, *shown)
        check_length(new_name, shown)
        if not isinstance(inode, Directory) and (old_slash or new_slash):
            raise os_error(errno.ENOTDIR, *shown)
        if _contains(inode, new):
            raise os_error(errno.EINVAL, *shown)
        if replaced is not None and _contains(replaced, old):
            raise os_error(errno.ENOTEMPTY, *shown)
        if inode is replaced:
            return
        if new.links == 0:
            raise os_error(errno.ENOENT, *shown)
        _check_replaceable(inode, replaced, new.volume, shown)
        self._begin_name("rename", new, new_name, inode, source=self._absolute(old, old_name))
        if volume.directory_blocks and replaced is None:
            volume.check_growth(new, new_name, shown)
        volume.rename(old, old_name, new, new_name, inode, replaced)

    def _absolute(self, directory: Directory, name: str) -> str:
        if self.before_operation is None:
            return ""
        return path_of(directory).rstrip("/") + "/" + name

    def readlink(self, path: Any, *, dir_fd: int | None = None) -> Any:
        path = checked_path(path, "readlink")
        inode = self._lookup(path, dir_fd, follow=False)
        if not isinstance(inode, SymbolicLink):
            raise os_error(errno.EINVAL, path)
        return inode.target.encode("utf-8", "surrogateescape") if isinstance(path, bytes) else inode.target

    # -- truncate by path ----------------------------------------------------------------------------------------------

    def truncate(self, path: Any, length: int) -> None:
        if isinstance(path, int):
            description = self._description(path)
            if length < 0 or not description.writable or not isinstance(description.inode, RegularFile):
                raise os_error(errno.EINVAL)
            self._resize(description.inode, length)
            return
        path = checked_path(path, "truncate")
        if length < 0:
            raise os_error(errno.EINVAL, path)
        inode = self._lookup(path)
        if isinstance(inode, Directory):
            raise os_error(errno.EISDIR, path)
        assert isinstance(inode, RegularFile)
        self._resize(inode, length, path)


def _contains(inode: Inode, directory: Directory) -> bool:
    """Whether the directory is the inode or lies below it."""
    if not isinstance(inode, Directory):
        return False
    node: Directory | None = directory
    while node is not None:
        if node is inode:
            return True
        node = node.directory
    return False


def _check_replaceable(inode: Inode, replaced: Inode | None, volume: Volume, shown: Shown) -> None:
    """What rename may put over what."""
    if inode.volume is not volume:
        raise os_error(errno.EBUSY, *shown)
    if replaced is None:
        return
    if isinstance(inode, Directory) and not isinstance(replaced, Directory):
        raise os_error(errno.ENOTDIR, *shown)
    if not isinstance(inode, Directory) and isinstance(replaced, Directory):
        raise os_error(errno.EISDIR, *shown)
    if replaced.volume is not volume:
        raise os_error(errno.EBUSY, *shown)
    if isinstance(replaced, Directory) and (replaced.entries or replaced.mounts):
        raise os_error(errno.ENOTEMPTY, *shown)

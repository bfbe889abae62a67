"""The op log: every mutation of a volume, in order, as small immutable records.

Models: what reached the file system layer, in the order in which it did, with the barriers between. A crash model
(``storage/profiles``) reads it to say which durable images are legal when power goes.
Does not model: reads, and what the medium's own controller does below the file system.
Source: ALICE's micro-operations (OSDI'14), with sizes kept beside writes so that a model may grow a file before its data.

Inodes are numbered by first appearance on their volume; the root directory is always ``ROOT_INODE``.
"""

from typing import TypeAlias

import msgspec

ROOT_INODE = 1


class Write(msgspec.Struct, frozen=True, gc=False, tag="write"):
    """``data`` stored at ``offset_bytes`` of an inode whose size was ``old_size_bytes``; a gap before it reads as zeros."""

    inode: int
    offset_bytes: int
    data: bytes
    old_size_bytes: int


class Truncate(msgspec.Struct, frozen=True, gc=False, tag="truncate"):
    """The inode's size set to ``size_bytes``, shorter (data dropped) or longer (reads as zeros).

    ``by_path``: by truncate(2), with no descriptor whose close would end the change.
    """

    inode: int
    size_bytes: int
    old_size_bytes: int
    by_path: bool = False


class Link(msgspec.Struct, frozen=True, gc=False, tag="link"):
    """A name added to a directory. ``created`` is true when the inode came into being with it.

    ``mode`` is the whole st_mode; ``target`` is a symbolic link's text, else None.
    """

    directory: int
    name: str
    inode: int
    mode: int
    target: str | None = None
    created: bool = True


class Unlink(msgspec.Struct, frozen=True, gc=False, tag="unlink"):
    """A name removed from a directory (unlink or rmdir)."""

    directory: int
    name: str
    inode: int


class Rename(msgspec.Struct, frozen=True, gc=False, tag="rename"):
    """A name moved, within one volume; ``replaced_inode`` is what the new name pointed at before, or None."""

    old_directory: int
    old_name: str
    new_directory: int
    new_name: str
    inode: int
    replaced_inode: int | None


class SetMode(msgspec.Struct, frozen=True, gc=False, tag="mode"):
    """chmod: the inode's whole st_mode."""

    inode: int
    mode: int


class SyncFile(msgspec.Struct, frozen=True, gc=False, tag="fsync"):
    """fsync or fdatasync of a regular file returned success. ``data_only`` for fdatasync."""

    inode: int
    data_only: bool = False


class SyncDirectory(msgspec.Struct, frozen=True, gc=False, tag="fsync_directory"):
    """fsync of a directory returned success."""

    directory: int


class SyncVolume(msgspec.Struct, frozen=True, gc=False, tag="sync"):
    """sync, or a clean unmount, returned. ``written_back``: nobody asked; everything before is old enough to be there."""

    written_back: bool = False


class Returned(msgspec.Struct, frozen=True, gc=False, tag="returned"):
    """Something outside the disk was seen after every call before this had returned.

    A barrier on a medium that holds each change by the time its call returns, and on no other.
    """


class Close(msgspec.Struct, frozen=True, gc=False, tag="close"):
    """The last descriptor of an open file description that could write was closed (auto_da_alloc looks at this)."""

    inode: int


class DropDirty(msgspec.Struct, frozen=True, gc=False, tag="drop_dirty"):
    """fsync of a regular file failed and its dirty pages were marked clean (what Linux does, Rebello et al., ATC'20).

    Every Write and Truncate of the inode since its last SyncFile or SyncVolume has left write-back: readers still see
    it until the cache goes, and no later barrier makes it durable. Writes after this record are ordinary again.
    """

    inode: int


Op: TypeAlias = (
    Write
    | Truncate
    | Link
    | Unlink
    | Rename
    | SetMode
    | SyncFile
    | SyncDirectory
    | SyncVolume
    | Returned
    | Close
    | DropDirty
)
Barrier: TypeAlias = SyncFile | SyncDirectory | SyncVolume | Returned
BARRIERS = (SyncFile, SyncDirectory, SyncVolume, Returned)

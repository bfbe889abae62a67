"""What a fault's hook is told about one storage call, before anything has changed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from harness.storage.volume import Volume

CallKind: TypeAlias = Literal[
    "create",
    "write",
    "truncate",
    "allocate",
    "mkdir",
    "rmdir",
    "unlink",
    "rename",
    "link",
    "symlink",
    "chmod",
    "utime",
    "fsync",
    "fdatasync",
    "sync",
    "read",
]

BARRIER_KINDS: frozenset[str] = frozenset({"fsync", "fdatasync", "sync"})


class StorageCall(msgspec.Struct, frozen=True):
    """One call that is about to change a volume, or to act as a barrier, or (on request) to read.

    ``ordinal`` counts mutating and barrier calls of the whole disk from 1; a read carries the ordinal of the last one.
    ``path`` is absolute and current: a file renamed since it was opened is named by its new name. For a call that adds
    a name (create, mkdir, symlink, link, and the destination of a rename) it is the name to be added; ``inode`` is then
    0 where none exists yet. ``source_path`` is set for rename and link.
    """

    ordinal: int
    kind: CallKind
    volume: "Volume"
    path: str
    inode: int
    byte_count: int = 0
    offset_bytes: int = 0
    source_path: str = ""


BeforeOperation: TypeAlias = Callable[[StorageCall], None]

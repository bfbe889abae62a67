"""Somebody who is told what the software is told by its disk: each barrier that succeeded, each error of the medium.

Errors of the medium are those that a fault or a full volume gives: ENOSPC, EROFS, EIO. A missing file is no such error.
"""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.storage.inode import Inode
    from harness.storage.volume import Volume


class StorageWitness(Protocol):
    """Set as ``Volume.witness``; a volume without one pays a single test."""

    def made_durable(self, operation: str, inode: "Inode") -> None:
        """fsync, fdatasync or sync is about to return success."""

    def failed(self, operation: str, volume: "Volume", inode: "Inode | None", error: int) -> None:
        """A call is about to return ``error``, an errno; ``operation`` is empty where the medium cannot tell."""

"""Sectors that cannot be read any more: what is stored there is lost, and every read of it says so.

Models: EIO for a read that touches the range, and for a write that covers only a part of it, as the kernel would have to read the
rest first; a write over all of it, or its truncation, gives it a sound sector. Before that the controller's error correction
may still win for some reads, each of which takes longer.
Does not model: read-ahead that meets a bad sector next to what was asked for, an error that the page cache hides until eviction.
Source: Linux mm/filemap.c and fs/buffer.c (a partial write reads its page first), ATA and eMMC remapping on write; read-retry
levels of NAND data sheets; the read-fault modes of Linux's UBI (bit-flips corrected, then -EBADMSG).
"""

import errno

from harness.storage.damage import Damage
from harness.storage.disk import Disk
from harness.storage.inode import RegularFile
from harness.storage.media import DamagedRange, Media, media_of
from harness.storage.oplog import SyncFile
from harness.storage.oserrors import os_error

RETRY_US = 40_000
"""What a read costs that is corrected at the last level of read-retry: some tens of attempts of a millisecond (assumption)."""


class UnreadableRange(DamagedRange):
    """Bytes that no read returns, once ``corrected_reads`` have been corrected. Bites when a call got EIO or took longer."""

    def __init__(self, inode: RegularFile, start_bytes: int, end_bytes: int, corrected_reads: int = 0) -> None:
        super().__init__(inode.number, start_bytes, end_bytes)
        self.corrected_left = corrected_reads

    def met_by_read(self, media: Media, inode: RegularFile) -> None:
        self.bites += 1
        if self.corrected_left > 0:
            self.corrected_left -= 1
            media.owed_us += RETRY_US
            return
        inode.volume.tell_failure("read", inode, errno.EIO)
        raise os_error(errno.EIO)

    def met_by_write(self, inode: RegularFile, offset_bytes: int, byte_count: int) -> None:
        covered = offset_bytes <= self.start_bytes and offset_bytes + byte_count >= self.end_bytes
        if covered or self.corrected_left > 0:
            return
        self.bites += 1
        inode.volume.tell_failure("write", inode, errno.EIO)
        raise os_error(errno.EIO)


def lose_sectors(disk: Disk, path: str, offset_bytes: int, length_bytes: int, corrected_reads: int = 0) -> Damage:
    """The stored bytes of the range cannot be read any more; holes and what is past the end hold nothing to lose."""
    inode = disk.locate(path)
    if not isinstance(inode, RegularFile):
        raise os_error(errno.EISDIR, path)
    end_bytes = min(offset_bytes + length_bytes, len(inode.content))
    if end_bytes <= offset_bytes:
        return Damage(0, 0)
    volume = inode.volume
    # Damage strikes data at rest: what was still to be written there is settled by it.
    volume.log.append(SyncFile(inode.number))
    volume.cleaned(inode)
    lost = UnreadableRange(inode, offset_bytes, end_bytes, corrected_reads)
    media_of(volume).damaged_ranges.append(lost)
    return Damage(end_bytes - offset_bytes, 0, (lost,))

"""emmc: ext4 on eMMC that is not set to reliable writes, with the controller's cache on and flushed by every barrier.

May lose: all that ext4-ordered may lose, as the controller may reorder whatever no flush stands between, which ext4 allows for;
and, at a cut that finds a write pending, one erase block (512 KiB) is damaged: sectors beside the write, in its file or another,
are stale or erased, or the sector being written is neither old nor new. ``cached_block`` says which, and how often.
Does not lose: anything while nothing is being written; anything outside the erase block of a pending write; names.
emmc-reliable-write is the same device with reliable writes (EXT_CSD WR_REL_SET, or CMD23 with that bit): existing data is
safe from a cut, and a sector of 512 bytes is old or new, which is ext4-ordered again.
Survivability: approvals, reversals and acknowledged records may be gone in all copies that the medium holds, in the states with
such damage and in no others (``excuses``). Detecting it, showing it, not trading on it, coming up again: all stay due.
Source: JEDEC JESD84-B51 (EXT_CSD WR_REL_SET: "the device protects existing data if power fails during a write"; FLUSH_CACHE);
Linux drivers/mmc/core/block.c (reliable writes for REQ_FUA and REQ_META alone; f4c5522b0a88); littlefs#748; FAST'13.
"""

from harness.storage.profiles.cached_block import UNSURVIVABLE, CachedBlockProfile
from harness.storage.profiles.ext4_ordered import EXT4_ORDERED, WRITES_BACK_AFTER_US, Ext4Ordered
from harness.storage.profiles.registry import register

_ONE_COPY = "a cut during a write to anything near it may destroy it; keep two copies far apart, each with a checksum"


class Emmc(CachedBlockProfile):
    name = "emmc"
    summary = "ext4 on eMMC: a cut may damage sectors that share an erase block with one being written"
    file_system = EXT4_ORDERED
    erase_block_bytes = 512 * 1024
    writes_back_after_us = WRITES_BACK_AFTER_US
    survivability = UNSURVIVABLE
    unsafe_practices = {"one copy of a record": _ONE_COPY}


class EmmcReliableWrite(Ext4Ordered):
    name = "emmc-reliable-write"
    summary = "ext4 on eMMC with reliable writes: a sector is old or new, and nothing else is touched"


EMMC = register(Emmc())
EMMC_RELIABLE_WRITE = register(EmmcReliableWrite())

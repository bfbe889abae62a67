"""sd: FAT on an SD card, whose controller rewrites whole allocation units and promises nothing about them at a cut.

May lose: all that FAT may lose, in any order until a barrier; and, at a cut that finds a write pending, one erase block (4 MiB,
an allocation unit of SDHC) is damaged: sectors beside the write, in its file or another, are stale or erased, or the sector being
written is neither old nor new; or an entry beside the one being written is gone from its directory, with its file and the
space of it. ``cached_block`` says which, and how often.
Does not lose: anything while nothing is being written; anything outside the erase block of a pending write.
Survivability: FAT's lost clusters, and in the states with damage (``excuses``) approvals, reversals and acknowledged records in
all copies that the card holds. Detecting it, showing it, not trading on it, coming up again: all stay due.
Source: SD Physical Layer Specification (allocation units; no write is atomic at a power cut); electronics.stackexchange 234970;
littlefs#936 (a card unmountable after 100 to 200 cuts); Datalight, FAT and power failure (a directory damaged by a cut).
"""

from harness.storage.profiles.cached_block import UNSURVIVABLE, CachedBlockProfile
from harness.storage.profiles.fat import FAT
from harness.storage.profiles.registry import register


class Sd(CachedBlockProfile):
    name = "sd"
    summary = "FAT on an SD card: a cut may damage files and entries that share an erase block with one being written"
    file_system = FAT
    erase_block_bytes = 4 * 1024 * 1024
    loses_entries = True
    survivability = {**FAT.survivability, **UNSURVIVABLE}
    unsafe_practices = {
        **FAT.unsafe_practices,
        "one copy of a record": "a cut during a write to anything near it may destroy it; keep a second copy on another volume",
    }


SD = register(Sd())

"""fat: FAT12/16/32 without a journal, as on memory cards and in many real-time systems.

May lose: all that posix-weak may lose, as directory entry, size and cluster chain are separate writes; and a rename is a
new entry, the removal of the old, and the removal of the file replaced, so that there may be both names (two entries
sharing one chain: a checker makes them two files), or neither. A shortened or removed file may show stale clusters while
the old size or name is still there. Clusters may end up with no owner: space that only a file-system check frees,
reported as ``Image.lost_bytes``.
Does not lose: content, size and chain once fsync of the file returned; names once fsync of the directory returned (fsync
of the file writes its short entry, but the long-name entries beside it may lie in another sector); a sector is old or
new. Damage to sectors that nobody wrote is the card's doing and belongs to an eMMC/SD profile.
Source: Micrium, uC/FS on journalling; Datalight, FAT and power failure; TI, FatFs guidance: dirent, size and chain are
updated independently and nothing is atomic. Replacement by removal first is FatFs's rule (f_rename refuses an existing
name, FR_EXIST), and the weaker of that and Linux vfat's.
"""

from collections.abc import Mapping

from harness.storage.profiles.base import CrashState
from harness.storage.profiles.registry import register
from harness.storage.profiles.unordered import Rules, UnorderedProfile


class Fat(UnorderedProfile):
    name = "fat"
    summary = "no journal: entry, size and clusters land apart, a rename may leave both names or neither"
    rules = Rules(
        replace_removes_first=True,
        replaced_emptied=True,
        shortened_garbage=True,
        leaks_space=True,
        hard_links=False,
    )
    survivability = {
        15: "a cut between two writes of FAT leaves clusters that no entry owns and no deletion frees, so free space "
        "does not come back to its baseline whatever the software does",
    }
    unsafe_practices = {
        "replace by rename": "a cut may leave neither the old file nor the new; write two slots in turn, with a checksum",
    }

    def excuses(self, state: CrashState) -> Mapping[int, str]:
        """Only where clusters have no owner: all other space is some entry's, which the software can remove."""
        return self.survivability if state.image.lost_bytes else {}


FAT = register(Fat())

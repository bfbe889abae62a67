"""Wear: every write takes a little of the flash's life, and past its rating block after block goes bad.

Models: bytes programmed, in whole program units, and a unit more for each change of a name and each barrier (the node or commit
that records it); write amplification by a garbage collector that moves what is still valid, 1 / (1 - utilisation) as in a
log with even use; wear levelling that spreads erases evenly; a limit of its own for each erase block, from the rated
endurance up. A block that goes bad costs the time to move its content; spare blocks stand in for the first; then the volume
shrinks by a block each; when nothing is free to move to, the write that met it gets EIO. Reads need more and more retries
as the end of the rated life nears, and past it some fail at the first try. ``ages_per_day``: each byte counts as so many.
Does not model: caches that save programs (a page written twice before a barrier counts twice), retention, read disturb, levelling
that fails, loss of what the bad block held (``unreadable``), a controller that turns read-only at the end of its spares.
Source: Rosenblum & Ousterhout, SOSP'91 (cost of cleaning at utilisation u); Linux UBI (one block reserved for each expected bad
one, content moved on a program error); K9F1G08U0 data sheet (minimum valid blocks, endurance with ECC); the spread of
limits, 30 % above the rating, and the read-retry curve are assumptions.
"""

import errno
import random

from harness.storage.calls import CallKind
from harness.storage.conditions import ShrunkCapacity
from harness.storage.flash import Flash
from harness.storage.inode import Inode, RegularFile
from harness.storage.latency import BYTES_PER_KIB
from harness.storage.oserrors import os_error
from harness.storage.volume import Volume

LIMIT_SPREAD_PERCENT = 30
SLOW_FROM_LIFE_PERCENT = 80
SLOWEST_PERCENT = 400
"""A read at the end of the rated life, of its time when new."""
MOVE_US_PER_KIB = 115
"""To move a bad block's content: read, program and erase a KiB of SLC NAND (``latency.SLC_NAND``)."""


def block_limits(blocks: int, flash: Flash, seed: int) -> list[int]:
    """After how many erases each block goes bad, weakest first; drawn from ``seed`` alone."""
    rng = random.Random(seed)
    spread = flash.endurance_cycles * LIMIT_SPREAD_PERCENT // 100
    return sorted(flash.endurance_cycles + rng.randint(0, spread) for _ in range(blocks))


class Wear(ShrunkCapacity):
    """The age of one volume's flash. Bites when a block goes bad; lifting puts new flash in, with the same content."""

    def __init__(
        self,
        flash: Flash,
        seed: int,
        *,
        life_used_percent: float = 0.0,
        ages_per_day: int = 1,
        first_try_fails_nth: int = 0,
    ) -> None:
        super().__init__(0)
        self.flash = flash
        self.ages_per_day = ages_per_day
        self.first_try_fails_nth = first_try_fails_nth
        """Past the rated life every so-manieth read fails at the first try, and works when repeated; 0: none does."""
        self.programmed_bytes = 0
        self.bad_blocks = 0
        self.program_errors = 0
        self.read_errors = 0
        self._life_used_percent = life_used_percent
        self._seed = seed
        self._limits: list[int] = []
        self._good_blocks = 0
        self._spare_blocks = 0
        self._erases = 0
        """Of all blocks together."""
        self._unspent_bytes = 0
        self._reads_past_life = 0
        self._reading = False

    def _begin(self, volume: Volume) -> None:
        blocks = max(1, -(-(volume.total_blocks << volume.block_shift) // self.flash.erase_block_bytes))
        self._spare_blocks = blocks * self.flash.spare_permille // 1000
        self._good_blocks = blocks + self._spare_blocks
        self._limits = block_limits(self._good_blocks, self.flash, self._seed)
        self._erases = int(self.flash.endurance_cycles * self._life_used_percent / 100.0) * self._good_blocks

    # -- what is left --------------------------------------------------------------------------------------------------

    @property
    def erases_per_block(self) -> int:
        """How often each good block has been erased, levelled."""
        return self._erases // max(1, self._good_blocks)

    @property
    def life_used_percent(self) -> int:
        """Of the rated endurance; more than 100 when blocks go bad."""
        return 100 * self.erases_per_block // self.flash.endurance_cycles

    @property
    def lost_bytes(self) -> int:
        """How much smaller the volume has become."""
        return self.taken_blocks << self.volume.block_shift if self.volume is not None else 0

    def amplification_percent(self, volume: Volume) -> int:
        """Bytes programmed for 100 written: the fuller the flash, the more the collector has to move."""
        block_bytes = self.flash.erase_block_bytes
        physical_bytes = self._good_blocks * block_bytes
        used_bytes = max(0, volume.total_blocks - volume.free_blocks) << volume.block_shift
        return 100 * physical_bytes // max(block_bytes, physical_bytes - used_bytes)

    # -- calls ---------------------------------------------------------------------------------------------------------

    def before(self, kind: CallKind, inode: Inode) -> None:
        self._reading = kind == "read"
        if self._reading:
            self._read(inode)
        elif kind != "write":
            self._program(inode, 1)

    def before_write(self, inode: RegularFile, offset_bytes: int, byte_count: int) -> None:
        self._program(inode, byte_count)

    def slowed(self, cost_us: int, fill_percent: int) -> int:
        worn = min(100, self.life_used_percent) - SLOW_FROM_LIFE_PERCENT
        if not self._reading or worn <= 0:
            return cost_us
        return cost_us * (100 + (SLOWEST_PERCENT - 100) * worn // (100 - SLOW_FROM_LIFE_PERCENT)) // 100

    def _read(self, inode: Inode) -> None:
        if not self.first_try_fails_nth or self.erases_per_block < self.flash.endurance_cycles:
            return
        self._reads_past_life += 1
        if self._reads_past_life % self.first_try_fails_nth == 0:
            self.read_errors += 1
            inode.volume.tell_failure("read", inode, errno.EIO)
            raise os_error(errno.EIO)

    def _program(self, inode: Inode, byte_count: int) -> None:
        volume, unit = inode.volume, self.flash.program_bytes
        whole_bytes = -(-byte_count // unit) * unit
        self.programmed_bytes += whole_bytes
        self._unspent_bytes += whole_bytes * self.ages_per_day * self.amplification_percent(volume) // 100
        erases, self._unspent_bytes = divmod(self._unspent_bytes, self.flash.erase_block_bytes)
        self._erases += erases
        homeless = False
        while self._good_blocks and self._limits[self.bad_blocks] <= self.erases_per_block:
            homeless = not self._lose_block(volume) or homeless
        if homeless:
            self.program_errors += 1
            volume.tell_failure("write", inode, errno.EIO)
            raise os_error(errno.EIO)

    def _lose_block(self, volume: Volume) -> bool:
        """The weakest block goes bad; whether there was room for what it held."""
        self.bites += 1
        # Fewer blocks share what is written from now on; how worn those are stays as it is.
        self._erases -= self.erases_per_block
        self._good_blocks -= 1
        self.bad_blocks += 1
        block_bytes = self.flash.erase_block_bytes
        if volume.media is not None:
            volume.media.owed_us += block_bytes * MOVE_US_PER_KIB // BYTES_PER_KIB
        if self.bad_blocks <= self._spare_blocks:
            return True
        gone = min(volume.total_blocks, max(1, block_bytes >> volume.block_shift))
        had_room = volume.free_blocks >= gone
        volume.total_blocks -= gone
        volume.free_blocks -= gone
        self.taken_blocks += gone
        return had_room

    # -- bites are bad blocks alone ------------------------------------------------------------------------------------

    def ran_out_of_space(self) -> None:
        """A lack of space is what bad blocks lead to, not one more of them."""

    def reported_free_blocks(self, free_blocks: int) -> int:
        return free_blocks

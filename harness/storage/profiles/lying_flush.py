"""lying-flush: ext4 on a medium that answers a flush before it has done it, as cheap cards and drives without capacitors do.

May lose: what the last ``LIES`` flushes that anybody asked for had made durable, as if never called: synced content, names, the
order between them; and, of a block first written since, the data though the size and the journal that show it
landed, so that it reads as what the block held before. Everything ext4-ordered may lose besides.
Does not lose: what an earlier flush covered; what is old enough for the kernel to have written it back by itself (a minute, where
the longest delay measured is 700 ms); the order of names among themselves: the journal is replayed up to the first commit that is
not whole.
Survivability: software learns that something is durable from a flush that returned and from nothing else. What rests on that
alone is lost here, in the states in which a flush did lie (``excuses``). Unique numbers can skip ahead at a boot, totals can be
folded from the log, a batch sent twice is found by the host: those stay due, as do detecting damage and coming up again.
Does not model: a lie about a file system's own structures after a checkpoint (a volume that does not mount), a dead device, a
bound in time on the lie shorter than the write-back (two flushes back is the bound).
Source: Zheng et al., Understanding the Robustness of SSDs under Power Fault, FAST'13 (unserialisable and shorn writes, 13 of 15
devices); Ahmadian et al., Investigating Power Outage Effects on Reliability of SSDs, DATE'18 (completed writes lost up to 700 ms
later); Linux Documentation/block/writeback_cache_control.rst (what a flush promises).
"""

from collections.abc import Iterator, Mapping, Sequence

from harness.storage.draft import Fate, SectorFates, garbage
from harness.storage.image import Image
from harness.storage.oplog import Op, SyncDirectory, SyncFile, SyncVolume, Write
from harness.storage.profiles.base import Crash, CrashState, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.ext4_ordered import EXT4_ORDERED, WRITES_BACK_AFTER_US
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.in_order import dropped_data
from harness.storage.profiles.registry import register

LIES = 2
"""How many of the latest flushes may have done nothing: enough to lose a reversal and the record that was to replace it."""

_BLOCK_BYTES = 4096
_BLOCKS_MAX = 4
_LIED = (
    "the flush that was to make it durable returned without doing so, and no other call tells software what is durable"
)
_TOGETHER = (
    "the record and the reversal behind it may be lost together, though each flush returned before the next step"
)


class LyingFlush(Profile):
    name = "lying-flush"
    summary = "ext4 on a medium that answers a flush before it has done it: the last two may have promised nothing"
    flush_lies = True
    writes_back_after_us = WRITES_BACK_AFTER_US
    survivability = {
        1: f"an approval was shown once its record was flushed; {_LIED}",
        2: f"{_TOGETHER}, and the host keeps an approval that nobody at the terminal knows of",
        3: f"{_TOGETHER}, so that the customer who is asked to pay again is charged twice",
        4: f"the reversal is written and flushed before the request is sent; {_LIED}",
        5: f"a reversal is removed once the record that settles it was flushed; {_LIED}",
        6: "the reversal that has to go first may be lost with its flush, and then nothing holds the next request back",
        7: "the removal of a reversal may be lost with its flush when its record is lost too, and recovery then reverses a sale "
        "that was shown as approved",
        17: f"the acknowledged part of a log is what was flushed; {_LIED}",
        19: f"what recovery wrote and flushed before it was cut may be gone at the next boot; {_LIED}",
        20: f"that a sale was voided is known from a record that was flushed; {_LIED}",
        23: f"how far a settlement had come is known from records that were flushed; {_LIED}",
        25: f"an offline approval exists on this medium alone; {_LIED}",
        30: f"{_TOGETHER}, and the order is not known any more, to be asked for or revoked",
        31: f"{_TOGETHER}, and the charge is never shown to anybody",
    }
    unsafe_practices = {
        "fsync trusted": "the last two flushes may have done nothing; ask for a device with power-loss protection",
    }

    def _honoured(self, log: Sequence[Op]) -> list[bool]:
        """For each operation, whether it is a barrier that did what it promised."""
        honoured = [False] * len(log)
        asked = 0
        for index in range(len(log) - 1, -1, -1):
            op = log[index]
            if isinstance(op, SyncVolume) and op.written_back:
                honoured[index] = True
            elif isinstance(op, SyncFile | SyncDirectory | SyncVolume):
                asked += 1
                honoured[index] = asked > LIES
        return honoured

    def _true_log(self, log: Sequence[Op]) -> tuple[list[Op], list[int]]:
        """The log without the flushes that lied, and the place of each operation that is left."""
        honoured = self._honoured(log)
        places = [
            index
            for index, op in enumerate(log)
            if honoured[index] or not isinstance(op, SyncFile | SyncDirectory | SyncVolume)
        ]
        return [log[index] for index in places], places

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        true_log, places = self._true_log(log)
        durable = [Durability.PENDING] * len(log)
        for place, state in zip(places, EXT4_ORDERED.surely_durable(base, true_log), strict=True):
            durable[place] = state
        return durable

    def durable_prefix(self, base: Image, log: Sequence[Op]) -> tuple[Image, list[Op]]:
        """Up to the last flush that did its work as ext4 has it; behind that everything stays, the lies to be counted."""
        honoured = self._honoured(log)
        if True not in honoured:
            return base, list(log)
        stop = len(honoured) - honoured[::-1].index(True)
        image, rest = EXT4_ORDERED.durable_prefix(base, self._true_log_before(log, honoured, stop))
        return image, [*rest, *log[stop:]]

    def _true_log_before(self, log: Sequence[Op], honoured: Sequence[bool], stop: int) -> list[Op]:
        barriers = (SyncFile, SyncDirectory, SyncVolume)
        return [log[index] for index in range(stop) if honoured[index] or not isinstance(log[index], barriers)]

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        true_log, places = self._true_log(log)
        crash = EXT4_ORDERED.crash(base, true_log, choices)
        self._stale_blocks(base, true_log, crash, choices)
        crash.lost = [places[index] for index in crash.lost]
        crash.torn = [(places[index], part) for index, part in crash.torn]
        return crash

    def _stale_blocks(self, base: Image, log: Sequence[Op], crash: Crash, choices: Choices) -> None:
        """New blocks that the journal shows and whose data the medium never wrote: no order holds between the two here."""
        durable, dropped = EXT4_ORDERED.surely_durable(base, log), dropped_data(log)
        lost = set(crash.lost)
        asked: set[tuple[int, int]] = set()
        for index, op in enumerate(log):
            if not isinstance(op, Write) or durable[index] or dropped[index] or index in lost:
                continue
            for start, stop in _new_blocks(op):
                stop = min(stop, crash.draft.size_of(op.inode))
                if start < stop and (op.inode, start) not in asked:
                    asked.add((op.inode, start))
                    if choices.pick(2):
                        crash.draft.write(op.inode, start, garbage(start, stop - start))
                        _note(crash, index, op, start, stop)

    def thins(self, log: Sequence[Op]) -> bool:
        """Of many new blocks of one write the first and the last ones are found stale."""
        return EXT4_ORDERED.thins(log) or any(
            isinstance(op, Write) and len(_starts_of_new_blocks(op)) > _BLOCKS_MAX for op in log
        )

    def excuses(self, state: CrashState) -> Mapping[int, str]:
        """Where an honest flush would have kept everything that was lost, and nothing else is wrong, the flush lied."""
        promised = EXT4_ORDERED.surely_durable(state.base, state.log)
        missing = [*state.lost_indices, *(index for index, _ in state.torn_parts)]
        return self.survivability if any(promised[index] for index in missing) else {}


def _new_blocks(op: Write) -> Iterator[tuple[int, int]]:
    """Blocks that the file had not before the write: all of a few, or the first and the last ones of many."""
    starts: Sequence[int] = _starts_of_new_blocks(op)
    if len(starts) > _BLOCKS_MAX:
        starts = [*starts[: _BLOCKS_MAX // 2], *starts[-_BLOCKS_MAX // 2 :]]
    for start in starts:
        yield start, start + _BLOCK_BYTES


def _starts_of_new_blocks(op: Write) -> range:
    allocated = -(-op.old_size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES
    end = op.offset_bytes + len(op.data)
    return range(max(allocated, op.offset_bytes // _BLOCK_BYTES * _BLOCK_BYTES), end, _BLOCK_BYTES)


def _note(crash: Crash, index: int, op: Write, start: int, stop: int) -> None:
    """Enters the stale block in the account of the write it belongs to."""
    known = dict(crash.torn).get(index)
    unit = known.sector_bytes if isinstance(known, SectorFates) else 512
    first, last = op.offset_bytes // unit, (op.offset_bytes + len(op.data) - 1) // unit
    fates = bytearray(known.fates if isinstance(known, SectorFates) else bytes(last - first + 1))
    for sector in range(max(first, start // unit), min(last, (stop - 1) // unit) + 1):
        fates[sector - first] = Fate.GARBAGE
    crash.torn = [(place, part) for place, part in crash.torn if place != index]
    crash.torn.append((index, SectorFates(bytes(fates), unit)))


LYING_FLUSH = register(LyingFlush())

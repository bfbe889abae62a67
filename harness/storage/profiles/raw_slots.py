"""raw-slots and battery-ram: records at fixed places of a raw memory, with no file system and no cache between.

May lose: the change under way. On flash (raw-slots: NOR, or the data flash of a controller) a write is programmed word by word
from its beginning: a cut leaves the first words, of the word under way some bits not yet programmed, and the rest as it was. A
write that has to turn a 0 back into a 1 erases first, and with it the whole sector of 4 KiB, also what nobody wrote: a cut
leaves the sector erased (0xFF), half erased (bits undefined), or new up to a word and 0xFF behind. Without an erase (battery-ram:
battery-backed SRAM or FRAM) a write stops at any byte and nothing else is touched. There is no rename: it is a removal of what
was there, a new entry and the removal of the old entry, each written by itself and in this order.
Does not lose: any change whose call returned, with no sync of anything; anything outside the sectors of the write under way.
Every place of a write of up to 8 words (bytes) is tried, of a longer one its first and last and 6 between, evenly spread.
Does not model: a battery that died (all is lost: a media fault, no matter of a cut), a word whose error correction cannot read
it and that traps (STM32), a cut between two sectors seen from a third, wear.
Source: embedded-storage's NorFlash (after a cut in a write the written words are undefined and the rest of the page is
unchanged; after one in an erase the page is undefined) and MultiwriteNorFlash (bits only go from 1 to 0); littlefs#748, where a
translation layer erased a block between reading it and writing it back; PAX and LiaoYang terminals (domain notes) for records in
slots with control blocks in battery RAM.
"""

from collections.abc import Sequence

from harness.storage.draft import Draft, Fate, Part, Resized, SectorFates, Step, Steps
from harness.storage.image import Image
from harness.storage.oplog import BARRIERS, Close, DropDirty, Link, Op, Rename, Truncate, Write
from harness.storage.profiles.base import Crash, Profile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.in_order import dropped_data, last_barrier
from harness.storage.profiles.registry import register
from harness.storage.profiles.story import Damage

SECTOR_BYTES = 4096
_PLACES_MAX = 8
_ERASED = b"\xff"
_NOT_CHANGES = (Close, DropDirty, *BARRIERS)


class RawSlots(Profile):
    name = "raw-slots"
    summary = "raw NOR flash: a write is cut at a word, and one that erases takes its whole 4 KiB sector with it"
    synchronous = True
    word_bytes = 4
    erases = True
    unsafe_practices = {
        "overwrite of a record in place": "the sector is erased first, and every record in it is gone at a cut; append, or "
        "write two slots in different sectors in turn",
        "replace by rename": "there is no rename: a cut leaves neither name, or both; write two slots in turn",
        "0xFF or zeros taken for a record": "an erased sector reads 0xFF; give each record a checksum that neither has",
    }

    def surely_durable(self, base: Image, log: Sequence[Op]) -> list[Durability]:
        dropped = dropped_data(log)
        barrier = last_barrier(log)
        return [
            Durability.DURABLE
            if index < barrier and not dropped[index] and not isinstance(op, _NOT_CHANGES)
            else Durability.PENDING
            for index, op in enumerate(log)
        ]

    def thins(self, log: Sequence[Op]) -> bool:
        """Within a sector a long write is cut at a few of its words."""
        unit = self.word_bytes
        return any(
            isinstance(op, Write)
            and (op.offset_bytes + len(op.data) - 1) // unit - op.offset_bytes // unit >= _PLACES_MAX
            for op in log
        )

    def mount(self, draft: Draft) -> Image:
        return draft.mount(hard_links=False)

    def crash(self, base: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = Crash(Draft(base))
        dropped = dropped_data(log)
        barrier = last_barrier(log)
        free = [
            index
            for index in range(barrier + 1, len(log))
            if not dropped[index] and not isinstance(log[index], _NOT_CHANGES)
        ]
        kept = choices.cut(len(free))
        stop = free[kept] if kept < len(free) else len(log)
        for index, op in enumerate(log):
            if isinstance(op, _NOT_CHANGES):
                continue
            if index < stop:
                if dropped[index] and choices.pick(2):
                    crash.lost.append(index)
                else:
                    crash.draft.apply(op)
                continue
            if isinstance(op, Link):
                crash.draft.register(op)
            if index > stop or not self._under_way(index, op, crash, choices):
                crash.lost.append(index)
        return crash

    def _under_way(self, index: int, op: Op, crash: Crash, choices: Choices) -> bool:
        """The one change that the cut fell into; says whether any of it landed."""
        draft = crash.draft
        part: Part | None = None
        if isinstance(op, Write):
            return self._write(index, op, crash, choices)
        if isinstance(op, Truncate):
            part = self._truncation(op, choices)
        elif isinstance(op, Rename):
            done = [Step.NONE, Step.DESTINATION_LINKED]
            if op.replaced_inode is not None:
                done.insert(1, Step.DESTINATION_REMOVED)
            step = done[choices.pick(len(done))]
            part = Steps(step) if step else None
        if part is None:
            return False
        draft.apply(op, part)
        crash.torn.append((index, part))
        return True

    def _truncation(self, op: Truncate, choices: Choices) -> Resized | None:
        """On flash the sector of the new end is written anew, and may be found erased behind it."""
        tail = min(op.old_size_bytes, (op.size_bytes // SECTOR_BYTES + 1) * SECTOR_BYTES)
        if not self.erases or tail <= op.size_bytes or op.size_bytes % SECTOR_BYTES == 0 or not choices.pick(2):
            return None
        return Resized(None, op.size_bytes, tail, Fate.GARBAGE)

    # ------------------------------------------------------------------ one write

    def _write(self, index: int, op: Write, crash: Crash, choices: Choices) -> bool:
        """Sector after sector, each erased if it has to be and then programmed; the cut falls into one of them."""
        draft, end = crash.draft, op.offset_bytes + len(op.data)
        first, last = op.offset_bytes // SECTOR_BYTES, (end - 1) // SECTOR_BYTES
        at = first + choices.pick(last - first + 1)
        start, stop = max(op.offset_bytes, at * SECTOR_BYTES), min(end, (at + 1) * SECTOR_BYTES)
        old = draft.content_of(op.inode)
        erases = self.erases and _needs_erase(
            old[start:stop], op.data[start - op.offset_bytes : stop - op.offset_bytes]
        )
        places = self._places(start, stop)
        # Nothing of this sector; (erased, half erased); up to a word; up to a word and some bits of the next.
        shapes = 1 + 2 * erases + len(places) + (len(places) if self.erases else 0)
        answer = choices.pick(shapes)
        landed = start
        if answer > 2 * erases:
            place = answer - 1 - 2 * erases
            landed = places[place % len(places)]
            if answer <= 2 * erases + len(places):
                landed = min(stop, landed + self._to_word_end(landed))
        if landed > op.offset_bytes:
            self._apply_prefix(index, op, landed, crash)
        half = answer > 2 * erases + len(places)
        if erases and answer:
            self._erase(op, at, landed, answer == 2, old, crash)
        if half:
            word_end = min(stop, landed + self._to_word_end(landed))
            before = (b"" if erases else old[landed:word_end]).ljust(word_end - landed, _ERASED)
            self._half_program(op, landed, word_end, before, crash)
        return landed > op.offset_bytes or bool(erases and answer) or half

    def _to_word_end(self, offset: int) -> int:
        return self.word_bytes - offset % self.word_bytes

    def _places(self, start: int, stop: int) -> list[int]:
        """Where a word of the range begins; a few, evenly spread, when they are many."""
        words = [start, *range(start + self._to_word_end(start), stop, self.word_bytes)]
        if len(words) <= _PLACES_MAX:
            return words
        return [words[place * (len(words) - 1) // (_PLACES_MAX - 1)] for place in range(_PLACES_MAX)]

    def _apply_prefix(self, index: int, op: Write, landed: int, crash: Crash) -> None:
        crash.draft.write(op.inode, op.offset_bytes, op.data[: landed - op.offset_bytes])
        unit = self.word_bytes
        first, last = op.offset_bytes // unit, (op.offset_bytes + len(op.data) - 1) // unit
        kept = (landed - 1) // unit - first + 1
        crash.torn.append((index, SectorFates(bytes(kept) + bytes([Fate.LOST]) * (last - first + 1 - kept), unit)))

    def _erase(self, op: Write, sector: int, landed: int, half: bool, old: bytes, crash: Crash) -> None:
        """What the erase took and programming had not brought back: from the place reached to the end of the sector.

        A driver programs the sector from its beginning, so that what lay before the write is back before the write is.
        """
        low = sector * SECTOR_BYTES
        high = min(low + SECTOR_BYTES, max(len(old), crash.draft.size_of(op.inode)))
        begin = landed if landed > max(low, op.offset_bytes) else low
        if begin >= high:
            return
        before = old[begin:high].ljust(high - begin, _ERASED)
        fill = bytes(byte | 0xA5 for byte in before) if half else _ERASED * len(before)
        crash.draft.write(op.inode, begin, fill)
        crash.damaged.append(Damage(op.inode, begin, high, "are half erased" if half else "are erased (0xFF)"))

    def _half_program(self, op: Write, start: int, stop: int, before: bytes, crash: Crash) -> None:
        """Programming clears bits; in the word under way half of those that it has to clear are still set."""
        new = op.data[start - op.offset_bytes : stop - op.offset_bytes]
        crash.draft.write(op.inode, start, bytes(byte | (was & 0x0F) for byte, was in zip(new, before, strict=True)))
        crash.damaged.append(Damage(op.inode, start, stop, "are half programmed"))


def _needs_erase(old: bytes, new: bytes) -> bool:
    """Whether a bit has to go from 0 to 1. What lies beyond the old end was erased when the place was prepared."""
    return any(before & after != after for before, after in zip(old, new, strict=False))


class BatteryRam(RawSlots):
    name = "battery-ram"
    summary = "battery-backed SRAM or FRAM: a write is cut at a byte, and nothing else is touched"
    word_bytes = 1
    erases = False
    unsafe_practices = {
        "overwrite of the only copy": "a cut leaves new bytes before old ones; write two copies in turn, with a checksum",
        "replace by rename": "there is no rename: a cut leaves neither name, or both; write two slots in turn",
    }


RAW_SLOTS = register(RawSlots())
BATTERY_RAM = register(BatteryRam())

"""The store: journal, books and witness kept in step, and what to do when the flash says no.

Models the rules a payment terminal lives by: a fact is true once its record is durable; a write that failed is in doubt, so
the file is left and everything that matters is written anew in the other one; if that fails too, the record is disowned in
NVRAM and the caller told, who must then make sure that no money moves on it.
"""

from __future__ import annotations

from typing import ClassVar

from harness.contract import Nvram
from harness.terminals.reference.books import Books
from harness.terminals.reference.journal import Entry, Journal, JournalError, NewerData, Recovered
from harness.terminals.reference.records import (
    STAN_MAX,
    Base,
    BatchTotals,
    Kind,
    RecordError,
    Slip,
    Transaction,
    join,
    next_batch,
)
from harness.terminals.reference.witness import Seen, Witness

TRANSACTION_BYTES = 1_024
"""What one transaction may write at most: request, reason, approval, each well under 340 bytes."""


class StorageFault(Exception):
    """The record could not be made durable, and will not be believed."""


class NewerRelease(StorageFault):
    """What is stored was written by a later release, which alone can read it."""


class Store:
    """What the terminal keeps. Opening it recovers; every other method either is durable when it returns or raises."""

    journal_class: ClassVar[type[Journal]] = Journal

    def __init__(self, directory: str, nvram: Nvram) -> None:
        self._directory = directory
        self.witness = Witness(nvram)
        self.last_kind: Kind | None = None
        self._suspect = False
        self._restored: Transaction | None = None
        self._journal = self._open()
        self._write_restored()

    def _write_restored(self) -> None:
        if self._restored is not None:
            self.append(Kind.APPROVED, self._restored.pack())

    def _open(self) -> Journal:
        journal: Journal | None = None
        try:
            journal = self._make_journal()
            seen = self.witness.seen
            witnessed = None if seen is None else (seen.generation, seen.sequence)
            found = journal.recover(witnessed, self.witness.disowned)
            if found is not None and found.missing and seen is not None and seen.kind == Kind.BASE:
                found = journal.before_migration() or found
            self.books = self._recover_books(journal, found, seen)
            disowned = self.witness.disowned
            is_doubtful = found is not None and disowned is not None and disowned[0] == journal.position[0]
            if is_doubtful or journal.is_failing or journal.is_old:
                # A record not to be believed may be on the disk: leave that file, so that nobody else believes it either.
                # What an earlier release wrote is brought over: until the last byte is durable, the old file is the truth.
                self._relocate(journal)
            elif journal.is_torn:
                self._leave_torn(journal)
        except (OSError, JournalError) as error:
            if journal is not None:
                journal.close()
            kind = NewerRelease if isinstance(error, NewerData) else StorageFault
            raise kind(str(error)) from error
        return journal

    def _make_journal(self) -> Journal:
        return self.journal_class(self._directory)

    def _leave_torn(self, journal: Journal) -> None:
        """A cut left something half written behind the last record; on a volume without room it is written over after all."""
        try:
            self._relocate(journal)
        except (OSError, JournalError):
            self._suspect = False

    def _recover_books(self, journal: Journal, found: Recovered | None, seen: Seen | None) -> Books:
        is_whole = found is not None and (seen is None or seen.generation <= found.generation)
        if found is not None and seen is not None and found.format is not journal.format and seen.kind == Kind.BASE:
            # Brought over from an earlier release, and nothing was written since: what that release left still holds.
            is_whole = is_whole or int(self._fold(found, seen).batch) == seen.batch
            journal.generation = max(journal.generation, seen.generation)
        if found is not None and is_whole:
            books = self._fold(found, seen)
            books.damaged += found.missing
            self.last_kind = Kind(found.entries[-1].kind) if found.entries else None
            if seen is not None and seen.generation == found.generation:
                self._believe_witness(books, found, seen)
            return books
        return self._begin_anew(journal, found, seen)

    def _fold(self, found: Recovered, seen: Seen | None) -> Books:
        return Books.fold(found.entries, self._guessed_base(found, seen))

    def _begin_anew(self, journal: Journal, found: Recovered | None, seen: Seen | None) -> Books:
        """The newest journal is gone, or there never was one. What is found, if anything, is an older truth."""
        base, copies = Base("000001", 0, 0, 0, False), []
        if seen is not None:
            damaged = 1
            if found is not None:
                older = Books.fold(found.entries, self._guessed_base(found, None))
                if int(older.batch) == seen.batch:
                    # Approvals stay approved; what was in doubt then has been resolved since, nobody knows how.
                    copies = [entry for entry in found.entries if entry.kind == Kind.APPROVED]
                    damaged += found.missing + older.damaged
            base = Base(f"{seen.batch:06d}", seen.stan, 0, damaged, False)
            journal.generation = max(journal.generation, seen.generation)
            journal.sequence = max(journal.sequence, seen.sequence)
        self._begin(journal, Books(base), copies)
        return Books.fold(journal.entries(), base)

    def _guessed_base(self, found: Recovered, seen: Seen | None) -> Base:
        batches = [
            Transaction.unpack(e.payload).batch for e in found.entries if e.kind in (Kind.REQUEST, Kind.APPROVED)
        ]
        batch = batches[-1] if batches else (f"{seen.batch:06d}" if seen is not None else "000001")
        return Base(batch, seen.stan if seen is not None else 0, 0, 0, False)

    def _believe_witness(self, books: Books, found: Recovered, seen: Seen) -> None:
        """The last record was durable and is damaged now: NVRAM still knows what it said."""
        last_found = max((entry.sequence for entry in found.entries), default=0)
        if last_found >= seen.sequence:
            return
        books.stan = seen.stan
        pending = books.pending
        if pending is None:
            return
        if int(pending.stan) != seen.stan or seen.kind in (Kind.APPROVED, Kind.CLEARED):
            books.pending = None
        if int(pending.stan) == seen.stan and seen.kind == Kind.APPROVED:
            self._restored = pending

    @property
    def is_damaged(self) -> bool:
        """Whether records that were durable once are missing."""
        return self.books.damaged > 0

    def append(self, kind: Kind, payload: bytes) -> int:
        """Make a fact durable, then take it into the books. Returns where the record is."""
        journal = self._journal
        try:
            if self._suspect:
                self._relocate(self._journal)
            try:
                offset = journal.append(kind, payload)
            except OSError:
                self._suspect = True
                self._relocate(self._journal)
                offset = journal.append(kind, payload)
        except (OSError, JournalError) as error:
            self._suspect = True
            generation, sequence = journal.position
            self.witness.disown(generation, sequence + 1)
            raise StorageFault(str(error)) from error
        self.books.apply(kind, payload, offset)
        self._note(kind)
        return offset

    def _note(self, kind: Kind) -> None:
        books, (generation, sequence) = self.books, self._journal.position
        self.last_kind = kind
        self.witness.note(generation, sequence, books.stan, int(books.batch), kind)

    def _relocate(self, journal: Journal) -> None:
        """Leave a file that failed: write all that matters into the other one."""
        _, sequence = journal.position
        disowned = self.witness.disowned
        entries = [entry for entry in journal.entries() if (entry.generation, entry.sequence) != disowned]
        sound = [entry for entry in entries if self._matters(entry) and entry.sequence <= sequence]
        if sum(entry.kind == Kind.APPROVED for entry in sound) < self.books.count:
            # Records that can no longer be read.
            self.books.damaged += self.books.count - sum(entry.kind == Kind.APPROVED for entry in sound)
        self._begin(journal, self.books, sound)
        self.books = Books.fold(journal.entries(), self.books.base(0))
        self._suspect = False

    def _matters(self, entry: Entry) -> bool:
        pending = self.books.pending
        if entry.kind in (Kind.REQUEST, Kind.REASON):
            return pending is not None and pending.stan.encode() in entry.payload.split(b"\x1f")[:3]
        return entry.kind not in (Kind.BASE, Kind.CLEARED, Kind.SLIP)

    def _begin(self, journal: Journal, books: Books, copies: list[Entry]) -> None:
        kept = [entry for entry in copies if entry.kind != Kind.BASE]
        journal.start_generation(books.base(journal.sequence + 1).pack(), kept)
        generation, sequence = journal.position
        self.witness.note(generation, sequence, books.stan, int(books.batch), Kind.BASE)

    def has_room(self) -> bool:
        """Whether one more transaction fits beside the reserve. Also mends files that somebody deleted."""
        try:
            if self._journal.is_unlinked():
                self._suspect = True
                self._journal.recreate_spare()
                self._relocate(self._journal)
                self._journal.recreate_spare()
            return self._journal.has_room(TRANSACTION_BYTES)
        except (OSError, JournalError) as error:
            raise StorageFault(str(error)) from error

    def read(self, offset: int) -> Transaction | None:
        """The transaction at ``offset``, or None when the record cannot be read or is damaged."""
        try:
            entry = self._journal.read(offset)
            return None if entry is None else Transaction.unpack(entry.payload)
        except (OSError, RecordError):
            return None

    def verified_books(self) -> Books:
        """The books folded once more from what is on the disk now: totals for the host come from there."""
        try:
            entries = self._journal.entries()
        except OSError as error:
            raise StorageFault(str(error)) from error
        fresh = Books.fold(entries, self.books.base(0))
        self.books.damaged += max(0, self.books.count - fresh.count)
        return fresh

    def close_batch(self, balanced: bool, totals: BatchTotals) -> None:
        """The host has closed the batch: one base record clears the log, advances the batch and owes the slip, at once."""
        old = self.books
        fresh = Base(next_batch(old.batch), old.stan, 0, 0, True, Slip(old.batch, totals, balanced))
        self._open_batch(Books(fresh))

    def adopt_batch(self, batch: str) -> None:
        """The host names another batch at sign-on, and nothing is kept under the old number."""
        old = self.books
        self._open_batch(Books(Base(batch, old.stan, 0, old.damaged, old.stan_is_trusted, old.slip)))

    def go_on_with(self, stan: int) -> None:
        """The next trace number is ``stan``: a person says so, and cannot know that it was never used."""
        old = self.books
        before = (stan - 2) % STAN_MAX + 1
        self._open_batch(Books(Base(old.batch, before, 0, old.damaged, False, old.slip)))

    def _open_batch(self, books: Books) -> None:
        try:
            self._journal.recreate_spare()
            self._begin(self._journal, books, [])
        except (OSError, JournalError) as error:
            raise StorageFault(str(error)) from error
        self.books = books
        self.last_kind = Kind.BASE
        self._suspect = False

    def note_reason(self, stan: str, reason: str) -> None:
        """Why a reversal is owed. Losing this is harmless: the request record alone means "no answer in time"."""
        try:
            self.append(Kind.REASON, join(stan, reason))
        except StorageFault:
            self.books.pending_reason = reason

    def clear(self, stan: str, why: str) -> None:
        """The request is no longer in doubt and nothing is logged: declined, reversed, or never sent."""
        try:
            self.append(Kind.CLEARED, join(stan, why))
        except StorageFault:
            # In memory it is settled; after a power cut it is reversed once more, which a host answers with 25 or 00.
            self.books.apply(Kind.CLEARED, join(stan, why), 0)

    def mark_slip_begun(self) -> None:
        """The slip is about to be printed."""
        if self.books.slip is not None and not self.books.slip.begun:
            self.append(Kind.SLIP, join("begun"))

    def mark_slip_printed(self) -> None:
        """The slip is out."""
        self.append(Kind.SLIP, join("printed"))

    def skip_stans(self, count: int) -> None:
        """Jump ahead in trace numbers: the host says that this one was used before."""
        self.books.stan = (self.books.stan + count - 1) % STAN_MAX + 1

    def close(self) -> None:
        """Let go of the files."""
        self._journal.close()

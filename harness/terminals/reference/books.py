"""The open batch in memory, folded from the journal: the pending request, totals, settlement progress, an index.

Everything here can be rebuilt from the journal, and is at every boot; nothing here decides what is durable. Memory stays
small whatever the batch holds: three numbers and a flag a record, the records themselves are read from the journal.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace

from harness.terminals.reference.journal import Entry
from harness.terminals.reference.records import (
    STAN_MAX,
    VOIDS,
    Base,
    BatchTotals,
    Kind,
    Settlement,
    Slip,
    Transaction,
    split,
)

TIMED_OUT = "98"


class Books:
    """The fold of one generation's records."""

    def __init__(self, base: Base) -> None:
        self.batch = base.batch
        self.stan = base.stan
        self.stan_is_trusted = base.stan_is_trusted
        self.damaged = base.damaged
        self.slip = base.slip
        self.pending: Transaction | None = None
        self.pending_reason = TIMED_OUT
        self.settlement: Settlement | None = None
        self.totals = BatchTotals()
        self._stans = array("L")
        self._offsets = array("L")
        self._voided = bytearray()
        self._originals = array("Q")
        """What each record is about, as one number; 0 for what stands for itself."""
        self.unsent = array("L")
        """Trace numbers of offline sales of which the host is yet to be told, oldest first."""
        self.certified = array("L")
        """Trace numbers of sales with a chip's certificate."""
        self._refunded: dict[int, int] = {}
        """By trace number: what was given back of sales of this batch."""

    @classmethod
    def fold(cls, entries: Iterable[Entry], base: Base) -> Books:
        """The state after ``entries``; ``base`` stands in for a base record that was lost."""
        entries = list(entries)
        found = next((Base.unpack(entry.payload) for entry in entries if entry.kind == Kind.BASE), base)
        books = cls(found)
        for entry in entries:
            if entry.kind != Kind.BASE:
                books.apply(Kind(entry.kind), entry.payload, entry.offset)
        return books

    @property
    def count(self) -> int:
        """Records in the batch, voids and voided sales included."""
        return len(self._stans)

    @property
    def trace_numbers(self) -> list[int]:
        """Of the batch's records, in their order."""
        return list(self._stans)

    @property
    def last_offset(self) -> int | None:
        """Where the last approved record is."""
        return self._offsets[-1] if self._offsets else None

    def offset_of(self, stan: str) -> int | None:
        """Where the record with this trace number is."""
        number = int(stan) if stan.isdecimal() else 0
        return self._offsets[self._stans.index(number)] if number in self._stans else None

    def is_used(self, batch: str, stan: str) -> bool:
        """Whether a record of this batch has completed or voided the pre-authorisation named, which may be of an older batch."""
        named = self._name(batch, stan)
        return any(
            original == named and not voided for original, voided in zip(self._originals, self._voided, strict=True)
        )

    def _name(self, batch: str, stan: str) -> int:
        batch = batch or self.batch
        return int(batch) * (STAN_MAX + 1) + int(stan) if batch.isdecimal() and stan.isdecimal() else 0

    def is_voided(self, stan: str) -> bool:
        """Whether the transaction with this trace number was voided."""
        number = int(stan)
        return number in self._stans and bool(self._voided[self._stans.index(number)])

    def refunded_fen(self, stan: str) -> int:
        """How much of this batch's sale with this trace number was given back by refunds."""
        return self._refunded.get(int(stan), 0)

    def active_offsets(self) -> list[int]:
        """Where the records are that were not voided (voids themselves among them), in order."""
        return [offset for offset, voided in zip(self._offsets, self._voided, strict=True) if not voided]

    def active(self) -> list[tuple[int, int]]:
        """Trace number and place of each of these."""
        return [
            (stan, offset)
            for stan, offset, voided in zip(self._stans, self._offsets, self._voided, strict=True)
            if not voided
        ]

    def base(self, first_sequence: int) -> Base:
        """What a new generation of this same batch starts from."""
        return Base(self.batch, self.stan, first_sequence, self.damaged, self.stan_is_trusted, self.slip)

    def apply(self, kind: Kind, payload: bytes, offset: int) -> None:
        """One more record."""
        if kind == Kind.REQUEST:
            self.pending = Transaction.unpack(payload)
            self.pending_reason = TIMED_OUT
            self._note_stan(self.pending.stan)
        elif kind == Kind.APPROVED:
            self.approve(Transaction.unpack(payload), offset)
        elif kind == Kind.CLEARED:
            stan, _ = split(payload, 2)
            self._clear(stan)
            self._note_stan(stan)
        elif kind == Kind.REASON:
            stan, reason = split(payload, 2)
            if self.pending is not None and self.pending.stan == stan:
                self.pending_reason = reason
        elif kind == Kind.FORWARDED:
            stan, _ = split(payload, 2)
            self._note_stan(stan)  # the sale's own record may have been lost since
            if int(stan) in self.unsent:
                self.unsent.remove(int(stan))
        elif kind == Kind.SLIP:
            (state,) = split(payload, 1)
            self.slip = None if state == "printed" or self.slip is None else replace(self.slip, begun=True)
        else:
            self._apply_settlement(kind, payload)

    def approve(self, transaction: Transaction, offset: int) -> None:
        """The host's approval is logged; in doubt about it no longer."""
        self._clear(transaction.stan)
        self._note_stan(transaction.stan)
        number = int(transaction.stan)
        if number in self._stans:
            return
        self._stans.append(number)
        self._offsets.append(offset)
        self._voided.append(0)
        self._originals.append(self._name(transaction.original_batch, transaction.original_stan))
        self.totals = self.totals.plus(transaction)
        if transaction.certificate:
            self.certified.append(number)
        if transaction.is_offline:
            self.unsent.append(number)
        if transaction.kind == "refund" and transaction.original_stan and transaction.original_batch == self.batch:
            sale = int(transaction.original_stan)
            self._refunded[sale] = self._refunded.get(sale, 0) + transaction.amount_fen
        is_of_this_batch = transaction.original_batch in ("", self.batch)
        if transaction.kind in VOIDS and is_of_this_batch and self.offset_of(transaction.original_stan) is not None:
            index = self._stans.index(int(transaction.original_stan))
            if not self._voided[index]:
                self._voided[index] = 1
                self.totals = self.totals.plus(replace(transaction, kind=VOIDS[transaction.kind]), -1)

    def _apply_settlement(self, kind: Kind, payload: bytes) -> None:
        if kind == Kind.SETTLE_STARTED:
            stan, *numbers = split(payload, 5)
            self.settlement = Settlement(stan, BatchTotals(*(int(number) for number in numbers)))
            # A settlement only ever starts with nothing in doubt: had there been, the record that ended it was damaged.
            self.pending = None
            self._note_stan(stan)
        elif kind == Kind.SETTLE_ANSWERED:
            (verdict,) = split(payload, 1)
            started = self.settlement or Settlement("000000", self.totals)
            self.settlement = replace(started, answered=True, balanced=verdict == "balanced")
        elif kind == Kind.SETTLE_UPLOADED:
            stan, part = split(payload, 2)
            answered = self.settlement or Settlement("000000", self.totals, answered=True)
            self.settlement = replace(answered, uploaded=answered.uploaded | {int(part)})
            self._note_stan(stan)

    def _clear(self, stan: str) -> None:
        # One request at most is in doubt. Had there been an older one, its end was in a record that is damaged: to reverse it
        # now could undo what the customer was shown.
        if self.pending is not None and (self.pending.stan == stan or _is_later(int(stan), int(self.pending.stan))):
            self.pending = None

    def _note_stan(self, stan: str) -> None:
        if _is_later(int(stan), self.stan):
            self.stan = int(stan)


def _is_later(stan: int, than: int) -> bool:
    """Numbers wrap from 999999 to 1, so "later" is a distance, not a size."""
    return 0 < (stan - than) % STAN_MAX < STAN_MAX // 2


__all__ = ["TIMED_OUT", "Books", "Slip"]

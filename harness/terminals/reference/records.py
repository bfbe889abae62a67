"""What the terminal keeps: transactions, settlement steps and the base of a batch, as payloads of journal records.

A payload is text fields with a separator that no field can hold: readable with any hex viewer when a terminal comes back
from the field, and cheap to write. Card numbers are kept masked, and whole only as the PIN pad's ciphertext; track data,
PIN blocks and expiry dates are never kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from harness.contract.making import quick

_SEPARATOR = "\x1f"
SCAN_SALE = "scan_sale"
DEBITS = frozenset({"sale", "completion", SCAN_SALE})
"""What takes money. A pre-authorisation only holds it, and is in no total and no upload."""
VOIDS = {"void": "sale", "preauth_void": "preauth", "completion_void": "completion"}
"""Kinds that take back another, and which."""
STAN_MAX = 999_999
OFFLINE_APPROVED = "Y1"
"""The authorisation of a sale that the card approved without the host (EMV tag 8A)."""


class Kind(IntEnum):
    """What a journal record says. Numbers are the format on disk: never reuse one."""

    BASE = 1
    REQUEST = 2
    APPROVED = 3
    CLEARED = 4
    REASON = 5
    SETTLE_STARTED = 6
    SETTLE_ANSWERED = 7
    SETTLE_UPLOADED = 8
    SLIP = 9
    FORWARDED = 10
    ARCHIVED = 20
    """Older records of this batch are elsewhere: how many bytes of the archive count, and how many records are there. Written by
    variants that have an archive."""


class RecordError(ValueError):
    """A record's payload is not what its kind promises."""


@quick
@dataclass(frozen=True, slots=True)
class Transaction:
    """One financial request: as it was sent and, once approved, as it is logged."""

    kind: str
    batch: str
    stan: str
    amount_fen: int
    date: str
    time: str
    card: str
    sealed_pan: str
    entry_mode: str
    sequence_number: str
    original_batch: str = ""
    original_stan: str = ""
    original_rrn: str = ""
    original_date: str = ""
    rrn: str = ""
    authorisation: str = ""
    certificate: str = ""
    """What the card's chip answered last, in hex; it goes to the acquirer with the settlement."""

    def pack(self) -> bytes:
        """The journal payload."""
        return _SEPARATOR.join(
            (
                self.kind, self.batch, self.stan, str(self.amount_fen), self.date, self.time, self.card, self.sealed_pan,
                self.entry_mode, self.sequence_number, self.original_batch, self.original_stan, self.original_rrn,
                self.original_date, self.rrn, self.authorisation, *((self.certificate,) if self.certificate else ()),
            )
        ).encode()  # fmt: skip

    @classmethod
    def unpack(cls, payload: bytes) -> Transaction:
        """From a journal payload."""
        fields = payload.decode().split(_SEPARATOR)
        if len(fields) not in (16, 17):
            raise RecordError(f"{len(fields)} fields, not 16 or 17")
        kind, batch, stan, amount_fen, *rest = fields
        return cls(kind, batch, stan, int(amount_fen), *rest)

    @property
    def is_reversible(self) -> bool:
        """All is reversed when in doubt but a refund, which is an advice and is repeated, and an order, which is revoked."""
        return self.kind not in ("refund", SCAN_SALE)

    @property
    def is_offline(self) -> bool:
        """Whether the card approved it and the host is yet to be told, or has been told by an advice."""
        return self.authorisation == OFFLINE_APPROVED

    def answered(self, rrn: str, authorisation: str, date: str, time: str) -> Transaction:
        """The same transaction with what the host's approval added."""
        return Transaction(
            self.kind, self.batch, self.stan, self.amount_fen, date or self.date, time or self.time, self.card, self.sealed_pan,
            self.entry_mode, self.sequence_number, self.original_batch, self.original_stan, self.original_rrn,
            self.original_date, rrn, authorisation, self.certificate,
        )  # fmt: skip


@quick
@dataclass(frozen=True, slots=True)
class BatchTotals:
    """Counts and amounts of the active records: sales and completions that were not voided, and refunds."""

    debit_count: int = 0
    debit_fen: int = 0
    credit_count: int = 0
    credit_fen: int = 0

    def plus(self, transaction: Transaction, sign: int = 1) -> BatchTotals:
        """With one more charge or refund (``sign`` -1: one less); voids and pre-authorisations are in no total."""
        count, fen = sign, sign * transaction.amount_fen
        if transaction.kind in DEBITS:
            return BatchTotals(self.debit_count + count, self.debit_fen + fen, self.credit_count, self.credit_fen)
        if transaction.kind == "refund":
            return BatchTotals(self.debit_count, self.debit_fen, self.credit_count + count, self.credit_fen + fen)
        return self

    def texts(self) -> tuple[str, str, str, str]:
        """As fields of a payload."""
        return str(self.debit_count), str(self.debit_fen), str(self.credit_count), str(self.credit_fen)


@quick
@dataclass(frozen=True, slots=True)
class Slip:
    """A settlement slip that is owed to the merchant: of which batch, with which totals, and whether printing had begun."""

    batch: str
    totals: BatchTotals
    balanced: bool
    begun: bool = False


@quick
@dataclass(frozen=True, slots=True)
class Base:
    """The first word of a generation: which batch is open, which STAN was used last, what is still owed from before."""

    batch: str
    stan: int
    first_sequence: int
    damaged: int
    stan_is_trusted: bool
    slip: Slip | None = None

    def pack(self) -> bytes:
        """The journal payload."""
        slip = self.slip
        owed: tuple[str, ...] = ()
        if slip is not None:
            owed = (slip.batch, *slip.totals.texts(), "1" if slip.balanced else "0", "1" if slip.begun else "0")
        trusted = "1" if self.stan_is_trusted else "0"
        return join(self.batch, str(self.stan), str(self.first_sequence), str(self.damaged), trusted, *owed)

    @classmethod
    def unpack(cls, payload: bytes) -> Base:
        """From a journal payload."""
        fields = payload.decode().split(_SEPARATOR)
        if len(fields) not in (5, 12):
            raise RecordError(f"a base of {len(fields)} fields")
        slip = None
        if len(fields) == 12:
            totals = BatchTotals(*(int(text) for text in fields[6:10]))
            slip = Slip(fields[5], totals, fields[10] == "1", fields[11] == "1")
        return cls(fields[0], int(fields[1]), int(fields[2]), int(fields[3]), fields[4] == "1", slip)


@quick
@dataclass(frozen=True, slots=True)
class Settlement:
    """How far a settlement has come: the request as sent, the host's answer, which upload messages it acknowledged."""

    stan: str
    totals: BatchTotals
    answered: bool = False
    balanced: bool = False
    uploaded: frozenset[int] = frozenset()


def join(*texts: str) -> bytes:
    """A payload of plain fields."""
    return _SEPARATOR.join(texts).encode()


def split(payload: bytes, count: int) -> list[str]:
    """The plain fields of a payload; RecordError when there are more or fewer."""
    return _fields(payload, count)


def _fields(payload: bytes, count: int) -> list[str]:
    fields = payload.decode().split(_SEPARATOR)
    if len(fields) != count:
        raise RecordError(f"{len(fields)} fields, not {count}")
    return fields


def next_stan(stan: int, step: int = 1) -> int:
    """The trace number after ``stan``: 999999 is followed by 1."""
    return (stan + step - 1) % STAN_MAX + 1


def next_batch(batch: str) -> str:
    """The batch number after ``batch``."""
    return f"{(int(batch) % 999_999) + 1:06d}"

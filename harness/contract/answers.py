"""What terminal software answers: the outcome of an action, screens and receipts."""

from __future__ import annotations

from dataclasses import dataclass

from harness.contract.kinds import OutcomeKind, ReceiptKind, ScreenKind
from harness.contract.making import quick


@quick
@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended; made by the functions below.

    kind
        An ``OutcomeKind``.
    reason = ''
        Why, in a word (``storage_full``, ``host_05``).
    text = ''
        What is shown to people.
    stan = ''
        The trace number of the request, where there was one (DE11).
    batch = ''
        The batch that its record is in.
    rrn = ''
        The host's reference number (DE37).
    """

    kind: OutcomeKind
    reason: str = ""
    text: str = ""
    stan: str = ""
    batch: str = ""
    rrn: str = ""


def Approved(stan: str, batch: str = "", rrn: str = "", text: str = "") -> Outcome:
    """The host approved and the record is kept: the customer may be told."""
    return Outcome("approved", "", text, stan, batch, rrn)


def Declined(reason: str, text: str = "", stan: str = "") -> Outcome:
    """The host said no for good; no money moved."""
    return Outcome("declined", reason, text, stan)


def Refused(reason: str, text: str = "") -> Outcome:
    """The terminal did not try: storage full, settlement due, card unreadable, a reversal still pending."""
    return Outcome("refused", reason, text)


def Unknown(reason: str, text: str = "", stan: str = "") -> Outcome:
    """The terminal cannot tell yet; a reversal will make sure no money moved."""
    return Outcome("unknown", reason, text, stan)


def Done(text: str = "") -> Outcome:
    """A settlement, sign-on, reprint or housekeeping action that is complete."""
    return Outcome("done", "", text)


def Failed(reason: str, text: str = "") -> Outcome:
    """A settlement or housekeeping action that could not be completed; it can be tried again."""
    return Outcome("failed", reason, text)


def Unsupported() -> Outcome:
    """The software has no such action."""
    return Outcome("unsupported")


@quick
@dataclass(frozen=True, slots=True)
class Screen:
    """What the display shows. An ``approved`` screen is a promise to the customer: from that instant the money has moved.

    kind
        A ``ScreenKind``.
    text = ''
        What stands on it.
    amount_fen = None
        The amount that it shows, in fen; None: it shows none. So for all that follow.
    stan = None
        The trace number that it shows.
    batch = None
        The batch number.
    rrn = None
        The host's reference number.
    """

    kind: ScreenKind
    text: str = ""
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    rrn: str | None = None


@quick
@dataclass(frozen=True, slots=True)
class Totals:
    """A batch's totals: counts and amounts in fen. Debits are sales and completions, credits are refunds; what was voided is in
    neither, and a preauth never is.

    debit_count = 0
        How many debits.
    debit_fen = 0
        What they come to, in fen.
    credit_count = 0
        How many credits.
    credit_fen = 0
        What they come to, in fen.
    """

    debit_count: int = 0
    debit_fen: int = 0
    credit_count: int = 0
    credit_fen: int = 0


@quick
@dataclass(frozen=True, slots=True)
class Receipt:
    """A slip of paper.

    kind
        A ``ReceiptKind``.
    text = ''
        What is printed on it.
    amount_fen = None
        The amount on it, in fen; None: there is none. So for all that follow.
    stan = None
        The trace number, by which the operator names the sale for a void.
    batch = None
        The batch number.
    rrn = None
        The host's reference number, by which the operator names the sale for a refund.
    duplicate = False
        It is marked as a reprint.
    totals = None
        Of a settlement: what was settled.
    """

    kind: ReceiptKind
    text: str = ""
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    rrn: str | None = None
    duplicate: bool = False
    totals: Totals | None = None

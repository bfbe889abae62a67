"""What terminal software declares about itself, and what its own files say when they are inspected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TextPattern:
    """What a text on the display or a slip says: where ``pattern`` (a regular expression) is found, it is of this ``kind``.

    Groups may be named ``amount`` (in yuan), ``stan``, ``batch``, ``rrn``; on slips also ``duplicate`` and, of a settlement,
    ``debit_count``, ``debit``, ``credit_count``, ``credit``. Patterns that some text could make slow are refused.
    """

    pattern: str
    kind: str
    """A ``ScreenKind``, or on slips a ``ReceiptKind``."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the software declares about itself. What is not declared is not checked, and the verdict says so."""

    name: str
    version: str = "1"
    previous: str = ""
    """The release that this one updates: ``module:Class``, or ``:Class`` in the same file. Scenarios with an update begin with
    it; empty: an update installs this same release again."""
    dialect: str = "unionpay"
    capture: Literal["host", "terminal"] = "host"
    settlement: Literal["operator", "automatic", "host", "none"] = "operator"
    reversal: Literal["before_next", "background", "none"] = "before_next"
    reversal_stan: Literal["kept", "new"] = "kept"
    actions: frozenset[str] = frozenset({"sale", "settle"})
    """What operators can ask of it (``ActionKind``). Hotel guests are held and completed where it has ``preauth`` and
    ``completion``; elsewhere they buy."""
    max_transactions: int | None = None
    """How many records a batch may hold before the terminal asks for settlement; None: no limit of its own."""
    grace_transactions: int = 0
    """How many more it still takes after that, while it warns; then it refuses."""
    full_below_bytes: int | None = None
    """Below how much free space on the data volume it may say that its storage is full; None: not declared."""
    offline_floor_fen: int | None = None
    """Up to this amount it lets a card's chip approve a sale while the line is down, and forwards it later; None: never."""
    damage_scope: Literal["record"] | None = None
    """What stored data that goes bad costs. ``record``: the records that the damage hits, and no other; older and newer ones stay
    readable. None: not declared, as where a file is encrypted, compressed or chained as a whole."""
    keeps_after_settlement_bytes: int = 65536
    """What may stay on the data volume after a settlement that a fresh terminal did not use."""
    data_bytes_min: int | None = None
    """How much of the data volume the software must have to work at all; None: not declared."""
    reply_timeout_s: float = 60.0
    recovery_timeout_s: float = 600.0
    """Within this virtual time from any fault's end the software is idle again or shows a clear error."""
    transaction_p95_s: float | None = None
    """Within this virtual time 95 of 100 sales are over, from the card on and without waiting for the host, however full
    the terminal is; None: not declared."""
    memory_slack_bytes: int = 262144
    """How much the software's memory may grow over its life, caches included, after it has warmed up."""
    encoding: str = "utf-8"
    """Of the bytes that it writes to display and printer, such as ``gbk``."""
    screens: tuple[TextPattern, ...] = ()
    """For software that shows text alone (``display.write``, or screens of the kind ``text``): what each text says, the first
    pattern that fits."""
    receipts: tuple[TextPattern, ...] = ()
    """The same for slips (``printer.write``, or receipts of the kind ``other``)."""
    duplicate_window_s: float | None = None
    """Within this virtual time after an approved sale it takes no second one from the same card over the same amount; None: it
    has no such guard."""


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction in the terminal's own log, for ``inspect``. ``kind`` is the action's; a completed preauth stays active.

    What was paid by code is a sale here, and its refund a refund, as in the host's books.
    """

    stan: str
    batch: str
    kind: str
    amount_fen: int
    state: Literal["active", "voided", "reversed", "refunded"] = "active"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the software's own files say, read from an image of its disk without running it."""

    batch: str = ""
    next_stan: str = ""
    records: tuple[Record, ...] = ()
    pending_reversals: tuple[str, ...] = ()
    damaged_records: int = 0
    settling: bool = False
    totals: tuple[int, int, int, int] | None = None
    """What it would settle: debit count and fen, credit count and fen. A voided sale is in neither. None: not told."""

"""What terminal software declares about itself, and what its own files say when they are inspected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class TextPattern:
    """What a text on the display or a slip says: where ``pattern`` is found, it is of this ``kind``.

    pattern
        A regular expression. Groups may be named ``amount`` (in yuan), ``stan``, ``batch``, ``rrn``; on slips also ``duplicate``
        and, of a settlement, ``debit_count``, ``debit``, ``credit_count``, ``credit``. Patterns that some text could make slow
        are refused.
    kind
        A ``ScreenKind``, or on slips a ``ReceiptKind``.
    """

    pattern: str
    kind: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the software declares about itself. What is not declared is not checked, and the verdict says so.

    ``_s`` are seconds of virtual time, ``_fen`` hundredths of a yuan. Of all fields only ``name`` is needed.

    name
        What reports call the software.
    version = '1'
        The release, as reports tell it.
    previous = ''
        The release that this one updates: ``module:Class``, or ``:Class`` in the same file. Scenarios with an update begin with
        it; empty: an update installs this same release again.
    dialect = 'unionpay'
        What the host is to speak: ``unionpay``, ``international`` or ``ascii``; a file of yours is named with ``--dialect``.
    capture = 'host'
        Whose records are the money. ``host``: what the host approved is paid, and a record that the terminal lost is a finding
        without lost money; ``terminal``: what the terminal uploads is paid.
    settlement = 'operator'
        Who begins a settlement: ``operator`` (somebody asks for it), ``automatic`` (the terminal by its clock), ``host`` (it
        closes the day by itself) or ``none``. With the last two the terminal's own batches are not judged.
    reversal = 'before_next'
        How a request in doubt is taken back: ``before_next`` (the reversal is sent before any other request), ``background``
        (it may come later, and the queue must empty) or ``none``, and then no invariant of reversals is checked.
    reversal_stan = 'kept'
        Whether a reversal repeats the trace number of what it takes back or has a ``new`` one. Told, and not judged: what the
        host takes is the dialect's to say.
    actions = frozenset({'sale', 'settle'})
        What operators can ask of it (``ActionKind``); nobody asks for anything else. Hotel guests are held and completed where it
        has ``preauth`` and ``completion``; elsewhere they buy.
    max_transactions = None
        How many records a batch may hold before the terminal asks for settlement; None: no limit of its own.
    grace_transactions = 0
        How many more records it still takes after that, while it warns; then it refuses.
    full_below_bytes = None
        Below how much free space on the data volume, in bytes, it may say that its storage is full; None: not declared.
    offline_floor_fen = None
        Up to this amount it lets a card's chip approve a sale while the line is down, and forwards it later; None: never.
    damage_scope = None
        What stored data that goes bad costs. ``record``: the records that the damage hits, and no other; older and newer ones
        stay readable. None: not declared, as where a file is encrypted, compressed or chained as a whole.
    keeps_after_settlement_bytes = 65536
        What may stay on the data volume after a settlement that a fresh terminal did not use, in bytes.
    data_bytes_min = None
        How many bytes of the data volume the software must have to work at all; None: not declared.
    reply_timeout_s = 60.0
        How long it waits for the host's answer. What comes later it may leave unheard, and is not held to.
    recovery_timeout_s = 600.0
        Within this time from any fault's end the software is idle again or shows a clear error.
    transaction_p95_s = None
        Within this time 95 of 100 sales are over, from the card on and without waiting for the host, however full the terminal
        is; None: not declared.
    memory_slack_bytes = 262144
        How much the software's memory may grow over its life, caches included, after it has warmed up, in bytes.
    encoding = 'utf-8'
        Of the bytes that it writes to display and printer, such as ``gbk``; any name that Python knows.
    screens = ()
        For software that shows text alone (``display.write``, or screens of the kind ``text``): what each text says, as
        ``TextPattern``, the first that fits.
    receipts = ()
        The same for slips (``printer.write``, or receipts of the kind ``other``).
    duplicate_window_s = None
        Within this time after an approved sale it takes no second one from the same card over the same amount; None: it has no
        such guard.
    """

    name: str
    version: str = "1"
    previous: str = ""
    dialect: str = "unionpay"
    capture: Literal["host", "terminal"] = "host"
    settlement: Literal["operator", "automatic", "host", "none"] = "operator"
    reversal: Literal["before_next", "background", "none"] = "before_next"
    reversal_stan: Literal["kept", "new"] = "kept"
    actions: frozenset[str] = frozenset({"sale", "settle"})
    max_transactions: int | None = None
    grace_transactions: int = 0
    full_below_bytes: int | None = None
    offline_floor_fen: int | None = None
    damage_scope: Literal["record"] | None = None
    keeps_after_settlement_bytes: int = 65536
    data_bytes_min: int | None = None
    reply_timeout_s: float = 60.0
    recovery_timeout_s: float = 600.0
    transaction_p95_s: float | None = None
    memory_slack_bytes: int = 262144
    encoding: str = "utf-8"
    screens: tuple[TextPattern, ...] = ()
    receipts: tuple[TextPattern, ...] = ()
    duplicate_window_s: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction in the terminal's own log, for ``inspect``.

    What was paid by code is a sale here, and its refund a refund, as in the host's books.

    stan
        The trace number of its request, as it was sent (DE11).
    batch
        The batch that it is in.
    kind
        The action's; a completed preauth stays active.
    amount_fen
        What it is over, in fen.
    state = 'active'
        ``voided``, ``reversed`` or ``refunded`` where it was taken back since.
    """

    stan: str
    batch: str
    kind: str
    amount_fen: int
    state: Literal["active", "voided", "reversed", "refunded"] = "active"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the software's own files say, read from an image of its disk without running it.

    batch = ''
        The number of the open batch; empty: not told.
    next_stan = ''
        The trace number that its next request is to carry; empty: not told.
    records = ()
        What the open batch holds, each a ``Record``.
    pending_reversals = ()
        Trace numbers of requests that are still to be reversed.
    damaged_records = 0
        How many records it can no longer read.
    settling = False
        Whether a settlement has begun and is not over.
    totals = None
        What it would settle: debit count and fen, credit count and fen. A voided sale is in neither. None: not told.
    """

    batch: str = ""
    next_stan: str = ""
    records: tuple[Record, ...] = ()
    pending_reversals: tuple[str, ...] = ()
    damaged_records: int = 0
    settling: bool = False
    totals: tuple[int, int, int, int] | None = None

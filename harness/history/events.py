"""Typed events: everything a run's verdict rests on, in one total order.

An event's number is its place in the history (the first is 0). ``at_us`` is virtual time. ``device`` is the station's name,
such as ``T03``. ``action`` is the per-device ordinal of an action, or None between actions. Card numbers are never here:
a presentation is named by its ``token``, which the host reads from track 2 and the terminal cannot usefully change.
"""

from typing import TypeAlias, Union

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="event", tag=True):
    """What all events share."""

    at_us: int


# ---------------------------------------------------------------- the run


class RunStarted(Event, frozen=True):
    """The first event: what is run."""

    scenario: str
    seed: int
    terminal: str
    terminals: int
    days: int
    start_date: str
    disk: str
    profiles: tuple[str, ...] = ()


class PhaseStarted(Event, frozen=True):
    """``phase`` is one of trading, settle_while_full, recovery, quiescence, final_settlement, check."""

    phase: str


class Diverged(Event, frozen=True):
    """A pinned decision was missing on replay and took its neutral value."""

    key: str


class TerminalInstalled(Event, frozen=True):
    """A terminal, by the numbers that the acquirer knows it by."""

    device: str
    tid: str
    mid: str
    merchant: str
    software: str
    dialect: str
    link: str


class ImageLoaded(Event, frozen=True):
    """The device begins in service, on data from ``source``.

    ``acquirer``: what the host was given - ``snapshot`` (its own view of that instant), ``records`` (what the software's
    ``inspect`` reads in the image) or ``adopted`` (nothing but the batch number that the terminal names first). What
    host and image agree on follows as LedgerChanged; whatever else is older than the run is nobody's guilt in it.
    """

    device: str
    source: str
    acquirer: str


# ---------------------------------------------------------------- people


class IntentOpened(Event, frozen=True):
    """A customer wants something: ``kind`` is sale, void, refund, preauth, completion or a void of one of these.

    A preauth asks for ``amount_fen`` to be held, and nothing of it is due. A completion's ``amount_fen`` is what is finally
    due; ``held_fen`` is what was held for it, in the intent ``stay``. ``repeats``: nobody wants this one; a colleague keys in
    once more what the intent named has paid for.
    """

    device: str
    intent: int
    kind: str
    amount_fen: int
    held_fen: int | None = None
    stay: int | None = None
    repeats: int | None = None


class Presented(Event, frozen=True):
    """A card was shown for an intent; a retry shows it again under a new token."""

    device: str
    intent: int
    token: str
    action: int


class CardDecided(Event, frozen=True):
    """The chip of the card in the reader answered: ``answer`` is TC, ARQC, AAC, or removed when the card was gone.

    ``step`` is first (before the host was asked) or second (after it answered).
    """

    device: str
    action: int | None
    token: str
    step: str
    answer: str
    amount_fen: int


class IntentClosed(Event, frozen=True):
    """The customer leaves. ``belief`` is what they saw: paid, not_paid or unknown; ``walked_away`` if they lost patience."""

    device: str
    intent: int
    belief: str
    walked_away: bool = False


class ActionStarted(Event, frozen=True):
    """An operator action reached the terminal; ``kind`` is a contract.ActionKind."""

    device: str
    action: int
    kind: str
    amount_fen: int | None = None
    intent: int | None = None
    original_stan: str | None = None


class ActionEnded(Event, frozen=True):
    """``outcome`` is a contract.OutcomeKind, or "interrupted" when power or the software died under it."""

    device: str
    action: int
    outcome: str
    reason: str = ""


class OperatorDid(Event, frozen=True):
    """Something people did to the device and not through its keys: pulled the plug, loaded paper."""

    device: str
    what: str


# ---------------------------------------------------------------- the device and its software


class ScreenShown(Event, frozen=True):
    """``kind`` is a contract.ScreenKind; what the customer sees at this instant."""

    device: str
    action: int | None
    kind: str
    text: str
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None


class ReceiptPrinted(Event, frozen=True):
    """``kind`` is a contract.ReceiptKind; ``duplicate`` for a reprint."""

    device: str
    action: int | None
    kind: str
    text: str
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    duplicate: bool = False
    debit_count: int | None = None
    debit_fen: int | None = None
    credit_count: int | None = None
    credit_fen: int | None = None


class PowerLost(Event, frozen=True):
    """The device is off from here on; what is on its volumes is told by the next events."""

    device: str
    cause: str


class StorageAfterPowerLoss(Event, frozen=True):
    """What a volume kept: operations that had not been made durable and were lost or torn, in words.

    ``unsurvivable`` are invariants that no software could keep after what the medium did in this cut.
    """

    device: str
    volume: str
    pending: int
    lost: int
    torn: int
    details: tuple[str, ...] = ()
    unsurvivable: tuple[int, ...] = ()


class Booted(Event, frozen=True):
    """Power came on and the software was started; ``boot`` counts from 1."""

    device: str
    boot: int


class SoftwareReady(Event, frozen=True):
    """The software waits for its first event after a boot."""

    device: str
    boot: int


class SoftwareDied(Event, frozen=True):
    """``reason`` is one of exception, out_of_memory, returned, spinning, contract."""

    device: str
    reason: str
    detail: str


class SoftwareLogged(Event, frozen=True):
    """A line the software printed; bounded in length and number, card numbers masked."""

    device: str
    text: str


class ProbeReached(Event, frozen=True):
    """The software has come to a place that it marks (``device.probe``)."""

    device: str
    name: str


class MemorySampled(Event, frozen=True):
    """``software_bytes`` is what the census found reachable; ``leaked_bytes`` an injected leak on top."""

    device: str
    software_bytes: int
    leaked_bytes: int
    budget_bytes: int
    transactions: int


class StorageFailed(Event, frozen=True):
    """A storage call returned an error to the software; ``errno`` is its name, such as ENOSPC."""

    device: str
    operation: str
    path: str
    errno: str
    ordinal: int


class Barrier(Event, frozen=True):
    """An fsync, directory fsync or sync returned success; ``ordinal`` counts the disk's storage operations."""

    device: str
    volume: str
    kind: str
    path: str
    ordinal: int


class SpaceMeasured(Event, frozen=True):
    """Free space of a volume at ``when``: installed, before_settlement, after_settlement, end.

    ``said_full``: when the software said that its storage is full; ``fill_level``: after an action that took the data volume
    over 10, 50, 90 or 99 % or back. These two count foreign bytes as used, the others as free.
    """

    device: str
    volume: str
    free_bytes: int
    total_bytes: int
    when: str


class SecretFound(Event, frozen=True):
    """Card data of a customer, found where it must not be kept or shown. Found as that very secret, not by its look alone.

    ``kind``: track_data, pin_block, card_number or hash_beside_truncated. ``where``: file, file_name, free_page, nvram, log,
    receipt or screen; ``path`` and ``offset`` are its place there, ``pan`` is masked, ``token`` names the presentation.
    ``when``: shown, or the search that found it (see SecretsSought).
    """

    device: str
    kind: str
    where: str
    path: str
    offset: int
    pan: str
    token: str
    when: str


class SecretsSought(Event, frozen=True):
    """All that a device keeps was searched for card data of its latest ``presentations``, of which ``found`` were found.

    ``when``: after_settlement, after_power_loss (what the next boot mounts, before the software has run), end.
    """

    device: str
    when: str
    presentations: int
    searched_bytes: int
    found: int


# ---------------------------------------------------------------- messages


class MessageSent(Event, frozen=True):
    """A whole message left its sender. ``direction`` is up (to the host) or down; ``message`` numbers them per run.

    Fields are read from the bytes by the dialect; a message that does not parse has ``error`` and empty fields. ``altered``:
    what a fault made wrong in it (``mac``, or the name of a field), which a terminal must notice.
    """

    device: str
    message: int
    direction: str
    mti: str = ""
    processing_code: str = ""
    stan: str = ""
    batch: str = ""
    amount_fen: int | None = None
    token: str = ""
    response_code: str = ""
    original_stan: str = ""
    function: str = ""
    size_bytes: int = 0
    error: str = ""
    altered: str = ""
    items: tuple[str, ...] = ()
    """Trace numbers of the transactions in a batch upload."""
    order: str = ""
    """The number of the scan-to-pay order that it is about."""


class MessageDelivered(Event, frozen=True):
    """The whole message has reached its reader."""

    device: str
    message: int


class MessageDropped(Event, frozen=True):
    """``reason``: partition, half_open, reset, closed, power, ..."""

    device: str
    message: int
    reason: str


class RequestUnanswered(Event, frozen=True):
    """The request arrived, and the host sends nothing back.

    ``reason``: no_reply (the everyday share of ``host.no_reply``: it was carried out), withheld (carried out, a fault keeps the
    answer), late (carried out, the answer comes with a later one), not_read (not carried out), not_understood.
    """

    device: str
    message: int
    reason: str


# ---------------------------------------------------------------- the host


class LedgerChanged(Event, frozen=True):
    """An entry of the authoritative ledger took ``state``: APPROVED, DECLINED, REVERSED, VOIDED, REFUNDED, SETTLED, and a
    pre-authorisation also COMPLETED or EXPIRED.

    ``kind`` is sale, void, refund, preauth, preauth_void, completion or completion_void; an entry that acts on another (all but
    sales and pre-authorisations) names it in ``original_entry``.
    """

    device: str
    entry: int
    kind: str
    state: str
    previous_state: str
    batch: str
    stan: str
    amount_fen: int
    token: str
    response_code: str = ""
    reason: str = ""
    original_entry: int | None = None
    chip: bool = False
    """A card's chip took part: at settlement the acquirer wants its certificate."""


class BatchSettled(Event, frozen=True):
    """The host closed a batch (``closed``) or answered a settlement request that did not close it.

    Counts and amounts are [debit count, debit fen, credit count, credit fen]. ``settled`` are ledger entries closed now;
    ``host_only`` are entries the terminal never claimed, ``terminal_only`` are STANs it claimed and the host never had.
    """

    device: str
    batch: str
    closed: bool
    balanced: bool
    terminal_totals: tuple[int, int, int, int]
    host_totals: tuple[int, int, int, int]
    settled: tuple[int, ...] = ()
    host_only: tuple[int, ...] = ()
    terminal_only: tuple[str, ...] = ()
    repeated: bool = False


class CertificateTaken(Event, frozen=True):
    """The host was given the chip's certificate (TC) for the transaction with this trace number of the batch."""

    device: str
    batch: str
    stan: str


class OrderChanged(Event, frozen=True):
    """A scan-to-pay order took ``state`` at the host: USERPAYING, SUCCESS, CLOSED or REVOKED; UNKNOWN is one that is not here.

    ``order`` is the terminal's number for it, ``batch`` and ``stan`` are those of the request that created it, ``token`` names
    the presentation of the payment code. ``entry`` is its payment (or decline) in the ledger.
    """

    device: str
    order: str
    state: str
    previous_state: str
    batch: str
    stan: str
    amount_fen: int
    token: str
    entry: int | None = None
    reason: str = ""


class SettingsKeyed(Event, frozen=True):
    """Somebody keys in the merchant's account and settlement cycle, in ``action``. Of accounts the last four digits are told."""

    device: str
    action: int
    account: str
    cycle: str


class SettingsJudged(Event, frozen=True):
    """The acquirer was sent account and cycle: it took them (``code`` 00), or left everything as it was and said why."""

    device: str
    account: str
    cycle: str
    code: str


class PayoutMade(Event, frozen=True):
    """The acquirer pays a merchant, or does not: ``state`` is paid, bounced or held, for what ``reason`` says.

    ``amount_fen`` is what the merchant gets, after ``fee_fen``. ``parts`` are the ledger entries that it is for and what
    each adds: less than nothing for a refund, or for a sale that was paid and has been taken back since. ``due_us`` is when
    the earliest of them was due. It is paid at the event's own time.
    """

    device: str
    payout: int
    state: str
    account: str
    cycle: str
    amount_fen: int
    fee_fen: int
    due_us: int
    parts: tuple[tuple[int, int], ...] = ()
    batches: tuple[str, ...] = ()
    reason: str = ""


class PayoutTold(Event, frozen=True):
    """The acquirer answered what has become of a batch's money: ``state`` is paid, pending, held, bounced or none.

    ``amount_fen`` is what has been paid of it, before fees.
    """

    device: str
    batch: str
    state: str
    amount_fen: int


# ---------------------------------------------------------------- faults


class FaultStruck(Event, frozen=True):
    """``fault`` is its name in the scenario, such as ``power_loss#2``; ``kind`` its registered kind.

    ``detail`` says what it does there, as far as that is known beforehand; ``key`` is the causal key of what it draws.
    """

    fault: str
    kind: str
    devices: tuple[str, ...]
    detail: str = ""
    key: str = ""


class DataDamaged(Event, frozen=True):
    """What a fault damaged in the file ``path``: its youngest byte had been written last at ``youngest_us``.

    What happened later than that cannot have been recorded there. -1: all of it was there before the run.
    """

    device: str
    fault: str
    path: str
    youngest_us: int


class FaultBit(Event, frozen=True):
    """The fault had an effect: an error or wrong byte returned, an image changed, an awaited message lost."""

    fault: str
    kind: str
    device: str
    evidence: str


class FaultLifted(Event, frozen=True):
    """The condition is over; damage stays."""

    fault: str
    kind: str
    devices: tuple[str, ...] = ()


# ---------------------------------------------------------------- white box


class RecordSeen(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One record of the terminal's own log, as its ``inspect`` tells it. ``state``: active, voided, reversed, refunded."""

    stan: str
    batch: str
    kind: str
    amount_fen: int
    state: str = "active"


class Inspected(Event, frozen=True):
    """The terminal's own records, read from its image at ``when``: quiescence, after_settlement, after_power_loss,
    recovered (twice, with nothing but a restart between)."""

    device: str
    when: str
    batch: str = ""
    next_stan: str = ""
    records: tuple[RecordSeen, ...] = ()
    pending_reversals: tuple[str, ...] = ()
    damaged_records: int = 0
    settling: bool = False
    error: str = ""
    totals: tuple[int, int, int, int] | None = None
    """As in BatchSettled, of the open batch; None when the software does not tell."""


class InspectionMissing(Event, frozen=True):
    """The program was asked for its own records and offers no inspection, as its answers for healthy files show."""

    device: str
    why: str


AnyEvent: TypeAlias = Union[
    RunStarted, PhaseStarted, Diverged, TerminalInstalled, ImageLoaded,
    IntentOpened, Presented, CardDecided, IntentClosed, ActionStarted, ActionEnded, OperatorDid,
    ScreenShown, ReceiptPrinted, PowerLost, StorageAfterPowerLoss, Booted, SoftwareReady, SoftwareDied, SoftwareLogged,
    ProbeReached, MemorySampled, StorageFailed, Barrier, SpaceMeasured, SecretFound, SecretsSought,
    MessageSent, MessageDelivered, MessageDropped, RequestUnanswered,
    LedgerChanged, BatchSettled, OrderChanged, CertificateTaken, SettingsKeyed, SettingsJudged, PayoutMade, PayoutTold,
    FaultStruck, DataDamaged, FaultBit, FaultLifted,
    Inspected, InspectionMissing,
]  # fmt: skip

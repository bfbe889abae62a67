"""What the acquirer did: its ledger, batches, scan-to-pay orders, settings and payouts."""

from harness.history.events.base import Event


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

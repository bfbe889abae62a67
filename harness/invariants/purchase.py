"""What the shared books hold: a purchase, the actions taken for it, and its entries in the host's ledger.

Models: who was charged what, and what the terminal said about it. A purchase is one intent of one customer; its charges
are found by presentation token alone (design: matching a charge to a customer). Does not model: fees, currencies, partial
refunds beyond their sum. Source: domain section 8, its notation and invariants 1, 3, 7 and 31.
"""

from harness.history.events import ActionStarted, LedgerChanged
from harness.invariants.base import plain_number

GOOD_STATES = frozenset({"APPROVED", "SETTLED", "VOIDED", "REFUNDED", "COMPLETED", "EXPIRED"})
"""The host agreed to it and nobody took it back behind the terminal's back. A hold that has ended was good all the same."""
CAPTURED_STATES = frozenset({"APPROVED", "SETTLED", "REFUNDED"})
"""The customer's money is taken; refunds are entries of their own and are subtracted."""
CHARGE_KINDS = frozenset({"sale", "completion"})
"""Ledger entries that take money. A pre-authorisation holds it, and takes none."""
SETTLED_KINDS = CHARGE_KINDS | {"refund"}
"""What a settlement is about."""
VOID_KINDS = frozenset({"void", "preauth_void", "completion_void"})
MONEY_ACTIONS = frozenset({"sale", "scan_sale", "completion", "refund", "scan_refund", "preauth"}) | VOID_KINDS
JUDGED_ACTIONS = MONEY_ACTIONS
"""Actions whose approval must be found in the ledger: the ledger holds all of these."""


class Entry:
    """An entry of the host's ledger."""

    __slots__ = (
        "action", "amount_fen", "at_us", "batch", "before", "claimed", "device", "first", "host_only", "kind", "last",
        "last_us", "number", "original", "purchase", "refunds", "stan", "state", "token",
    )  # fmt: skip

    def __init__(self, event: LedgerChanged, number: int, original: "Entry | None") -> None:
        self.number = event.entry
        self.device = event.device
        self.kind = event.kind
        self.state = event.state
        self.before = event.previous_state
        self.batch = plain_number(event.batch)
        self.stan = plain_number(event.stan)
        self.amount_fen = event.amount_fen
        self.token = event.token
        self.at_us = event.at_us
        self.last_us = event.at_us
        """When it changed last, or its batch closed."""
        self.first = number
        self.last = number
        self.claimed = False
        """A settlement in which the terminal claimed it closed its batch."""
        self.host_only = False
        """A settlement closed its batch and the terminal had not claimed it."""
        self.original = original
        self.refunds: list[Entry] | None = None
        self.purchase: Purchase | None = None
        self.action: ActionState | None = None
        if original is not None and event.kind == "refund":
            if original.refunds is None:
                original.refunds = []
            original.refunds.append(self)

    def net_fen(self) -> int:
        """What this charge takes from the customer, after refunds."""
        if self.kind not in CHARGE_KINDS or self.state not in CAPTURED_STATES:
            return 0
        if not self.refunds:
            return 0 if self.state == "REFUNDED" else self.amount_fen
        back = sum(each.amount_fen for each in self.refunds if each.state in CAPTURED_STATES)
        return max(0, self.amount_fen - back)


class ActionState:
    """An operator action that may move money."""

    __slots__ = (
        "amount_fen",
        "ended",
        "entries",
        "kind",
        "number",
        "purchase",
        "shown",
        "shown_us",
        "started",
        "started_us",
    )

    def __init__(self, event: ActionStarted, number: int, purchase: "Purchase") -> None:
        self.number = event.action
        self.kind = event.kind
        self.amount_fen = event.amount_fen or 0
        self.started = number
        self.started_us = event.at_us
        self.ended = False
        self.shown: int | None = None
        """The event that told the customer "approved": a screen, or a receipt that is no duplicate."""
        self.shown_us = 0
        self.purchase = purchase
        self.entries: list[Entry] = []

    def good(self) -> bool:
        """Whether an entry of the action stands, so that what was shown is true."""
        return any(each.state in GOOD_STATES for each in self.entries)


class Purchase:
    """One intent with everything that was done for it. ``intent`` None: an action nobody opened an intent for."""

    __slots__ = (
        "actions", "amount_fen", "closed", "device", "entries", "intent", "kind", "late", "limit_fen", "opened",
        "opened_us", "running", "surfaced", "tokens",
    )  # fmt: skip

    def __init__(
        self, device: str, intent: int | None, kind: str, amount_fen: int, opened: int, opened_us: int
    ) -> None:
        self.device = device
        self.intent = intent
        self.kind = kind
        self.amount_fen = amount_fen
        self.limit_fen = amount_fen
        """What may be taken for it at most."""
        self.opened = opened
        self.opened_us = opened_us
        self.running = 0
        self.closed = intent is None
        self.surfaced: int | None = None
        """The event in which the terminal said that it succeeded."""
        self.late = False
        """A charge for a purchase that was over and forgotten: see ``Books``."""
        self.tokens: list[str] = []
        self.actions: list[ActionState] = []
        self.entries: list[Entry] = []

    def net_fen(self) -> int:
        """What the host takes from this customer for this purchase."""
        total = 0
        for entry in self.entries:
            total += entry.net_fen()
        return total

    def unasked_fen(self) -> int:
        """What the host takes, without actions begun after success had been told: those are confirmed repeats."""
        told = self.surfaced
        total = 0
        for entry in self.entries:
            if told is None or entry.action is None or entry.action.started < told:
                total += entry.net_fen()
        return total

    def settled_us(self) -> int | None:
        """When the last of its charges was closed in a batch; None while one is open."""
        charges = [each for each in self.entries if each.net_fen() > 0]
        closed = [each.last_us for each in charges if each.claimed or each.host_only]
        return max(closed) if charges and len(closed) == len(charges) else None

    def known_to_terminal(self) -> bool:
        """Whether the terminal ever told of success: on a screen or paper, or by claiming it in a settlement."""
        return self.surfaced is not None or any(entry.claimed for entry in self.entries)

    def evidence(self) -> tuple[int, ...]:
        """Numbers of the events that made it what it is."""
        shown = tuple(each.shown for each in self.actions if each.shown is not None)
        moves = tuple(number for each in self.entries for number in (each.first, each.last))
        return (self.opened, *shown, *moves)

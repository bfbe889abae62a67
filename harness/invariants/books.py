"""The books: who wanted what, what the terminal said, what the host took; kept once and read by several invariants.

Models: purchases, their actions and ledger entries, matched by presentation token; what closed batches held; whether a
terminal is up; which conditions are in force. What is certainly innocent is forgotten when its batch closes at the host,
so that memory follows open transactions; what might be guilty is kept to the end and judged there.
Does not model: the terminal's own records, which invariants take from Inspected events (the last one is kept here).
Source: design section 8 (matching), domain section 8 (notation, quiescence).
"""

from collections.abc import Callable, Iterator

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    BatchSettled,
    Booted,
    DataDamaged,
    FaultLifted,
    FaultStruck,
    Inspected,
    InspectionMissing,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    PhaseStarted,
    PowerLost,
    Presented,
    ReceiptPrinted,
    ScreenShown,
    SoftwareDied,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.invariants.base import INSTANT_KINDS, Observer, Terms, on, plain_number
from harness.invariants.before import Before
from harness.invariants.device_book import Closing, DeviceBook, totals_of
from harness.invariants.purchase import CHARGE_KINDS, MONEY_ACTIONS, VOID_KINDS, ActionState, Entry, Purchase
from harness.invariants.requests import Requests
from harness.invariants.tokens import PastTokens

_CLOSINGS_KEPT = 8
_TELLING_RECEIPTS = frozenset({"sale", "refund", "preauth", "completion"}) | VOID_KINDS
_RESTING_PHASES = frozenset({"final_settlement", "check"})
"""They go on from quiescence; of a run that never reached it they say nothing."""
_NOTHING_DUE = frozenset({"preauth", "preauth_void", "completion_void"})
"""Intents for which nothing may be taken: an amount is held, or given up."""
_COMPLETION_PERCENT = 115  # a completion may exceed its pre-authorisation by so much (domain 1.1)


class _Devices(dict[str, DeviceBook]):
    def __missing__(self, name: str) -> DeviceBook:
        book = self[name] = DeviceBook(name)
        return book


class Books(Before):
    """The shared view. It must observe an event before the invariants that read it do."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.devices = _Devices()
        self.device: Callable[[str], DeviceBook] = self.devices.__getitem__
        """The book of a device, opened when it is first heard of. Asked for by every checker at every other event."""
        self.entries: dict[int, Entry] = {}
        self.phase = "trading"
        self.at_rest = False
        """Whether quiescence was reached: powered, link and host healthy, triggers given."""
        self._no_inspection = ""
        self.approvals_shown = 0
        self.charges = 0
        self._tokens: dict[str, tuple[Purchase, ActionState | None]] = {}
        self._intents: dict[tuple[str, int], Purchase] = {}
        self._past = PastTokens()
        self.requests = Requests(terms, self.device)
        """What went over the line and what became of it; an observer of its own."""

    def purchases(self) -> Iterator[Purchase]:
        """All purchases that are open or not certainly innocent."""
        for book in self.devices.values():
            yield from book.purchases

    def resting(self, device: str) -> bool:
        """Whether the device came to rest: quiescence was reached and its software is up."""
        return self.at_rest and self.device(device).down_since is None

    # ------------------------------------------------------------ people

    @on(IntentOpened)
    def _intent_opened(self, number: int, event: IntentOpened) -> None:
        purchase = Purchase(event.device, event.intent, event.kind, event.amount_fen, number, event.at_us)
        if event.kind in _NOTHING_DUE:
            purchase.limit_fen = 0
        self._intents[event.device, event.intent] = purchase
        self.device(event.device).purchases[purchase] = None

    @on(Presented)
    def _presented(self, number: int, event: Presented) -> None:
        purchase = self._intents.get((event.device, event.intent))
        action = self.device(event.device).actions.get(event.action)
        if purchase is None:
            if action is None:
                return
            purchase = action.purchase
        purchase.tokens.append(event.token)
        self._tokens[event.token] = (purchase, action)

    @on(IntentClosed)
    def _intent_closed(self, number: int, event: IntentClosed) -> None:
        purchase = self._intents.get((event.device, event.intent))
        if purchase is not None:
            purchase.closed = True

    @on(ActionStarted)
    def _action_started(self, number: int, event: ActionStarted) -> None:
        book = self.device(event.device)
        book.running[event.action] = event.kind
        book.current = None
        if event.kind not in MONEY_ACTIONS:
            return
        purchase = None if event.intent is None else self._intents.get((event.device, event.intent))
        if purchase is None:
            purchase = Purchase(event.device, None, event.kind, event.amount_fen or 0, number, event.at_us)
            book.purchases[purchase] = None
        if event.kind == "completion" and (purchase.intent is None or purchase.kind != "completion"):
            # A guest who came to check out owes what the bill says; of any other it is only known what a hold allows.
            purchase.limit_fen = max(purchase.limit_fen, purchase.amount_fen * _COMPLETION_PERCENT // 100)
        action = ActionState(event, number, purchase)
        purchase.actions.append(action)
        purchase.running += 1
        book.actions[event.action] = action
        book.current = action

    @on(ActionEnded)
    def _action_ended(self, number: int, event: ActionEnded) -> None:
        book = self.device(event.device)
        book.ended_kind = book.running.pop(event.action, "")
        action = book.actions.get(event.action)
        if action is not None and not action.ended:
            action.ended = True
            action.purchase.running -= 1
        book.current = None

    # ------------------------------------------------------------ what the terminal says

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind != "approved":
            return
        book = self.device(event.device)
        action = None if event.action is None else book.actions.get(event.action)
        entry = self._surface(book, event.batch, event.stan, number)
        # Before the next customer is served the terminal may learn how the one before ended, and says so. A sale that
        # had been shown already is no such news: then the screen promises something to whoever stands there now.
        if entry is not None and entry.action is not None and entry.action.shown is None:
            action = entry.action
        if action is not None:
            self._tell(action, number, event.at_us)

    @on(ReceiptPrinted)
    def _receipt(self, number: int, event: ReceiptPrinted) -> None:
        if event.kind not in _TELLING_RECEIPTS:
            return
        book = self.device(event.device)
        entry = self._surface(book, event.batch, event.stan, number)
        if event.duplicate:
            return
        action = None if event.action is None else book.actions.get(event.action)
        # A slip may be printed late, while another customer's action is under way: what it says counts for its own sale.
        if entry is not None and entry.action is not None:
            action = entry.action
        if action is not None:
            self._tell(action, number, event.at_us)

    def _tell(self, action: ActionState, number: int, at_us: int) -> None:
        if action.shown is None:
            action.shown = number
            action.shown_us = at_us
            self.approvals_shown += 1
            if action.purchase.surfaced is None:
                action.purchase.surfaced = number

    def _surface(self, book: DeviceBook, batch: str | None, stan: str | None, number: int) -> Entry | None:
        if not stan or not batch:
            return None
        entry = book.by_key.get((plain_number(batch), plain_number(stan)))
        if entry is not None and entry.purchase is not None and entry.purchase.surfaced is None:
            entry.purchase.surfaced = number
        return entry

    # ------------------------------------------------------------ the host

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        entry = self.entries.get(event.entry)
        if entry is not None:
            entry.before = event.previous_state
            entry.state = event.state
            entry.last = number
            entry.last_us = event.at_us
            if event.state == "SETTLED":
                self.device(entry.device).settling.append(entry)
            return
        if not event.previous_state:
            self._new_entry(number, event)
        # Otherwise it changes an entry of a batch that closed and was forgotten: a refund of a settled sale.

    def _new_entry(self, number: int, event: LedgerChanged) -> None:
        original = None if event.original_entry is None else self.entries.get(event.original_entry)
        entry = Entry(event, number, original)
        self.entries[event.entry] = entry
        book = self.device(event.device)
        book.by_key[entry.batch, entry.stan] = entry
        if event.kind in CHARGE_KINDS and event.state == "APPROVED":
            self.charges += 1
        purchase: Purchase | None = None
        action: ActionState | None = None
        known = self._tokens.get(event.token)
        if known is not None:
            purchase, action = known
        elif event.token:
            purchase = self._late_purchase(number, event)
        elif book.current is not None:
            # A void or refund need not show a card; it belongs to the action under way.
            action = book.current
            purchase = action.purchase
        if purchase is None:
            book.strays[event.entry] = entry
            return
        entry.purchase = purchase
        entry.action = action
        purchase.entries.append(entry)
        if action is not None:
            action.entries.append(entry)

    def _late_purchase(self, number: int, event: LedgerChanged) -> Purchase | None:
        """A charge by a card that was shown for a purchase long over: paid ones allow nothing more."""
        paid = self._past.paid(event.token)
        if paid is None or event.kind not in CHARGE_KINDS:
            return None
        purchase = Purchase(event.device, None, "sale", event.amount_fen, number, event.at_us)
        purchase.late = True
        if paid:
            purchase.limit_fen = 0
        self.device(event.device).purchases[purchase] = None
        return purchase

    @on(BatchSettled)
    def _batch_settled(self, number: int, event: BatchSettled) -> None:
        if not event.closed or event.repeated:
            return
        book = self.device(event.device)
        closed: list[Entry] = []
        entries = self.entries
        for each in event.settled:
            entry = entries.get(each)
            if entry is not None:
                entry.claimed = True
                entry.last_us = event.at_us
                closed.append(entry)
        for entry in book.settling:
            if not entry.claimed:
                entry.claimed = True
                closed.append(entry)
        book.settling = []
        for each in event.host_only:
            entry = entries.get(each)
            if entry is not None:
                entry.host_only = True
                entry.claimed = False
                entry.last_us = event.at_us
        batch = plain_number(event.batch)
        known = len(closed) >= len(event.settled)
        totals = totals_of(closed) if known else event.host_totals
        book.closings.pop(batch, None)
        book.closings[batch] = Closing(batch, number, event.at_us, totals, event)
        while len(book.closings) > _CLOSINGS_KEPT:
            del book.closings[next(iter(book.closings))]

    # ------------------------------------------------------------ forgetting

    def forget(self, device: str) -> None:
        """Drop what is certainly innocent; to be called when everybody has seen the batch close."""
        book = self.device(device)
        innocent = self._innocent
        for purchase in [each for each in book.purchases if _plain(each) or innocent(book, each)]:
            del book.purchases[purchase]
            if purchase.intent is not None:
                self._intents.pop((purchase.device, purchase.intent), None)
            paid = purchase.net_fen() > 0
            for token in purchase.tokens:
                self._tokens.pop(token, None)
                self._past.add(token, paid)
            for action in purchase.actions:
                book.actions.pop(action.number, None)
                action.entries.clear()
            for entry in purchase.entries:
                self._forget_entry(book, entry)
            # The parts name each other; taken apart they are freed at once and not by the garbage collector.
            purchase.actions.clear()
            purchase.entries.clear()
        for entry in [each for each in book.strays.values() if self._over(book, each) and not each.host_only]:
            del book.strays[entry.number]
            self._forget_entry(book, entry)

    def _forget_entry(self, book: DeviceBook, entry: Entry) -> None:
        self.entries.pop(entry.number, None)
        if book.by_key.get((entry.batch, entry.stan)) is entry:
            del book.by_key[entry.batch, entry.stan]

    def _over(self, book: DeviceBook, entry: Entry) -> bool:
        if entry.kind == "preauth":
            return entry.state != "APPROVED"  # no settlement is about it
        return entry.state != "APPROVED" and (entry.batch in book.closings or not entry.batch)

    def _innocent(self, book: DeviceBook, purchase: Purchase) -> bool:
        """Whether no invariant that reads the books can find anything about this purchase, now or later."""
        if not purchase.closed or purchase.running or purchase.late:
            return False
        for entry in purchase.entries:
            if not self._over(book, entry) and entry.kind not in VOID_KINDS:
                return False
            if entry.host_only or (entry.state == "SETTLED" and not entry.claimed):
                return False
        for action in purchase.actions:
            if action.shown is not None and not action.good():
                return False
        net_fen = purchase.net_fen()
        return net_fen <= purchase.limit_fen and (net_fen == 0 or purchase.known_to_terminal())

    # ------------------------------------------------------------ the run and the device

    @on(PhaseStarted)
    def _phase(self, number: int, event: PhaseStarted) -> None:
        self.phase = event.phase
        self.at_rest = event.phase == "quiescence" or (self.at_rest and event.phase in _RESTING_PHASES)

    @on(PowerLost, SoftwareDied, Booted)
    def _down(self, number: int, event: PowerLost | SoftwareDied | Booted) -> None:
        self.device(event.device).down_since = number

    @on(StorageAfterPowerLoss)
    def _stored(self, number: int, event: StorageAfterPowerLoss) -> None:
        if event.unsurvivable:
            self.device(event.device).betrayals.append((number, event.unsurvivable))

    @on(SoftwareReady)
    def _ready(self, number: int, event: SoftwareReady) -> None:
        self.device(event.device).down_since = None

    @on(InspectionMissing)
    def _inspection_missing(self, number: int, event: InspectionMissing) -> None:
        self._no_inspection = self._no_inspection or event.why

    def without_inspection(self) -> str:
        """Why there is nothing to be read of the software's own records."""
        said = "the software offers no inspection"
        return f"{said}: {self._no_inspection}" if self._no_inspection else said

    @property
    def inspection_is_missing(self) -> bool:
        """Whether a program was found to offer none."""
        return bool(self._no_inspection)

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        self.device(event.device).inspections[event.when] = (number, event)

    @on(FaultStruck)
    def _fault_struck(self, number: int, event: FaultStruck) -> None:
        for name in event.devices:
            book = self.device(name)
            book.quiet_since_us = event.at_us
            if event.kind in self.terms.damage_kinds:
                book.damaged_by = event.fault
            elif event.kind not in INSTANT_KINDS:
                book.conditions[event.fault] = None

    @on(DataDamaged)
    def _data_damaged(self, number: int, event: DataDamaged) -> None:
        self.device(event.device).damage.append(event.youngest_us)

    @on(FaultLifted)
    def _fault_lifted(self, number: int, event: FaultLifted) -> None:
        for name in event.devices or tuple(self.devices):
            book = self.device(name)
            if event.fault in book.conditions:
                del book.conditions[event.fault]
                book.quiet_since_us = event.at_us


def _plain(purchase: Purchase) -> bool:
    """The common innocent purchase, told quickly: one action, one charge that the terminal claimed, not above the price."""
    if len(purchase.entries) != 1 or len(purchase.actions) != 1 or not purchase.closed or purchase.running:
        return False
    entry = purchase.entries[0]
    return (
        entry.claimed
        and entry.state == "SETTLED"
        and entry.kind in CHARGE_KINDS
        and not entry.refunds
        and entry.amount_fen <= purchase.limit_fen
        and entry.action is purchase.actions[0]
        and not purchase.late
    )


class Sweep(Observer):
    """Lets the books forget, once all others have seen a batch close: it must observe after them."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @on(BatchSettled)
    def _batch_settled(self, number: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            self._books.forget(event.device)

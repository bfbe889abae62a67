"""Invariant 30, the half about payment by code: each order ends paid and known at the terminal, or unpaid and unknown.

Models: scan-to-pay orders as the host turns them (SUCCESS, CLOSED, REVOKED), against what the terminal shows, prints, logs and
settles. Success is shown only for an order that is SUCCESS at that instant; one that ends SUCCESS is shown, printed, in the log
or settled; one that was CLOSED or REVOKED is none of these; an order number names one payment.
Does not model: the half about funds, whether the customer is charged once (3); how often the terminal asks; wallets.
Traps avoided: the payment may come between the last query and the revocation, which then gives it back; an order that was
found paid after a restart may be shown then; whoever was told, and later brings the goods back, has the order revoked or
refunded by somebody's action; the same creation sent again is the same order; a screen that tells of an earlier sale says so.
Source: domain section 8, invariant 30; section 1.3.
"""

from collections.abc import Iterator

from harness.core.units import US_PER_MINUTE
from harness.history.events import (
    ActionStarted,
    BatchSettled,
    LedgerChanged,
    MessageSent,
    OrderChanged,
    ReceiptPrinted,
    ScreenShown,
)
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    card,
    case,
    ends,
    inspected,
    intent,
    leaves,
    ledger,
    phase,
    receipt,
    record,
    screen,
    settled,
    starts,
)
from harness.invariants.requests import creates_order

_UNDOING = frozenset({"void", "refund", "scan_refund"})
_GRACE_US = 5 * US_PER_MINUTE
"""An order that has not ended this long after its creation will not."""


class _Order:
    """One order."""

    __slots__ = (
        "amount_fen", "claimed", "created_us", "device", "entry", "first", "key", "last", "last_us", "number", "paid",
        "shown", "state", "undone",
    )  # fmt: skip

    def __init__(self, device: str, number: str, key: tuple[str, str], amount_fen: int, first: int, at_us: int) -> None:
        self.device = device
        self.number = number
        self.key = key
        """Batch and trace number of its creation."""
        self.amount_fen = amount_fen
        self.created_us = self.last_us = at_us
        self.first = self.last = first
        self.state = "UNKNOWN"
        self.paid: int | None = None
        """The event in which it became SUCCESS."""
        self.entry: int | None = None
        self.shown: int | None = None
        """The event in which the terminal told of its success."""
        self.claimed = False
        self.undone = False
        """Somebody asked for it to be taken back."""


@INVARIANTS.register("orders_end")
class OrdersEnd(Invariant):
    """A scan-to-pay order ends paid and known at the terminal, or unpaid and unknown; success is shown only when it is paid."""

    number = 30
    name = "orders_end"
    evidence = "orders as the host turns them, against approved screens, slips, settlements and the terminal's own log"
    requires = ("a scan-to-pay order",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._orders: dict[tuple[str, str], _Order] = {}
        self._by_key: dict[tuple[str, str, str], _Order] = {}
        self._by_action: dict[tuple[str, int], _Order] = {}
        self._by_entry: dict[int, _Order] = {}
        self._used: dict[str, dict[str, tuple[str, int]]] = {}
        """By device: order numbers of this batch and the last, with the code that each was created for."""
        self._used_before: dict[str, dict[str, tuple[str, int]]] = {}

    # ------------------------------------------------------------ what the terminal asks

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if not event.order or event.direction != "up" or not creates_order(event):
            return
        used = self._used.setdefault(event.device, {})
        before = used.get(event.order) or self._used_before.get(event.device, {}).get(event.order)
        if before is not None and before[0] != event.token:
            summary = f"{event.device} used order number {event.order} at {when(event.at_us)} for another payment than before."
            amount_fen = event.amount_fen or 0
            self.report(self.finding(event.device, event.at_us, summary, (before[1], number), amount_fen, "critical"))
        used[event.order] = (event.token, number)
        order = self._order(
            event.device, event.order, event.batch, event.stan, event.amount_fen or 0, number, event.at_us
        )
        current = self.books.device(event.device).current
        if current is not None:
            self._by_action[event.device, current.number] = order

    def _order(self, device: str, name: str, batch: str, stan: str, amount_fen: int, number: int, at_us: int) -> _Order:
        order = self._orders.get((device, name))
        if order is None:
            key = (plain_number(batch), plain_number(stan))
            order = self._orders[device, name] = _Order(device, name, key, amount_fen, number, at_us)
        self._by_key[device, plain_number(batch), plain_number(stan)] = order
        return order

    @on(ActionStarted)
    def _action_started(self, number: int, event: ActionStarted) -> None:
        if event.kind in _UNDOING and event.original_stan:
            stan = plain_number(event.original_stan)
            for order in self._orders.values():
                if order.device == event.device and order.key[1] == stan and order.shown is not None:
                    order.undone = True

    # ------------------------------------------------------------ what the host does

    @on(OrderChanged)
    def _order_changed(self, number: int, event: OrderChanged) -> None:
        if not event.token:
            return  # a revocation that came before its order: there is nothing to pay
        order = self._order(event.device, event.order, event.batch, event.stan, event.amount_fen, number, event.at_us)
        self.checked += order.state == "UNKNOWN"
        order.state, order.last, order.last_us = event.state, number, event.at_us
        if event.entry is not None:
            order.entry = event.entry
        if event.state == "SUCCESS":
            order.paid = number
            if event.entry is not None:
                self._by_entry[event.entry] = order
        elif event.state != "USERPAYING" and order.shown is not None and order.paid is not None and not order.undone:
            self._accuse(order, event.at_us, "and then had it taken back", (order.shown, number))

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        order = self._by_entry.get(event.entry)
        if order is not None and event.state in ("VOIDED", "REFUNDED", "REVERSED"):
            self._forget(order)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if not event.closed or event.repeated:
            return
        batch = plain_number(event.batch)
        for stan in event.terminal_only:
            order = self._by_key.get((event.device, batch, plain_number(stan)))
            if order is not None and order.state in ("CLOSED", "REVOKED"):
                self._accuse(order, event.at_us, "in its settlement", (order.last, number), how="claimed")
        for entry in event.settled:
            order = self._by_entry.get(entry)
            if order is not None:
                self._forget(order)
        self._used_before[event.device] = self._used.pop(event.device, {})
        for over in [each for each in self._orders.values() if each.device == event.device and self._is_over(each)]:
            self._forget(over)

    @staticmethod
    def _is_over(order: _Order) -> bool:
        if order.state == "SUCCESS":
            return order.shown is not None
        return order.state != "USERPAYING"

    def _forget(self, order: _Order) -> None:
        self._orders.pop((order.device, order.number), None)
        self._by_key.pop((order.device, *order.key), None)
        if order.entry is not None:
            self._by_entry.pop(order.entry, None)
        for action in [each for each, named in self._by_action.items() if named is order]:
            del self._by_action[action]

    # ------------------------------------------------------------ what the terminal says

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "approved":
            self._told(number, event)

    @on(ReceiptPrinted)
    def _receipt(self, number: int, event: ReceiptPrinted) -> None:
        if event.kind == "sale":
            self._told(number, event)

    def _told(self, number: int, event: ScreenShown | ReceiptPrinted) -> None:
        if event.stan and event.batch:
            order = self._by_key.get((event.device, plain_number(event.batch), plain_number(event.stan)))
        else:
            order = None if event.action is None else self._by_action.get((event.device, event.action))
        if order is None or order.shown is not None:
            return
        order.shown = number
        if order.state != "SUCCESS":
            stood = "the host did not know it" if order.state == "UNKNOWN" else f"it was {order.state}"
            self._accuse(order, event.at_us, f"while {stood}", (order.last, number))

    def _accuse(self, order: _Order, at_us: int, what: str, events: tuple[int, int], how: str = "showed") -> None:
        summary = (
            f"{order.device} {how} order {order.number} of {yuan(order.amount_fen)} as paid at {when(at_us)} {what}."
        )
        self.report(self.finding(order.device, at_us, summary, events, order.amount_fen, "critical"))

    # ------------------------------------------------------------ the end

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.books.at_rest:
            self.checked = 0 if not self.findings else self.checked
            self.skip("the run never came to rest")
            return
        for order in self._orders.values():
            if (order.state in ("UNKNOWN", "CLOSED") and order.paid is None) or order.state == "REVOKED":
                yield from self._kept(order, at_us)
            elif order.state == "SUCCESS" and order.shown is None:
                yield from self._unknown(order, at_us)
            elif order.state == "USERPAYING" and at_us - order.created_us > _GRACE_US:
                summary = f"Order {order.number} of {order.device} has not ended: it is still USERPAYING."
                yield self.finding(
                    order.device, order.created_us, summary, (order.last,), order.amount_fen, "major", at_us
                )

    def _logged(self, order: _Order) -> tuple[int, bool] | None:
        """The newest look into the terminal's log, and whether the order stands there."""
        inspections = self.books.device(order.device).inspections.values()
        if not inspections:
            return None
        number, newest = max(inspections)
        held = any(
            (plain_number(each.batch), plain_number(each.stan)) == order.key and each.state == "active"
            for each in newest.records
        )
        return number, held

    def _kept(self, order: _Order, at_us: int) -> Iterator[Finding]:
        """An order that nobody paid, or whose payment was given back."""
        logged = self._logged(order)
        if logged is not None and logged[1] and logged[0] > order.last and not order.undone:
            summary = (
                f"{order.device} keeps order {order.number} of {yuan(order.amount_fen)} as a sale, and it was "
                f"{order.state} at {when(order.last_us)}."
            )
            yield self.finding(
                order.device, order.last_us, summary, (order.last, logged[0]), order.amount_fen, "major", at_us
            )  # fmt: skip

    def _unknown(self, order: _Order, at_us: int) -> Iterator[Finding]:
        """An order that was paid, and of which the terminal never told."""
        entry = None if order.entry is None else self.books.entries.get(order.entry)
        if entry is None or entry.net_fen() == 0 or entry.claimed:
            return
        purchase = entry.purchase
        logged = self._logged(order)
        if (purchase is not None and purchase.known_to_terminal()) or (logged is not None and logged[1]):
            return
        if not self.books.resting(order.device):
            self.skip(f"{order.device} never came back to finish its orders")
            return
        summary = (
            f"Order {order.number} of {yuan(order.amount_fen)} was paid at {when(order.last_us)}, and {order.device} neither "
            "showed nor kept nor settled it."
        )
        yield self.finding(
            order.device, order.last_us, summary, (order.first, order.last), order.amount_fen, "critical",
            entry.last_us if entry.host_only else at_us,
        )  # fmt: skip


def _asks(order: str = "A", token: str = "1", stan: str = "000001", message: int = 1) -> MessageSent:
    return MessageSent(0, T01, message, "up", "0600", "000000", stan, "000001", 1000, token, order=order)


def _turns(state: str, before: str = "", entry: int | None = None, order: str = "A", token: str = "1") -> OrderChanged:
    return OrderChanged(0, T01, order, state, before, "000001", "000001", 1000, token, entry)


_SCAN = (intent(), starts(1, "scan_sale"), card(), _asks())
_PAID = (ledger(), _turns("SUCCESS", "USERPAYING", 1))
_GIVEN_BACK = (ledger(state="REVERSED", before="APPROVED"), _turns("REVOKED", "SUCCESS"))
_UNTOLD = (screen("unknown"), ends(1, "unknown"), leaves(belief="unknown"))
_TOLD = (screen(stan="000001"), ends(), leaves())
_REST = phase("quiescence")

OrdersEnd.cases = (
    case("paid at once", "the ordinary order", "pass", *_SCAN, ledger(), _turns("SUCCESS", "", 1), *_TOLD, _REST),
    case(
        "confirmed on the phone", "asked, waited, told", "pass",
        *_SCAN, _turns("USERPAYING"), *_PAID, *_TOLD, _REST, inspected(record()),
    ),
    case(
        "shown too early", "the customer had not confirmed; that it was paid later is luck", "finding",
        *_SCAN, _turns("USERPAYING"), screen(stan="000001"), *_PAID, ends(), leaves(), _REST, inspected(record()),
        guilty=5, instead=screen("processing"),
    ),
    case(
        "shown without an answer", "the request never arrived", "finding",
        *_SCAN, screen(), ends(), leaves(), _REST,
        guilty=4, instead=screen("unknown"),
    ),
    case(
        "slip printed too early", "paper tells as a screen does", "finding",
        *_SCAN, _turns("USERPAYING"), receipt(), *_PAID, ends(), leaves(), _REST, inspected(record()),
        guilty=5, instead=screen("processing"),
    ),
    case(
        "paid between query and revocation", "the revocation gives it back, and nobody was told", "pass",
        *_SCAN, _turns("USERPAYING"), *_PAID, *_GIVEN_BACK, screen("declined"), ends(1, "declined"), leaves(), _REST,
        inspected(),
    ),
    case(
        "revoked, and kept", "the log has a sale that nobody paid", "finding",
        *_SCAN, _turns("USERPAYING"), _turns("REVOKED", "USERPAYING"), *_UNTOLD, _REST, inspected(record()),
        guilty=10, instead=inspected(),
    ),
    case(
        "revoked, and claimed", "the shop reckons with it in the settlement", "finding",
        *_SCAN, _turns("USERPAYING"), _turns("REVOKED", "USERPAYING"), *_UNTOLD,
        settled(claimed=(1, 1000), held=(0, 0), terminal_only=("000001",)), _REST,
        guilty=9, instead=settled(claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "paid, and unknown here", "the terminal forgot that it asked", "finding",
        *_SCAN, _turns("USERPAYING"), *_PAID, *_UNTOLD, _REST, inspected(),
        guilty=11, instead=inspected(record()),
    ),
    case(
        "paid after the terminal gave up", "it never revoked", "finding",
        *_SCAN, _turns("USERPAYING"), *_UNTOLD, *_PAID, _REST,
        guilty=9, instead=_turns("REVOKED", "USERPAYING"),
    ),
    case(
        "told after the restart", "found paid, logged, shown outside any action", "pass",
        *_SCAN, _turns("USERPAYING"), *_PAID, *_UNTOLD, screen(action=None, stan="000001"), _REST,
    ),
    case("settled untold", "the settlement slip has it", "pass", *_SCAN, *_PAID, *_UNTOLD, settled(1), _REST),
    case(
        "left out of the settlement", "the batch closed without it", "finding",
        *_SCAN, *_PAID, *_UNTOLD, settled(host_only=(1,), claimed=(0, 0)), _REST,
        guilty=9, instead=settled(1),
    ),
    case(
        "brought back", "the operator has a paid order revoked, as a void", "pass",
        *_SCAN, *_PAID, *_TOLD, ActionStarted(0, T01, 2, "void", 1000, None, "000001"), *_GIVEN_BACK, _REST, inspected(),
    ),
    case(
        "taken back behind the customer's back", "told that it is paid, and then it was not", "finding",
        *_SCAN, *_PAID, *_TOLD, _turns("REVOKED", "SUCCESS"), _REST,
        guilty=9,
    ),
    case(
        "refunded", "a refund leaves the order as it is", "pass",
        *_SCAN, *_PAID, *_TOLD, ledger(2, kind="refund", stan="000002", token="", original=1), _REST,
    ),
    case(
        "created twice", "the same request once more is the same order", "pass",
        *_SCAN, _asks(message=3), *_PAID, *_TOLD, _REST,
    ),
    case(
        "number used again", "for the next customer", "finding",
        *_SCAN, *_PAID, *_TOLD, _asks(token="2", stan="000002", message=9), _REST,
        guilty=9, instead=_asks("B", "2", "000002", 9),
    ),
    case(
        "an earlier sale comes to light", "the screen names the card sale before, not this order", "pass",
        ledger(7, stan="000007", token=""), *_SCAN, screen(stan="000007"), _turns("USERPAYING"),
        _turns("REVOKED", "USERPAYING"), *_UNTOLD, _REST,
    ),
    case("never ends", "an hour later it is still open", "finding",
        *_SCAN, _turns("USERPAYING"), *_UNTOLD, *(phase("recovery") for _ in range(320)), _REST,
        guilty=4, instead=_turns("CLOSED"),
    ),
    case("not at rest", "the revocation may still come", "not_checked", *_SCAN, _turns("USERPAYING"), *_UNTOLD),
    case("no order", "cards alone", "not_checked", intent(), starts(), card(), ledger(), screen(), ends(), leaves(), _REST),
)  # fmt: skip

"""Scan-to-pay orders at the acquirer: a customer's payment code is charged, at once or when the customer has agreed on the phone.

Models: an order named by the terminal's own order number, from its creation to SUCCESS, CLOSED or REVOKED; a customer who has to
confirm on the phone (USERPAYING) and may never do so; query; revocation, which gives back what was paid; the host's own
revocation of an order that nobody has paid in time. A paid order is a sale in the ledger, so that every rule about money sees it.
Does not model: wallets and what they owe each other, coupons, codes that expire, partial payment.
Source: domain notes 1.3 (WeChat Quick Pay); what those leave open is an assumption, marked [A]:

- An order number is used once. Creating it again changes nothing and is answered 94, whatever became of it.
- Revoking an order that is not known is answered 25 and remembered: the order, when it comes late, is declined 12 [A].
- An order is revoked no earlier than 15 s after its creation (09: later) and no later than 7 days after it (12).
- Revoking answers 00 for what is revoked, now or before; 12 for what never was paid, or can be given back by refund only [A].
- A payment code is good for one order. Some acquirers do not look (``codes_trusted``) [A]: there the terminal's own care
  is all there is.
- A payment that comes when its batch is no longer open is not taken: the order is CLOSED [A].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from harness.core.environment import Call
from harness.core.units import US_PER_DAY, US_PER_SECOND
from harness.history.events import OrderChanged

if TYPE_CHECKING:
    import simpy

    from harness.history.recorder import Recorder
    from harness.host.acquirer import Acquirer
    from harness.host.bank import Bank, Demand
    from harness.host.knobs import Knobs
    from harness.host.ledger import Entry
    from harness.host.session import Session

OrderState = Literal["USERPAYING", "SUCCESS", "CLOSED", "REVOKED"]

UNPAID = "nobody paid in time"
"""Why the host itself revokes an order."""
PAYING = "09"
"""The customer has not confirmed yet; of a revocation: too early."""
REVOKED_BY_HOST_US = 45 * US_PER_SECOND
REVOCABLE_AFTER_US = 15 * US_PER_SECOND
REVOCABLE_FOR_US = 7 * US_PER_DAY

Payer = Callable[[str, int], int | None]
"""token, amount_fen -> after how long the customer confirms: 0 when nothing is asked, None for never."""

Key = tuple[str, str]
"""Merchant and order number."""


def pays_at_once(_token: str, _amount_fen: int) -> int | None:
    """The default customer: nothing is asked."""
    return 0


@dataclass(slots=True)
class Order:
    """One order. ``token`` names the presentation of the code; it is empty where only a revocation is known."""

    number: str
    tid: str
    mid: str
    device: str
    batch: str
    stan: str
    amount_fen: int
    token: str
    created_us: int
    state: OrderState
    lands_us: int | None = None
    """When the customer's confirmation comes; None: never."""
    pays_when_revoked: bool = False
    """The confirmation comes with the revocation at the latest: it is a moment too late for the last query."""
    entry: int | None = None
    """Of the ledger: the payment, or its decline."""

    @property
    def due_us(self) -> int:
        """When the next thing happens to it by itself, while it is USERPAYING."""
        ends_us = self.created_us + REVOKED_BY_HOST_US
        return ends_us if self.lands_us is None else min(self.lands_us, ends_us)


@dataclass(slots=True)
class OrdersState:
    """All that the host remembers of orders, so that a crash point can copy it and put it back."""

    orders: dict[Key, Order] = field(default_factory=dict)
    open: dict[Key, None] = field(default_factory=dict)
    """What somebody may still pay."""
    stans: dict[tuple[str, str, str], None] = field(default_factory=dict)
    codes: dict[str, None] = field(default_factory=dict)
    """Tokens of codes that were used."""

    def copy(self) -> OrdersState:
        """An independent state of the same contents."""
        orders = {key: replace(order) for key, order in self.orders.items()}
        return OrdersState(orders, self.open.copy(), self.stans.copy(), self.codes.copy())


class Orders:
    """The rules about orders, over the bank's ledger. Each answer is a response code, with the ledger's entry if there is one."""

    def __init__(self, bank: Bank, recorder: Recorder, payer: Payer = pays_at_once) -> None:
        self._bank = bank
        self._recorder = recorder
        self.payer = payer
        self.state = OrdersState()

    # ------------------------------------------------------------ what terminals ask for

    def pay(self, demand: Demand, number: str, knobs: Knobs) -> tuple[str, Entry | None]:
        """Create an order and charge the code of ``demand.token``."""
        state, session = self.state, demand.session
        key, stan = (session.mid, number), (session.tid, demand.batch.number, demand.stan)
        known = state.orders.get(key)
        if known is not None:
            return ("94" if known.token else "12"), None
        if stan in state.stans or self._bank.ledger.find(*stan) is not None:
            return "94", None
        if not number or demand.amount_fen <= 0:
            return "13", None
        if self._bank.leaves_open(demand.forced_code):
            return demand.forced_code, None
        order = Order(
            number, session.tid, session.mid, session.device, demand.batch.number, demand.stan, demand.amount_fen,
            demand.token, demand.at_us, "USERPAYING",
        )  # fmt: skip
        state.orders[key] = order
        state.stans[stan] = None
        code = demand.forced_code or self._code(demand)
        if code != "00":
            entry = self._bank.book_order(order, session, code, demand.at_us)
            order.entry = entry.number
            self._turn(order, "CLOSED", "", demand.at_us, f"declined {code}")
            return code, entry
        state.codes[demand.token] = None
        delay_us = self.payer(demand.token, demand.amount_fen)
        if knobs.use("confirmations"):
            delay_us, order.pays_when_revoked = knobs.confirmed_after_us, True
        if delay_us == 0:
            return "00", self._paid(order, session, "", demand.at_us)
        order.lands_us = None if delay_us is None else demand.at_us + delay_us
        state.open[key] = None
        self._tell(order, "", demand.at_us, "the customer is asked")
        return PAYING, None

    def _code(self, demand: Demand) -> str:
        if not demand.token:
            return "14"
        if demand.token in self.state.codes and not self._bank.holds.rules.codes_trusted:
            return "14"
        return self._bank.decided(demand)

    def query(self, session: Session, number: str) -> tuple[str, Entry | None]:
        """How an order stands."""
        order = self._of(session, number)
        if order is None:
            return "25", None
        if order.state == "SUCCESS" and order.entry is not None:
            return "00", self._bank.ledger.entry(order.entry)
        return (PAYING if order.state == "USERPAYING" else "12"), None

    def revoke(self, demand: Demand, number: str) -> tuple[str, Entry | None]:
        """Make sure that an order takes nothing; what was paid is given back."""
        session, at_us = demand.session, demand.at_us
        order = self._of(session, number)
        if order is None:
            unknown = Order(
                number, session.tid, session.mid, session.device, demand.batch.number, "", demand.amount_fen, "",
                at_us, "REVOKED",
            )  # fmt: skip
            if (session.mid, number) not in self.state.orders:
                self.state.orders[session.mid, number] = unknown
                self._tell(unknown, "", at_us, "revoked before it came")
            return "25", None
        if order.state in ("CLOSED", "REVOKED"):
            return ("00" if order.state == "REVOKED" and order.token else "12"), None
        age_us = at_us - order.created_us
        if age_us < REVOCABLE_AFTER_US:
            return PAYING, None
        if age_us > REVOCABLE_FOR_US:
            return "12", None
        if order.state == "USERPAYING" and order.pays_when_revoked:
            self._land(order, session, at_us)
        if order.state == "SUCCESS":
            return self._give_back(order, at_us)
        self._end(order, "REVOKED", at_us, "revoked by the terminal")
        return "00", None

    def _give_back(self, order: Order, at_us: int) -> tuple[str, Entry | None]:
        assert order.entry is not None
        entry = self._bank.ledger.entry(order.entry)
        if entry.state != "APPROVED" or entry.refunded_fen:
            return "12", None
        self._bank.ledger.move(entry, "REVERSED", at_us, f"order {order.number} revoked")
        self._turn(order, "REVOKED", order.state, at_us, "revoked by the terminal, the payment is given back")
        return "00", None

    def _of(self, session: Session, number: str) -> Order | None:
        order = self.state.orders.get((session.mid, number))
        return order if order is not None and order.tid == session.tid else None

    # ------------------------------------------------------------ what happens by itself

    def next_due_us(self) -> int | None:
        """When a customer confirms next, or an order ends unpaid; None when all have ended."""
        return min((self.state.orders[key].due_us for key in self.state.open), default=None)

    def fall_due(self, at_us: int, sessions: Mapping[str, Session]) -> bool:
        """Whatever was due by ``at_us`` happens; whether anything did."""
        due = sorted((self.state.orders[key].due_us, key) for key in self.state.open)
        due = [each for each in due if each[0] <= at_us]
        for due_us, key in due:
            order = self.state.orders[key]
            if order.lands_us is not None and order.lands_us <= due_us:
                self._land(order, sessions[order.tid], at_us)
            else:
                self._end(order, "REVOKED", at_us, UNPAID)
        return bool(due)

    def _land(self, order: Order, session: Session, at_us: int) -> None:
        """The customer confirms."""
        batch = session.batches.get(order.batch)
        if batch is None or batch.phase != "open":
            self._end(order, "CLOSED", at_us, "its batch is closed")
            return
        self._paid(order, session, order.state, at_us)

    def _paid(self, order: Order, session: Session, before: OrderState | Literal[""], at_us: int) -> Entry:
        entry = self._bank.book_order(order, session, "00", at_us)
        order.entry = entry.number
        self.state.open.pop((order.mid, order.number), None)
        self._turn(order, "SUCCESS", before, at_us, "paid")
        return entry

    def _end(self, order: Order, state: OrderState, at_us: int, reason: str) -> None:
        self.state.open.pop((order.mid, order.number), None)
        self._turn(order, state, order.state, at_us, reason)

    def _turn(self, order: Order, state: OrderState, before: OrderState | Literal[""], at_us: int, reason: str) -> None:
        order.state = state
        self._tell(order, before, at_us, reason)

    def _tell(self, order: Order, before: OrderState | Literal[""], at_us: int, reason: str) -> None:
        self._recorder.emit(
            OrderChanged(
                at_us=at_us,
                device=order.device,
                order=order.number,
                state=order.state,
                previous_state=before,
                batch=order.batch,
                stan=order.stan,
                amount_fen=order.amount_fen,
                token=order.token,
                entry=order.entry,
                reason=reason,
            )
        )


class OrderClock:
    """Lets what is due at an acquirer happen in time, whether anybody asks or not."""

    def __init__(self, env: simpy.Environment, acquirer: Acquirer, happened: Callable[[], None] | None = None) -> None:
        self._env = env
        self._acquirer = acquirer
        self._happened = happened
        self._wound_us: int | None = None

    def wind(self) -> None:
        """To be called whenever the host has done something: look when something is due next."""
        due_us = self._acquirer.orders.next_due_us()
        if due_us is None or (self._wound_us is not None and self._wound_us <= due_us):
            return
        now_us = int(self._env.now)
        self._wound_us = max(due_us, now_us)
        Call(self._env, self._wound_us - now_us, self._strike)

    def _strike(self, _: object) -> None:
        now_us = int(self._env.now)
        if self._wound_us is not None and self._wound_us <= now_us:
            self._wound_us = None
        if self._acquirer.fall_due(now_us) and self._happened is not None:
            self._happened()
        self.wind()

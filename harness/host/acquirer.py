"""The acquirer as the world sees it: frames in, frames out, and a ledger that can be asked.

Models an acquirer host whose front end keeps no connection state: each frame stands for itself. Does not model TLS,
routing between acquirers, or a host that is restarted from its own disk. What can go wrong with it is in ``knobs``;
how slow it is, in ``service``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

import msgspec

from harness.history.recorder import Recorder
from harness.host.bank import Bank, Decide, Part, approve_all
from harness.host.batch import Batch, Capture, Settlement
from harness.host.dialects import Dialect, DialectChoice, MessageHeader
from harness.host.funds import Funds, FundsTerms, MerchantMoney
from harness.host.holds import Rules
from harness.host.knobs import Knobs
from harness.host.ledger import Entry, LedgerState
from harness.host.orders import Orders, OrdersState, Payer, pays_at_once
from harness.host.session import KeyFactory, Session


class Reply(msgspec.Struct, frozen=True):
    """The host's answer: a whole frame, or None when it stays silent. ``header`` tells what is in the frame.

    ``why_silent`` is a reason of ``history.events.RequestUnanswered`` where there is no frame.
    """

    frame: bytes | None
    request: MessageHeader
    header: MessageHeader | None
    why_silent: str = ""


@dataclass(frozen=True, slots=True)
class HostImage:
    """The host's memory at one instant, for a crash point to go back to."""

    sessions: dict[str, Session]
    ledger: LedgerState
    knobs: dict[str, Knobs]
    orders: OrdersState = field(default_factory=OrdersState)
    money: dict[str, MerchantMoney] = field(default_factory=dict)

    def copy(self) -> "HostImage":
        """An image that shares nothing with this one that can change. Written out: a crash point takes one, a state another."""
        return HostImage(
            {tid: session.copy() for tid, session in self.sessions.items()},
            self.ledger.copy(),
            {tid: knobs.copy() for tid, knobs in self.knobs.items()},
            self.orders.copy(),
            {tid: money.copy() for tid, money in self.money.items()},
        )


class Acquirer:
    """One acquirer host speaking one dialect. ``seed`` decides the working keys and nothing else."""

    def __init__(
        self,
        dialect: str | DialectChoice,
        recorder: Recorder,
        seed: bytes,
        *,
        start_date: date = date(2026, 1, 1),
        decide: Decide = approve_all,
        rules: Rules = Rules(),  # noqa: B008 - frozen
        part: Part | None = None,
        payer: Payer = pays_at_once,
    ) -> None:
        self._sessions: dict[str, Session] = {}
        self._knobs: dict[str, Knobs] = {}
        self._recorder = recorder
        self.bank = Bank(recorder, decide, rules=rules, part=part, payer=payer)
        choice = DialectChoice.named(dialect) if isinstance(dialect, str) else dialect
        self.dialect: Dialect = choice.make(self.bank, KeyFactory(seed), start_date)
        self.describe: Callable[[bytes], MessageHeader] = self.dialect.describe
        """What a history prints about a frame of either direction; never raises."""

    @property
    def ledger_entries(self) -> int:
        """How many entries the ledger has."""
        return len(self.bank.ledger.state.entries)

    def register_terminal(self, tid: str, mid: str, device: str, master_key: bytes, capture: Capture = "host") -> None:
        """Make a terminal known, with the master key that was put into its PIN pad."""
        if tid in self._sessions:
            raise ValueError(f"terminal {tid} is registered twice")
        self._sessions[tid] = Session(tid, mid, device, master_key, capture=capture)
        self._knobs[tid] = Knobs()

    def open_funds(self, terms: FundsTerms, *, sets_account: bool) -> Funds:
        """From now on the money of all registered terminals is paid out; ``run_funds`` is to be called when it is time."""
        funds = self.bank.funds = Funds(terms, self.bank.ledger, self._recorder, self.dialect.start_date)
        for session in self._sessions.values():
            funds.register(session.device, session.tid, session.mid, sets_account=sets_account)
        return funds

    def run_funds(self, at_us: int) -> None:
        """Pay out what is due."""
        if self.bank.funds is not None:
            self.bank.funds.run(at_us, self._knobs)

    def session(self, tid: str) -> Session:
        """What the host remembers of one terminal besides the ledger."""
        return self._sessions[tid]

    def knobs(self, tid: str) -> Knobs:
        """What is made to go wrong for one terminal."""
        return self._knobs[tid]

    def handle(self, frame: bytes, at_us: int, *, overloaded: bool = False) -> Reply:
        """Take in one whole frame at ``at_us``; never raises, whatever the frame is.

        ``overloaded``: the queue is full (``service.HostQueue``), so the request is answered as busy and not carried out.
        """
        request = self.describe(frame)
        session = self._sessions.get(request.tid)
        knobs = self._knobs.get(request.tid)
        why_silent = "not_understood"
        if knobs is None or session is None:
            answer = self.dialect.answer_stranger(frame, at_us)
        elif (knobs.silent_until_us and knobs.before("silent_until_us", at_us)) or (
            knobs.ignore_requests and knobs.use("ignore_requests")
        ):
            answer, why_silent = None, "not_read"
        elif overloaded:
            answer = self.dialect.answer_busy(frame, session, at_us)
        else:
            answer = self.dialect.answer(frame, session, knobs, at_us)
            if answer is not None and knobs.drop_replies and knobs.use("drop_replies"):
                answer, why_silent = None, "withheld"
            if answer is not None and knobs.held_replies and knobs.use("held_replies"):
                knobs.held += ((knobs.held_for, answer),)
                answer, why_silent = None, "late"
        if answer is None:
            return Reply(None, request, None, why_silent)
        return Reply(answer, request, self.describe(answer))

    def overdue(self, frame: bytes) -> list[bytes]:
        """Answers to earlier requests of the sender that were held back until this one."""
        knobs = self._knobs.get(self.describe(frame).tid)
        if knobs is None or not knobs.held:
            return []
        due = [answer for left, answer in knobs.held if left <= 1]
        knobs.held = tuple((left - 1, answer) for left, answer in knobs.held if left > 1)
        return due

    def undo_by_hand(self, tid: str, batch: str, stan: str, at_us: int) -> bool:
        """Undo one request of a terminal whose reversal does not get through; a late original will be declined.

        False when that is not possible: it was undone or settled before, or the batch is not known.
        """
        return self.bank.undo_by_hand(self._sessions[tid], batch, stan, at_us)

    def batch_number(self, tid: str) -> str:
        """The batch that takes the terminal's new transactions."""
        return self._sessions[tid].batch

    def entries(self, tid: str | None = None, batch: str | None = None) -> Iterator[Entry]:
        """Ledger entries in the order in which they were judged."""
        return self.bank.ledger.entries(tid, batch)

    def open_entries(self, tid: str) -> list[Entry]:
        """Sales, completions and refunds of the terminal that stand and are not settled, of whatever batch."""
        return [entry for entry in self.bank.ledger.entries(tid) if entry.moves_money]

    def batches(self, tid: str) -> list[Batch]:
        """The terminal's batches, oldest first."""
        return list(self._sessions[tid].batches.values())

    def settlements(self, tid: str | None = None) -> list[Settlement]:
        """Batches that have ended, oldest first for each terminal."""
        sessions = [session for session in self._sessions.values() if tid in (None, session.tid)]
        ended = [batch.settlement for session in sessions for batch in session.batches.values()]
        return [settlement for settlement in ended if settlement is not None]

    def net_fen(self, token: str) -> int:
        """What was taken for one presentation of a card."""
        return self.bank.ledger.net_fen(token)

    @property
    def orders(self) -> Orders:
        """Scan-to-pay orders."""
        return self.bank.orders

    def fall_due(self, at_us: int) -> bool:
        """Let happen what was due at the host by itself; whether anything was (see ``orders.OrderClock``)."""
        return self.bank.orders.fall_due(at_us, self._sessions)

    def image(self) -> HostImage:
        """A copy of everything the host remembers; the history is not part of it."""
        funds = self.bank.funds
        money = {} if funds is None else funds.merchants
        return HostImage(self._sessions, self.bank.ledger.state, self._knobs, self.bank.orders.state, money).copy()

    def restore(self, image: HostImage) -> None:
        """Go back to an image, which can be used again."""
        mine = image.copy()
        self._sessions, self.bank.ledger.state, self._knobs = mine.sessions, mine.ledger, mine.knobs
        self.bank.orders.state = mine.orders
        if self.bank.funds is not None:
            self.bank.funds.merchants = mine.money

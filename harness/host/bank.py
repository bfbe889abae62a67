"""The acquirer's rules about money, whatever dialect they arrive in: judge a request, book it, say the response code.

Models sale, void, refund, offline sale advice, pre-authorisation with its completion and voids (see ``holds``), and
reversal, with host capture. Does not model issuers: whether a card is good is one function, ``decide``. Response codes
are those of the domestic tables; where the tables leave a choice the choice is an assumption, marked [A]:

- A reversal of something unknown is answered 25 and remembered; the original, when it comes late, is declined 12 [A].
- A reversal of what is reversed already is answered 00; of what was declined 25; of what is settled or voided 12 [A].
- A request whose STAN was judged before in the same batch is answered 94 and changes nothing, but a refund sent again
  word for word is answered as the first time, as an advice may be repeated (``refund_repeat``) [A]. One that was answered
  with a code that decides nothing (91, 96, 98 ...) is judged when it comes again.
- A card may be good for a part of a sale: 10, with that part in the answer and in the ledger. Its reversal may name
  either amount [A]. The acquirer does not ask whether the terminal knows of such things [A].
- Limits of a merchant: 61 for an amount, 65 for a number of sales and pre-authorisations a day [A].
- A refund needs an approved or settled sale or completion of the same merchant and card; refunds together never exceed it (64).
- A void needs the whole amount of a sale (or completion) that stands in the terminal's current batch and has no refund.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from harness.core.units import US_PER_DAY
from harness.history.recorder import Recorder
from harness.host.batch import Batch, BatchBook
from harness.host.funds import Funds
from harness.host.holds import Holds, Rules
from harness.host.ledger import CHARGES, Entry, EntryKind, Ledger, same_card
from harness.host.orders import Order, Orders, Payer, pays_at_once
from harness.host.session import Session

Decide = Callable[[str, int, str], str]
"""token, amount_fen, pan -> response code."""

Part = Callable[[str, int], int]
"""token, amount_fen -> what the card is good for, of an amount that is approved."""

PARTLY = "10"
UNDETERMINED_CODES = frozenset({"68", "91", "92", "96", "98"})
"""Late, issuer or network unreachable, system fault, no issuer reply: the host itself does not know how it ends."""


def approve_all(_token: str, _amount_fen: int, _pan: str) -> str:
    """The default decision: every card is good for every amount."""
    return "00"


class Demand(msgspec.Struct, frozen=True):
    """A financial request as the dialect read it."""

    session: Session
    batch: Batch
    stan: str
    amount_fen: int
    token: str
    pan: str
    at_us: int
    chip: bool = False
    forced_code: str = ""
    """A response code that somebody makes the host give; the request is then booked as declined, but for an advice that
    the code leaves undecided."""


@dataclass(frozen=True, slots=True)
class Original:
    """How a void or refund names the transaction it is about; empty parts are not checked."""

    batch: str
    stan: str
    rrn: str


class Judgement(msgspec.Struct, frozen=True):
    """The response code, and the entry that was booked or found (None when there is none)."""

    code: str
    entry: Entry | None = None


class Bank:
    """Ledger, batches and the rules between them."""

    def __init__(
        self,
        recorder: Recorder,
        decide: Decide = approve_all,
        refund_repeat: Literal["00", "94"] = "00",
        rules: Rules = Rules(),  # noqa: B008 - frozen
        part: Part | None = None,
        payer: Payer = pays_at_once,
    ) -> None:
        self.ledger = Ledger(recorder)
        self.holds = Holds(self.ledger, rules)
        self.book = BatchBook(self.ledger, recorder)
        self.decide = decide
        self.part = part
        self.refund_repeat: Literal["00", "94"] = refund_repeat
        self.undetermined_codes = UNDETERMINED_CODES
        self.orders = Orders(self, recorder, payer)
        self.funds: Funds | None = None
        """The merchants' money after the sale, where that is looked at."""

    def sale(self, demand: Demand, *, offline: bool = False) -> Judgement:
        """A sale; an ``offline`` one was approved by the card at the terminal and is booked without being judged."""
        refusal = self._refusal(demand, "sale")
        if refusal:
            return refusal
        if offline and demand.forced_code:
            # An advice is about what has happened. It is sent until it is taken; booked as declined it never could be.
            return Judgement(demand.forced_code)
        if offline:
            return self._book(demand, "sale", "00", None, "offline")
        code = demand.forced_code or self.decided(demand)
        if code == "00" and self.part is not None:
            part_fen = self.part(demand.token, demand.amount_fen)
            if 0 < part_fen < demand.amount_fen:
                return self._book(demand, "sale", PARTLY, None, "approved in part", part_fen)
        return self._book(demand, "sale", code, None, "")

    def decided(self, demand: Demand) -> str:
        """The merchant's limits first, then the card."""
        rules = self.holds.rules
        if rules.amount_limit_fen is not None and demand.amount_fen > rules.amount_limit_fen:
            return "61"
        if rules.count_limit is not None and self._approved_today(demand) >= rules.count_limit:
            return "65"
        return self.decide(demand.token, demand.amount_fen, demand.pan)

    def _approved_today(self, demand: Demand) -> int:
        day, count = demand.at_us // US_PER_DAY, 0
        for entry in reversed(self.ledger.state.entries):
            if entry.since_us // US_PER_DAY < day:
                break
            if entry.tid == demand.session.tid and entry.kind in ("sale", "preauth"):
                count += entry.state not in ("DECLINED", "REVERSED")
        return count

    def void(self, demand: Demand, original: Original) -> Judgement:
        """Take back a whole sale of the current batch."""
        return self._void(demand, original, "void", "sale")

    def completion_void(self, demand: Demand, original: Original) -> Judgement:
        """Take back a whole completion of the current batch: its pre-authorisation is there again."""
        judgement = self._void(demand, original, "completion_void", "completion")
        completion = self._original(judgement.entry)
        hold = self._original(completion)
        if judgement.code == "00" and hold is not None:
            self.holds.give_back(hold, demand.at_us, f"completion void {demand.stan}")
        return judgement

    def _void(self, demand: Demand, original: Original, kind: EntryKind, of: EntryKind) -> Judgement:
        refusal = self._refusal(demand, kind)
        if refusal:
            return refusal
        sale = self.ledger.find(demand.session.tid, original.batch, original.stan)
        code = demand.forced_code or self._void_code(demand, original, sale, of)
        judgement = self._book(demand, kind, code, sale, "")
        if code == "00" and sale is not None:
            self.ledger.move(sale, "VOIDED", demand.at_us, f"void {demand.stan}")
        return judgement

    def preauth(self, demand: Demand) -> Judgement:
        """Hold an amount on a card; nothing is taken."""
        refusal = self._refusal(demand, "preauth")
        if refusal:
            return refusal
        return self._book(demand, "preauth", demand.forced_code or self.decided(demand), None, "")

    def preauth_void(self, demand: Demand, original: Original) -> Judgement:
        """Give up a hold, whole."""
        refusal = self._refusal(demand, "preauth_void")
        if refusal:
            return refusal
        hold = self._hold(demand, original)
        code = demand.forced_code or self.holds.void_code(hold, demand.amount_fen, demand.pan)
        judgement = self._book(demand, "preauth_void", code, hold, "")
        if code == "00" and hold is not None:
            self.ledger.move(hold, "VOIDED", demand.at_us, f"void {demand.stan}")
        return judgement

    def completion(self, demand: Demand, original: Original) -> Judgement:
        """Take what is finally due, once, from what was held."""
        refusal = self._refusal(demand, "completion")
        if refusal:
            return refusal
        hold = self._hold(demand, original)
        code = demand.forced_code or self.holds.completion_code(hold, demand.amount_fen, demand.pan)
        judgement = self._book(demand, "completion", code, hold, "")
        if code == "00" and hold is not None:
            self.holds.use(hold, demand.at_us, f"completion {demand.stan}")
        return judgement

    def _hold(self, demand: Demand, original: Original) -> Entry | None:
        hold = self._named(demand.session, original)
        if hold is not None:
            self.holds.lapse(hold, demand.at_us)
        return hold

    def _original(self, entry: Entry | None) -> Entry | None:
        return None if entry is None or entry.original is None else self.ledger.entry(entry.original)

    def refund(self, demand: Demand, original: Original) -> Judgement:
        """Give back all or part of a sale, which may be settled and from another terminal of the merchant."""
        before = self.ledger.find(demand.session.tid, demand.batch.number, demand.stan)
        if before is not None and self.refund_repeat == "00" and _is_repeat(before, demand):
            return Judgement(before.response_code, before)
        refusal = self._refusal(demand, "refund")
        if refusal:
            return refusal
        if demand.forced_code in self.undetermined_codes:
            # A refund is an advice: nobody reverses it, it is sent until it is answered. Kept as declined, an answer that
            # decides nothing would be given to every repeat, and no batch with such a refund could ever be settled.
            return Judgement(demand.forced_code)
        sale = self._named(demand.session, original)
        code = demand.forced_code or self._refund_code(demand, sale)
        judgement = self._book(demand, "refund", code, sale, "")
        if code == "00" and sale is not None:
            sale.refunded_fen += demand.amount_fen
            if sale.state == "SETTLED" and sale.refunded_fen == sale.amount_fen:
                self.ledger.move(sale, "REFUNDED", demand.at_us, f"refund {demand.stan}")
        return judgement

    def reverse(self, demand: Demand, reason: str, *, remember: bool = True) -> Judgement:
        """Undo a request of which the terminal cannot tell how it ended. ``stan`` and ``batch`` are the original's."""
        entry = self.ledger.find(demand.session.tid, demand.batch.number, demand.stan)
        if entry is None:
            if remember:
                demand.batch.early_reversals.setdefault(demand.stan, demand.at_us)
            return Judgement("25")
        if entry.state == "REVERSED":
            return Judgement("00", entry)
        if entry.state == "DECLINED":
            return Judgement("25", entry)
        if demand.amount_fen not in (entry.amount_fen, entry.asked_fen or entry.amount_fen):
            return Judgement("64", entry)
        if entry.state != "APPROVED" or entry.kind == "refund" or entry.refunded_fen:
            return Judgement("12", entry)
        if entry.kind in ("void", "preauth_void", "completion_void"):
            return self._reverse_void(demand, entry, reason)
        self.ledger.move(entry, "REVERSED", demand.at_us, f"reversal {reason}")
        hold = self._original(entry)
        if entry.kind == "completion" and hold is not None:
            self.holds.give_back(hold, demand.at_us, f"completion {entry.stan} reversed")
        return Judgement("00", entry)

    def undo_by_hand(self, session: Session, batch: str, stan: str, at_us: int) -> bool:
        """What a reversal would do, done by somebody at the acquirer. False when there is nothing left to undo."""
        held = session.batches.get(batch)
        if held is None or held.phase == "closed":
            return False
        entry = self.ledger.find(session.tid, batch, stan)
        amount_fen = 0 if entry is None else entry.amount_fen
        judgement = self.reverse(Demand(session, held, stan, amount_fen, "", "", at_us), "by hand")
        return judgement.code in ("00", "25")

    def _reverse_void(self, demand: Demand, void: Entry, reason: str) -> Judgement:
        original = self._original(void)
        if original is None or (demand.batch.phase == "closed" and void.kind != "preauth_void"):
            return Judgement("12", void)  # what it undid can no longer be put back into a settlement
        hold = self._original(original) if void.kind == "completion_void" else None
        if hold is not None and not self.holds.can_be_used_again(hold):
            return Judgement("12", void)
        self.ledger.move(void, "REVERSED", demand.at_us, f"reversal {reason}")
        self.ledger.move(original, "APPROVED", demand.at_us, f"void {void.stan} reversed")
        if hold is not None:
            self.holds.use(hold, demand.at_us, f"void {void.stan} of its completion reversed")
        return Judgement("00", void)

    def _refusal(self, demand: Demand, kind: EntryKind) -> Judgement | None:
        """Why a request is not even judged: its STAN was, or its reversal came first, or it is about nothing."""
        if self.ledger.find(demand.session.tid, demand.batch.number, demand.stan) is not None:
            return Judgement("94")
        if demand.stan in demand.batch.early_reversals:
            return self._book(demand, kind, "12", None, "its reversal came first")
        if demand.amount_fen <= 0:
            return Judgement("13")
        return None

    def _void_code(self, demand: Demand, original: Original, sale: Entry | None, kind: EntryKind) -> str:
        if sale is None or sale.state in ("REVERSED", "DECLINED") or original.rrn not in ("", sale.rrn):
            return "25"
        if sale.kind != kind or sale.state != "APPROVED" or sale.refunded_fen:
            return "12"
        if sale.batch != demand.batch.number:
            return "12"
        return "00" if sale.amount_fen == demand.amount_fen else "64"

    def _refund_code(self, demand: Demand, sale: Entry | None) -> str:
        if sale is None or sale.kind not in CHARGES or sale.state not in ("APPROVED", "SETTLED", "REFUNDED"):
            return "25"
        if demand.pan and not same_card(sale.pan, demand.pan):
            return "14"
        return "00" if sale.refunded_fen + demand.amount_fen <= sale.amount_fen else "64"

    def _named(self, session: Session, original: Original) -> Entry | None:
        """What a refund, completion or void names, of any terminal of the merchant."""
        sale = self.ledger.find_rrn(original.rrn) if original.rrn else None
        if sale is None and not original.rrn:
            sale = self.ledger.find(session.tid, original.batch, original.stan)
        if sale is None or sale.mid != session.mid:
            return None
        named = (original.batch, original.stan)
        return sale if named in (("", ""), (sale.batch, sale.stan)) else None

    def leaves_open(self, code: str) -> bool:
        """Whether an answer with this code decides nothing."""
        return code in UNDETERMINED_CODES

    def book_order(self, order: Order, session: Session, code: str, at_us: int) -> Entry:
        """The sale that an order came to, approved or declined, under the trace number that created it."""
        batch = session.batches[order.batch]
        demand = Demand(session, batch, order.stan, order.amount_fen, order.token, "", at_us)
        entry = self._book(demand, "sale", code, None, f"order {order.number}").entry
        assert entry is not None
        return entry

    def _book(
        self, demand: Demand, kind: EntryKind, code: str, original: Entry | None, reason: str, part_fen: int = 0
    ) -> Judgement:
        rrn = self.ledger.next_rrn()
        entry = Entry(
            number=-1,
            device=demand.session.device,
            tid=demand.session.tid,
            mid=demand.session.mid,
            batch=demand.batch.number,
            stan=demand.stan,
            kind=kind,
            amount_fen=part_fen or demand.amount_fen,
            token=demand.token,
            pan=demand.pan or (original.pan if original else ""),
            rrn=rrn,
            auth_code=rrn[-6:],
            response_code=code,
            state="APPROVED" if code == "00" or part_fen else "DECLINED",
            original=None if original is None else original.number,
            asked_fen=demand.amount_fen if part_fen else 0,
            chip=demand.chip,
        )
        self.ledger.add(entry, demand.at_us, reason)
        demand.batch.entries.append(entry.number)
        return Judgement(code, entry)


def _is_repeat(before: Entry, demand: Demand) -> bool:
    return before.kind == "refund" and before.amount_fen == demand.amount_fen and before.pan == demand.pan

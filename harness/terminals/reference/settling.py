"""Settlement as a machine whose steps are journal records: whatever interrupts it, the next try goes on where it stopped.

Steps: nothing in doubt -> totals recorded -> 0500 answered -> (not balanced) every record uploaded, eight a message, each
acknowledgement recorded -> end packet acknowledged -> one base record clears the log, advances the batch and owes the slip
-> slip printed. The log is cleared on the host's word alone: balanced, or upload and end packet acknowledged. Code 3 (error)
is neither: the request is sent again later. Unanswered uploads are sent again after the round. The slip is owed by the new
batch, so neither empty paper nor a cut while printing can keep a batch open.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.contract import Action, DeviceError, Done, Failed, Outcome, Receipt, Refused, Screen
from harness.contract import Totals as ContractTotals
from harness.iso8583 import CodecError
from harness.iso8583.unionpay import Settlement48, UploadItem
from harness.terminals.reference.core import STORAGE_BROKEN
from harness.terminals.reference.doubts import SIGN_ON_CODES, DoubtResolver
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import DEBITS, STAN_MAX, BatchTotals, Kind, Settlement, join
from harness.terminals.reference.store import StorageFault, Store

UPLOAD_ROUNDS = 3
SPANS = 10_000_000
"""From here on numbers name parts of an upload; below, the chips' certificates."""
UPLOADED = DEBITS | {"refund"}
DELIVERED_CODES = frozenset({"00", "94"})
SETTLE_PENDING = "上次结算未完成,请先结算 SETTLE PENDING"


class SettlementStopped(Exception):
    """The settlement cannot go on now; the journal knows how far it came. ``args``: reason, text."""


class SettlingTerminal(DoubtResolver):
    """Runs settlements and prints their slips."""

    def store_opened(self) -> None:
        super().store_opened()
        self.print_slip()

    def work_due(self) -> bool:
        return super().work_due() or self.books.settlement is not None

    def work(self) -> bool:
        if not super().work():
            return False
        return self.books.settlement is None or self.run_settlement().kind == "done"

    def settle(self, action: Action) -> Outcome:
        """The operator settles."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        self.print_slip()
        self.device.display.show(Screen("processing", "结算中 SETTLING"))
        outcome = self.run_settlement()
        if outcome.kind != "done":
            self.device.display.show(Screen("settle_failed", outcome.text))
            self.hurry()
        return outcome

    def run_settlement(self) -> Outcome:
        """Start or resume; Done when the batch is closed and a new one is open."""
        store = self.store
        assert store is not None
        batch = self.books.batch
        try:
            self.require(self.resolve_doubt(), "reversal_pending", "冲正未完成 REVERSAL PENDING")
            self.require(self.ensure_session(), "not_signed_on", "签到失败 SIGN-ON FAILED")
            self.require(self.drain(), "offline_unsent", "脱机交易未上送 OFFLINE SALES NOT SENT")
            settlement = self.books.settlement or self.start_settlement(store)
            if not settlement.answered:
                settlement = self.request_settlement(store, settlement)
            if not settlement.balanced:
                self.upload_batch(store)
            self.upload_certificates(store)
            self.end_upload(balanced=settlement.balanced)
            self.close_batch(store, settlement)
        except SettlementStopped as stop:
            reason, text = stop.args
            return Failed(reason, text)
        except StorageFault:
            return Failed("storage_error", STORAGE_BROKEN)
        text = "结算成功 SETTLED" if settlement.balanced else "结算不平,已上送 SETTLED, TOTALS DIFFERED"
        self.device.display.show(Screen("settled", text, batch=batch))
        self.print_slip()
        return Done(text)

    def require(self, condition: bool, reason: str, text: str) -> None:
        """Stop here for now unless ``condition``."""
        if not condition:
            raise SettlementStopped(reason, text)

    def drain(self) -> bool:
        """Tell the host of what it does not know yet; True when nothing is left."""
        return True

    def upload_certificates(self, store: Store) -> None:
        """Send what the chips of cards have signed, with a balanced batch too."""

    def start_settlement(self, store: Store) -> Settlement:
        """Fix the totals, from what is on the disk: from now on no sale until the batch is closed."""
        totals = store.verified_books().totals
        store.append(Kind.SETTLE_STARTED, join(self.take_stan(), *totals.texts()))
        return self._progress()

    def request_settlement(self, store: Store, settlement: Settlement) -> Settlement:
        """0500 with its recorded trace number; asking again after a lost answer gets the same answer."""
        request = self.messages.settlement(settlement.stan, self.books.batch, settlement.totals)
        verdict = self.verdict(self._accepted(self.ask(request)))
        self.require(bool(verdict), "host_error", "结算出错,请稍后再结 SETTLE ERROR, TRY AGAIN")
        store.append(Kind.SETTLE_ANSWERED, join(verdict))
        return self._progress()

    def verdict(self, answer: Answer) -> str:
        """``balanced``, ``unbalanced``, or nothing for an error: then the host has decided nothing."""
        try:
            sides = Settlement48.parse(answer.text(48))
        except CodecError:
            return ""
        codes = {sides.domestic_code, sides.foreign_code}
        if codes == {"1"}:
            return "balanced"
        return "unbalanced" if codes <= {"1", "2"} else ""

    def upload_batch(self, store: Store) -> None:
        """Send all records that the host has not acknowledged; round by round."""
        parts = self._parts()
        for _ in range(UPLOAD_ROUNDS):
            open_parts = [part for part in parts if part not in self._progress().uploaded]
            if not open_parts:
                return
            for part in open_parts:
                self.upload_part(store, part, parts[part])
        left = [part for part in parts if part not in self._progress().uploaded]
        self.require(not left, "upload", "批上送未完成 UPLOAD INCOMPLETE")

    def _parts(self) -> dict[int, list[int]]:
        """What is still to be sent, a message each, by the name under which it is noted once the host has it.

        A part is named by the trace numbers that it spans and not by its place: a record that went bad between two messages
        would move all places behind it, and one record would be in no part.
        """
        size, sent = self.messages.upload_size, [part for part in self._progress().uploaded if part >= SPANS]
        left = [(stan, offset) for stan, offset in self.books.active() if not any(_spans(part, stan) for part in sent)]
        chunks = [left[place : place + size] for place in range(0, len(left), size)]
        return {_span(chunk[0][0], chunk[-1][0]): [offset for _, offset in chunk] for chunk in chunks}

    def upload_part(self, store: Store, part: int, offsets: Sequence[int]) -> None:
        """One message of records; recorded once the host has it."""
        items = [item for offset in offsets if (item := self._upload_item(store, offset)) is not None]
        stan = self.take_stan()
        answer = self.ask(self.messages.upload(stan, self.books.batch, items)) if items else None
        if answer is None or answer.code in DELIVERED_CODES:
            store.append(Kind.SETTLE_UPLOADED, join(stan, str(part)))
        elif answer.code:
            self._accepted(answer)

    def _upload_item(self, store: Store, offset: int) -> UploadItem | None:
        transaction = store.read(offset)
        if transaction is None or transaction.kind not in UPLOADED or transaction.certificate:
            return None  # a chip sale goes with its certificate
        return UploadItem("00", transaction.stan, self.unseal(transaction), transaction.amount_fen)

    def end_upload(self, *, balanced: bool) -> None:
        """The end packet: the host closes the batch."""
        count = sum(1 for _ in self.books.active_offsets())
        self._accepted(self.ask(self.messages.upload_end(self.take_stan(), self.books.batch, count, balanced=balanced)))

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        """The host has closed the batch: so do we."""
        store.close_batch(settlement.balanced, settlement.totals)

    def print_slip(self) -> None:
        """Print the settlement slip that is owed, if any; without paper it stays owed."""
        store = self.store
        if store is None or (slip := store.books.slip) is None:
            return
        mark = "重打印/DUPLICATED\n" if slip.begun else ""
        verdict = "对账平 BALANCED" if slip.balanced else "对账不平 NOT BALANCED"
        try:
            if not self.device.printer.has_paper():
                return
            store.mark_slip_begun()
            self.device.printer.print(
                Receipt(
                    "settlement",
                    f"{mark}结算单 SETTLEMENT 批次号:{slip.batch} {verdict}\n{_lines(slip.totals)}",
                    batch=slip.batch,
                    duplicate=slip.begun,
                    totals=contract_totals(slip.totals),
                )
            )
            store.mark_slip_printed()
        except (DeviceError, StorageFault):
            return

    def _progress(self) -> Settlement:
        settlement = self.books.settlement
        assert settlement is not None
        return settlement

    def _accepted(self, answer: Answer) -> Answer:
        if answer.code in SIGN_ON_CODES:
            self.must_sign_on = True
        self.require(bool(answer.code), "no_answer", "结算通讯失败 NO ANSWER")
        self.require(answer.code == "00", f"host_{answer.code}", f"结算失败 SETTLE FAILED {answer.code}")
        return answer


def _span(first: int, last: int) -> int:
    """The name of a part of the upload, from its first trace number to its last."""
    return SPANS + (last - first) % STAN_MAX * (STAN_MAX + 1) + first


def _spans(part: int, stan: int) -> bool:
    """Whether the part so named holds this trace number, or held it."""
    length, first = divmod(part - SPANS, STAN_MAX + 1)
    return (stan - first) % STAN_MAX <= length


def contract_totals(totals: BatchTotals) -> ContractTotals:
    """As a receipt carries them."""
    return ContractTotals(totals.debit_count, totals.debit_fen, totals.credit_count, totals.credit_fen)


def _lines(totals: BatchTotals) -> str:
    debit = f"消费 SALE {totals.debit_count}笔 {totals.debit_fen / 100:.2f}"
    return f"{debit}\n退货 REFUND {totals.credit_count}笔 {totals.credit_fen / 100:.2f}"

"""The reference terminal: a UnionPay terminal with host capture that keeps every rule of the domain (R1-R14).

What it models: sign-on, sale (by chip: see ``chip``; offline: see ``offline``), void, refund, pre-authorisation (see
``holds``), scan-to-pay (see ``orders``), reversal, settlement with batch upload, reprint, recovery. Source: rules R1-R14
of UnionPay practice as public terminal code shows them; storage practice as SQLite, LevelDB and the ALICE study (OSDI'14)
teach it.

One sale, in the order that matters: room is made sure of; nothing is in doubt; the card is read; the line is up; the request
record (trace number and reversal in one) is durable; the request is sent; the approval record (log entry and end of the
reversal in one) is durable; the customer is told. Whatever fails in between leaves the reversal, and no money moves.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from harness.contract import (
    Action,
    ActionRequested,
    Approved,
    CableChanged,
    CardData,
    CardReadError,
    CardTimeout,
    Declined,
    DeviceError,
    Done,
    Event,
    Failed,
    Inspection,
    Manifest,
    Outcome,
    PaperChanged,
    Receipt,
    Refused,
    Screen,
    Unknown,
)
from harness.iso8583 import CodecError, Message, mask_pan
from harness.terminals.reference.chip import ChipTerminal
from harness.terminals.reference.core import STORAGE_BROKEN, STORAGE_FULL
from harness.terminals.reference.doubts import DEFINITIVE_CODES, SIGN_ON_CODES
from harness.terminals.reference.inspection import inspect_image
from harness.terminals.reference.journal import FILE_SIZE_BYTES
from harness.terminals.reference.link import PARTLY, Answer, Connection
from harness.terminals.reference.offline import NO_CONNECTION
from harness.terminals.reference.orders import OrderingTerminal
from harness.terminals.reference.records import VOIDS, Kind, Transaction
from harness.terminals.reference.service import ServiceMenu
from harness.terminals.reference.session import HOST_CLOSED, SessionTerminal
from harness.terminals.reference.settling import SETTLE_PENDING
from harness.terminals.reference.store import StorageFault, Store
from harness.terminals.reference.texts import SLIPS, TITLES, in_doubt
from harness.terminals.reference.updating import UpdatableTerminal

CARD_TIMEOUT_S = 60.0
STAN_JUMP = 50
ALREADY_VOIDED = "原交易已撤销 ALREADY VOIDED"
_DATED = frozenset({"refund", "completion", "preauth_void"})
"""What may be about another batch and gives the original's date with its number."""

_ACTIONS = frozenset(
    {
        "sale", "void", "refund", "preauth", "preauth_void", "completion", "completion_void", "scan_sale", "scan_refund",
        "settle", "sign_on", "sign_off", "reprint", "clear_cache", "reboot", "update", "totals", "account", "payout",
        "clear_reversal", "trace_number",
    }
)  # fmt: skip


class ReferenceTerminal(ServiceMenu, UpdatableTerminal, SessionTerminal, OrderingTerminal, ChipTerminal):
    """See the module's first lines."""

    manifest = Manifest(
        name="reference",
        version="2",
        previous="harness.terminals.reference_v1:ReferenceV1",
        reversal="background",
        actions=_ACTIONS,
        max_transactions=500,
        full_below_bytes=65_536,
        damage_scope="record",
        offline_floor_fen=10_000,
        transaction_p95_s=20.0,
        data_bytes_min=FILE_SIZE_BYTES,
        reply_timeout_s=30.0,
    )

    def store_opened(self) -> None:
        super().store_opened()
        self.surface_unseen()

    def run(self) -> None:
        """The event loop: like the contract's, but it waits for background work only while there is some."""
        self.boot()
        while True:
            event = self.device.next_event(self.wait_s())
            if event is None:
                self.idle()
            elif isinstance(event, ActionRequested):
                self._perform(event.action)
            else:
                self.other_event(event)

    def other_event(self, event: Event) -> None:
        """Paper or the line came back: do what waited for it."""
        if isinstance(event, PaperChanged) and event.loaded:
            self.print_slip()
        elif isinstance(event, CableChanged) and event.connected:
            self.hurry()

    # ------------------------------------------------------------ actions

    def sale(self, action: Action) -> Outcome:
        """A card sale."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        card = self.read_card()
        if isinstance(card, Outcome):
            return card
        if card.chip:
            return self.sell_by_chip(action, card)
        return self.conduct(self.compose("sale", action, card.pan, card), card, card.pan)

    def void(self, action: Action) -> Outcome:
        """Take back a sale of this batch, whole and once."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        original = self.find(action.original_stan)
        if original is None or original.kind != "sale" or action.original_batch not in ("", original.batch):
            return Refused("original_not_found", "原交易不存在 ORIGINAL NOT FOUND")
        refusal = self.void_refusal(original)
        if refusal is not None:
            return refusal
        pan = self.unseal(original)
        transaction = self.compose("void", action, pan, None, original)
        return self.conduct(transaction, None, pan)

    def refund(self, action: Action) -> Outcome:
        """Give money back for a sale that may have been settled."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        original = self.find(action.original_stan) if action.original_batch in ("", self.books.batch) else None
        if original is not None:
            refusal = self.refund_refusal(original, action.amount_fen)
            if refusal is not None:
                return refusal
            pan, card = self.unseal(original), None
        else:
            read = self.read_card()
            if isinstance(read, Outcome):
                return read
            pan, card = read.pan, read
        return self.conduct(self.compose("refund", action, pan, card, original), card, pan)

    def reprint(self, action: Action) -> Outcome:
        """The stored record once more, marked as a duplicate; nothing is sent."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        offset = self.books.offset_of(action.original_stan) if action.original_stan else self.books.last_offset
        transaction = self.store.read(offset) if self.store is not None and offset is not None else None
        if transaction is None:
            return Failed("not_found", "无此交易 NO SUCH TRANSACTION")
        return (
            Done("重打印 REPRINTED")
            if self.print_receipt(transaction, duplicate=True)
            else Failed("paper_out", "缺纸 NO PAPER")
        )

    def totals(self, action: Action) -> Outcome:
        """The open batch's totals, on the screen."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        totals = self.books.totals
        return Done(
            f"消费{totals.debit_count}笔{totals.debit_fen / 100:.2f} 退货{totals.credit_count}笔{totals.credit_fen / 100:.2f}"
        )

    # ------------------------------------------------------------ before the request

    def admission(self, action: Action) -> Outcome | None:
        """Why this request must not be tried, or None. All that can be known before money moves is asked here."""
        if not self.open_store() or self.store is None:
            return Refused("storage_error", STORAGE_BROKEN)
        # A void takes its amount from what it undoes.
        if action.kind not in VOIDS and not 0 < action.amount_fen < 10**12:
            return Refused("amount", "金额错误 WRONG AMOUNT")
        if self.books.settlement is not None:
            return Refused("settle_pending", SETTLE_PENDING)
        try:
            is_full = self.is_full(self.store)
        except StorageFault:
            return Refused("storage_error", STORAGE_BROKEN)
        if is_full:
            self.device.probe("reference.storage_full")
            self.device.display.show(Screen("storage_full", STORAGE_FULL))
            return Refused("storage_full", STORAGE_FULL)
        if self.is_host_closed():
            return Refused("host_closed", HOST_CLOSED)
        if not self.resolve_doubt():
            return Refused("reversal_pending", "冲正未完成,不能交易 REVERSAL PENDING")
        if not self.ensure_session():
            return Refused("not_signed_on", "签到失败 SIGN-ON FAILED")
        return None

    def is_full(self, store: Store) -> bool:
        """Whether the batch may not grow, or its records could not be kept."""
        return self.books.count >= (self.manifest.max_transactions or 0) or not store.has_room()

    def void_refusal(self, original: Transaction) -> Outcome | None:
        """Why this sale of the open batch cannot be voided, or None."""
        if self.books.is_voided(original.stan):
            return Refused("already_voided", ALREADY_VOIDED)
        if self.books.refunded_fen(original.stan):
            return Refused("already_refunded", "原交易已退货 ALREADY REFUNDED")
        return None if self.host_knows(original) else NO_CONNECTION

    def refund_refusal(self, original: Transaction, amount_fen: int) -> Outcome | None:
        """Why so much of this sale of the open batch cannot be given back, or None. Of settled sales only the host knows."""
        if self.books.is_voided(original.stan):
            return Refused("already_voided", ALREADY_VOIDED)
        if amount_fen + self.books.refunded_fen(original.stan) > original.amount_fen:
            return Refused("over_the_sale", "退货金额超限 MORE THAN THE SALE")
        return None if self.host_knows(original) else NO_CONNECTION

    def read_card(self) -> CardData | Outcome:
        """Ask for a card."""
        self.device.display.show(Screen("prompt", "请刷卡 PRESENT CARD"))
        try:
            return self.device.card.read(CARD_TIMEOUT_S)
        except CardTimeout:
            return Refused("card_timeout", "刷卡超时 NO CARD")
        except CardReadError:
            return Refused("card_unreadable", "读卡失败 CARD UNREADABLE")

    def find(self, stan: str) -> Transaction | None:
        """The logged transaction with this trace number."""
        offset = self.books.offset_of(stan)
        return self.store.read(offset) if self.store is not None and offset is not None else None

    def compose(
        self, kind: str, action: Action, pan: str, card: CardData | None, original: Transaction | None = None
    ) -> Transaction:
        """The transaction to be sent, with a fresh trace number and the card number sealed."""
        now = time.localtime()
        try:
            sealed = self.device.pin_pad.encrypt(pan.encode()).hex() if pan else ""
        except DeviceError:
            sealed = ""
        return Transaction(
            kind=kind,
            batch=self.books.batch,
            stan=self.take_stan(),
            amount_fen=action.amount_fen if kind not in VOIDS or original is None else original.amount_fen,
            date=f"{now.tm_mon:02d}{now.tm_mday:02d}",
            time=f"{now.tm_hour:02d}{now.tm_min:02d}{now.tm_sec:02d}",
            card=mask_pan(pan),
            sealed_pan=sealed,
            entry_mode=card.entry_mode if card is not None else "012",
            sequence_number=card.sequence_number if card is not None else "",
            original_batch=original.batch if original is not None else action.original_batch,
            original_stan=original.stan if original is not None else action.original_stan,
            original_rrn=original.rrn if original is not None else action.original_rrn,
            original_date="" if kind not in _DATED else original.date if original is not None else action.original_date,
        )

    # ------------------------------------------------------------ the request and what becomes of it

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        """Send the transaction once, with its reversal durable before the first byte."""
        self.device.display.show(Screen("processing", "处理中 PROCESSING"))
        try:
            request = self.messages.financial(transaction, card, pan)
            frame = self.messages.frame(request)
        except (DeviceError, CodecError):
            return Refused("not_sendable", "不能发送 CANNOT SEND")
        connection = self.open_line()
        if connection is None:
            return NO_CONNECTION
        return self.converse(connection, transaction, frame, request)

    def converse(self, connection: Connection, transaction: Transaction, frame: bytes, request: Message) -> Outcome:
        with connection:
            try:
                self.write_ahead(transaction)
            except StorageFault:
                return Refused("storage_error", STORAGE_BROKEN)
            answer = connection.exchange(frame, request, self.manifest.reply_timeout_s)
        return self.conclude(transaction, answer)

    def write_ahead(self, transaction: Transaction) -> None:
        """From now on this request is reversed (or, a refund, repeated) unless something better is known."""
        assert self.store is not None
        self.store.append(Kind.REQUEST, transaction.pack())

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        """What the answer means; an answer that settles nothing leaves the transaction in doubt."""
        self.heed(answer)
        if answer.status == "no_answer":
            return self.in_doubt(transaction, "98")
        if answer.status == "bad_mac":
            return self.in_doubt(transaction, "A0")
        if answer.code == "00":
            return self.approve(transaction, answer)
        if answer.code == PARTLY and transaction.kind == "sale" and 0 < answer.amount_fen < transaction.amount_fen:
            self.device.probe("reference.approved_in_part")
            return self.approve(replace(transaction, amount_fen=answer.amount_fen), answer)
        if answer.code == "94":
            return self.duplicate_stan(transaction)
        if answer.code in DEFINITIVE_CODES:
            return self.decline(transaction, answer.code)
        return self.in_doubt(transaction, "06")

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        """Log first, then tell. If the log cannot be written, the money goes back."""
        assert self.store is not None
        logged = transaction.answered(answer.text(37), answer.text(38), answer.text(13), answer.text(12))
        if logged.certificate:
            agreed = self.last_word(logged)
            if isinstance(agreed, Outcome):
                return agreed
            logged = agreed
        try:
            self.store.append(Kind.APPROVED, logged.pack())
        except StorageFault:
            self.device.probe("reference.approval_not_written")
            return self.in_doubt(transaction, "96")
        self.surface(logged)
        return Approved(logged.stan, logged.batch, logged.rrn)

    def decline(self, transaction: Transaction, code: str) -> Outcome:
        """The host did nothing and will do nothing."""
        assert self.store is not None
        self.store.clear(transaction.stan, code)
        if code in SIGN_ON_CODES:
            self.must_sign_on = True
        return Declined(f"host_{code}", f"交易拒绝 DECLINED {code}", transaction.stan)

    def duplicate_stan(self, transaction: Transaction) -> Outcome:
        """94: either our own request arrived twice, or this number was used by an earlier life of this terminal.

        While the trace numbers are known to be fresh it can only be the former, and the first copy may have been approved.
        Otherwise a reversal would undo the earlier life's transaction: then this request is simply over.
        """
        assert self.store is not None
        if self.books.stan_is_trusted and not self.store.is_damaged:
            return self.in_doubt(transaction, "06")
        self.store.clear(transaction.stan, "94")
        self.store.skip_stans(STAN_JUMP)
        return Declined("host_94", "流水号重复,请重试 DUPLICATE TRACE NUMBER", transaction.stan)

    def in_doubt(self, transaction: Transaction, reason: str) -> Outcome:
        """Nobody here knows whether money moved: the record that was written ahead will make sure that it did not."""
        assert self.store is not None
        if reason != "98":
            self.store.note_reason(transaction.stan, reason)
        self.device.probe("reference.in_doubt")
        self.hurry()
        return Unknown("in_doubt", in_doubt(transaction.kind), transaction.stan)

    # ------------------------------------------------------------ telling people

    def surface(self, transaction: Transaction) -> None:
        """Tell the customer: screen, then slip. Only ever called with the record durable."""
        assert self.store is not None
        self.device.display.show(
            Screen(
                "approved",
                f"{TITLES[transaction.kind]} 交易成功 APPROVED {transaction.amount_fen / 100:.2f}",
                transaction.amount_fen,
                transaction.stan,
                transaction.batch,
                transaction.rrn or None,
            )
        )
        self.store.witness.note_shown(int(transaction.batch), int(transaction.stan))
        self.print_receipt(transaction, duplicate=False)

    def surface_unseen(self) -> None:
        """Power went between the log and the screen: the customer still waits to hear that he has paid."""
        offset = self.books.last_offset
        if self.store is None or offset is None or self.store.last_kind != Kind.APPROVED:
            return
        transaction = self.store.read(offset)
        if transaction is not None and not self.store.witness.was_shown(int(transaction.batch), int(transaction.stan)):
            self.device.probe("reference.unseen_approval_surfaced")
            self.surface(transaction)

    def print_receipt(self, transaction: Transaction, *, duplicate: bool) -> bool:
        """The slip; False without paper, and then a reprint can be asked for later."""
        mark = "重打印/DUPLICATED\n" if duplicate else ""
        text = (
            f"{mark}{TITLES[transaction.kind]} {transaction.amount_fen / 100:.2f}\n卡号 {transaction.card}\n"
            f"批次 {transaction.batch} 凭证 {transaction.stan} 参考 {transaction.rrn}\n{transaction.date} {transaction.time}"
        )
        try:
            self.device.printer.print(
                Receipt(
                    SLIPS[transaction.kind],
                    text,
                    transaction.amount_fen,
                    transaction.stan,
                    transaction.batch,
                    transaction.rrn or None,
                    duplicate,
                )
            )
        except DeviceError:
            return False
        return True

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        """The open batch as the files tell it."""
        journal = cls.store_class.journal_class
        return inspect_image(image, (journal.format, *journal.older))

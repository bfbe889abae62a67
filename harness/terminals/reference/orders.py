"""Scan-to-pay at the terminal: a customer's payment code is charged by an order that always ends paid and logged, or revoked.

Models: the order's record (its number in it) durable before the first byte is sent; queries every 3.5 seconds while the customer
confirms on the phone or the answer is missing; revocation of what is not known to be paid after 45 seconds, and of what a power
cut or crash left open, before anything else moves money. Success is shown when the host says SUCCESS and the log has it.
Does not model: codes that the terminal shows, payment without a line. Source: domain notes 1.3.

A paid order is logged, counted and settled as a sale by card is, as UnionPay terminals do [A]; it is given back by refund only.
An open order is the request in doubt of this terminal: the same record, the same place in the books, resolved at the same
occasions as a reversal. It differs in how: it is revoked by its number, which gives back what was paid in the meantime.
"""

from __future__ import annotations

import time

from harness.contract import (
    Action,
    CardReadError,
    CardTimeout,
    Declined,
    DeviceError,
    Outcome,
    Refused,
    Screen,
    Unknown,
)
from harness.iso8583 import CodecError, Message
from harness.terminals.reference.core import STORAGE_BROKEN
from harness.terminals.reference.doubts import DEFINITIVE_CODES, REVERSED_CODES, SIGN_ON_CODES
from harness.terminals.reference.holds import HoldingTerminal
from harness.terminals.reference.link import NO_ANSWER, Answer
from harness.terminals.reference.records import SCAN_SALE, Transaction
from harness.terminals.reference.store import StorageFault

CODE_TIMEOUT_S = 60.0
QUERY_EVERY_S = 3.5
GIVES_UP_AFTER_S = 45.0
FIRST_ANSWER_S = 10.0
"""How long to wait for the answer to the order itself: asking is better than waiting."""
PAYING = "09"
"""The customer has not confirmed yet; of a revocation: too early."""
_UNKNOWN = "25"
_TRY_AGAIN = Refused("order_lost", "未支付,请重试 NOT PAID, TRY AGAIN")
_ENDED = DEFINITIVE_CODES - SIGN_ON_CODES - {"94"}
"""94: the order has reached the host before, twice on its way perhaps; how it stands is still to be asked."""


class OrderingTerminal(HoldingTerminal):
    """The actions about orders, and what becomes of one in doubt."""

    def scan_sale(self, action: Action) -> Outcome:
        """Charge a customer's payment code."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        code = self.read_code()
        return (
            code if isinstance(code, Outcome) else self.conduct_order(self.compose(SCAN_SALE, action, "", None), code)
        )

    def scan_refund(self, action: Action) -> Outcome:
        """Give money back to whoever paid by code: nobody has to show anything."""
        refusal = self.admission(action)
        if refusal is not None:
            return refusal
        original = self.find(action.original_stan) if action.original_batch in ("", self.books.batch) else None
        if original is not None:
            refusal = self.refund_refusal(original, action.amount_fen)
            if refusal is not None:
                return refusal
        return self.conduct(self.compose("refund", action, "", None, original), None, "")

    def read_code(self) -> str | Outcome:
        """Ask for a payment code."""
        self.device.display.show(Screen("prompt", "请出示付款码 PRESENT PAYMENT CODE"))
        try:
            code = self.device.card.read(CODE_TIMEOUT_S).code
        except CardTimeout:
            return Refused("code_timeout", "扫码超时 NO CODE")
        except CardReadError:
            return Refused("code_unreadable", "扫码失败 CODE UNREADABLE")
        return code or Refused("no_code", "不是付款码 NO PAYMENT CODE")

    # ------------------------------------------------------------ one order

    def conduct_order(self, order: Transaction, code: str) -> Outcome:
        """Send the order once, with its record durable before the first byte, and stay with it until it has ended."""
        self.device.display.show(Screen("processing", "处理中 PROCESSING"))
        try:
            request = self.messages.order(order, self.order_number(order), code)
            frame = self.messages.frame(request)
        except (DeviceError, CodecError):
            return Refused("not_sendable", "不能发送 CANNOT SEND")
        connection = self.open_line()
        if connection is None:
            return Refused("no_connection", "通讯失败 NO CONNECTION")
        with connection:
            try:
                self.write_ahead(order)
            except StorageFault:
                return Refused("storage_error", STORAGE_BROKEN)
            sent_s = time.monotonic()
            answer = connection.exchange(frame, request, FIRST_ANSWER_S)
        return self.follow(order, answer, sent_s)

    def follow(self, order: Transaction, answer: Answer, sent_s: float) -> Outcome:
        """Ask until the order has ended; what has not ended in time is revoked."""
        assert self.store is not None
        while True:
            if answer.code == "00":
                return self.approve(order, answer)
            if answer.code in SIGN_ON_CODES:
                self.must_sign_on = True
            elif answer.code in _ENDED:
                return self.order_ended(order, answer.code)
            if time.monotonic() - sent_s >= GIVES_UP_AFTER_S:
                return self.give_up(order)
            self.device.display.show(Screen("processing", "等待顾客支付 WAITING FOR PAYMENT"))
            time.sleep(QUERY_EVERY_S)
            answer = self.query(order)

    def order_number(self, order: Transaction) -> str:
        """Told by the order's record alone, and never the same again, even where trace numbers begin anew."""
        return f"{order.date}{order.time}{order.batch}{order.stan}"

    def query(self, order: Transaction) -> Answer:
        """How the order stands at the host."""
        if not self.ensure_session():
            return NO_ANSWER
        return self.ask(self.messages.order_query(order, self.order_number(order), self.take_stan()))

    def order_ended(self, order: Transaction, code: str) -> Outcome:
        """Declined, closed or revoked: nothing is taken. One that has not arrived may still do so."""
        assert self.store is not None
        if code == _UNKNOWN:
            given_up = self.give_up(order)
            return _TRY_AGAIN if given_up.kind == "declined" else given_up
        self.store.clear(order.stan, code)
        return Declined(f"host_{code}", f"未支付 NOT PAID {code}", order.stan)

    def give_up(self, order: Transaction) -> Outcome:
        """Nobody here knows whether it was paid: make sure that it was not."""
        self.device.probe("reference.order_in_doubt")
        if self.resolve_doubt():
            return Declined("order_revoked", "未支付,订单已撤销 NOT PAID, ORDER REVOKED", order.stan)
        self.hurry()
        return Unknown("in_doubt", "支付结果未知,将自动撤销 NOT KNOWN, WILL BE REVOKED", order.stan)

    # ------------------------------------------------------------ an order in doubt

    def request_about(self, pending: Transaction) -> Message:
        if pending.kind == SCAN_SALE:
            return self.messages.order_revocation(pending, self.order_number(pending), self.take_stan())
        return super().request_about(pending)

    def repeat_answered(self, pending: Transaction, answer: Answer) -> None:
        """Revoked, or nothing there to revoke: the doubt is over."""
        if pending.kind != SCAN_SALE:
            super().repeat_answered(pending, answer)
            return
        assert self.store is not None
        if answer.code in REVERSED_CODES:
            self.device.probe("reference.order_revoked")
            self.store.clear(pending.stan, f"revoked {answer.code}")
        elif answer.code == PAYING:
            time.sleep(QUERY_EVERY_S)

    # ------------------------------------------------------------ what every transaction goes through

    def write_ahead(self, transaction: Transaction) -> None:
        """From now on this request is undone unless something better is known."""
        raise NotImplementedError

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        """Log first, then tell."""
        raise NotImplementedError

    def refund_refusal(self, original: Transaction, amount_fen: int) -> Outcome | None:
        """Why so much cannot be given back, or None."""
        raise NotImplementedError

"""The session with the acquirer beyond its keys: the closure that it announces is waited for, and signing off.

An announced maintenance window is honoured: customers are told before they show a card, settlement and background work wait
until it is over. How long that is follows from the acquirer's own time, so a wrong clock does no harm; every ten minutes a
sign-on asks whether it is still so, as windows end early.
Does not model: settling before the window on its own. Source: the field articles on late funds (提前通知, 等待).
"""

from __future__ import annotations

import time

from harness.contract import Action, Done, Failed, Outcome, Refused
from harness.iso8583 import Message
from harness.iso8583.closure import Closure63
from harness.terminals.reference.core import BACKOFF_MAX_S, STORAGE_BROKEN
from harness.terminals.reference.link import Answer
from harness.terminals.reference.payouts import PayoutTerminal

_ASK_AGAIN_S = 600.0
HOST_CLOSED = "系统维护中,请稍后再试 HOST CLOSED FOR MAINTENANCE"


class SessionTerminal(PayoutTerminal):
    """Heeds what the acquirer announces."""

    def boot(self) -> None:
        self.closed_from_s = self.closed_until_s = self.asked_s = 0.0
        super().boot()

    def ask(self, request: Message) -> Answer:
        answer = super().ask(request)
        self.heed(answer)
        return answer

    def heed(self, answer: Answer) -> None:
        """Take note of an announcement; an answer without one says that there is none."""
        if not answer.code:
            return
        closure = Closure63.parse(answer.text(63))
        begins_s, ends_s = (0, 0) if closure is None else closure.ahead_s(answer.text(12))
        self.asked_s = time.monotonic()
        self.closed_from_s, self.closed_until_s = self.asked_s + begins_s, self.asked_s + ends_s

    def closed_left_s(self) -> float:
        """For how long the acquirer is closed from now on; 0 when it is open."""
        now_s = time.monotonic()
        return max(0.0, self.closed_until_s - now_s) if now_s >= self.closed_from_s else 0.0

    def is_host_closed(self) -> bool:
        """Whether it has said so and, asked now and then, still does."""
        if self.closed_left_s() and time.monotonic() - self.asked_s > _ASK_AGAIN_S:
            self.sign_on_to_host()
        if not self.closed_left_s():
            return False
        self.device.probe("reference.closure_honoured")
        return True

    def settle(self, action: Action) -> Outcome:
        return Failed("host_closed", HOST_CLOSED) if self.is_host_closed() else super().settle(action)

    def idle(self) -> None:
        left_s = self.closed_left_s()
        if left_s and self.work_due():
            self._next_work_s = time.monotonic() + min(left_s, BACKOFF_MAX_S)
            return
        super().idle()

    def sign_off(self, action: Action) -> Outcome:
        """End the session with the host; not while the log holds records."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        if self.books.count or self.books.pending is not None or self.books.settlement is not None:
            return Refused("settle_first", "请先结算 PLEASE SETTLE FIRST")
        answer = self.ask(self.messages.sign_off(self.take_stan(), self.books.batch))
        self.must_sign_on = answer.code == "00"
        return Done("签退成功 SIGNED OFF") if self.must_sign_on else Failed("sign_off", "签退失败 SIGN-OFF FAILED")

"""Defect: when the customer takes long to confirm, the terminal says "not paid" and leaves the order open.

The customer confirms after all. Must be caught by I30 (an order that was paid and is not known) and I31 (silent charge).
"""

import time

from harness.contract import Declined, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction

PATIENCE_S = 8.0


class OrderNeverRevoked(ReferenceTerminal):
    """See the module's first lines."""

    def follow(self, order: Transaction, answer: Answer, sent_s: float) -> Outcome:
        while answer.code != "00" and time.monotonic() - sent_s < PATIENCE_S:
            time.sleep(PATIENCE_S / 2)
            answer = self.query(order)
        return self.approve(order, answer) if answer.code == "00" else self.give_up(order)

    def give_up(self, order: Transaction) -> Outcome:
        assert self.store is not None
        self.store.clear(order.stan, "not paid")
        return Declined("not_paid", "未支付 NOT PAID", order.stan)

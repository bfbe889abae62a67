"""Defect: orders without an answer are queued, and the whole queue is forwarded, as new orders, whenever the line is back.

As in the field, where 8 orders became 19 charges: the first had been carried out, only the answer was lost. An acquirer that
takes a payment code once lets none of it happen. Must be caught by I3 (double charge) and I30 (orders that nobody here knows).
"""

from dataclasses import replace

from harness.contract import Outcome, Unknown
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class OrdersSentAgain(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.queue: list[tuple[Transaction, str]] = []
        self.code = ""
        super().boot()

    def conduct_order(self, order: Transaction, code: str) -> Outcome:
        self.code = code
        return super().conduct_order(order, code)

    def follow(self, order: Transaction, answer: Answer, sent_s: float) -> Outcome:
        if answer.status != "no_answer":
            return super().follow(order, answer, sent_s)
        assert self.store is not None
        self.store.clear(order.stan, "queued")
        self.queue.append((order, self.code))
        self.hurry()
        return Unknown("queued", "已排队 QUEUED", order.stan)

    def work_due(self) -> bool:
        return super().work_due() or bool(self.queue)

    def work(self) -> bool:
        if not super().work() or not self.ensure_session():
            return False
        left = []
        for order, code in self.queue:
            again = replace(order, stan=self.take_stan())
            if self.ask(self.messages.order(again, self.order_number(again), code)).code != "00":
                left.append((order, code))
        self.queue = left
        return not left

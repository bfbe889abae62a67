"""Defect: order numbers are counted in RAM, so that after a restart they begin again.

The host answers that it knows the order, the terminal asks how it stands, and is told of somebody else's payment. Must be caught
by I30 (an order number names one payment).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction


class OrderNumberReused(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.orders_made = 0
        super().boot()

    def conduct_order(self, order: Transaction, code: str) -> Outcome:
        self.orders_made += 1
        return super().conduct_order(order, code)

    def order_number(self, order: Transaction) -> str:
        return f"{order.batch}{self.orders_made:06d}"

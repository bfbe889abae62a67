"""Defect: money that should have come by now is shown as paid: a day after the settlement, by a calendar without holidays.

Must be caught by I30 (paid is what the acquirer told).
"""

from harness.contract import Outcome
from harness.iso8583.funds import Payout63
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Settlement
from harness.terminals.reference.store import Store


class PaidByCalendar(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.settled_fen = 0
        super().boot()

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        super().close_batch(store, settlement)
        self.settled_fen = settlement.totals.debit_fen - settlement.totals.credit_fen

    def tell_payout(self, batch: str, told: Payout63) -> Outcome:
        if told.state == "pending" and self.settled_fen:
            told = Payout63(batch, "paid", self.settled_fen, told.due, told.cycle)
        return super().tell_payout(batch, told)

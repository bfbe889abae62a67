"""Defect: an approval that the recovery finds and shows is added to the totals, in which the log has counted it already.

Seen wherever a recovery repeats the last step without asking how far it had come. Must be caught by I10 (totals are the fold of
the log).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Kind, Settlement, Transaction, join
from harness.terminals.reference.store import Store


class CountedAgain(ReferenceTerminal):
    """See the module's first lines."""

    recovered: Transaction | None = None
    is_recovering = False

    def surface(self, transaction: Transaction) -> None:
        if self.is_recovering:
            self.recovered = transaction
        super().surface(transaction)

    def surface_unseen(self) -> None:
        self.is_recovering = True
        super().surface_unseen()
        self.is_recovering = False

    def start_settlement(self, store: Store) -> Settlement:
        totals = store.verified_books().totals
        if self.recovered is not None:
            totals, self.recovered = totals.plus(self.recovered), None
        store.append(Kind.SETTLE_STARTED, join(self.take_stan(), *totals.texts()))
        return self._progress()

"""Defect: a reversal that is not answered at once is put off until the terminal has nothing else to do, and sales go on (R5).

Nothing is forgotten while the power stays on. Must be caught by I6 (the reversal first).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.doubts import ATTEMPTS
from harness.terminals.reference.records import Transaction


class SellsInDoubt(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.put_off: list[Transaction] = []
        super().boot()

    def work_due(self) -> bool:
        return super().work_due() or bool(self.put_off)

    def work(self) -> bool:
        while super().work() and self.put_off:
            self.books.pending = self.put_off.pop(0)
        return not self.work_due()

    def resolve_doubt(self, attempts: int = ATTEMPTS) -> bool:
        if super().resolve_doubt(1):
            return True
        if attempts == ATTEMPTS and self.books.pending is not None:
            self.put_off.append(self.books.pending)
            self.books.pending = None
        return self.books.pending is None

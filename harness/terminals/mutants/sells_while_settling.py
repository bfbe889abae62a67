"""Defect: a settlement that is half done holds nothing back: the shop sells on in the batch that the host is closing (R13).

Must be caught by I23 (an interrupted settlement resumes; meanwhile no sale).
"""

from harness.contract import Action, Outcome
from harness.terminals.reference import ReferenceTerminal


class SellsWhileSettling(ReferenceTerminal):
    """See the module's first lines."""

    def admission(self, action: Action) -> Outcome | None:
        if not self.open_store():
            return super().admission(action)
        under_way, self.books.settlement = self.books.settlement, None
        refusal = super().admission(action)
        if self.books.settlement is None:
            self.books.settlement = under_way
        return refusal

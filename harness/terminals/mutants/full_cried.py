"""Defect: "storage full, please settle first" is shown for every tenth sale, and the sale goes on.

A threshold compared with the wrong counter: operators learn not to believe the message. Must be caught by I14 (says
full when it is).
"""

from harness.contract import Action, Outcome, Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.core import STORAGE_FULL


class FullCried(ReferenceTerminal):
    """See the module's first lines."""

    def admission(self, action: Action) -> Outcome | None:
        refusal = super().admission(action)
        if refusal is None and self.books.stan % 10 == 0:
            self.device.display.show(Screen("storage_full", STORAGE_FULL))
        return refusal

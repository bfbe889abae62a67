"""Defect: settlement does not wait for a pending reversal, which is forgotten with the batch (R12).

The host settles a sale that should have been reversed. Must be caught by I6 (the reversal first).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.doubts import ATTEMPTS


class SettlesInDoubt(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.settling_now = False
        super().boot()

    def resolve_doubt(self, attempts: int = ATTEMPTS) -> bool:
        return self.settling_now or super().resolve_doubt(attempts)

    def run_settlement(self) -> Outcome:
        self.settling_now = True
        try:
            return super().run_settlement()
        finally:
            self.settling_now = False

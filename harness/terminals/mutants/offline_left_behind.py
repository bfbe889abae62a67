"""Defect: settlement does not wait for the offline sales that the host has not been told of (R12); the new batch forgets them.

Must be caught by I25 (told before the batch is settled).
"""

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal


class OfflineLeftBehind(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        self.settling_now = False
        super().boot()

    def drain(self) -> bool:
        return self.settling_now or super().drain()

    def run_settlement(self) -> Outcome:
        self.settling_now = True
        try:
            return super().run_settlement()
        finally:
            self.settling_now = False

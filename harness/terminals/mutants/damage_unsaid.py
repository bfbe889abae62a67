"""Defect: damaged records are left out of the settlement, and neither screen nor slip says that the two sides differ.

The shop learns it from its bank, weeks later. Must be caught by I18 (corruption is detected or harmless).
"""

from dataclasses import replace

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Settlement
from harness.terminals.reference.store import Store


class DamageUnsaid(ReferenceTerminal):
    """See the module's first lines."""

    was_balanced = True

    def store_opened(self) -> None:
        if self.store is not None:
            self.store.books.damaged = 0
        super().store_opened()

    def request_settlement(self, store: Store, settlement: Settlement) -> Settlement:
        answered = super().request_settlement(store, settlement)
        self.was_balanced = answered.balanced
        if not answered.balanced:
            self.upload_batch(store)
        return replace(answered, balanced=True)

    def end_upload(self, *, balanced: bool) -> None:
        super().end_upload(balanced=balanced and self.was_balanced)

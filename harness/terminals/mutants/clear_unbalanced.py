"""Defect: "not balanced" is taken for an answer like any other: the log is cleared, nothing is uploaded, no end packet is sent.

Field form: the settlement's reply code is looked at, the verdict inside DE48 is not. Must be caught by I11 (cleared without the
host's proof).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import Store


class ClearUnbalanced(ReferenceTerminal):
    """See the module's first lines."""

    def upload_batch(self, store: Store) -> None:
        return

    def end_upload(self, *, balanced: bool) -> None:
        if balanced:
            super().end_upload(balanced=balanced)

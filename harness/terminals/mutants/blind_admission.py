"""Defect: room for the record is not made sure of before the request; there has always been some.

Seen wherever a full disk is met for the first time when the approval has to be written. Must be caught by I13 (admission).
"""

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import Store


class HopefulStore(Store):
    """Takes room for granted."""

    def has_room(self) -> bool:
        return True


class BlindAdmission(ReferenceTerminal):
    """See the module's first lines."""

    store_class = HopefulStore

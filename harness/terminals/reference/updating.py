"""An update asked for: whether now is a good time. What the next release makes of the records is ``journal``'s affair.

Models: an answer at any time but in the middle of a settlement, whose slip and steps belong to one release. What is in doubt and
what is unsettled need not be cleared first: the next release brings it over. Does not model: an update that settles by itself.
Source: domain.md section 3 (the new image is staged beside the old one) and section 7 (更新软件).
"""

from __future__ import annotations

from harness.contract import Action, Done, Outcome, Refused
from harness.terminals.reference.core import STORAGE_BROKEN
from harness.terminals.reference.holds import HoldingTerminal
from harness.terminals.reference.settling import SETTLE_PENDING


class UpdatableTerminal(HoldingTerminal):
    """Answers the device's loader."""

    def update(self, action: Action) -> Outcome:
        """The loader has a verified release ready, and restarts into it when this is answered with Done."""
        if self.open_store() and self.books.settlement is not None:
            return Refused("settle_pending", SETTLE_PENDING)
        # With its files unreadable it agrees: a release that can read them may be what is offered.
        return Done("可以更新 READY TO UPDATE" if self.store is not None else STORAGE_BROKEN)

"""The terminal's service menu: what support may do by hand, and what its name promises more than.

Models: the cache that is none; one reversal that support takes away after the acquirer has undone it in its own books, for a
line that stays dead. It clears that and nothing else: a settlement under way is not in doubt, it is under way.
Does not model: passwords of technicians. Source: service menus of public terminal code (domain notes 1.7, D11).
"""

from __future__ import annotations

from harness.contract import Action, Done, Failed, Outcome, Refused
from harness.terminals.reference.core import STORAGE_BROKEN
from harness.terminals.reference.doubts import DoubtResolver


class ServiceMenu(DoubtResolver):
    """Actions that are no trade."""

    def clear_cache(self, action: Action) -> Outcome:
        """This terminal caches nothing: log and reversal are no cache, whatever the menu says."""
        return Done("缓存已清理 CACHE CLEARED")

    def clear_reversal(self, action: Action) -> Outcome:
        """Support has had the pending request undone by the acquirer: it is in doubt no longer. The outcome names it."""
        if not self.open_store() or self.store is None:
            return Refused("storage_error", STORAGE_BROKEN)
        pending = self.books.pending
        if pending is None or not pending.is_reversible:
            return Failed("nothing_pending", "无冲正记录 NO REVERSAL PENDING")
        self.device.probe("reference.reversal_cleared_by_support")
        self.store.clear(pending.stan, "cleared by support")
        return Outcome("done", "", "冲正已清除 REVERSAL CLEARED", pending.stan, pending.batch)

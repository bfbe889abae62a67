"""The terminal's service menu: what support and technicians may do by hand, and what its name promises more than.

Models: the trace number that is keyed in when this device takes another's place; the cache that is none; one reversal that
support takes away after the acquirer has undone it in its own books, for a line that stays dead. It clears that and nothing
else: a settlement under way is not in doubt, it is under way.
Does not model: passwords of technicians. Source: service menus of public terminal code (domain notes 1.7, D11).
"""

from __future__ import annotations

from harness.contract import Action, Done, Failed, Outcome, Refused
from harness.terminals.reference.core import STORAGE_BROKEN
from harness.terminals.reference.doubts import DoubtResolver
from harness.terminals.reference.records import STAN_MAX
from harness.terminals.reference.store import StorageFault


class ServiceMenu(DoubtResolver):
    """Actions that are no trade."""

    def clear_cache(self, action: Action) -> Outcome:
        """This terminal caches nothing: log and reversal are no cache, whatever the menu says."""
        return Done("缓存已清理 CACHE CLEARED")

    def trace_number(self, action: Action) -> Outcome:
        """The technician keys in where the device before this one had come to; not while a number could come twice."""
        if not self.open_store() or self.store is None:
            return Refused("storage_error", STORAGE_BROKEN)
        if self.books.count or self.books.pending is not None or self.books.settlement is not None:
            return Refused("settle_first", "请先结算 PLEASE SETTLE FIRST")
        number = int(action.trace_number) if action.trace_number.isdecimal() else 0
        if not 1 <= number <= STAN_MAX:
            return Refused("trace_number", "流水号错误 WRONG TRACE NUMBER")
        try:
            self.store.go_on_with(number)
        except StorageFault:
            return Failed("storage_error", STORAGE_BROKEN)
        return Done(f"流水号 TRACE NUMBER {number:06d}")

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

"""Support on the telephone: called when the terminal refuses to sell, and whatever they then do to it.

Models: one call at a time; the time until somebody knows what is wrong, shorter where the terminal's own event log can be read
to them; a reversal that does not get through, which support clears in the service menu after the acquirer has undone the sale
in its own books. That is the one way in which a reversal may end without the host's answer, and the history says so.
Does not model: a master clear, a technician who comes, passwords. Source: the field articles ("call support") and the service
menus of public terminal code; times are assumptions.
"""

from __future__ import annotations

from harness.core.units import US_PER_MINUTE
from harness.history.words import SUPPORT_CLEARED
from harness.workload.till import Steps, Till

_ACTION_US = 2 * US_PER_MINUTE


def call(till: Till, occasion: str) -> None:
    """The terminal would not sell: perhaps somebody telephones. Trade goes on meanwhile, as far as it does."""
    if till.calling_support or not till.happens(till.behaviour.calls_support_percent, f"{occasion}/support"):
        return
    till.calling_support = True
    till.did("called support")
    till.world.env.process(_help(till))


def read_log(till: Till) -> None:
    """Have the event log printed, at whatever moment; the slip leaves the shop."""
    if "read_log" in till.station.manifest.actions:
        till.request("read_log")


def _help(till: Till) -> Steps:
    behaviour, actions = till.behaviour, till.station.manifest.actions
    has_log = "read_log" in actions
    yield till.pause(behaviour.support_with_log_us if has_log else behaviour.support_after_us)
    till.calling_support = False
    if till.trade != "open" or not till.station.ready:
        return
    if has_log:
        yield from till.perform("read_log", _ACTION_US)
    if "clear_reversal" not in actions or till.trade != "open":
        return
    outcome = yield from till.perform("clear_reversal", _ACTION_US)
    if outcome is None or outcome.kind != "done":
        return
    undone = till.world.undo_by_hand(till.station.name, outcome.batch, outcome.stan)
    said = "agreed and undid it" if undone else "had nothing to undo"
    till.did(f"{SUPPORT_CLEARED}: trace number {outcome.stan}, the acquirer {said}")

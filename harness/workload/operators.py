"""Whoever works the terminal: settles, signs on, loads paper, restarts, pulls the plug, clears the cache.

Models: the operator behaviours of the field reports, each driven by ``Behaviour``. Does not model: service menus, master
clear by support, cables and routers (faults do that). Source: behaviours from field articles on full storage and failed
settlement, and "24-hour reboot" from PCI PTS POI; times are assumptions.
"""

from __future__ import annotations

from collections.abc import Generator

from simpy.events import Event as SimEvent

from harness.core.units import US_PER_MINUTE, US_PER_SECOND
from harness.workload import support
from harness.workload.till import Steps, Till, outcome_of
from harness.workload.waiting import TOO_LATE

SETTLEMENT_PATIENCE_US = 20 * US_PER_MINUTE
"""How long an operator lets a settlement run before taking it for failed (assumption; vendors cap one reply at 250 s)."""

DEAD_AFTER_US = 10 * US_PER_MINUTE
"""From then on an operator takes a terminal that does not come up for dead."""


def settle(till: Till) -> Generator[SimEvent, object, bool]:
    """Settle, with more tries when it fails. True when the terminal says that it is done."""
    if "settle" not in till.station.manifest.actions:
        return False
    if till.signed_off:
        yield from sign_on(till)
    for attempt in range(till.behaviour.settlement_tries):
        if attempt:
            if till.trade == "closing":
                return False
            yield till.pause(US_PER_MINUTE)
        look_at_paper(till)
        since_us = till.world.now_us
        outcome = yield from till.perform("settle", SETTLEMENT_PATIENCE_US)
        if outcome is not None and outcome.kind in ("done", "approved"):
            till.settled_sales.extend(till.unsettled_sales)
            till.unsettled_sales.clear()
            till.settled_in_vain = False
            return True
        if outcome is not None and outcome.kind == "unsupported":
            return False
        if not till.witness.outage_since(till.station.name, since_us):
            till.settled_in_vain = True
    return False


def install(till: Till) -> Steps:
    """Key in the trace number that the device before this one had come to, until the terminal says that it goes on with it."""
    number = till.trace_number
    if number is None or "trace_number" not in till.station.manifest.actions:
        return
    if not (yield from till.wait_until_ready(till.world.now_us + SETTLEMENT_PATIENCE_US)) or till.trade == "closing":
        return
    till.did(f"keyed in trace number {number:06d}")
    pending = till.station.request("trace_number", trace_number=f"{number:06d}")
    came = yield till.alarm.first_of((pending.done,), till.world.now_us + 2 * US_PER_MINUTE)
    outcome = None if came == TOO_LATE else outcome_of(pending)
    if outcome is not None and outcome.kind == "done":
        till.trace_number = None


def sign_on(till: Till) -> Steps:
    """Sign on, as the first thing in the morning, and before anything else is asked of a terminal that was signed off."""
    if "sign_on" in till.station.manifest.actions:
        outcome = yield from till.perform("sign_on", 2 * US_PER_MINUTE)
        till.signed_off = till.signed_off and (outcome is None or outcome.kind != "done")


def sign_off(till: Till) -> Steps:
    """Sign off for the night. Who is told that this cannot be yet settles, and tries once more."""
    if "sign_off" not in till.station.manifest.actions:
        return
    for again in (False, True):
        outcome = yield from till.perform("sign_off", 2 * US_PER_MINUTE)
        if outcome is None:
            return
        if outcome.kind == "done":
            till.signed_off = True
            return
        if again or outcome.kind == "unsupported" or not (yield from settle(till)):
            return


def reprint(till: Till) -> Steps:
    """Ask for the last slip once more."""
    if "reprint" in till.station.manifest.actions:
        yield from till.perform("reprint", US_PER_MINUTE)


def look_at_paper(till: Till) -> None:
    """Send for a new roll when the paper is out. Trade goes on meanwhile, without slips, as it does in shops."""
    if till.fetching_paper or till.station.hardware.printer.has_paper():
        return
    till.fetching_paper = True
    till.world.env.process(_fetch_paper(till))


def _fetch_paper(till: Till) -> Steps:
    yield till.pause(till.behaviour.loads_paper_after_us)
    till.fetching_paper = False
    if not till.station.hardware.printer.has_paper():
        till.station.hardware.printer.load_paper()
        till.did("loaded paper")


def react_to_full(till: Till, occasion: str) -> Generator[SimEvent, object, bool]:
    """The terminal says that it is full. True when something was done about it, so that trying again makes sense."""
    behaviour = till.behaviour
    choice = till.world.decisions.uniform(f"{till.station.name}/{occasion}/when_full", 0.0) * 100.0
    if choice < behaviour.when_full_settles_percent:
        return (yield from settle(till))
    if choice < behaviour.when_full_settles_percent + behaviour.when_full_clears_cache_percent:
        if "clear_cache" not in till.station.manifest.actions:
            return False
        outcome = yield from till.perform("clear_cache", 2 * US_PER_MINUTE)
        return outcome is not None and outcome.kind == "done"
    return False


def pull_plug(till: Till, why: str, occasion: str) -> Steps:
    """Take the power away, and give it back after a while."""
    station = till.station
    if station.powered:
        till.did(f"pulled the plug: {why}")
        key = f"{station.name}/{occasion}/plug"
        station.power_cut("plug pulled", till.world.decisions.seed(key), key)
    yield till.pause(till.behaviour.plug_out_us)
    if not station.powered:
        till.did("plugged it in")
        station.power_on()


def revive(till: Till, deadline_us: int, occasion: str) -> Generator[SimEvent, object, bool]:
    """Wait for a terminal that is not ready; one that stays dead is power-cycled once, if that is the habit."""
    ready = yield from till.wait_until_ready(min(deadline_us, till.world.now_us + DEAD_AFTER_US))
    if ready or not till.station.powered or not till.behaviour.power_cycles_dead_terminal:
        return ready
    if till.world.now_us < deadline_us and till.trade != "closing":
        yield from pull_plug(till, "it does not come up", occasion)
        return (yield from till.wait_until_ready(deadline_us))
    return False


def daily_reboot(till: Till) -> Steps:
    """The 24-hour reboot, out of trading hours."""
    if till.station.powered:
        till.station.restart("daily reboot")
        yield from till.wait_until_ready(till.world.now_us + 5 * US_PER_MINUTE)


def close_day(till: Till, day: int) -> Generator[SimEvent, object, bool]:
    """What happens at closing time. True when the settlement is left for the morning."""
    behaviour = till.behaviour
    u = till.world.decisions.uniform(f"{till.station.name}/day{day + 1}/closing", 0.0) * 100.0
    if u < behaviour.settles_on_time_percent:
        yield from settle(till)
        return False
    u -= behaviour.settles_on_time_percent
    if u < behaviour.settles_twice_percent:
        yield from settle(till)
        yield till.pause(20 * US_PER_SECOND)
        yield from settle(till)
        return False
    u -= behaviour.settles_twice_percent
    return u < behaviour.settles_late_percent


def meddle(till: Till, at_us: int, what: str) -> Steps:
    """At ``at_us`` somebody does something to the terminal at a moment that the till's own people did not choose."""
    yield till.pause(max(0, at_us - till.world.now_us))
    station = till.station
    if till.trade != "open" or not station.powered:
        return
    if what == "clear_cache":
        # Not only when the terminal is idle: the reports are about a cache cleared in the middle of a sale.
        if "clear_cache" in station.manifest.actions:
            till.request("clear_cache")
    elif what == "read_log":
        support.read_log(till)
    elif what == "pull_plug":
        till.meddled_at_us = till.world.now_us
        yield from pull_plug(till, "as the script says", f"script/{at_us}")
    else:
        till.did("restarted the terminal")
        till.meddled_at_us = till.world.now_us
        station.restart("operator")

"""What a history comes to in numbers: what scenarios move that break no rule, because correct software survives them.

Models: counts and times that people at the till, the acquirer or a repair shop would feel. Does not model: thresholds; a
scenario is said to move a measure, and by how much hangs on its size.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    Booted,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    MessageDropped,
    MessageSent,
    OperatorDid,
    PayoutMade,
    PowerLost,
    Presented,
    ReceiptPrinted,
    ScreenShown,
    SoftwareDied,
    SoftwareReady,
    SpaceMeasured,
    StorageFailed,
)
from harness.history.words import cleared_by_support


def measures_of(events: Sequence[AnyEvent]) -> dict[str, int]:
    """All measures of one history."""
    counts: Counter[str] = Counter()
    kinds: dict[tuple[str, int], tuple[str, int]] = {}
    down_since: dict[str, int] = {}
    called_us: dict[str, int] = {}
    sale_us: list[int] = []
    free_bytes: list[int] = []
    booked_us: dict[int, int] = {}
    to_account_us: list[int] = []
    installed_bytes: dict[str, int] = {}
    kept_sales: Counter[str] = Counter()
    warned_us: dict[str, int] = {}
    for event in events:
        if isinstance(event, ActionStarted):
            kinds[event.device, event.action] = event.kind, event.at_us
            counts[f"actions.{event.kind}"] += 1
        elif isinstance(event, ActionEnded):
            kind, since_us = kinds.get((event.device, event.action), ("", 0))
            counts[f"{kind}.{event.outcome}"] += 1
            counts[f"{kind}.{event.outcome}.{event.reason}"] += 1
            kept_sales[event.device] += kind == "sale" and event.outcome == "approved"
            if kind == "settle" and event.outcome == "done":
                kept_sales.pop(event.device, None)
            if kind == "sale" and event.outcome in ("refused", "unknown"):
                # How long people had been warned when the first sale was not made.
                counts["alarm_lead_s"] += (event.at_us - warned_us.pop(event.device, event.at_us)) // 1_000_000
            if kind == "sale" and event.outcome == "approved":
                sale_us.append(event.at_us - since_us)
                counts["repair_s"] += (event.at_us - called_us.pop(event.device, event.at_us)) // 1_000_000
        elif isinstance(event, OperatorDid):
            counts["reversals_cleared"] += cleared_by_support(event.what) is not None
            if event.what == "called support":
                counts["support_calls"] += 1
                called_us.setdefault(event.device, event.at_us)
        elif isinstance(event, IntentOpened):
            counts["intents"] += 1
        elif isinstance(event, IntentClosed):
            counts["lost_sales"] += event.belief != "paid"
            counts["walked_away"] += event.walked_away
        elif isinstance(event, Presented):
            counts["presentations"] += 1
        elif isinstance(event, MessageSent):
            counts[f"messages.{event.mti}"] += 1
            counts[f"answered.{event.response_code}"] += event.direction == "down"
        elif isinstance(event, MessageDropped):
            counts["messages_lost"] += 1
        elif isinstance(event, StorageFailed):
            counts[f"storage.{event.errno}"] += 1
        elif isinstance(event, ScreenShown):
            counts[f"screens.{event.kind}"] += 1
            if event.kind == "warning":
                warned_us.setdefault(event.device, event.at_us)
        elif isinstance(event, ReceiptPrinted):
            counts[f"slips.{event.kind}"] += 1
            counts[f"slips.{event.kind}.later"] += event.action is None
        elif isinstance(event, Booted):
            counts["boots"] += 1
        elif isinstance(event, SpaceMeasured):
            free_bytes.append(event.free_bytes)
            if event.volume == "data":
                installed_bytes.setdefault(event.device, event.free_bytes)
                used_bytes = installed_bytes[event.device] - event.free_bytes
                if event.when == "fill_level" and kept_sales[event.device]:
                    counts["bytes_per_sale"] = max(counts["bytes_per_sale"], used_bytes // kept_sales[event.device])
        elif isinstance(event, LedgerChanged):
            booked_us.setdefault(event.entry, event.at_us)
        elif isinstance(event, PayoutMade):
            counts[f"payouts.{event.state}"] += 1
            if event.state == "paid":
                to_account_us.extend(event.at_us - booked_us[entry] for entry, _ in event.parts)
        if isinstance(event, PowerLost | SoftwareDied):
            down_since.setdefault(event.device, event.at_us)
        elif isinstance(event, SoftwareReady) and event.device in down_since:
            counts["downtime_s"] += (event.at_us - down_since.pop(event.device)) // 1_000_000
    sale_us.sort()
    counts["p95_sale_ms"] = sale_us[int(len(sale_us) * 0.95)] // 1000 if sale_us else 0
    counts["slowest_sale_ms"] = sale_us[-1] // 1000 if sale_us else 0
    counts["hours_to_account"] = sum(to_account_us) // len(to_account_us) // 3_600_000_000 if to_account_us else 0
    counts["free_kib_min"] = min(free_bytes, default=0) // 1024
    return dict(counts)


def moved(name: str, with_it: dict[str, int], without: dict[str, int]) -> bool:
    """Whether a measure is really another one: by at least two and by at least a tenth, in either direction."""
    before, after = without.get(name, 0), with_it.get(name, 0)
    return abs(after - before) >= max(2, abs(before) // 10)

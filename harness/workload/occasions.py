"""What a visit to the till is about, and whether something other than the terminal was in its way.

Models: what becomes of a visit where there is nothing to undo or no key to undo it with; codes that go by their own key.
Does not model: the visit itself (``customers``), or when it comes (``arrivals``).
"""

from __future__ import annotations

from harness.contract import ActionKind
from harness.workload import stays
from harness.workload.arrivals import Visit
from harness.workload.till import SaleReceipt, Till


def excused(till: Till, since_us: int) -> bool:
    """Whether something other than the terminal was in the way of a sale at some time since ``since_us``."""
    device = till.station.name
    return (
        not till.station.powered
        or till.meddled_at_us >= since_us
        or till.witness.outage_since(device, since_us)
        or till.witness.storage_trouble_since(device, since_us)
        or not till.station.hardware.printer.has_paper()
    )


def what_about(till: Till, visit: Visit) -> tuple[ActionKind, SaleReceipt | None]:
    """What a visit turns out to be: without a receipt to undo, or a key to do it with, it is a sale."""
    actions, habits, occasion = till.station.manifest.actions, till.behaviour, f"i{till.intent_of(visit)}"
    kind: ActionKind = visit.kind
    if kind == "sale" and till.happens(habits.voids_percent, f"{occasion}/voids"):
        kind = "void"
    elif kind == "sale" and till.happens(habits.refunds_percent, f"{occasion}/refunds"):
        kind = "refund"
    if kind == "preauth" and {"preauth", "completion"} <= actions and visit.number < stays.CHECK_INS_A_DAY_MAX:
        return "preauth", None
    if kind not in ("void", "refund") or kind not in actions:
        return "sale", None
    pile = till.unsettled_sales if kind == "void" else till.settled_sales
    if kind == "void" and till.happens(habits.voids_settled_percent, f"{occasion}/voids_settled"):
        pile = till.settled_sales
    elif kind == "refund" and till.happens(habits.refunds_unsettled_percent, f"{occasion}/refunds_unsettled"):
        pile = till.unsettled_sales
    if not pile:
        return "sale", None
    slip = pile[int(visit.card_choice * len(pile))]
    if slip.scanned:
        return ("refund", slip) if "scan_refund" in actions else ("sale", None)
    if kind == "void" and slip.kind == "completion":
        kind = "completion_void"
    return (kind, slip) if kind in actions else ("sale", None)


def served_by_scan(till: Till, occasion: str) -> bool:
    """A payment code goes by its own key where the terminal has one, and through the reader as a card where not."""
    percent = till.behaviour.scans_codes_percent
    return "scan_sale" in till.station.manifest.actions and (
        percent >= 100.0 or till.happens(percent, f"{occasion}/scans")
    )


def check_out(visit: Visit) -> ActionKind:
    """How a guest's stay ends."""
    return "preauth_void" if visit.kind == "preauth_void" else "completion"

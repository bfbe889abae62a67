"""Whether a recorded flow did what it is there for: crash points of a sale that was refused prove nothing about sales.

Models: what the host and the people at the counter see of each flow when nothing goes wrong. Does not model: how well it went.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.engine.crashpoints.flows import Flow
from harness.engine.crashpoints.record import Recorded
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    BatchSettled,
    CardDecided,
    Event,
    LedgerChanged,
    PhaseStarted,
    ReceiptPrinted,
    ScreenShown,
    SoftwareReady,
)

NO_LOST_APPROVAL = 1
"""The invariant that only a settlement, or the terminal's own records, can show to be kept."""


def unreached(flow: Flow, recorded: Recorded) -> str:
    """What the flow should have come to and did not; empty when it did."""
    marks = recorded.timeline.marks
    return missed(flow, recorded.timeline.events[marks[0].outside.events :] if marks else ())


def missed(flow: Flow, events: Sequence[Event]) -> str:
    """The same, from what happened while the flow was played."""
    reached, wanted = _PURPOSES[flow.name]
    return "" if reached(events) else f"played without a cut, the {flow.name} flow came to nothing: {wanted}"


def settled_at_last(events: Sequence[Event]) -> bool:
    """Whether the last settlement came to its end. Without it nothing shows what the terminal still knew of its sales."""
    last, settlements = False, set[int]()
    for each in events:
        if isinstance(each, PhaseStarted):
            last = each.phase == "final_settlement"
        elif last and isinstance(each, ActionStarted) and each.kind == "settle":
            settlements.add(each.action)
        elif isinstance(each, ActionEnded) and each.action in settlements and each.outcome in ("done", "approved"):
            return True
    return False


def _booked(kind: str, state: str) -> Callable[[Sequence[Event]], bool]:
    def reached(events: Sequence[Event]) -> bool:
        return any(isinstance(each, LedgerChanged) and each.kind == kind and each.state == state for each in events)

    return reached


def _sold(events: Sequence[Event]) -> bool:
    shown = any(
        (isinstance(each, ScreenShown) and each.kind == "approved")
        or (isinstance(each, ReceiptPrinted) and each.kind == "sale")
        for each in events
    )
    return shown and _booked("sale", "APPROVED")(events)


def _settled(events: Sequence[Event]) -> bool:
    return any(isinstance(each, BatchSettled) and each.settled for each in events)


def _totals_differed(events: Sequence[Event]) -> bool:
    return any(isinstance(each, BatchSettled) and not each.balanced for each in events) and _settled(events)


def _forwarded(events: Sequence[Event]) -> bool:
    offline = any(isinstance(each, CardDecided) and each.answer == "TC" and each.step == "first" for each in events)
    return offline and _sold(events)


def _came_up(events: Sequence[Event]) -> bool:
    return any(isinstance(each, SoftwareReady) for each in events)


_PURPOSES: Mapping[str, tuple[Callable[[Sequence[Event]], bool], str]] = {
    "sale": (_sold, "no sale was booked by the host and shown as approved"),
    "void": (_booked("sale", "VOIDED"), "the host voided no sale"),
    "refund": (_booked("refund", "APPROVED"), "the host booked no refund"),
    "settle": (_settled, "the host settled no transaction"),
    "upload": (_totals_differed, "no settlement with other totals was brought to its end"),
    "preauth": (_booked("preauth", "APPROVED"), "the host booked no pre-authorisation"),
    "completion": (_booked("completion", "APPROVED"), "the host booked no completion"),
    "offline": (_forwarded, "no sale was approved by its card and told to the host"),
    "scan": (_sold, "no sale by code was booked by the host and shown as approved"),
    "update": (_came_up, "the new release did not become ready"),
    "boot": (_came_up, "the software did not become ready"),
}

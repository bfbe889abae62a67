"""What the cut itself adds to the history: power lost, actions broken off, messages lost or arrived, what the customer believes.

Models: a customer who believes what the terminal last said for them (as ``workload.customers``): paid when it said so, unknown
when the card had been shown, else not paid. Who does not know stays, when the flow says so, and pays again afterwards.
Does not model: what the display shows while power fades.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.engine.crashpoints.outside import Underway
from harness.engine.crashpoints.scene import DEVICE
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Event,
    IntentClosed,
    IntentOpened,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    PowerLost,
    Presented,
    ReceiptPrinted,
    ScreenShown,
)

_ANSWERS = frozenset({"approved", "declined", "refused", "unknown", "storage_full", "error"})


@dataclass(frozen=True, slots=True)
class Situation:
    """Who and what was in the middle of something when the power went."""

    actions: tuple[int, ...]
    messages: tuple[int, ...]
    intent: IntentOpened | None
    belief: str

    @property
    def in_doubt(self) -> bool:
        """Whether a customer stands there who does not know whether they have paid."""
        return self.intent is not None and self.belief == "unknown"


def situation(events: Sequence[Event]) -> Situation:
    """The situation at the end of a history."""
    actions: dict[int, int | None] = {}
    messages: dict[int, None] = {}
    intent: IntentOpened | None = None
    presented = False
    answer = ""
    for event in events:
        if isinstance(event, MessageSent):
            messages[event.message] = None
        elif isinstance(event, MessageDelivered | MessageDropped):
            messages.pop(event.message, None)
        elif isinstance(event, IntentOpened):
            intent, presented, answer = event, False, ""
        elif isinstance(event, IntentClosed):
            intent = None
        elif isinstance(event, Presented):
            presented = True
        elif isinstance(event, ActionStarted):
            actions[event.action] = event.intent
        elif isinstance(event, ActionEnded):
            actions.pop(event.action, None)
        elif intent is not None and (heard := _heard(event, intent)):
            answer = heard
    return Situation(tuple(actions), tuple(messages), intent, _belief(presented, answer))


def _heard(event: Event, intent: IntentOpened) -> str:
    if isinstance(event, ScreenShown) and event.kind in _ANSWERS:
        if event.action is not None:
            return event.kind
        # A sale that came to light after a restart: whoever waits for it sees it.
        return "approved" if event.kind == "approved" and event.amount_fen == intent.amount_fen else ""
    if isinstance(event, ReceiptPrinted) and event.kind not in ("settlement", "other") and not event.duplicate:
        return "approved"
    return ""


def _belief(presented: bool, answer: str) -> str:
    if answer == "approved":
        return "paid"
    if answer and answer != "unknown":
        return "not_paid"
    return "unknown" if presented else "not_paid"


def cut_events(found: Situation, at_us: int, arrived: Sequence[Underway], *, stays: bool) -> list[Event]:
    """The events of the cut. ``arrived``: messages that the host still gets; ``stays``: the customer waits and pays again."""
    reached = {each.message for each in arrived}
    events: list[Event] = [PowerLost(at_us, DEVICE, "crash point")]
    for message in found.messages:
        if message not in reached:
            events.append(MessageDropped(at_us, DEVICE, message, "power"))
    events += [ActionEnded(at_us, DEVICE, action, "interrupted") for action in found.actions]
    if found.intent is not None and not stays:
        events.append(IntentClosed(at_us, DEVICE, found.intent.intent, found.belief, walked_away=True))
    events += [MessageDelivered(at_us, DEVICE, message) for message in found.messages if message in reached]
    return events

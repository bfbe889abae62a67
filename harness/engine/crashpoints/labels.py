"""Short names of instants: what had just happened at the counter when the power went."""

from __future__ import annotations

from collections.abc import Sequence

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Barrier,
    BatchSettled,
    Booted,
    CardDecided,
    CertificateTaken,
    Event,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    MemorySampled,
    MessageDelivered,
    MessageSent,
    OrderChanged,
    Presented,
    ProbeReached,
    ReceiptPrinted,
    ScreenShown,
    SoftwareDied,
    SoftwareReady,
)

_SILENT = (MemorySampled, ProbeReached)


def step_label(events: Sequence[Event]) -> str:
    """After what a cut at the end of ``events`` comes."""
    for event in reversed(events):
        if not isinstance(event, _SILENT):
            return f"after {_label(event, events)}"
    return "before anything"


def _label(event: Event, events: Sequence[Event]) -> str:
    match event:
        case MessageSent():
            what = f"{event.mti} {event.function}".strip() if event.mti else "a message"
            return f"{what} sent" if event.direction == "up" else f"the host's {what}"
        case MessageDelivered():
            sent = next(
                (each for each in reversed(events) if isinstance(each, MessageSent) and each.message == event.message),
                None,
            )
            return f"{sent.mti} arrives" if sent is not None and sent.mti else "a message arrives"
        case ScreenShown():
            return f"screen {event.kind}"
        case ReceiptPrinted():
            return f"{event.kind} slip"
        case Barrier():
            return f"{event.kind} {event.path}"
        case Presented():
            return "the card is shown"
        case ActionStarted():
            return f"{event.kind} is asked for"
        case ActionEnded():
            return f"the action ends: {event.outcome}"
        case Booted():
            return "boot"
        case SoftwareReady():
            return "ready"
        case SoftwareDied():
            return f"the software died ({event.reason})"
        case IntentOpened():
            return "the customer comes"
        case IntentClosed():
            return "the customer leaves"
        case LedgerChanged():
            return f"the host books {event.state}"
        case OrderChanged():
            return f"the host's order is {event.state}"
        case BatchSettled():
            return "the host settles"
        case CardDecided():
            return f"the card's {event.step} word"
        case CertificateTaken():
            return "the host takes a certificate"
        case _:
            return type(event).__name__

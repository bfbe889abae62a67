"""Typed events: everything a run's verdict rests on, in one total order.

An event's number is its place in the history (the first is 0). ``at_us`` is virtual time. ``device`` is the station's name,
such as ``T03``. ``action`` is the per-device ordinal of an action, or None between actions. Card numbers are never here:
a presentation is named by its ``token``, which the host reads from track 2 and the terminal cannot usefully change.
"""

from typing import TypeAlias, Union

from harness.history.events.base import Event
from harness.history.events.device import (
    Barrier,
    Booted,
    MemorySampled,
    PowerLost,
    ProbeReached,
    ReceiptPrinted,
    ScreenShown,
    SecretFound,
    SecretsSought,
    SoftwareDied,
    SoftwareLogged,
    SoftwareReady,
    SpaceMeasured,
    StorageAfterPowerLoss,
    StorageFailed,
)
from harness.history.events.faults import DataDamaged, FaultBit, FaultLifted, FaultStruck
from harness.history.events.host import (
    BatchSettled,
    CertificateTaken,
    LedgerChanged,
    OrderChanged,
    PayoutMade,
    PayoutTold,
    SettingsJudged,
    SettingsKeyed,
)
from harness.history.events.inspection import Inspected, InspectionMissing, RecordSeen
from harness.history.events.messages import MessageDelivered, MessageDropped, MessageSent, RequestUnanswered
from harness.history.events.people import (
    ActionEnded,
    ActionStarted,
    CardDecided,
    IntentClosed,
    IntentOpened,
    OperatorDid,
    Presented,
)
from harness.history.events.run import Diverged, ImageLoaded, PhaseStarted, RunStarted, TerminalInstalled

__all__ = [
    "ActionEnded",
    "ActionStarted",
    "AnyEvent",
    "Barrier",
    "BatchSettled",
    "Booted",
    "CardDecided",
    "CertificateTaken",
    "DataDamaged",
    "Diverged",
    "Event",
    "FaultBit",
    "FaultLifted",
    "FaultStruck",
    "ImageLoaded",
    "Inspected",
    "InspectionMissing",
    "IntentClosed",
    "IntentOpened",
    "LedgerChanged",
    "MemorySampled",
    "MessageDelivered",
    "MessageDropped",
    "MessageSent",
    "OperatorDid",
    "OrderChanged",
    "PayoutMade",
    "PayoutTold",
    "PhaseStarted",
    "PowerLost",
    "Presented",
    "ProbeReached",
    "ReceiptPrinted",
    "RecordSeen",
    "RequestUnanswered",
    "RunStarted",
    "ScreenShown",
    "SecretFound",
    "SecretsSought",
    "SettingsJudged",
    "SettingsKeyed",
    "SoftwareDied",
    "SoftwareLogged",
    "SoftwareReady",
    "SpaceMeasured",
    "StorageAfterPowerLoss",
    "StorageFailed",
    "TerminalInstalled",
]

AnyEvent: TypeAlias = Union[
    RunStarted, PhaseStarted, Diverged, TerminalInstalled, ImageLoaded,
    IntentOpened, Presented, CardDecided, IntentClosed, ActionStarted, ActionEnded, OperatorDid,
    ScreenShown, ReceiptPrinted, PowerLost, StorageAfterPowerLoss, Booted, SoftwareReady, SoftwareDied, SoftwareLogged,
    ProbeReached, MemorySampled, StorageFailed, Barrier, SpaceMeasured, SecretFound, SecretsSought,
    MessageSent, MessageDelivered, MessageDropped, RequestUnanswered,
    LedgerChanged, BatchSettled, CertificateTaken, OrderChanged, SettingsKeyed, SettingsJudged, PayoutMade, PayoutTold,
    FaultStruck, DataDamaged, FaultBit, FaultLifted,
    Inspected, InspectionMissing,
]  # fmt: skip

"""What terminal software is written against: events in, screens, receipts and messages out.

A terminal is an ordinary Python class. The harness boots it on a virtual device, sends it what the world does (an operator
presses "sale", a customer shows a card, paper runs out) and judges it from outside: by its screens, receipts, messages and
by what the host and the customers end up with. Everything else is ordinary Python: ``open``, ``os``, ``pathlib``, ``socket``,
``time``, ``random`` work on the device's own disk, link and clock.

The smallest terminal has one method per action::

    from harness.contract import Approved, Manifest, Sale, Terminal, Unsupported

    class MyTerminal(Terminal):
        manifest = Manifest(name="mine", actions=frozenset({"sale", "settle"}))

        def boot(self):                       # power came on: open files, recover
            ...
        def sale(self, request):              # returns an Outcome
            card = self.device.card.read(timeout_s=30)
            ...
            return Approved(stan="000001", batch="000001")

``Terminal.run`` is sugar: a loop over ``device.next_event()`` that calls those methods, shows the outcome's screen when the
method has not shown it itself, and ends each action with ``device.finish``. Override ``run`` to write the loop yourself.

Everything is imported from here, ``from harness.contract import ...``. What there is stands in ``events`` (what the world
sends), ``answers`` (outcomes, screens, receipts), ``peripherals`` (the device), ``manifest``, ``making`` (quick dataclasses) and
``terminal`` (the class above).
The package depends on nothing but the standard library, so that terminal software needs nothing else of the harness.
"""

from harness.contract.answers import (
    Approved,
    Declined,
    Done,
    Failed,
    Outcome,
    Receipt,
    Refused,
    Screen,
    Totals,
    Unknown,
    Unsupported,
)
from harness.contract.events import (
    Action,
    ActionRequested,
    CableChanged,
    CardPresented,
    CardRemoved,
    Event,
    KeyPressed,
    PaperChanged,
    Sale,
)
from harness.contract.kinds import ActionKind, OutcomeKind, ReceiptKind, ScreenKind
from harness.contract.making import quick
from harness.contract.manifest import Inspection, Manifest, Record, TextPattern
from harness.contract.peripherals import (
    CardData,
    CardGone,
    CardReader,
    CardReadError,
    CardTimeout,
    Cryptogram,
    CryptogramKind,
    Device,
    DeviceError,
    Display,
    Nvram,
    PaperOut,
    PinPad,
    PinPadError,
    Printer,
)
from harness.contract.terminal import Terminal

__all__ = [
    "Action",
    "ActionKind",
    "ActionRequested",
    "Approved",
    "CableChanged",
    "CardData",
    "CardGone",
    "CardPresented",
    "CardReadError",
    "CardReader",
    "CardRemoved",
    "CardTimeout",
    "Cryptogram",
    "CryptogramKind",
    "Declined",
    "Device",
    "DeviceError",
    "Display",
    "Done",
    "Event",
    "Failed",
    "Inspection",
    "KeyPressed",
    "Manifest",
    "Nvram",
    "Outcome",
    "OutcomeKind",
    "PaperChanged",
    "PaperOut",
    "PinPad",
    "PinPadError",
    "Printer",
    "Receipt",
    "ReceiptKind",
    "Record",
    "Refused",
    "Sale",
    "Screen",
    "ScreenKind",
    "Terminal",
    "TextPattern",
    "Totals",
    "Unknown",
    "Unsupported",
    "quick",
]

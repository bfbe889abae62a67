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

This module depends on nothing but the standard library, so that terminal software needs nothing else of the harness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias

ActionKind: TypeAlias = Literal[
    "sale", "refund", "void", "preauth", "preauth_void", "completion", "completion_void", "scan_sale", "scan_refund",
    "settle", "sign_on", "reprint", "clear_cache", "reboot", "update", "totals",
]  # fmt: skip
"""What an operator can ask for. An action the software does not know is answered ``Unsupported``."""

ScreenKind: TypeAlias = Literal[
    "idle", "prompt", "processing", "approved", "declined", "refused", "unknown", "storage_full", "settled", "settle_failed",
    "error", "text",
]  # fmt: skip

ReceiptKind: TypeAlias = Literal["sale", "void", "refund", "settlement", "other"]

OutcomeKind: TypeAlias = Literal["approved", "declined", "refused", "unknown", "done", "failed", "unsupported"]


# ---------------------------------------------------------------- what the world sends


@dataclass(frozen=True, slots=True)
class Action:
    """An operator action. ``number`` is the harness's name for it; terminal software has no use for it but ``finish``.

    Void and refund name the original as the operator reads it from the receipt: trace number (STAN), batch, RRN, date (MMDD).
    """

    number: int
    kind: ActionKind
    amount_fen: int = 0
    original_stan: str = ""
    original_batch: str = ""
    original_rrn: str = ""
    original_date: str = ""


Sale: TypeAlias = Action
"""The request handed to each sugar method is the whole Action; this name reads better in a sale's signature."""


@dataclass(frozen=True, slots=True)
class ActionRequested:
    """The operator asks for an action. It must be answered with ``device.finish(action, outcome)``."""

    action: Action


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """A key outside an action: ``cancel``, ``confirm``, ``menu``, or a repeat of the action key by an impatient hand."""

    key: str


@dataclass(frozen=True, slots=True)
class CardPresented:
    """A card came into reach of the reader; ``device.card.read`` tells what is on it."""


@dataclass(frozen=True, slots=True)
class CardRemoved:
    """The card left the reader."""


@dataclass(frozen=True, slots=True)
class PaperChanged:
    """The paper ran out, or was put in."""

    loaded: bool


@dataclass(frozen=True, slots=True)
class CableChanged:
    """The network cable or radio link came or went, as far as the modem can tell."""

    connected: bool


Event: TypeAlias = ActionRequested | KeyPressed | CardPresented | CardRemoved | PaperChanged | CableChanged


# ---------------------------------------------------------------- what the software answers


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an action ended. ``text`` is shown to people; ``reason`` says why in a word (``storage_full``, ``host_05``)."""

    kind: OutcomeKind
    reason: str = ""
    text: str = ""
    stan: str = ""
    batch: str = ""
    rrn: str = ""


def Approved(stan: str, batch: str = "", rrn: str = "", text: str = "") -> Outcome:
    """The host approved and the record is kept: the customer may be told."""
    return Outcome("approved", "", text, stan, batch, rrn)


def Declined(reason: str, text: str = "", stan: str = "") -> Outcome:
    """The host said no for good; no money moved."""
    return Outcome("declined", reason, text, stan)


def Refused(reason: str, text: str = "") -> Outcome:
    """The terminal did not try: storage full, settlement due, card unreadable, a reversal still pending."""
    return Outcome("refused", reason, text)


def Unknown(reason: str, text: str = "", stan: str = "") -> Outcome:
    """The terminal cannot tell yet; a reversal will make sure no money moved."""
    return Outcome("unknown", reason, text, stan)


def Done(text: str = "") -> Outcome:
    """A settlement, sign-on, reprint or housekeeping action that is complete."""
    return Outcome("done", "", text)


def Failed(reason: str, text: str = "") -> Outcome:
    """A settlement or housekeeping action that could not be completed; it can be tried again."""
    return Outcome("failed", reason, text)


def Unsupported() -> Outcome:
    """The software has no such action."""
    return Outcome("unsupported")


@dataclass(frozen=True, slots=True)
class Screen:
    """What the display shows. An ``approved`` screen is a promise to the customer: from that instant the money has moved."""

    kind: ScreenKind
    text: str = ""
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    rrn: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """A batch's totals: counts and amounts in fen. Debits are sales, credits are refunds; a voided sale is in neither."""

    debit_count: int = 0
    debit_fen: int = 0
    credit_count: int = 0
    credit_fen: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """A slip of paper. A reprint is marked ``duplicate``; a settlement slip carries ``totals``."""

    kind: ReceiptKind
    text: str = ""
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    rrn: str | None = None
    duplicate: bool = False
    totals: Totals | None = None


# ---------------------------------------------------------------- peripherals


class DeviceError(Exception):
    """A peripheral could not do what was asked."""


class CardTimeout(DeviceError):
    """No card was shown in time."""


class CardReadError(DeviceError):
    """A card was shown and could not be read."""


class PaperOut(DeviceError):
    """The printer has no paper; nothing of the receipt was printed."""


class PinPadError(DeviceError):
    """The PIN pad refused: key missing, wrong check value, tampered."""


@dataclass(frozen=True, slots=True)
class CardData:
    """What the reader got. ``track2`` is ``PAN=YYMM...`` with the issuer's discretionary data, to be sent as it is in DE35."""

    pan: str
    expiry: str
    track2: str
    entry_mode: str = "051"
    sequence_number: str = "001"
    emv_data: bytes = b""


class CardReader(Protocol):
    def read(self, timeout_s: float = 60.0) -> CardData:
        """Wait for a card and read it. Raises CardTimeout or CardReadError."""


class PinPad(Protocol):
    """Secure element. Keys live in it, survive power loss, and never leave it; tampering erases them.

    Slots: ``master`` (injected at the factory), ``pin``, ``mac``, ``track`` (loaded at sign-on, encrypted under master).
    """

    def load_key(self, slot: str, encrypted_key: bytes, check_value: bytes) -> None:
        """Store a working key. Raises PinPadError when the check value does not match."""

    def has_key(self, slot: str) -> bool:
        """Whether the slot holds a key."""

    def mac(self, data: bytes) -> bytes:
        """The eight-byte UnionPay MAC of ``data`` under the ``mac`` key."""

    def pin_block(self, pan: str) -> bytes:
        """The encrypted PIN block (ISO 9564 format 0) of the PIN that the customer enters."""

    def encrypt(self, data: bytes) -> bytes:
        """``data`` encrypted under a storage key that never leaves the pad (for card data kept until batch upload)."""

    def decrypt(self, data: bytes) -> bytes:
        """What ``encrypt`` was given. Raises PinPadError when the data was altered."""


class Printer(Protocol):
    def print(self, receipt: Receipt) -> None:
        """Print the whole slip. Raises PaperOut when there is no paper."""

    def has_paper(self) -> bool:
        """Whether there is paper for one more slip."""


class Display(Protocol):
    current: Screen | None
    """What it shows now; None after power on."""

    def show(self, screen: Screen) -> None:
        """Replace what the display shows."""


class Nvram(Protocol):
    """A small battery-backed memory, 256 bytes, written a byte at a time; power loss may tear a write, never forget one."""

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``."""

    def write(self, offset: int, data: bytes) -> None:
        """Store ``data`` at ``offset``; durable when this returns."""


class Device(Protocol):
    """The hardware under the software. All of it dies at power loss; only storage, PIN-pad keys and NVRAM are kept."""

    tid: str
    """Terminal number, DE41, 8 characters."""
    mid: str
    """Merchant number, DE42, 15 characters."""
    host_address: tuple[str, int]
    """Where the acquirer is: for ``socket.create_connection``."""
    volumes: Mapping[str, str]
    """Storage volumes by name (``data``, ``cache``, ...) and the directory each is mounted at."""
    card: CardReader
    pin_pad: PinPad
    printer: Printer
    display: Display
    nvram: Nvram

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        """Wait for what the world does next; None after ``timeout_s`` seconds without anything."""

    def finish(self, action: Action, outcome: Outcome) -> None:
        """End an action. Each action is ended exactly once."""

    def probe(self, name: str) -> None:
        """Mark a rare path as reached, so that a test can require that it was."""

    def reboot(self) -> None:
        """Restart the software as a clean shutdown would; does not return."""


# ---------------------------------------------------------------- what the software declares


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the software declares about itself. What is not declared is not checked, and the verdict says so."""

    name: str
    version: str = "1"
    dialect: str = "unionpay"
    capture: Literal["host", "terminal"] = "host"
    settlement: Literal["operator", "automatic", "host", "none"] = "operator"
    reversal: Literal["before_next", "background", "none"] = "before_next"
    reversal_stan: Literal["kept", "new"] = "kept"
    actions: frozenset[str] = frozenset({"sale", "settle"})
    max_transactions: int | None = None
    """How many records a batch may hold before the terminal asks for settlement; None: no limit of its own."""
    keeps_after_settlement_bytes: int = 65536
    """What may stay on the data volume after a settlement that a fresh terminal did not use."""
    data_bytes_min: int | None = None
    """How much of the data volume the software must have to work at all; None: not declared."""
    reply_timeout_s: float = 60.0
    recovery_timeout_s: float = 600.0
    """Within this virtual time from any fault's end the software is idle again or shows a clear error."""
    memory_slack_bytes: int = 262144
    """How much the software's memory may grow over its life, caches included, after it has warmed up."""
    encoding: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction in the terminal's own log, for ``inspect``."""

    stan: str
    batch: str
    kind: str
    amount_fen: int
    state: Literal["active", "voided", "reversed", "refunded"] = "active"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the software's own files say, read from an image of its disk without running it."""

    batch: str = ""
    next_stan: str = ""
    records: tuple[Record, ...] = ()
    pending_reversals: tuple[str, ...] = ()
    damaged_records: int = 0
    settling: bool = False


_OUTCOME_SCREENS: Mapping[OutcomeKind, tuple[ScreenKind, str]] = {
    "approved": ("approved", "交易成功 APPROVED"),
    "declined": ("declined", "交易拒绝 DECLINED"),
    "refused": ("refused", "不能交易 REFUSED"),
    "unknown": ("unknown", "交易结果未知 UNKNOWN"),
    "done": ("text", "完成 DONE"),
    "failed": ("error", "失败 FAILED"),
    "unsupported": ("error", "不支持 NOT SUPPORTED"),
}
# While one of these is up, nobody has been told how the action ended.
_NOT_AN_ANSWER: frozenset[ScreenKind] = frozenset({"idle", "prompt", "processing"})


class Terminal:
    """Sugar over the event loop: one method an action. See the module's first lines for an example.

    Methods are named after ``ActionKind``: ``sale``, ``refund``, ``void``, ``settle``, ``sign_on``, ``reprint``,
    ``clear_cache``, ``update``, ``totals``, ... each takes the ``Action`` and returns an ``Outcome``. An action without a
    method is answered ``Unsupported``. ``boot`` runs once after power comes on, ``idle`` each time ``idle_timeout_s`` pass
    without an event, ``other_event`` for every event that is no action.
    """

    manifest: ClassVar[Manifest]
    idle_timeout_s: ClassVar[float | None] = None

    def __init__(self, device: Device) -> None:
        self.device = device

    def boot(self) -> None:
        """Power came on: open files, recover what was under way."""

    def idle(self) -> None:
        """Nothing has happened for ``idle_timeout_s``."""

    def other_event(self, event: Event) -> None:
        """A key, a card, paper or the cable, outside an action."""

    def reboot(self, action: Action) -> Outcome:
        """The operator asked for a restart; the default does it at once."""
        self.device.finish(action, Done())
        self.device.reboot()
        return Done()

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        """The software's own records, read from ``image``: absolute path to content. None: not offered, so not checked.

        It is called without a device and must not change anything.
        """
        return None

    def run(self) -> None:
        """The main loop. Override it to handle events yourself; it must not return."""
        self.boot()
        device = self.device
        while True:
            event = device.next_event(self.idle_timeout_s)
            if event is None:
                self.idle()
            elif isinstance(event, ActionRequested):
                self._perform(event.action)
            else:
                self.other_event(event)

    def _perform(self, action: Action) -> None:
        device = self.device
        before = device.display.current
        method = getattr(self, action.kind, None)
        outcome: Outcome = Unsupported() if method is None else method(action)
        shown = device.display.current
        if shown is None or shown is before or shown.kind in _NOT_AN_ANSWER:
            kind, text = _OUTCOME_SCREENS[outcome.kind]
            device.display.show(
                Screen(
                    kind,
                    outcome.text or text,
                    action.amount_fen,
                    outcome.stan or None,
                    outcome.batch or None,
                    outcome.rrn or None,
                )
            )
        device.finish(action, outcome)
        device.display.show(Screen("idle"))

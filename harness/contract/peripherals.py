"""The hardware under terminal software, and how it fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from harness.contract.answers import Outcome, Receipt, Screen
from harness.contract.events import Action, Event
from harness.contract.making import quick

CryptogramKind: TypeAlias = Literal["TC", "ARQC", "AAC"]


class DeviceError(Exception):
    """A peripheral could not do what was asked."""


class CardTimeout(DeviceError):
    """No card was shown in time."""


class CardReadError(DeviceError):
    """A card was shown and could not be read."""


class CardGone(DeviceError):
    """The card was taken out before its chip had answered."""


class PaperOut(DeviceError):
    """The printer has no paper; nothing of the receipt was printed."""


class PinPadError(DeviceError):
    """The PIN pad refused: key missing, wrong check value, tampered."""


@quick
@dataclass(frozen=True, slots=True)
class CardData:
    """What the reader got. Of a payment code that its scanner read off a phone there is ``code`` alone.

    pan
        The card number (DE2). Keep it masked, or encrypted by the PIN pad.
    expiry
        YYMM (DE14).
    track2
        ``PAN=YYMM...`` with the issuer's discretionary data, to be sent as it is (DE35), and never to be kept.
    entry_mode = '051'
        How it was read (DE22): ``051`` a card's chip, ``031`` a payment code.
    sequence_number = '001'
        Which card of this number (DE23).
    emv_data = b''
        What the chip wants sent with the request (DE55).
    code = ''
        A payment code, to be sent as it is, once.
    chip = False
        The card's chip takes part: it gives cryptograms, and has the last word on a sale.
    """

    pan: str
    expiry: str
    track2: str
    entry_mode: str = "051"
    sequence_number: str = "001"
    emv_data: bytes = b""
    code: str = ""
    chip: bool = False


@dataclass(frozen=True, slots=True)
class Cryptogram:
    """What a card's chip answers.

    kind
        ``TC``: it approves. ``ARQC``: ask the host. ``AAC``: it declines.
    data
        To be sent as it is (DE55). A TC is the proof of the sale, and the acquirer wants it at settlement; it may be kept until
        then.
    """

    kind: CryptogramKind
    data: bytes


class CardReader(Protocol):
    """Reads cards and payment codes, and talks to a card's chip."""

    def read(self, timeout_s: float = 60.0) -> CardData:
        """Wait for a card and read it. Raises CardTimeout or CardReadError."""

    def first_cryptogram(self, amount_fen: int, *, offline: bool = False) -> Cryptogram:
        """The chip's first word on a sale. ``offline``: it may approve without the host, if it sees fit.

        Raises CardGone when the card was taken out, CardReadError when the card that was read last has no chip.
        """

    def second_cryptogram(self, response_code: str) -> Cryptogram:
        """The chip's last word, once the host has answered ``response_code``: TC, or AAC even where the host approved.

        Raises CardGone when the card was taken out, CardReadError without a first cryptogram.
        """


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
    """Prints slips, one at a time."""

    def print(self, receipt: Receipt) -> None:
        """Print the whole slip. Raises PaperOut when there is no paper."""

    def write(self, data: bytes) -> None:
        """Print a slip of text in the manifest's encoding; its ``receipts`` tell what it says. Raises PaperOut."""

    def has_paper(self) -> bool:
        """Whether there is paper for one more slip."""


class Display(Protocol):
    """What the customer and the operator look at.

    current
        What it shows now; None after power on.
    """

    current: Screen | None

    def show(self, screen: Screen) -> None:
        """Replace what the display shows."""

    def write(self, data: bytes) -> None:
        """Replace it by text in the manifest's encoding; its ``screens`` tell what it says."""


class Nvram(Protocol):
    """A small battery-backed memory, 256 bytes, written a byte at a time; power loss may tear a write, never forget one."""

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``."""

    def write(self, offset: int, data: bytes) -> None:
        """Store ``data`` at ``offset``; durable when this returns."""


class Device(Protocol):
    """The hardware under the software. All of it dies at power loss; only storage, PIN-pad keys and NVRAM are kept.

    tid
        Terminal number, DE41, 8 characters.
    mid
        Merchant number, DE42, 15 characters.
    host_address
        Where the acquirer is: for ``socket.create_connection``.
    volumes
        Storage volumes by name (``data``, ``cache``, ...) and the directory each is mounted at.
    card
        A ``CardReader``.
    pin_pad
        A ``PinPad``.
    printer
        A ``Printer``.
    display
        A ``Display``.
    nvram
        A ``Nvram``.
    """

    tid: str
    mid: str
    host_address: tuple[str, int]
    volumes: Mapping[str, str]
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

"""The PIN pad: the secure element that holds the keys and does all sums with them.

Models: a master key injected at the factory, working keys that arrive encrypted under it with a check value (DES or Triple
DES by length), the UnionPay MAC, PIN blocks of ISO 9564-1 format 0, authenticated encryption under a storage key of its
own, keys that survive power loss and are erased by tampering; 4 s for a customer to enter a PIN (assumption).
Does not model: DUKPT, remote loading of the master key, wrong PIN entry, the customer pressing cancel.
Sources: working keys: UnionPay sign-on as public terminal code reads it (``iso8583.keys``); tamper response: PCI PTS POI A1;
storage encryption: AES-256-GCM (NIST SP 800-38D), the nonce a counter that the pad keeps with its keys.

A test card's PIN is a function of its number (``customer_pin``), so that a host can check it without being told.
"""

from collections.abc import Callable
from typing import NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.contract import PinPadError
from harness.core.streams import Streams
from harness.device.checks import check_bytes, clean_text, refuse
from harness.device.session import Session
from harness.iso8583.des import BlockCipher
from harness.iso8583.keys import CHECK_VALUE_SIZE, check_value
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher

SLOTS = ("pin", "mac", "track")
PIN_ENTRY_US = 4_000_000
MAC_US = 2_000
ENCRYPT_US = 1_000
_KEY_SIZES = (8, 16, 24)
_NONCE_SIZE = 12


def _nobody_listens() -> None:
    pass


def customer_pin(pan: str) -> str:
    """The PIN of a test card: the six digits before the check digit."""
    return pan[-7:-1]


def storage_key(device: str, streams: Streams) -> bytes:
    """What the pad of that device seals data with: it was made with the pad, and never leaves it."""
    return b"".join(streams.bits(f"{device}/pin_pad/storage_key/{part}").to_bytes(8, "big") for part in range(4))


class PinPadState(msgspec.Struct, frozen=True):
    """What the pad keeps without power. Never written anywhere: it holds clear keys."""

    master: bytes
    storage: bytes
    working: tuple[tuple[str, bytes], ...]
    encryptions: int


class PinPad:
    """The pad itself: what is in it, and what can happen to it."""

    def __init__(self, device: str, master_key: bytes, streams: Streams) -> None:
        self.device = device
        self.refusals = 0
        """How often it refused for want of a key: the bite of tampering."""
        self.on_foreign: Callable[[], None] = _nobody_listens
        """Called when it was asked to open what it had not sealed, or what was altered since."""
        self.restore(PinPadState(master_key, storage_key(device, streams), (), 0))

    @property
    def tampered(self) -> bool:
        """Whether its keys are gone for good."""
        return not self._state.master

    def snapshot(self) -> PinPadState:
        """What it keeps without power."""
        return self._state

    def restore(self, state: PinPadState) -> None:
        """Put back what ``snapshot`` gave."""
        self._state = state
        self._keys = dict(state.working)
        self._mac = UnionPayEcbMac(self._keys["mac"]) if "mac" in self._keys else None
        self._pin = PinBlockCipher(self._keys["pin"]) if "pin" in self._keys else None
        self._sealer = AESGCM(state.storage) if state.storage else None

    def tamper(self) -> None:
        """Somebody opened the case: every key is erased."""
        self.restore(PinPadState(b"", b"", (), 0))

    def has_key(self, slot: str) -> bool:
        """Whether the slot holds a key."""
        return bool(self._state.master) if slot == "master" else slot in self._keys

    def load_key(self, slot: str, encrypted_key: bytes, check: bytes) -> None:
        """Store a working key that came encrypted under the master key."""
        if slot not in SLOTS:
            raise PinPadError(f"no slot for working keys is named {slot!r}; there are {', '.join(SLOTS)}")
        if not self._state.master:
            self._refuse("tampered")
        if len(encrypted_key) not in _KEY_SIZES:
            raise PinPadError(f"a key has 8, 16 or 24 bytes, not {len(encrypted_key)}")
        key = BlockCipher(self._state.master).decrypt(encrypted_key)
        if len(check) < 3 or check_value(key)[: len(check)] != check[:CHECK_VALUE_SIZE]:
            raise PinPadError(f"the check value of the {slot} key does not match")
        working = self._keys | {slot: key}
        state = self._state
        self.restore(PinPadState(state.master, state.storage, tuple(sorted(working.items())), state.encryptions))

    def mac(self, data: bytes) -> bytes:
        """The UnionPay MAC of ``data``."""
        if self._mac is None:
            self._refuse("no MAC key is loaded")
        return self._mac(data)

    def pin_block(self, pan: str) -> bytes:
        """The encrypted PIN block of the customer's PIN."""
        if self._pin is None:
            self._refuse("no PIN key is loaded")
        try:
            return self._pin.encrypt(customer_pin(pan), pan)
        except ValueError as error:
            raise PinPadError(str(error)) from None

    def encrypt(self, data: bytes) -> bytes:
        """``data`` sealed under the storage key: nonce, ciphertext, tag."""
        if self._sealer is None:
            self._refuse("tampered")
        state = self._state
        nonce = state.encryptions.to_bytes(_NONCE_SIZE, "big")
        self._state = PinPadState(state.master, state.storage, state.working, state.encryptions + 1)
        return nonce + self._sealer.encrypt(nonce, data, None)

    def decrypt(self, data: bytes) -> bytes:
        """What ``encrypt`` was given; PinPadError when it was altered."""
        if self._sealer is None:
            self._refuse("tampered")
        try:
            return self._sealer.decrypt(data[:_NONCE_SIZE], data[_NONCE_SIZE:], None)
        except (InvalidTag, ValueError):
            self.on_foreign()
            raise PinPadError("the data was altered, or was not encrypted by this PIN pad") from None

    def _refuse(self, why: str) -> NoReturn:
        self.refusals += 1
        raise PinPadError("tampered: all keys are erased" if self.tampered else why)


class PinPadPort:
    """The pad as one boot's software holds it."""

    def __init__(self, session: Session, pad: PinPad) -> None:
        self._session = session
        self._pad = pad

    def load_key(self, slot: str, encrypted_key: bytes, check_value: bytes) -> None:
        """Store a working key. Raises PinPadError when the check value does not match."""
        name = self._slot(slot)
        key = check_bytes(encrypted_key, "pin_pad.load_key")
        self._pad.load_key(name, key, check_bytes(check_value, "pin_pad.load_key"))
        self._session.cpu.spend(MAC_US)

    def has_key(self, slot: str) -> bool:
        """Whether the slot holds a key."""
        return self._pad.has_key(self._slot(slot))

    def mac(self, data: bytes) -> bytes:
        """The eight-byte UnionPay MAC of ``data`` under the ``mac`` key."""
        self._session.check()
        mac = self._pad.mac(check_bytes(data, "pin_pad.mac"))
        self._session.cpu.spend(MAC_US)
        return mac

    def pin_block(self, pan: str) -> bytes:
        """The encrypted PIN block of the PIN that the customer enters."""
        self._session.check()
        if not isinstance(pan, str):
            refuse("pin_pad.pin_block", "a card number", pan)
        block = self._pad.pin_block(str.__str__(pan))
        self._session.cpu.sleep(PIN_ENTRY_US)
        self._session.check()
        self._session.secrets.pin_block_made(str.__str__(pan), block)
        return block

    def encrypt(self, data: bytes) -> bytes:
        """``data`` encrypted under a storage key that never leaves the pad."""
        self._session.check()
        sealed = self._pad.encrypt(check_bytes(data, "pin_pad.encrypt"))
        self._session.cpu.spend(ENCRYPT_US)
        return sealed

    def decrypt(self, data: bytes) -> bytes:
        """What ``encrypt`` was given. Raises PinPadError when the data was altered."""
        self._session.check()
        opened = self._pad.decrypt(check_bytes(data, "pin_pad.decrypt"))
        self._session.cpu.spend(ENCRYPT_US)
        return opened

    def _slot(self, slot: object) -> str:
        self._session.check()
        return clean_text(slot, "pin_pad slot", 16)

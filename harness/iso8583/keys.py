"""Working keys as a host sends them: encrypted under the terminal master key, each with a check value.

Models DE62 of a UnionPay sign-on reply for DE60.3 = 001 (single length: 8+4 bytes a key, PIN key and MAC key), 003
(double length: 16+4 bytes a key; the MAC key is single, its last 8 bytes zero) and 004 (the same and a track key).
A check value is the first 4 bytes of eight zero bytes encrypted under the key. Does not model remote loading of the
master key. Source: UnionPay POS specification, domain knowledge not re-read.
"""

from dataclasses import dataclass

from harness.iso8583.des import BlockCipher
from harness.iso8583.errors import DecodeError

CHECK_VALUE_SIZE = 4


def check_value(key: bytes) -> bytes:
    """The first four bytes of eight zero bytes encrypted under ``key``."""
    return BlockCipher(key).encrypt(bytes(8))[:CHECK_VALUE_SIZE]


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """One key as it travels: encrypted under the master key, with the check value of the clear key."""

    cryptogram: bytes
    check: bytes

    @classmethod
    def wrap(cls, master_key: bytes, key: bytes) -> "WrappedKey":
        """``key`` made ready for travel."""
        return cls(BlockCipher(master_key).encrypt(key), check_value(key))

    def unwrap(self, master_key: bytes) -> bytes:
        """The clear key; DecodeError when the check value does not fit (another master key, or damage on the way)."""
        key = BlockCipher(master_key).decrypt(self.cryptogram)
        if check_value(key) != self.check:
            raise DecodeError("working key", 0, f"check value {self.check.hex()}", check_value(key).hex())
        return key


@dataclass(frozen=True, slots=True)
class WorkingKeys:
    """The keys of one sign-on: PIN key, MAC key and, if the terminal asked for it, track key."""

    pin_key: WrappedKey
    mac_key: WrappedKey
    track_key: WrappedKey | None = None

    def field62(self) -> bytes:
        """DE62 of the sign-on reply."""
        width = len(self.pin_key.cryptogram)
        parts = [self.pin_key, self.mac_key] + ([self.track_key] if self.track_key else [])
        return b"".join(part.cryptogram.ljust(width, b"\0") + part.check for part in parts)

    @classmethod
    def parse(cls, field62: bytes) -> "WorkingKeys":
        """From DE62; DecodeError unless it has 24, 40 or 60 bytes."""
        if len(field62) not in (24, 40, 60):
            raise DecodeError("DE62", 0, "24, 40 or 60 bytes of keys", f"{len(field62)} bytes")
        width = 8 if len(field62) == 24 else 16
        step = width + CHECK_VALUE_SIZE
        wrapped = []
        for at in range(0, len(field62), step):
            cryptogram = field62[at : at + width]
            if width == 16 and not any(cryptogram[8:]):
                cryptogram = cryptogram[:8]
            wrapped.append(WrappedKey(cryptogram, field62[at + width : at + step]))
        return cls(wrapped[0], wrapped[1], wrapped[2] if len(wrapped) > 2 else None)

"""PIN blocks of ISO 9564-1 format 0: the PIN tied to the card number, then encrypted under the PIN key.

Models format 0 (ANSI X9.8). Does not model formats 1, 3 and 4. Source: ISO 9564-1, clause on format 0.
"""

from harness.iso8583.des import BlockCipher
from harness.iso8583.errors import DecodeError


def _pan_part(pan: str) -> int:
    """The twelve digits left of the check digit."""
    if len(pan) < 13 or not pan.isdecimal():
        raise ValueError(f"format 0 needs a card number of at least 13 digits, not {len(pan)} characters")
    return int(pan[-13:-1], 16)


def clear_pin_block(pin: str, pan: str) -> bytes:
    """The unencrypted block, as it exists inside a PIN pad only.

    >>> clear_pin_block("1234", "5432101234567891").hex()
    '041215fedcba9876'
    """
    if not 4 <= len(pin) <= 12 or not pin.isdecimal() or not pin.isascii():
        raise ValueError(f"a PIN has 4 to 12 digits, not {len(pin)} characters")
    pin_part = int(f"0{len(pin):X}{pin}".ljust(16, "F"), 16)
    return (pin_part ^ _pan_part(pan)).to_bytes(8, "big")


def read_clear_pin_block(block: bytes, pan: str) -> str:
    """The PIN in an unencrypted block; DecodeError when the block was not made for this card."""
    text = f"{int.from_bytes(block, 'big') ^ _pan_part(pan):016X}"
    length = int(text[1], 16)
    pin, filler = text[2 : 2 + length], text[2 + length :]
    if len(block) != 8 or text[0] != "0" or not 4 <= length <= 12 or not pin.isdecimal() or filler.strip("F"):
        raise DecodeError("PIN block", 0, "ISO 9564-1 format 0 for this card", "another block")
    return pin


class PinBlockCipher:
    """PIN blocks under one PIN key of 8 or 16 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = BlockCipher(key)

    def encrypt(self, pin: str, pan: str) -> bytes:
        """DE52 of a request."""
        return self._cipher.encrypt(clear_pin_block(pin, pan))

    def decrypt(self, block: bytes, pan: str) -> str:
        """The PIN in DE52; DecodeError when key, card or block do not belong together."""
        if len(block) != 8:
            raise DecodeError("PIN block", 0, "8 bytes", f"{len(block)} bytes")
        return read_clear_pin_block(self._cipher.decrypt(block), pan)

"""Track 2 of a bank card: card number, expiry, service code and the issuer's discretionary data.

Models the layout of ISO/IEC 7813: ``PAN=YYMMSSS...``, at most 37 characters without sentinels. Does not model track 1,
track 3 or the check character a reader removes. The discretionary data is what a host sees of one presentation of a
card, and terminal software can neither make nor usefully change: the harness puts a token there.
"""

import re

import msgspec

from harness.iso8583.errors import DecodeError, EncodeError
from harness.iso8583.message import mask_pan

TRACK2_LENGTH_MAX = 37
_LAYOUT = re.compile(r"([0-9]{12,19})[=D]([0-9]{4})([0-9]{3})([0-9]*)")


class Track2(msgspec.Struct, frozen=True):
    """Track 2 taken apart; ``str()`` puts it together, ``repr`` hides the card number and the discretionary data."""

    pan: str
    expiry: str
    service_code: str
    discretionary: str

    @classmethod
    def parse(cls, text: str) -> "Track2":
        """From DE35, with ``=`` or ``D`` as separator; DecodeError for anything else."""
        match = _LAYOUT.fullmatch(text)
        if match is None or len(text) > TRACK2_LENGTH_MAX:
            raise DecodeError("track 2", 0, "PAN=YYMMSSS and digits, at most 37", f"{len(text)} other characters")
        return cls(*match.groups())

    def __str__(self) -> str:
        text = f"{self.pan}={self.expiry}{self.service_code}{self.discretionary}"
        if not _LAYOUT.fullmatch(text) or len(text) > TRACK2_LENGTH_MAX:
            raise EncodeError("track 2", "PAN=YYMMSSS and digits, at most 37", f"{len(text)} characters")
        return text

    def __repr__(self) -> str:
        return f"Track2({mask_pan(self.pan)!r}, {len(self.discretionary)} discretionary digits)"


def luhn_digit(digits: str) -> str:
    """The check digit that makes ``digits`` a valid card number.

    >>> luhn_digit("7992739871")
    '3'
    """
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if position % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)

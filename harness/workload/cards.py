"""Cards and payment codes as customers carry them.

Models: test card numbers with a valid check digit, and a presentation token in the issuer's discretionary data of track 2,
which the host reads and the terminal cannot usefully change. Does not model: PINs, EMV applications, real issuers: the
numbers are from ranges that card schemes reserve for tests.
"""

from __future__ import annotations

from harness.contract import CardData

_TEST_RANGES = ("622848", "622588", "621700", "625094")
_CODE_RANGE = "621799"
_DOUBLED = str.maketrans("0123456789", "0246813579")
_ZERO = ord("0")
_EXPIRY = "3012"
_SERVICE_CODE = "201"


def luhn_digit(digits: str) -> str:
    """The check digit of ``digits`` (ISO/IEC 7812-1)."""
    counted = (digits[::-2].translate(_DOUBLED) + digits[-2::-2]).encode()
    return str((_ZERO * len(counted) - sum(counted)) % 10)  # bytes are numbers already: no call for each digit


def card_number(choice: float, by_code: bool) -> str:
    """The number of the card, or of the payer's code, that ``choice`` in [0, 1) stands for: 16 digits."""
    serial = int(choice * 1_000_000_000)
    prefix = _CODE_RANGE if by_code else _TEST_RANGES[serial % len(_TEST_RANGES)]
    body = f"{prefix}{serial:09d}"
    return body + luhn_digit(body)


def payment_code(choice: float, token: str) -> CardData:
    """What the scanner gets from one showing of a payment code: 19 digits, good for one payment."""
    return CardData("", "", "", "031", code=f"62{int(choice * 1_000_000):06d}{token}")


def presentation(choice: float, by_code: bool, token: str) -> CardData:
    """What the reader gets from one showing of the card."""
    pan = card_number(choice, by_code)
    return CardData(
        pan=pan,
        expiry=_EXPIRY,
        track2=f"{pan}={_EXPIRY}{_SERVICE_CODE}{token}",
        entry_mode="031" if by_code else "051",
    )

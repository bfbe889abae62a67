"""Test cards: numbers that pass every check and belong to nobody.

Models: a magnetic stripe or chip card with a card number from a published test range, track 2 whose discretionary data is
the token of one presentation, and an application transaction counter that counts presentations.
Does not model: cryptograms, offline PIN, contactless limits.
Sources: track 2: ISO/IEC 7813; check digit: ISO/IEC 7812-1; tag 9F36: EMV Book 3; ranges: the card schemes' and
acquirers' published test numbers (411111..., 555555..., 625094...).
"""

from dataclasses import dataclass

from harness.contract import CardData
from harness.iso8583.track import Track2, luhn_digit

TOKEN_DIGITS = 11
_TEST_RANGES = ("625094", "625094", "625094", "411111", "555555")  # three of five cards are UnionPay's
_ACCOUNT_DIGITS = 9


def card_number(uniform: float) -> str:
    """A 16-digit card number with a valid check digit out of a test range, from one uniform number in [0, 1)."""
    accounts = 10**_ACCOUNT_DIGITS
    which, account = divmod(int(uniform * len(_TEST_RANGES) * accounts), accounts)
    digits = f"{_TEST_RANGES[which]}{account:0{_ACCOUNT_DIGITS}d}"
    return digits + luhn_digit(digits)


@dataclass(slots=True)
class Card:
    """One card. ``transactions`` is its application transaction counter."""

    pan: str
    expiry: str = "3012"
    service_code: str = "201"
    sequence_number: str = "001"
    transactions: int = 0

    def __post_init__(self) -> None:
        if not self.pan.isdecimal() or luhn_digit(self.pan[:-1]) != self.pan[-1]:
            raise ValueError("a card number is digits with a valid check digit")
        if len(self.expiry) != 4 or len(self.service_code) != 3:
            raise ValueError("a card has an expiry YYMM and a service code of three digits")

    def present(self, token: str) -> CardData:
        """What a reader gets in this one presentation; ``token`` is what names it to host and harness."""
        if len(token) != TOKEN_DIGITS or not token.isdecimal():
            raise ValueError(f"a token has {TOKEN_DIGITS} digits")
        self.transactions = (self.transactions + 1) & 0xFFFF
        track2 = str(Track2(self.pan, self.expiry, self.service_code, token))
        counter = bytes.fromhex("9F3602") + self.transactions.to_bytes(2, "big")
        return CardData(self.pan, self.expiry, track2, "051", self.sequence_number, counter)

"""DE63 of the messages about a merchant's money: its account and cycle (0800, code 401), and what was paid (0800, code 402).

Models: a few texts between bars, as many acquirers' parameter messages have them. Does not model: any acquirer's real layout,
which none of them publishes; codes and layout are assumptions [A].
"""

from __future__ import annotations

import msgspec

from harness.iso8583.errors import DecodeError

SETTINGS_CODE, PAYOUT_CODE = "401", "402"
"""DE60.3 of what sets account and cycle, and of what asks for a batch's payout."""
CYCLES = ("T+1", "D+1", "D+0")
"""Next business day, next calendar day, same day."""
_ACCOUNT_DIGITS_MAX = 32


def check_digit(digits: str) -> str:
    """The digit that makes a bank account's number pass its check (Luhn's, as most banks in China use it)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def is_well_formed(account: str) -> bool:
    """Whether a number can be an account at all; whether there is one, only the bank knows."""
    return account.isdecimal() and 8 <= len(account) <= _ACCOUNT_DIGITS_MAX and check_digit(account[:-1]) == account[-1]


class Settings63(msgspec.Struct, frozen=True):
    """Where a merchant's money goes, and when."""

    account: str
    cycle: str

    def __str__(self) -> str:
        return f"{self.account}|{self.cycle}"

    @classmethod
    def parse(cls, text: str) -> Settings63:
        """From a message's DE63."""
        account, *rest = text.split("|")
        if len(rest) != 1 or len(account) > _ACCOUNT_DIGITS_MAX or len(rest[0]) > 8:
            raise DecodeError("DE63", 0, "an account and a cycle", f"{len(text)} characters")
        return cls(account, rest[0])


class Payout63(msgspec.Struct, frozen=True):
    """What has become of a batch's money. ``state``: paid, pending, held, bounced, none; ``due``: when the rest is due, MMDD."""

    batch: str
    state: str
    amount_fen: int
    due: str
    cycle: str

    def __str__(self) -> str:
        return f"{self.batch}|{self.state}|{self.amount_fen}|{self.due}|{self.cycle}"

    @classmethod
    def parse(cls, text: str) -> Payout63:
        """From a message's DE63."""
        texts = text.split("|")
        if len(texts) != 5 or not texts[2].isdecimal() or len(texts[2]) > 15:
            raise DecodeError("DE63", 0, "batch, state, amount, date and cycle", f"{len(text)} characters")
        return cls(texts[0], texts[1], int(texts[2]), texts[3], texts[4])

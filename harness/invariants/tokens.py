"""Tokens of purchases that are over: eight bytes each, so that a very late charge is still recognised.

Models: a set of presentation tokens with one bit each, whether the purchase was paid. Tokens are decimal numbers that
grow with each presentation of a station (design: matching a charge to a customer), so appending keeps them sorted.
Does not model: tokens that are no decimal numbers; those are not remembered.
"""

from array import array
from bisect import bisect_left, insort

_MAX_DIGITS = 18  # twice the value must fit in 64 bits


class PastTokens:
    """Membership with a bit, sorted; adding in order costs O(1)."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values = array("Q")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, token: str, paid: bool) -> None:
        """Remember ``token``."""
        if not (token.isascii() and token.isdigit() and len(token) <= _MAX_DIGITS):
            return
        value = int(token) << 1 | paid
        values = self._values
        if not values or value > values[-1]:
            values.append(value)
        else:
            insort(values, value)

    def paid(self, token: str) -> bool | None:
        """Whether the purchase of ``token`` was paid; None when the token is not remembered."""
        if not (token.isascii() and token.isdigit() and len(token) <= _MAX_DIGITS):
            return None
        value = int(token) << 1
        place = bisect_left(self._values, value)
        if place == len(self._values) or self._values[place] >> 1 != value >> 1:
            return None
        return bool(self._values[place] & 1)

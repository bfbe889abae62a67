"""What a history says of one UnionPay message."""

from collections.abc import Callable

from harness.host.dialects.base import MessageHeader
from harness.iso8583 import DecodeError, Message
from harness.iso8583.track import Track2

ON_HOLD_TYPES = frozenset({"10", "11", "20", "21"})
"""DE60.1 of pre-authorisations, completions and their voids."""


def header_of(message: Message, size_bytes: int) -> MessageHeader:
    """A message's own story; a composite field that cannot be read is left out of it."""
    mti, fields = message.mti, message.fields
    text: Callable[[int, str], str] = fields.get  # type: ignore[assignment]  # every field named here is text in the specification
    processing_code, stan, reserved, amount = text(3, ""), text(11, ""), text(60, ""), text(4, "")
    original_stan = text(61, "")[6:12]
    # A void's or completion's reversal repeats DE61, what that was about, but what it undoes is the void or completion itself.
    is_about_another = processing_code != "000000" or reserved[:2] in ON_HOLD_TYPES
    if mti in ("0400", "0410") and (not original_stan or is_about_another):
        original_stan = stan
    return MessageHeader(
        mti,
        processing_code,
        stan,
        reserved[2:8],
        text(41, ""),
        int(amount) if amount else None,
        _token(text(35, "")) if 35 in fields else "",
        text(39, ""),
        original_stan,
        reserved[8:11],
        size_bytes,
    )


def _token(track: str) -> str:
    """The discretionary data of track 2: one presentation of a card."""
    try:
        return Track2.parse(track).discretionary
    except DecodeError:
        return ""

"""What a history says of one UnionPay message."""

from collections.abc import Callable

from harness.host.dialects.base import MessageHeader
from harness.iso8583 import DecodeError, Message
from harness.iso8583.icc import token_of
from harness.iso8583.track import Track2
from harness.iso8583.unionpay import Order59, parse_upload

ON_HOLD_TYPES = frozenset({"10", "11", "20", "21"})
"""DE60.1 of pre-authorisations, completions and their voids."""
_ORDER_TYPES = frozenset({"0600", "0610"})


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
    order = Order59.parse(text(59, "")) if mti in _ORDER_TYPES and 59 in fields else None
    token = _token(text(35, "")) if 35 in fields else _chip_token(fields.get(55)) if 55 in fields else ""
    if order is not None and mti == "0600":
        token = order_token_of(order.code)
    return MessageHeader(
        mti,
        processing_code,
        stan,
        reserved[2:8],
        text(41, ""),
        int(amount) if amount else None,
        token,
        text(39, ""),
        original_stan,
        reserved[8:11],
        size_bytes,
        items=_items(text(48, "")) if mti == "0320" and reserved[8:11] == "201" else (),
        order="" if order is None else order.number,
    )


def order_token_of(code: str) -> str:
    """Which presentation a payment code is of: its last eleven digits."""
    return code[-11:] if len(code) > 11 and code.isdecimal() else ""


def _items(text: str) -> tuple[str, ...]:
    """The trace numbers of an upload's transactions."""
    try:
        return tuple(item.stan for item in parse_upload(text))
    except DecodeError:
        return ()


def _chip_token(data: object) -> str:
    """The same from a chip's answer, where no track is sent."""
    return token_of(data) if isinstance(data, bytes) else ""


def _token(track: str) -> str:
    """The discretionary data of track 2: one presentation of a card."""
    try:
        return Track2.parse(track).discretionary
    except DecodeError:
        return ""

"""What a history says of one UnionPay message."""

from harness.host.dialects.base import MessageHeader
from harness.iso8583 import DecodeError, Message
from harness.iso8583.track import Track2


def header_of(message: Message, size_bytes: int) -> MessageHeader:
    """A message's own story; a composite field that cannot be read is left out of it."""
    reserved, amount = message.text(60, ""), message.text(4, "")
    original_stan = message.text(61, "")[6:12]
    # A void's reversal repeats DE61, the sale, but what it undoes is the void itself.
    if message.mti in ("0400", "0410") and (not original_stan or message.text(3, "") != "000000"):
        original_stan = message.text(11, "")
    return MessageHeader(
        mti=message.mti,
        processing_code=message.text(3, ""),
        stan=message.text(11, ""),
        batch=reserved[2:8],
        tid=message.text(41, ""),
        amount_fen=int(amount) if amount else None,
        token=_token(message),
        response_code=message.text(39, ""),
        original_stan=original_stan,
        function=reserved[8:11],
        size_bytes=size_bytes,
    )


def _token(message: Message) -> str:
    """The discretionary data of track 2: one presentation of a card."""
    try:
        return Track2.parse(message.text(35, "")).discretionary
    except DecodeError:
        return ""

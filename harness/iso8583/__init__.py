"""ISO 8583 messages: a table-driven codec, frames, MAC, PIN block and track data.

What terminal software usually needs::

    from harness.iso8583 import Message, unionpay

    request = Message("0200", {3: "000000", 4: "000000001500", 11: "000042", 41: "10000001"})
    frame = unionpay.pack(request)                   # length + TPDU + header + message
    frames, rest = unionpay.split_frames(received)   # whole frames, and the bytes still to be completed
    reply = unionpay.unpack(frames[0]).message       # DecodeError says what is wrong, and where

Another dialect is another table: ``Codec(MessageSpec("mine", (FieldSpec(...), ...)))``. MACs and PIN blocks are in
``harness.iso8583.mac`` and ``harness.iso8583.pinblock``, which import the `cryptography` package; this one does not.
"""

from harness.iso8583.codec import Codec
from harness.iso8583.errors import CodecError, DecodeError, EncodeError, SpecError
from harness.iso8583.message import FieldValue, Message, mask_pan
from harness.iso8583.spec import FieldSpec, MessageSpec

__all__ = [
    "Codec",
    "CodecError",
    "DecodeError",
    "EncodeError",
    "FieldSpec",
    "FieldValue",
    "Message",
    "MessageSpec",
    "SpecError",
    "mask_pan",
]

"""A dialect's line: its field table with its envelope, so that both ends pack and unpack by one object.

Models: the length, a TPDU and a header of sizes of the dialect's own (either may be empty), and the message authentication code
that covers the whole message before it. Does not model what is in the header.
"""

from collections.abc import Callable

import msgspec

from harness.iso8583.codec import Codec
from harness.iso8583.frame import BYTES_2, Envelope, LengthPrefix, splitter
from harness.iso8583.frame import unpack as unpack_envelope
from harness.iso8583.message import Message

MAC_FIELD = 64
MAC_SIZE = 8
MacFunction = Callable[[bytes], bytes]


class Received(msgspec.Struct, frozen=True):
    """A frame that was understood: its envelope and message."""

    envelope: Envelope
    message: Message
    mac_size: int = MAC_SIZE
    """Bytes of the code on the wire."""

    def mac_is_good(self, mac: MacFunction) -> bool:
        """Whether DE64 is there and is what ``mac`` makes of everything before it."""
        return self.message.fields.get(MAC_FIELD) == mac(self.envelope.payload[: -self.mac_size])


class Wire:
    """How one dialect's messages go over the line. ``tpdu`` and ``header`` are what a request carries; their sizes are fixed."""

    def __init__(self, codec: Codec, tpdu: bytes, header: bytes, length: LengthPrefix = BYTES_2) -> None:
        self.codec = codec
        self.tpdu = tpdu
        self.header = header
        self.length = length
        self.split_frames = splitter(length)
        self.mac_size = MAC_SIZE
        for field in codec.spec.fields:
            if field.number == MAC_FIELD and field.encoding == "hex":
                self.mac_size = 2 * MAC_SIZE

    def encode(self, message: Message, mac: MacFunction | None = None) -> bytes:
        """The message's bytes. With ``mac``, DE64 is that function of everything from the MTI up to DE63."""
        if mac is None:
            return self.codec.encode(message)
        unsigned = Message(message.mti, {**message.fields, MAC_FIELD: bytes(MAC_SIZE)})
        covered = self.codec.encode(unsigned)[: -self.mac_size]
        return covered + self._as_sent(mac(covered))

    def spoilt(self, payload: bytes) -> bytes:
        """The same message with another authentication code than is right."""
        code = payload[-self.mac_size :]
        if self.mac_size != MAC_SIZE:
            code = bytes.fromhex(code.decode("ascii"))
        return payload[: -self.mac_size] + self._as_sent(bytes(byte ^ 0x01 for byte in code))

    def _as_sent(self, code: bytes) -> bytes:
        return code if self.mac_size == MAC_SIZE else code.hex().upper().encode("ascii")

    def pack(self, message: Message, mac: MacFunction | None = None) -> bytes:
        """A whole frame, ready for the line."""
        return self.seal(Envelope(self.encode(message, mac), self.tpdu, self.header))

    def seal(self, envelope: Envelope) -> bytes:
        """The frame of an envelope of this line."""
        return envelope.pack(len(self.tpdu), len(self.header), self.length)

    def unpack(self, frame: bytes) -> Received:
        """A whole frame understood, or DecodeError."""
        envelope = unpack_envelope(frame, len(self.tpdu), len(self.header), self.length)
        return Received(envelope, self.codec.decode(envelope.payload), self.mac_size)

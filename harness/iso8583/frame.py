"""The envelope around a message on a UnionPay line: 2-byte length, TPDU, application header, then the message.

Models the length prefix (big-endian, not counting itself; elsewhere four bytes or four ASCII digits, ``LengthPrefix``), the TPDU
(protocol id and two addresses, swapped in the
reply) and the six header bytes. Does not model NII routing or what the header's fields mean, but for the digit with
which a host asks for something (``processing_request``). Source: UnionPay POS terminal specification as quoted by
public terminal code (domain knowledge, not re-read).

A *frame* here always includes its length: it is what is written to and read from the line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec

from harness.iso8583.errors import DecodeError, EncodeError

LENGTH_SIZE = 2
TPDU_SIZE = 5
HEADER_SIZE = 6
FRAME_LENGTH_MAX = 2048  # far above any UnionPay message; a line that claims more is garbage or hostile

DEFAULT_TPDU = bytes.fromhex("6000030000")
DEFAULT_HEADER = bytes.fromhex("603100311001")

_PROCESSING_REQUEST_INDEX = 5  # 60 31 0[0] ...: sixth digit of the header


@dataclass(frozen=True, slots=True)
class LengthPrefix:
    """How a line says how long a message is."""

    size: int
    is_text: bool = False

    def write(self, length: int) -> bytes:
        """The prefix of a body of ``length`` bytes."""
        return b"%0*d" % (self.size, length) if self.is_text else length.to_bytes(self.size, "big")

    def read(self, prefix: bytes) -> int:
        """What a prefix says; DecodeError for one that is none."""
        if not self.is_text:
            return int.from_bytes(prefix, "big")
        if not prefix.isdigit():
            raise DecodeError("frame", 0, f"{self.size} digits of a length", f"0x{prefix.hex()}")
        return int(prefix)


BYTES_2 = LengthPrefix(LENGTH_SIZE)
LENGTHS = {"2 bytes": BYTES_2, "4 bytes": LengthPrefix(4), "4 digits": LengthPrefix(4, True)}
"""By the words of a dialect file."""


class Envelope(msgspec.Struct, frozen=True):
    """A frame taken apart; ``payload`` is the ISO 8583 message."""

    payload: bytes
    tpdu: bytes = DEFAULT_TPDU
    header: bytes = DEFAULT_HEADER

    def pack(self, tpdu_size: int = TPDU_SIZE, header_size: int = HEADER_SIZE, prefix: LengthPrefix = BYTES_2) -> bytes:
        """The frame as it goes onto the line; sizes and prefix are the line's."""
        if len(self.tpdu) != tpdu_size or len(self.header) != header_size:
            found = f"{len(self.tpdu)} and {len(self.header)} bytes"
            raise EncodeError("frame", f"a TPDU of {tpdu_size} and a header of {header_size} bytes", found)
        body = self.tpdu + self.header + self.payload
        if len(body) > FRAME_LENGTH_MAX:
            raise EncodeError("frame", f"at most {FRAME_LENGTH_MAX} bytes", f"{len(body)} bytes")
        return prefix.write(len(body)) + body

    def reply(self, payload: bytes) -> "Envelope":
        """The envelope of an answer: TPDU addresses swapped, header returned as received."""
        tpdu = self.tpdu
        # A prefix of another size has no addresses that are known; it is returned as it came.
        swapped = tpdu[:1] + tpdu[3:5] + tpdu[1:3] if len(tpdu) == TPDU_SIZE else tpdu
        return Envelope(payload, swapped, self.header)

    @property
    def processing_request(self) -> str:
        """What the host asks of the terminal in a reply's header: 0 nothing, 3 sign on again, ... [K]."""
        return self.header.hex()[_PROCESSING_REQUEST_INDEX]


def unpack(
    frame: bytes, tpdu_size: int = TPDU_SIZE, header_size: int = HEADER_SIZE, prefix: LengthPrefix = BYTES_2
) -> Envelope:
    """One whole frame taken apart; DecodeError when it is short, long or lies about its length."""
    size = prefix.size
    if len(frame) < size:
        raise DecodeError("frame", 0, f"{size} length bytes", f"{len(frame)} bytes")
    length = prefix.read(frame[:size])
    if length != len(frame) - size:
        raise DecodeError("frame", 0, f"{length} bytes after the length", f"{len(frame) - size} bytes")
    if length < tpdu_size + header_size:
        raise DecodeError("frame", size, f"at least {tpdu_size + header_size} bytes", f"{length} bytes")
    header_at, payload_at = size + tpdu_size, size + tpdu_size + header_size
    return Envelope(bytes(frame[payload_at:]), bytes(frame[size:header_at]), bytes(frame[header_at:payload_at]))


def splitter(prefix: LengthPrefix) -> Callable[[bytes], tuple[list[bytes], bytes]]:
    """``split_frames`` for a line with that prefix."""
    return split_frames if prefix == BYTES_2 else partial(split_frames, prefix=prefix)


def split_frames(
    buffer: bytes, length_max: int = FRAME_LENGTH_MAX, prefix: LengthPrefix = BYTES_2
) -> tuple[list[bytes], bytes]:
    """The whole frames at the start of a byte stream and the rest, to be kept until more arrives.

    A length beyond ``length_max`` raises DecodeError: framing is lost, and the only cure is to close the connection.
    """
    frames: list[bytes] = []
    offset, total, size = 0, len(buffer), prefix.size
    while total - offset >= size:
        length = prefix.read(buffer[offset : offset + size])
        if length > length_max:
            raise DecodeError("frame", offset, f"a length of at most {length_max}", str(length))
        end = offset + size + length
        if end > total:
            break
        frames.append(bytes(buffer[offset:end]))
        offset = end
    return frames, bytes(buffer[offset:])

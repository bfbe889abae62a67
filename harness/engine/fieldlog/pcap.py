"""A packet capture as the messages that went over its TCP connections, in both directions, each with the time it was whole.

Models: classic pcap in micro- or nanoseconds, and pcapng with any fraction of a second, of either byte order; Ethernet (with
VLAN tags), raw IP or Linux's cooked link; IPv4 and IPv6 without fragments; segments in order of their sequence numbers, repeated
and out of order ones; resets. A stretch that its receiver acknowledged and the capture does not have is told as missed.
Does not model: TLS (what is inside it, a capture does not say); packets of a pcapng file that have no time.
Source: the pcap file format; draft-ietf-opsawg-pcapng (blocks 1, 3, 6 and 0x0A0D0D0A); RFC 791, RFC 8200, RFC 9293. Read here and
not by a library: the one that is small (dpkt) knows no streams, and what is left of it is a few fixed headers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from harness.core.errors import UsageError
from harness.engine.fieldlog.model import LogError

_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1000), b"\xa1\xb2\x3c\x4d": (">", 1000),
}  # fmt: skip
"""By the first four bytes: byte order, and by how much a time's fraction exceeds microseconds."""
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_ETHERNET, _RAW, _COOKED = 1, (12, 101), 113
_PACKET_BYTES_MAX = 1 << 18
_PACKETS_MAX = 5_000_000
_GAP_BYTES_MAX = 1 << 20
_TCP, _IPV4, _IPV6, _VLAN = 6, 0x0800, 0x86DD, (0x8100, 0x88A8)
_BLOCK_BYTES_MAX = 1 << 24
_LATEST_US = 200_000_000_000_000_000
"""Some time in the year 8307: no capture is from later."""
_INTERFACE, _PACKET, _SIMPLE = 1, 6, 3
_RESOLUTION = 9
"""The option of an interface that says in what its times are counted."""
_EXTENSIONS = frozenset({0, 43, 60})
"""IPv6's headers before TCP that are skipped: hop-by-hop, routing, destination."""
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_WRAPS = 1 << 32

Side = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a side sent, in order, as far as packet ``packet``; or a ``reset``. ``sender`` and ``receiver`` are addresses."""

    packet: int
    at_us: int
    sender: Side
    receiver: Side
    data: bytes = b""
    reset: bool = False
    missed: bool = False
    """The receiver had more of it than the capture has: what was in between is not known."""
    opens: bool = False
    """The first of its direction since a connection was made: what was left of an earlier one is no part of it."""


@dataclass(slots=True)
class _Stream:
    """One direction of a connection: the next byte that is expected, and what came before its turn."""

    next_byte: int | None = None
    early: dict[int, bytes] = field(default_factory=dict)
    opened: bool = False


def is_capture(path: Path) -> bool:
    """Whether the file begins as a capture does."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    return start in _MAGIC or start == _PCAPNG


def chunks(path: Path) -> Iterator[Chunk]:
    """Everything that TCP carried, in the order in which it could be read. Raises LogError, which names the packet."""
    streams: dict[tuple[Side, Side], _Stream] = {}
    for number, at_us, segment in _segments(path):
        yield from _taken(streams, number, at_us, segment)


@dataclass(frozen=True, slots=True)
class _Segment:
    sender: Side
    receiver: Side
    sequence: int
    acknowledged: int
    flags: int
    data: bytes


def _taken(streams: dict[tuple[Side, Side], _Stream], number: int, at_us: int, segment: _Segment) -> Iterator[Chunk]:
    way = segment.sender, segment.receiver
    if segment.flags & _RST:
        yield Chunk(number, at_us, *way, reset=True)
        streams.pop(way, None)
        streams.pop((segment.receiver, segment.sender), None)
        return
    yield from _missed(streams.get((segment.receiver, segment.sender)), number, at_us, segment)
    stream = streams.setdefault(way, _Stream())
    if segment.flags & _SYN:
        streams[way] = stream = _Stream((segment.sequence + 1) % _WRAPS, opened=True)
    if stream.next_byte is None:
        stream.next_byte = segment.sequence  # the capture began in the middle of the connection
    data = _in_order(stream, segment)
    if data:
        opens, stream.opened = stream.opened, False
        yield Chunk(number, at_us, *way, data, opens=opens)
    if segment.flags & _FIN and stream.next_byte == (segment.sequence + len(segment.data)) % _WRAPS:
        stream.next_byte = (stream.next_byte + 1) % _WRAPS  # an end is counted as a byte


def _missed(back: _Stream | None, number: int, at_us: int, segment: _Segment) -> Iterator[Chunk]:
    """What the sender says that it has got, and the capture has not: whoever took it dropped packets."""
    if back is None or back.next_byte is None or not segment.flags & _ACK:
        return
    ahead = (segment.acknowledged - back.next_byte) % _WRAPS
    if not 0 < ahead < _WRAPS // 2:
        return
    back.next_byte = segment.acknowledged
    data = _next_of(back)
    way = segment.receiver, segment.sender
    yield Chunk(number, at_us, *way, missed=True)
    if data:
        yield Chunk(number, at_us, *way, data, opens=True)


def _in_order(stream: _Stream, segment: _Segment) -> bytes:
    """The bytes that can be read now: those of the segment, and those that had come before their turn."""
    assert stream.next_byte is not None
    ahead = (segment.sequence - stream.next_byte) % _WRAPS
    data = segment.data
    if not data:
        return b""
    if ahead >= _WRAPS // 2:  # it begins with what is known already
        data = data[_WRAPS - ahead :]
    elif ahead:
        if ahead <= _GAP_BYTES_MAX:
            stream.early[segment.sequence] = data
        return b""
    stream.next_byte = (stream.next_byte + len(data)) % _WRAPS
    return data + _next_of(stream)


def _next_of(stream: _Stream) -> bytes:
    """What had come before its turn, and whose turn it is now."""
    parts = []
    while stream.next_byte is not None and (more := stream.early.pop(stream.next_byte, None)) is not None:
        parts.append(more)
        stream.next_byte = (stream.next_byte + len(more)) % _WRAPS
    return b"".join(parts)


# ---------------------------------------------------------------- packets


def _segments(path: Path) -> Iterator[tuple[int, int, _Segment]]:
    try:
        with path.open("rb") as file:
            start = file.read(24)
            found = _of_blocks(path, file) if start[:4] == _PCAPNG else _of_classic(path, file, start)
            for number, at_us, packet, link in found:
                segment = _segment(_payload(packet, link))
                if segment is not None:
                    yield number, at_us, segment
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _of_classic(path: Path, file: BinaryIO, start: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """Packets of a classic capture: number, time, bytes and kind of link."""
    if start[:4] not in _MAGIC or len(start) < 24:
        raise LogError(str(path), 0, "it is no pcap capture: its first bytes are others, or there are fewer than 24")
    order, finer = _MAGIC[start[:4]]
    (link,) = struct.unpack(order + "I", start[20:24])
    link &= 0xFFFF
    _check_link(path, link)
    for number, at_us, packet in _packets(path, file, order, finer):
        yield number, at_us, packet, link


def _check_link(path: Path, link: int) -> None:
    if link not in (_ETHERNET, *_RAW, _COOKED):
        raise LogError(
            str(path), 0, f"link type {link} cannot be read; expected Ethernet (1), raw IP (101) or Linux cooked (113)"
        )


def _of_blocks(path: Path, file: BinaryIO) -> Iterator[tuple[int, int, bytes, int]]:
    """The same of a pcapng file. Blocks of other kinds say nothing of packets."""
    file.seek(0)
    order, number = "<", 0
    interfaces: list[tuple[int, int]] = []
    while head := file.read(8):
        if head[:4] == _PCAPNG:  # a section: byte order and interfaces begin anew
            magic = file.read(4)
            order, interfaces = ("<" if magic == b"\x4d\x3c\x2b\x1a" else ">"), []
            file.seek(-4, 1)
        kind, size = struct.unpack(order + "II", head) if len(head) == 8 else (0, 0)
        body = file.read(size - 12) if 12 <= size <= _BLOCK_BYTES_MAX else b""
        if len(head) < 8 or len(body) < size - 12 or len(file.read(4)) < 4 or not size:
            raise LogError(str(path), number, f"the capture is cut off or damaged after packet {number}")
        if kind == _INTERFACE and len(body) >= 8:
            link = struct.unpack(order + "H", body[:2])[0]
            _check_link(path, link)
            interfaces.append((link, _ticks_a_second(order, body[8:])))
        elif kind in (_PACKET, _SIMPLE):
            number += 1
            if number > _PACKETS_MAX:
                raise LogError(str(path), number, f"expected at most {_PACKETS_MAX:,} packets; cut the capture")
            if kind == _SIMPLE:
                raise LogError(
                    str(path), number, f"packet {number} has no time, so that nothing shows when it was sent"
                )
            yield _block_packet(path, number, order, interfaces, body)


def _block_packet(
    path: Path, number: int, order: str, interfaces: list[tuple[int, int]], body: bytes
) -> tuple[int, int, bytes, int]:
    if len(body) < 20:
        raise LogError(str(path), number, f"packet {number} is shorter than its header")
    interface, high, low, size, _ = struct.unpack(order + "IIIII", body[:20])
    if interface >= len(interfaces) or size > len(body) - 20:
        raise LogError(str(path), number, f"packet {number} claims what is not there; the capture is damaged")
    link, ticks = interfaces[interface]
    at_us = ((high << 32) + low) * 1_000_000 // ticks
    if at_us > _LATEST_US:
        raise LogError(str(path), number, f"packet {number} claims a time that no calendar has; the capture is damaged")
    return number, at_us, body[20 : 20 + size], link


def _ticks_a_second(order: str, options: bytes) -> int:
    """Of an interface's times; a millionth of a second where it does not say."""
    place = 0
    while place + 4 <= len(options):
        code, size = struct.unpack(order + "HH", options[place : place + 4])
        if code == _RESOLUTION and size >= 1 and place + 4 < len(options):
            power = options[place + 4]
            return 1 << min(power & 0x7F, 62) if power & 0x80 else 10 ** min(power, 18)
        place += 4 + -(-size // 4) * 4
        if not code:
            break
    return 1_000_000


def _packets(path: Path, file: BinaryIO, order: str, finer: int) -> Iterator[tuple[int, int, bytes]]:
    for number in range(1, _PACKETS_MAX + 1):
        head = file.read(16)
        if not head:
            return
        if len(head) < 16:
            raise LogError(
                str(path),
                number,
                f"the capture is cut off in the header of packet {number}; what is before it is whole",
            )
        seconds, fraction, size, _ = struct.unpack(order + "IIII", head)
        if size > _PACKET_BYTES_MAX:
            raise LogError(str(path), number, f"packet {number} claims {size:,} bytes; the capture is damaged there")
        packet = file.read(size)
        if len(packet) < size:
            raise LogError(
                str(path), number, f"the capture is cut off in packet {number}: {len(packet)} of {size} bytes are there"
            )
        yield number, seconds * 1_000_000 + fraction // finer, packet
    raise LogError(str(path), _PACKETS_MAX, f"expected at most {_PACKETS_MAX:,} packets; cut the capture")


def _payload(packet: bytes, link: int) -> bytes:
    """The IP packet inside, or nothing."""
    if link in _RAW:
        return packet
    place = 12 if link == _ETHERNET else 14
    while len(packet) >= place + 2:
        kind = int.from_bytes(packet[place : place + 2], "big")
        if kind not in _VLAN or link != _ETHERNET:
            return packet[place + 2 :] if kind in (_IPV4, _IPV6) else b""
        place += 4
    return b""


def _segment(packet: bytes) -> _Segment | None:
    """The TCP segment in an IP packet, or None: whatever else is in a capture is nobody's mistake."""
    found = _inside_6(packet) if packet[:1] and packet[0] >> 4 == 6 else _inside_4(packet)
    if found is None or len(found[2]) < 20:
        return None
    source, target, inside = found
    ports = struct.unpack(">HH", inside[:4])
    sequence, acknowledged = struct.unpack(">II", inside[4:12])
    offset = (inside[12] >> 4) * 4
    if offset < 20 or offset > len(inside):
        return None
    return _Segment((source, ports[0]), (target, ports[1]), sequence, acknowledged, inside[13], inside[offset:])


def _inside_4(packet: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Sender, receiver and what an IPv4 packet carries, if that is TCP."""
    if len(packet) < 20 or packet[0] >> 4 != 4 or packet[9] != _TCP:
        return None
    header = (packet[0] & 0x0F) * 4
    total = int.from_bytes(packet[2:4], "big") or len(packet)
    if header < 20 or int.from_bytes(packet[6:8], "big") & 0x3FFF:  # a fragment: terminals' messages are far smaller
        return None
    return packet[12:16], packet[16:20], packet[header : min(total, len(packet))]  # Ethernet pads short packets


def _inside_6(packet: bytes) -> tuple[bytes, bytes, bytes] | None:
    """The same of IPv6; a fragment is left out, too."""
    if len(packet) < 40:
        return None
    size, following, place = int.from_bytes(packet[4:6], "big"), packet[6], 40
    end = min(len(packet), 40 + size) if size else len(packet)
    while following in _EXTENSIONS and place + 2 <= end:
        following, place = packet[place], place + 8 + packet[place + 1] * 8
    return (packet[8:24], packet[24:40], packet[place:end]) if following == _TCP and place < end else None

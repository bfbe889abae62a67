"""The name server that the device asks: it knows the acquirer's name and no other.

Models: A for the host's name, nothing of other kinds for it (AAAA), NXDOMAIN for every other name, FORMERR for what is no
question.
Does not model: zones, caches, DNSSEC; a question is answered the same way over TCP.
Source: RFC 1035, sections 4.1 and 4.2; RFC 2308 (an empty answer).
"""

from __future__ import annotations

import socket
import struct

SERVER_IP = "192.0.2.53"
"""Of the block that is reserved for documentation, as the host's own."""
PORT = 53
_TTL_S = 300
_A, _INTERNET = 1, 1
_FORMAT_ERROR, _NAME_ERROR = 1, 3
_RESPONSE, _AUTHORITATIVE, _RECURSION, _RECURSION_AVAILABLE = 0x8000, 0x0400, 0x0100, 0x0080


def answer(query: bytes, host_name: str, host_ip: str) -> bytes | None:
    """The reply to a query; None to what does not deserve one."""
    if len(query) < 12:
        return None
    number, flags, questions = struct.unpack_from(">HHH", query)
    if flags & _RESPONSE:
        return None
    head = _RESPONSE | _AUTHORITATIVE | _RECURSION_AVAILABLE | flags & (0x7800 | _RECURSION)
    found = _question(query) if questions == 1 else None
    if found is None:
        return struct.pack(">HHHHHH", number, head | _FORMAT_ERROR, 0, 0, 0, 0)
    name, kind, of_class, end = found
    question = query[12:end]
    if name != host_name.lower().rstrip(".") or of_class != _INTERNET:
        return struct.pack(">HHHHHH", number, head | _NAME_ERROR, 1, 0, 0, 0) + question
    if kind != _A:
        return struct.pack(">HHHHHH", number, head, 1, 0, 0, 0) + question
    # The name is where the question has it.
    record = struct.pack(">HHHIH", 0xC00C, _A, _INTERNET, _TTL_S, 4) + socket.inet_aton(host_ip)
    return struct.pack(">HHHHHH", number, head, 1, 1, 0, 0) + question + record


def _question(query: bytes) -> tuple[str, int, int, int] | None:
    """Name, type and class asked for, and where the question ends."""
    labels, place = [], 12
    while place < len(query) and query[place]:
        size = query[place]
        if size > 63:
            return None
        labels.append(query[place + 1 : place + 1 + size].decode("latin-1").lower())
        place += 1 + size
    if place + 5 > len(query):
        return None
    kind, of_class = struct.unpack_from(">HH", query, place + 1)
    return ".".join(labels), kind, of_class, place + 5

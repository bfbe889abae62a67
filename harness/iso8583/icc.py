"""DE55: what a card's chip says of one transaction, as tags with lengths and values.

Models the few tags that matter between terminal and host: the cryptogram (9F26), which kind it is (9F27), what the issuer put
beside it (9F10) and the transaction counter (9F36). In 9F10 the chip carries the token of the presentation, as a number of
five bytes: where track 2 is not sent, as in an advice, it is what names the presentation. Does not model templates within
templates, or lengths above 127 bytes. Source: EMV Book 3, annexes A and B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from harness.iso8583.errors import DecodeError

CRYPTOGRAM, CRYPTOGRAM_KIND, ISSUER_DATA, COUNTER = b"\x9f\x26", b"\x9f\x27", b"\x9f\x10", b"\x9f\x36"
TOKEN_DIGITS = 11
_TOKEN_BYTES = 5
_LONG_TAG = 0x1F

Kind: TypeAlias = Literal["TC", "ARQC", "AAC"]
_KINDS: Mapping[Kind, bytes] = {"AAC": b"\x00", "TC": b"\x40", "ARQC": b"\x80"}
_NAMES = {byte: kind for kind, byte in _KINDS.items()}


def icc_data(kind: Kind, cryptogram: bytes, token: str) -> bytes:
    """DE55 of one answer of a chip."""
    number = int(token)
    parts = (
        (CRYPTOGRAM, cryptogram),
        (CRYPTOGRAM_KIND, _KINDS[kind]),
        (ISSUER_DATA, number.to_bytes(_TOKEN_BYTES, "big")),
        (COUNTER, (number & 0xFFFF).to_bytes(2, "big")),
    )
    return b"".join(tag + bytes((len(value),)) + value for tag, value in parts)


def tags(data: bytes) -> dict[bytes, bytes]:
    """The tags of DE55 with their values; DecodeError when a length lies."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        size = 2 if data[at] & _LONG_TAG == _LONG_TAG else 1
        tag, start = data[at : at + size], at + size + 1
        if start > len(data):
            raise DecodeError("DE55", at, "a tag with a length", "the end of the field")
        length = data[start - 1]
        value = data[start : start + length]
        if length > 127 or len(value) < length:
            raise DecodeError("DE55", start - 1, "as many bytes as the length says", f"{len(value)} bytes")
        found[tag] = value
        at = start + length
    return found


def token_of(data: bytes) -> str:
    """The presentation that a chip's answer names; nothing when it names none or cannot be read."""
    try:
        value = tags(data).get(ISSUER_DATA, b"")
    except DecodeError:
        return ""
    return f"{int.from_bytes(value, 'big'):0{TOKEN_DIGITS}d}" if len(value) == _TOKEN_BYTES else ""


def kind_of(data: bytes) -> Kind | None:
    """Which kind of cryptogram DE55 holds; None when it holds none or cannot be read."""
    try:
        found = tags(data)
    except DecodeError:
        return None
    return _NAMES.get(found.get(CRYPTOGRAM_KIND, b"")) if CRYPTOGRAM in found else None

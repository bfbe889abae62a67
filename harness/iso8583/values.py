"""How one value of a field becomes bytes and back: a pair of small functions for each kind and encoding.

Each returns ``None`` instead of raising when the data does not fit: the caller knows the field and the offset, and only
failures pay for finding out what exactly was wrong (``first_fault``).
"""

import re
from binascii import Error as BinasciiError
from binascii import a2b_hex
from collections.abc import Callable

from harness.iso8583.message import FieldValue
from harness.iso8583.spec import Encoding, FieldSpec, Kind

Read = Callable[[bytes, int], FieldValue | None]  # (bytes on the wire, length in units) -> value
Write = Callable[[FieldValue], bytes | None]  # value -> bytes on the wire

_CODECS = {"ascii": "ascii", "ebcdic": "cp500", "latin-1": "latin-1", "gbk": "gbk"}
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")
_SIGNED = re.compile(r"[CD][0-9]+")
# Kinds whose ASCII bytes can be checked without decoding them first.
ASCII_CHECKS: dict[Kind, Callable[[bytes], bool]] = {"n": bytes.isdigit, "a": bytes.isalpha, "an": bytes.isalnum}
_ALPHABET_OF_KIND: dict[Kind, str] = {
    "n": "0-9",
    "x+n": "0-9",
    "z": "0-9 and =",
    "a": "A-Z a-z",
    "an": "A-Z a-z 0-9",
    "anp": "A-Z a-z 0-9 and space",
    "ans": "printable text",
    "b": "bytes",
}


def alphabet(spec: FieldSpec) -> str:
    """What errors say the field is made of."""
    return f"{_ALPHABET_OF_KIND[spec.kind]} in {spec.encoding}"


def reader(spec: FieldSpec) -> Read:
    """The function that turns this field's bytes into its value."""
    if spec.encoding == "bcd":
        return _bcd_signed_reader if spec.kind == "x+n" else _bcd_reader(spec)
    if spec.encoding == "binary":
        return _binary
    if spec.encoding == "hex":
        return _hex_reader
    return _text_reader(spec)


def writer(spec: FieldSpec) -> Write:
    """The function that turns this field's value into its bytes."""
    if spec.encoding == "bcd":
        return _bcd_signed_writer if spec.kind == "x+n" else _bcd_writer(spec)
    if spec.encoding == "binary":
        return _binary_writer
    if spec.encoding == "hex":
        return _hex_writer
    return _text_writer(spec)


def _fits(kind: Kind, encoding: Encoding) -> Callable[[str], bool]:
    """Whether a non-empty text belongs to the kind's alphabet; the caller makes sure that it is ASCII where it must be."""
    if kind == "n":
        return str.isdecimal
    if kind == "z":
        return lambda text: text.replace("=", "0").isdecimal()
    if kind == "x+n":
        return lambda text: _SIGNED.fullmatch(text) is not None
    if kind == "a":
        return str.isalpha
    if kind == "an":
        return str.isalnum
    if kind == "anp":
        return lambda text: text.replace(" ", "0").isalnum()
    if encoding == "ascii":
        return str.isprintable
    return lambda text: _PRINTABLE.fullmatch(text) is not None


def _bcd_reader(spec: FieldSpec) -> Read:
    is_track = spec.kind == "z"
    pad_left, pad_nibble = spec.pad == "left", spec.pad_nibble.lower()

    def read(chunk: bytes, digits: int) -> str | None:
        text = chunk.hex()
        if digits & 1:
            if (text[0] if pad_left else text[-1]) != pad_nibble:
                return None
            text = text[1:] if pad_left else text[:-1]
        if text.isdecimal():
            return text
        if is_track:
            text = text.replace("d", "=")
            if text.replace("=", "0").isdecimal():
                return text
        return None

    return read


def _bcd_writer(spec: FieldSpec) -> Write:
    is_track = spec.kind == "z"
    pad_left, pad_nibble = spec.pad == "left", spec.pad_nibble
    even_only = spec.prefix_counts == "bytes"

    def write(value: FieldValue) -> bytes | None:
        if not isinstance(value, str) or not value.isascii():
            return None
        if is_track:
            value = value.replace("=", "D")
            if not value.replace("D", "0").isdecimal():
                return None
        elif not value.isdecimal():
            return None
        if len(value) & 1:
            if even_only:
                return None
            value = pad_nibble + value if pad_left else value + pad_nibble
        return a2b_hex(value)

    return write


def _bcd_signed_reader(chunk: bytes, digits: int) -> str | None:
    text = chunk[:1].decode("latin-1") + chunk[1:].hex()[digits & 1 :]
    return text if _SIGNED.fullmatch(text) and not (digits & 1 and chunk[1] >> 4) else None


def _bcd_signed_writer(value: FieldValue) -> bytes | None:
    if not isinstance(value, str) or not _SIGNED.fullmatch(value):
        return None
    digits = value[1:]
    return value[0].encode() + a2b_hex(digits if len(digits) % 2 == 0 else "0" + digits)


def _binary(chunk: bytes, _length: int) -> bytes:
    return chunk


def _binary_writer(value: FieldValue) -> bytes | None:
    return bytes(value) if isinstance(value, bytes | bytearray) else None


def _hex_reader(chunk: bytes, _length: int) -> bytes | None:
    try:
        return a2b_hex(chunk)
    except (BinasciiError, ValueError):
        return None


def _hex_writer(value: FieldValue) -> bytes | None:
    return value.hex().upper().encode() if isinstance(value, bytes) else None


def _text_reader(spec: FieldSpec) -> Read:
    if spec.encoding == "ascii":
        return _ascii_reader(spec.kind)
    codec, fits, any_text = _CODECS[spec.encoding], _fits(spec.kind, spec.encoding), spec.kind == "ans"

    def read(chunk: bytes, _length: int) -> str | None:
        try:
            text = chunk.decode(codec)
        except UnicodeDecodeError:
            return None
        return text if (any_text or text.isascii()) and fits(text) else None

    return read


def _ascii_reader(kind: Kind) -> Read:
    """ASCII is checked as bytes where it can be, which is faster than as text."""
    is_kind = ASCII_CHECKS.get(kind)
    fits = _fits(kind, "ascii")

    def read(chunk: bytes, _length: int) -> str | None:
        if not chunk.isascii():
            return None
        text = chunk.decode()
        return text if fits(text) else None

    def read_quickly(chunk: bytes, _length: int) -> str | None:
        return chunk.decode() if check(chunk) else None

    if is_kind is None:
        return read
    check = is_kind
    return read_quickly


def _text_writer(spec: FieldSpec) -> Write:
    codec, fits, any_text = _CODECS[spec.encoding], _fits(spec.kind, spec.encoding), spec.kind == "ans"
    is_track = spec.kind == "z"

    def write(value: FieldValue) -> bytes | None:
        if not isinstance(value, str) or not (any_text or value.isascii()):
            return None
        if is_track:
            value = value.replace("D", "=")
        if value and not fits(value):
            return None
        try:
            return value.encode(codec)
        except UnicodeEncodeError:
            return None

    return write


def first_fault(spec: FieldSpec, chunk: bytes, units: int) -> str:
    """Where in a field's bytes the first misfit is, without repeating the rest of it."""
    if spec.encoding == "bcd":
        text = chunk.hex()
        if spec.kind != "x+n" and units & 1:
            pad = text[0] if spec.pad == "left" else text[-1]
            if pad != spec.pad_nibble.lower():
                return f"pad nibble {pad!r} instead of {spec.pad_nibble!r}"
        allowed = "0123456789d" if spec.kind == "z" else "0123456789"
        for position, nibble in enumerate(text):
            if nibble not in allowed:
                return f"nibble {nibble!r} at position {position}"
    read = reader(spec)
    for position in range(len(chunk)):
        if read(chunk[position : position + 1], 1) is None:
            return f"byte 0x{chunk[position]:02x} at position {position}"
    return f"{len(chunk)} bytes that are not {alphabet(spec)}"

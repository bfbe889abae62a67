"""A dialect's field table with its digits, lengths, bitmap and binary fields sent in another way.

Models: what acquirers that speak of the same fields have otherwise on the line: packed digits (BCD) or digits as ASCII text,
length prefixes likewise or as a number, the bitmap and binary fields raw or as hexadecimal text. Text stays as it is. Does not
model EBCDIC lines, or one field that goes another way than its kind: that is a table of its own, in Python.
Where binary fields are hexadecimal text, their length prefixes count its characters, as all lengths of such a line do.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from harness.iso8583.codec import Codec
from harness.iso8583.spec import FieldSpec, MessageSpec

_DIGITS = frozenset({"n", "x+n", "z"})


@dataclass(frozen=True, slots=True)
class WireEncoding:
    """How a line sends things; None: as the table has it."""

    digits: Literal["bcd", "ascii"] | None = None
    """Message type and fields of digits."""
    lengths: Literal["bcd", "ascii", "binary"] | None = None
    bitmap: Literal["binary", "hex"] | None = None
    binary: Literal["binary", "hex"] | None = None

    @property
    def is_usual(self) -> bool:
        """Whether it leaves the table as it is."""
        return self == AS_THE_TABLE


AS_THE_TABLE = WireEncoding()


@cache
def encoded(codec: Codec, encoding: WireEncoding) -> Codec:
    """A codec of the same fields for a line of that encoding. SpecError where a length no longer fits its prefix."""
    if encoding.is_usual:
        return codec
    spec = codec.spec
    return Codec(
        MessageSpec(
            spec.name,
            tuple(_field(field, encoding) for field in spec.fields),
            mti_encoding=encoding.digits or spec.mti_encoding,
            bitmap_encoding=encoding.bitmap or spec.bitmap_encoding,
        )
    )


def _field(field: FieldSpec, encoding: WireEncoding) -> FieldSpec:
    sent = field.encoding
    if field.kind in _DIGITS:
        sent = encoding.digits or sent
    elif field.kind == "b":
        sent = encoding.binary or sent
    counts = field.prefix_counts if sent == field.encoding else "characters"
    if sent == "hex" and field.is_variable:
        counts = "bytes"
    lengths = field.length_encoding
    if field.is_variable:
        lengths = encoding.lengths or lengths
    return replace(field, encoding=sent, length_encoding=lengths, prefix_counts=counts)

"""The table a codec is built from: one ``FieldSpec`` a data element, one ``MessageSpec`` a dialect.

Models ISO 8583:1987 and 1993 on the wire: primary and secondary bitmap, fixed and length-prefixed fields, BCD, ASCII,
EBCDIC, GBK and raw binary. Does not model the tertiary bitmap of ISO 8583:2003 or the inner structure of composite
fields (60, 62, ...): those belong to a dialect. The kinds are the standard's own letters:

====  ==========================================  =============================================
kind  a value is                                  encodings
====  ==========================================  =============================================
n     decimal digits                              bcd, ascii, ebcdic
x+n   C or D, then decimal digits                 bcd (sign in ASCII), ascii, ebcdic
z     track data: digits and ``=`` (BCD: ``D``)   bcd, ascii, ebcdic
a     letters                                     ascii, ebcdic
an    letters and digits                          ascii, ebcdic
anp   letters, digits and space                   ascii, ebcdic
ans   printable text                              ascii, ebcdic, latin-1, gbk
b     ``bytes``                                   binary, hex (two ASCII characters a byte)
====  ==========================================  =============================================
"""

from dataclasses import dataclass
from typing import Literal, get_args

from harness.iso8583.errors import SpecError

Kind = Literal["n", "x+n", "z", "a", "an", "anp", "ans", "b"]
Encoding = Literal["bcd", "ascii", "ebcdic", "latin-1", "gbk", "binary", "hex"]
LengthType = Literal["fixed", "LVAR", "LLVAR", "LLLVAR", "LLLLVAR"]
LengthEncoding = Literal["bcd", "ascii", "ebcdic", "binary"]
MtiEncoding = Literal["bcd", "ascii", "ebcdic"]
BitmapEncoding = Literal["binary", "hex", "hex-ebcdic"]

_DIGIT_ENCODINGS: tuple[Encoding, ...] = ("bcd", "ascii", "ebcdic")
_ENCODINGS_OF_KIND: dict[Kind, tuple[Encoding, ...]] = {
    "n": _DIGIT_ENCODINGS,
    "x+n": _DIGIT_ENCODINGS,
    "z": _DIGIT_ENCODINGS,
    "a": ("ascii", "ebcdic"),
    "an": ("ascii", "ebcdic"),
    "anp": ("ascii", "ebcdic"),
    "ans": ("ascii", "ebcdic", "latin-1", "gbk"),
    "b": ("binary", "hex"),
}
_DIGITS_OF_LENGTH_TYPE: dict[LengthType, int] = {"fixed": 0, "LVAR": 1, "LLVAR": 2, "LLLVAR": 3, "LLLLVAR": 4}


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One data element: ``FieldSpec(2, "primary account number", "n", 19, "LLVAR", encoding="bcd", pad="right")``.

    ``length`` is exact for fixed fields and the maximum for the others, counted in characters of the value for digits
    (x+n: the digits after the sign) and in bytes for text and binary fields. A length prefix counts the same unit,
    unless ``prefix_counts="bytes"`` for BCD and hex: then it counts what is on the wire. ``pad`` says on which side an odd
    number of BCD digits is filled up.
    """

    number: int
    name: str
    kind: Kind
    length: int
    length_type: LengthType = "fixed"
    encoding: Encoding = "ascii"
    length_encoding: LengthEncoding = "ascii"
    pad: Literal["left", "right"] = "left"
    pad_nibble: str = "0"
    prefix_counts: Literal["characters", "bytes"] = "characters"

    def __post_init__(self) -> None:
        if not 2 <= self.number <= 128 or self.number == 65:
            raise SpecError(f"{self.label}: field numbers are 2 to 128 without 65, the bitmaps' own bits")
        if self.kind not in _ENCODINGS_OF_KIND:
            raise SpecError(f"{self.label}: kind {self.kind!r} is none of {', '.join(get_args(Kind))}")
        if self.encoding not in _ENCODINGS_OF_KIND[self.kind]:
            allowed = ", ".join(_ENCODINGS_OF_KIND[self.kind])
            raise SpecError(f"{self.label}: kind {self.kind} is sent as {allowed}, not {self.encoding}")
        if self.length_type not in _DIGITS_OF_LENGTH_TYPE:
            raise SpecError(
                f"{self.label}: length type {self.length_type!r} is none of {', '.join(get_args(LengthType))}"
            )
        if self.length_encoding not in get_args(LengthEncoding):
            raise SpecError(f"{self.label}: length encoding {self.length_encoding!r} is unknown")
        if self.length < 1 or (self.is_variable and self.longest_prefix_value > self.prefix_capacity):
            raise SpecError(
                f"{self.label}: length {self.length} does not fit {self.length_type} {self.length_encoding}"
            )
        if self.pad not in ("left", "right") or len(self.pad_nibble) != 1 or self.pad_nibble not in "0123456789ABCDEF":
            raise SpecError(f"{self.label}: pad is left or right with one nibble of 0-9A-F")
        packed = self.is_variable and self.encoding in ("bcd", "hex") and self.kind != "x+n"
        if self.prefix_counts == "bytes" and not packed:
            raise SpecError(f"{self.label}: prefix_counts='bytes' means something for variable BCD and hex fields only")
        if self.kind == "x+n" and self.is_variable:
            raise SpecError(f"{self.label}: signed amounts (x+n) are fixed")

    @property
    def label(self) -> str:
        """How errors name the field: ``DE35 (track 2 data)``."""
        return f"DE{self.number} ({self.name})"

    @property
    def is_variable(self) -> bool:
        """True when a length prefix goes before the value."""
        return self.length_type != "fixed"

    @property
    def length_digits(self) -> int:
        """How many decimal digits the length prefix has (0 for fixed fields)."""
        return _DIGITS_OF_LENGTH_TYPE[self.length_type]

    @property
    def prefix_size(self) -> int:
        """How many bytes the length prefix takes: BCD and binary hold two digits in a byte."""
        packed = self.length_encoding in ("bcd", "binary")
        return (self.length_digits + 1) // 2 if packed else self.length_digits

    @property
    def prefix_capacity(self) -> int:
        """The largest number the length prefix can carry."""
        if self.length_encoding == "binary":
            return int(256**self.prefix_size) - 1
        return int(10 ** (self.prefix_size * 2 if self.length_encoding == "bcd" else self.length_digits)) - 1

    @property
    def longest_prefix_value(self) -> int:
        """The largest number the length prefix may carry under this specification."""
        if self.prefix_counts == "characters":
            return self.length
        return self.length * 2 if self.encoding == "hex" else (self.length + 1) // 2


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """A dialect's table: how the message type and bitmap are sent, and every field it may use."""

    name: str
    fields: tuple[FieldSpec, ...]
    mti_encoding: MtiEncoding = "ascii"
    bitmap_encoding: BitmapEncoding = "binary"

    def __post_init__(self) -> None:
        numbers = [field.number for field in self.fields]
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        if twice:
            raise SpecError(f"{self.name}: fields given twice: {twice}")
        if self.mti_encoding not in get_args(MtiEncoding) or self.bitmap_encoding not in get_args(BitmapEncoding):
            raise SpecError(f"{self.name}: MTI {self.mti_encoding!r} or bitmap {self.bitmap_encoding!r} is unknown")

    def field(self, number: int) -> FieldSpec:
        """The specification of one field; KeyError when the dialect does not use it."""
        for field in self.fields:
            if field.number == number:
                return field
        raise KeyError(f"DE{number} is not in {self.name}")

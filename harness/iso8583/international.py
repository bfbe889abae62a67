"""International EDC messages: the field table, packing behind a bare TPDU, and the composite fields 60, 62 and 63.

Models the interface of the terminals that speak to banks outside China through a network access controller: two length
bytes, a TPDU and no header of its own, BCD digits, odd digits filled up on the left (in DE2 and DE35 with F on the right).
DE60 names the batch; an upload adds type and number of what it uploads, a reversal with a number of its own those of what it
undoes. DE63 of a settlement is 90 characters of totals. Does not model DUKPT, DE55's TLV, or account types in DE3.
Source: the settlement (920000, 95, 960000, DE60, DE63) is public terminal source (domain notes, section 1.2); what else
stands in DE60 and DE62, and keys brought by the logon's DE62, are assumptions [A].
"""

from dataclasses import dataclass

import msgspec

from harness.iso8583.codec import Codec
from harness.iso8583.errors import DecodeError
from harness.iso8583.frame import split_frames
from harness.iso8583.spec import FieldSpec, Kind, LengthType, MessageSpec
from harness.iso8583.wire import MAC_FIELD, MAC_SIZE, Received, Wire

TPDU = bytes.fromhex("6000010000")
TOTALS_SIZE = 90


def _digits(number: int, name: str, length: int) -> FieldSpec:
    return FieldSpec(number, name, "n", length, encoding="bcd")


def _long(number: int, name: str, kind: Kind, length: int, length_type: LengthType = "LLLVAR") -> FieldSpec:
    if kind in ("n", "z"):
        return FieldSpec(number, name, kind, length, length_type, "bcd", "bcd", pad="right", pad_nibble="F")
    return FieldSpec(number, name, kind, length, length_type, "binary" if kind == "b" else "ascii", "bcd")


SPEC = MessageSpec(
    name="international EDC",
    mti_encoding="bcd",
    bitmap_encoding="binary",
    fields=(
        _long(2, "primary account number", "n", 19, "LLVAR"),
        _digits(3, "processing code", 6),
        _digits(4, "amount, transaction", 12),
        _digits(11, "systems trace audit number", 6),
        _digits(12, "time, local transaction", 6),
        _digits(13, "date, local transaction", 4),
        _digits(14, "date, expiration", 4),
        _digits(22, "point of service entry mode", 3),
        _digits(23, "card sequence number", 3),
        _digits(24, "network international identifier", 3),
        _digits(25, "point of service condition code", 2),
        _long(35, "track 2 data", "z", 37, "LLVAR"),
        FieldSpec(37, "retrieval reference number", "an", 12),
        FieldSpec(38, "authorisation identification response", "anp", 6),
        FieldSpec(39, "response code", "an", 2),
        FieldSpec(41, "card acceptor terminal identification", "ans", 8),
        FieldSpec(42, "card acceptor identification code", "ans", 15),
        _long(48, "additional data, private", "ans", 999),
        FieldSpec(49, "currency code, transaction", "an", 3),
        FieldSpec(52, "PIN data", "b", 8, encoding="binary"),
        _long(54, "additional amounts", "ans", 120),
        _long(55, "ICC data", "b", 255),
        _long(60, "batch; what is uploaded or undone", "ans", 40),
        _long(62, "invoice number, or working keys", "b", 255),
        _long(63, "totals", "ans", 255),
        FieldSpec(MAC_FIELD, "message authentication code", "b", MAC_SIZE, encoding="binary"),
    ),
)
CODEC = Codec(SPEC)
WIRE = Wire(CODEC, TPDU, b"")
encode, pack, unpack = WIRE.encode, WIRE.pack, WIRE.unpack


class Reserved60(msgspec.Struct, frozen=True):
    """DE60: the batch number, and in uploads and renumbered reversals message type and STAN of the original."""

    batch: str
    original_mti: str = ""
    original_stan: str = ""

    @classmethod
    def parse(cls, text: str) -> "Reserved60":
        """From a message's DE60; DecodeError unless it is 6 or 16 digits."""
        if len(text) not in (6, 16) or not (text.isascii() and text.isdecimal()):
            raise DecodeError(
                "DE60", 0, "6 digits of a batch number, or 16 with an original", f"{len(text)} characters"
            )
        return cls(text[:6], text[6:10], text[10:])

    def __str__(self) -> str:
        return self.batch + self.original_mti + self.original_stan


@dataclass(frozen=True, slots=True)
class Totals63:
    """DE63 of 0500: count and amount of sales and of refunds; 60 more characters for debit cards and authorisations are 0."""

    sale_count: int = 0
    sale_fen: int = 0
    refund_count: int = 0
    refund_fen: int = 0

    @classmethod
    def parse(cls, text: str) -> "Totals63":
        """From a message's DE63; DecodeError unless it has 90 digits. Both kinds of card are added up."""
        if len(text) != TOTALS_SIZE or not (text.isascii() and text.isdecimal()):
            raise DecodeError("DE63", 0, f"{TOTALS_SIZE} digits of totals", f"{len(text)} characters")
        credit, debit = _four(text[:30]), _four(text[30:60])
        return cls(*(one + other for one, other in zip(credit, debit, strict=True)))

    def __str__(self) -> str:
        text = f"{self.sale_count:03d}{self.sale_fen:012d}{self.refund_count:03d}{self.refund_fen:012d}"
        return text + "0" * (TOTALS_SIZE - len(text))


def _four(text: str) -> tuple[int, int, int, int]:
    return int(text[:3]), int(text[3:15]), int(text[15:18]), int(text[18:30])


def invoice(value: bytes) -> str:
    """DE62 of a void or refund: the STAN of what it is about; DecodeError unless it is six digits, or those packed.

    Where binary fields are sent as hexadecimal text, six digits of text are three bytes.
    """
    if len(value) == 3 and value.hex().isdecimal():
        return value.hex()
    if len(value) != 6 or not value.isdigit():
        raise DecodeError("DE62", 0, "six digits of an invoice number", f"{len(value)} bytes")
    return value.decode("ascii")


__all__ = [
    "CODEC",
    "MAC_FIELD",
    "MAC_SIZE",
    "SPEC",
    "TPDU",
    "WIRE",
    "Received",
    "Reserved60",
    "Totals63",
    "encode",
    "invoice",
    "pack",
    "split_frames",
    "unpack",
]

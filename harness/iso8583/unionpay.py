"""UnionPay POS messages: the field table, packing with TPDU, header and MAC, and the composite fields 48, 60, 61, 62.

Models the domestic POS interface as public terminal code uses it: BCD digits, one binary bitmap of 64, odd digits
filled up on the right in track-like fields (2, 32, 35, 48, 60, 61) and on the left in DE23. Does not model DE55's TLV
or script results. Lengths and codes are from public source and domain knowledge; the specification was not re-read.
"""

from dataclasses import dataclass

import msgspec

from harness.iso8583.codec import Codec
from harness.iso8583.errors import DecodeError
from harness.iso8583.frame import DEFAULT_HEADER, DEFAULT_TPDU, Envelope, split_frames
from harness.iso8583.message import Message
from harness.iso8583.spec import FieldSpec, Kind, LengthType, MessageSpec
from harness.iso8583.wire import MAC_FIELD, MAC_SIZE, MacFunction, Received, Wire


def _digits(number: int, name: str, length: int) -> FieldSpec:
    return FieldSpec(number, name, "n", length, encoding="bcd", pad="left" if number == 23 else "right")


def _long(number: int, name: str, kind: Kind, length: int, length_type: LengthType) -> FieldSpec:
    if kind in ("n", "z"):
        return FieldSpec(number, name, kind, length, length_type, "bcd", "bcd", pad="right")
    if kind == "b":
        return FieldSpec(number, name, kind, length, length_type, "binary", "bcd")
    return FieldSpec(number, name, kind, length, length_type, "gbk" if number in (44, 63) else "ascii", "bcd")


SPEC = MessageSpec(
    name="UnionPay POS",
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
        _digits(15, "date, settlement", 4),
        _digits(22, "point of service entry mode", 3),
        _digits(23, "card sequence number", 3),
        _digits(25, "point of service condition code", 2),
        _digits(26, "point of service PIN capture code", 2),
        _long(32, "acquiring institution identification code", "n", 11, "LLVAR"),
        _long(35, "track 2 data", "z", 37, "LLVAR"),
        _long(36, "track 3 data", "z", 104, "LLLVAR"),
        FieldSpec(37, "retrieval reference number", "an", 12),
        FieldSpec(38, "authorisation identification response", "anp", 6),
        FieldSpec(39, "response code", "an", 2),
        FieldSpec(41, "card acceptor terminal identification", "ans", 8),
        FieldSpec(42, "card acceptor identification code", "ans", 15),
        _long(44, "additional response data", "ans", 25, "LLVAR"),
        _long(48, "additional data, private", "n", 322, "LLLVAR"),
        FieldSpec(49, "currency code, transaction", "an", 3),
        FieldSpec(52, "PIN data", "b", 8, encoding="binary"),
        _digits(53, "security related control information", 16),
        _long(54, "balance amounts", "ans", 40, "LLLVAR"),
        _long(55, "ICC data", "b", 255, "LLLVAR"),
        _long(58, "electronic cash data", "ans", 100, "LLLVAR"),
        _long(59, "detail inquiry data", "ans", 600, "LLLVAR"),
        _long(60, "reserved: type, batch, network code", "n", 17, "LLLVAR"),
        _long(61, "original message", "n", 29, "LLLVAR"),
        _long(62, "reserved: keys, terminal parameters", "b", 512, "LLLVAR"),
        _long(63, "reserved: operator, organisation", "ans", 163, "LLLVAR"),
        FieldSpec(MAC_FIELD, "message authentication code", "b", MAC_SIZE, encoding="binary"),
    ),
)
CODEC = Codec(SPEC)


WIRE = Wire(CODEC, DEFAULT_TPDU, DEFAULT_HEADER)
encode, unpack = WIRE.encode, WIRE.unpack


def pack(
    message: Message,
    mac: MacFunction | None = None,
    tpdu: bytes = DEFAULT_TPDU,
    header: bytes = DEFAULT_HEADER,
) -> bytes:
    """A whole frame, ready for the line."""
    return Envelope(encode(message, mac), tpdu, header).pack()


class Reserved60(msgspec.Struct, frozen=True):
    """DE60: transaction type code (60.1), batch number (60.2), network management code (60.3); the rest is kept."""

    type_code: str
    batch: str
    network_code: str = ""
    rest: str = ""

    @classmethod
    def parse(cls, text: str) -> "Reserved60":
        """From a message's DE60; DecodeError when the batch number is missing."""
        if len(text) < 8:
            raise DecodeError("DE60", 0, "at least 8 digits", f"{len(text)} digits")
        return cls(text[:2], text[2:8], text[8:11], text[11:])

    def __str__(self) -> str:
        return self.type_code + self.batch + self.network_code + self.rest


@dataclass(frozen=True, slots=True)
class Original61:
    """DE61: batch and STAN of the original transaction, and its date (MMDD) in a refund."""

    batch: str
    stan: str
    date: str = ""

    @classmethod
    def parse(cls, text: str) -> "Original61":
        """From a message's DE61; DecodeError when it is too short."""
        if len(text) < 12:
            raise DecodeError("DE61", 0, "at least 12 digits", f"{len(text)} digits")
        return cls(text[:6], text[6:12], text[12:16])

    def __str__(self) -> str:
        return self.batch + self.stan + self.date


_ORDER_SIZE = 32


@dataclass(frozen=True, slots=True)
class Order59:
    """DE59 of a scan-to-pay order: its number, and in its creation the customer's payment code."""

    number: str
    code: str = ""

    @classmethod
    def parse(cls, text: str) -> "Order59":
        """From a message's DE59."""
        return cls(text[:_ORDER_SIZE].rstrip(), text[_ORDER_SIZE:])

    def __str__(self) -> str:
        return f"{self.number:<{_ORDER_SIZE}}{self.code}"


@dataclass(frozen=True, slots=True)
class SettlementTotals:
    """One card side of DE48 in 0500 and 0510: amounts in fen and counts, and the host's verdict.

    Debits are sales the cardholder paid; credits are refunds he got back. A sale and its void net out of both amount
    and count: neither is in any total [A].
    """

    debit_fen: int = 0
    debit_count: int = 0
    credit_fen: int = 0
    credit_count: int = 0

    def text(self, code: str) -> str:
        """31 digits of DE48: ``code`` is 0 in a request; 1 balanced, 2 not balanced, 3 error in a reply."""
        return f"{self.debit_fen:012d}{self.debit_count:03d}{self.credit_fen:012d}{self.credit_count:03d}{code}"


@dataclass(frozen=True, slots=True)
class Settlement48:
    """DE48 of 0500 and 0510: 31 digits for domestic cards and 31 for foreign cards, each with its verdict code."""

    domestic: SettlementTotals
    foreign: SettlementTotals = SettlementTotals()
    domestic_code: str = "0"
    foreign_code: str = "0"

    @classmethod
    def parse(cls, text: str) -> "Settlement48":
        """From a message's DE48; DecodeError unless it has 62 digits."""
        if len(text) != 62 or not text.isdecimal():
            raise DecodeError("DE48", 0, "62 digits of totals", f"{len(text)} characters")
        return cls(_totals(text[:31]), _totals(text[31:]), text[30], text[61])

    def __str__(self) -> str:
        return self.domestic.text(self.domestic_code) + self.foreign.text(self.foreign_code)


def _totals(text: str) -> SettlementTotals:
    return SettlementTotals(int(text[:12]), int(text[12:15]), int(text[15:27]), int(text[27:30]))


UPLOAD_ITEMS_MAX = 8
_UPLOAD_ITEM_SIZE = 40


@dataclass(frozen=True, slots=True)
class UploadItem:
    """One transaction in a batch upload (0320, DE60.3 = 201): card side, STAN, card number, amount."""

    card_type: str
    stan: str
    pan: str
    amount_fen: int

    def __str__(self) -> str:
        return f"{self.card_type}{self.stan}{self.pan:0>20}{self.amount_fen:012d}"


def upload_text(items: list[UploadItem]) -> str:
    """DE48 of a batch upload: a count of two digits, then at most eight items."""
    if len(items) > UPLOAD_ITEMS_MAX:
        raise ValueError(f"at most {UPLOAD_ITEMS_MAX} items fit in one upload, not {len(items)}")
    return f"{len(items):02d}" + "".join(str(item) for item in items)


def parse_upload(text: str) -> list[UploadItem]:
    """The items of a batch upload's DE48; DecodeError when count and length disagree."""
    count = int(text[:2]) if len(text) >= 2 and text[:2].isdecimal() else -1
    if not 0 <= count <= UPLOAD_ITEMS_MAX or len(text) != 2 + count * _UPLOAD_ITEM_SIZE or not text.isdecimal():
        raise DecodeError("DE48", 0, "a count of 0 to 8 and 40 digits an item", f"{len(text)} characters")
    starts = range(2, len(text), _UPLOAD_ITEM_SIZE)
    return [
        UploadItem(
            text[at : at + 2], text[at + 2 : at + 8], text[at + 8 : at + 28].lstrip("0"), int(text[at + 28 : at + 40])
        )
        for at in starts
    ]


__all__ = [
    "CODEC",
    "MAC_FIELD",
    "MAC_SIZE",
    "SPEC",
    "UPLOAD_ITEMS_MAX",
    "WIRE",
    "MacFunction",
    "Order59",
    "Original61",
    "Received",
    "Reserved60",
    "Settlement48",
    "SettlementTotals",
    "UploadItem",
    "encode",
    "pack",
    "parse_upload",
    "split_frames",
    "unpack",
    "upload_text",
]

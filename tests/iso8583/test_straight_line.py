"""Straight-line code says what the field-by-field way says, or nothing: for any table, any value, any damage."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iso8583 import Codec, CodecError, FieldSpec, Message, MessageSpec, unionpay
from harness.iso8583.codec import USES_BEFORE_COMPILING
from harness.iso8583.message import FieldValue
from harness.iso8583.straight import SURPRISES, DecodeAll, EncodeAll, decode_function, encode_function
from tests.iso8583.test_iso8583_codec import tables_and_messages

ODD_VALUES = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=20),
    st.text("0123456789=D", max_size=40),
    st.sampled_from(["", b"", "１２"]),
)


def straight(codec: Codec, numbers: list[int], begin: int) -> tuple[DecodeAll, EncodeAll]:
    specs = [codec.spec.field(number) for number in sorted(numbers)]
    return decode_function(specs, begin, codec._decoders), encode_function(specs, codec._encoders)


def at_once(function, argument):
    try:
        return function(argument)
    except SURPRISES:
        return None


def begin_of(table: MessageSpec, numbers: list[int]) -> int:
    mti = 2 if table.mti_encoding == "bcd" else 4
    bitmap = 8 if table.bitmap_encoding == "binary" else 16
    return mti + bitmap * (2 if max(numbers, default=0) > 64 else 1)


@settings(max_examples=150, deadline=None)
@given(tables_and_messages(), st.data())
def test_both_ways_read_the_same_or_the_straight_one_says_nothing(drawn, data):
    table, message = drawn
    codec = Codec(table)
    wire = bytearray(codec.encode(message))
    begin = begin_of(table, list(message.fields))
    decode, _ = straight(codec, list(message.fields), begin)
    for _ in range(data.draw(st.integers(0, 3))):
        if len(wire) > begin:
            place = data.draw(st.integers(begin, len(wire) - 1))
            how = data.draw(st.sampled_from(["change", "cut", "grow"]))
            if how == "change":
                wire[place] = data.draw(st.integers(0, 255))
            elif how == "cut":
                del wire[place:]
            else:
                wire += bytes([data.draw(st.integers(0, 255))])
    quick = at_once(decode, bytes(wire))
    try:
        slow = codec.decode(wire).fields
    except CodecError:
        slow = None
    assert quick is None or quick == slow


@settings(max_examples=150, deadline=None)
@given(tables_and_messages(), st.data())
def test_both_ways_write_the_same_or_the_straight_one_says_nothing(drawn, data):
    table, message = drawn
    codec = Codec(table)
    fields: dict[int, FieldValue] = dict(message.fields)
    if fields and data.draw(st.booleans()):
        fields[data.draw(st.sampled_from(sorted(fields)))] = data.draw(ODD_VALUES)
    _, encode = straight(codec, list(fields), 0)
    pieces = at_once(encode, fields)
    quick = None if pieces is None else b"".join(pieces)
    try:
        slow = codec.encode(Message(message.mti, fields))[begin_of(table, list(fields)) :]
    except CodecError:
        slow = None
    assert quick is None or quick == slow


SALE: dict[int, FieldValue] = {
    2: "6222021234567890123", 3: "000000", 4: "000000001500", 11: "000042", 22: "051", 23: "001", 25: "00", 26: "06",
    35: "6222021234567890123=2512101", 41: "10000001", 42: "104110000000001", 49: "156", 52: bytes(range(8)),
    53: "2600000000000000", 60: "22000001", 64: b"0123ABCD",
}  # fmt: skip


def test_the_messages_that_terminals_send_are_read_and_written_at_once():
    codec = unionpay.CODEC
    decode, encode = straight(codec, list(SALE), 10)
    wire = codec.encode(Message("0200", SALE))
    assert decode(wire) == SALE
    pieces = encode(SALE)
    assert pieces is not None and b"".join(pieces) == wire[10:]
    misfits = {4: "0000000015", 22: "05", 41: "1000000\x00", 35: "6222=2512D1x", 52: bytes(7), 2: "6" * 20, 25: "0000"}
    for number, value in misfits.items():
        assert at_once(encode, {**SALE, number: value}) is None


def test_a_length_above_the_fields_own_is_left_to_the_other_way():
    table = MessageSpec("short", (FieldSpec(2, "number", "n", 6, "LLVAR", "bcd", "bcd"),))
    decode, _ = straight(Codec(table), [2], 0)
    assert decode(bytes.fromhex("06123456")) == {2: "123456"}
    assert at_once(decode, bytes.fromhex("0812345678")) is None


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_sale_is_refused_in_the_same_words_however_often_it_comes(data):
    table = MessageSpec("UnionPay again", unionpay.SPEC.fields, "bcd", "binary")
    codec = Codec(table)
    wire = bytearray(codec.encode(Message("0200", SALE)))
    for _ in range(USES_BEFORE_COMPILING + 2):
        assert codec.decode(wire).fields == SALE
        assert codec.encode(Message("0200", SALE)) == wire
    wire[data.draw(st.integers(10, len(wire) - 1))] = data.draw(st.integers(0, 255))
    told = []
    for each in (codec, Codec(table)):
        try:
            told.append(str(each.decode(wire).fields))
        except CodecError as error:
            told.append(str(error))
    assert told[0] == told[1]


def test_a_field_of_a_wrong_type_is_named_however_often_the_message_has_come():
    codec = Codec(MessageSpec("small", (FieldSpec(3, "code", "n", 6, encoding="bcd"), FieldSpec(41, "name", "ans", 3))))
    for _ in range(USES_BEFORE_COMPILING + 2):
        codec.encode(Message("0200", {3: "000000", 41: "T01"}))
    for value in (b"000000", 0, None, "00000x", "٠٠٠٠٠٠"):
        try:
            codec.encode(Message("0200", {3: value, 41: "T01"}))
        except CodecError as error:
            assert "DE3 (code)" in str(error)
        else:
            raise AssertionError(f"{value!r} was sent")

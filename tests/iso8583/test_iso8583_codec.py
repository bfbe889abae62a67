"""The codec against pyiso8583, an independent implementation, over every kind, encoding and length type."""

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iso8583 import Codec, DecodeError, EncodeError, FieldSpec, Message, MessageSpec, SpecError

PYISO_ENCODING = {"ascii": "ascii", "ebcdic": "cp500", "latin-1": "latin-1", "gbk": "gbk"}
PYISO_LENGTH = {"bcd": "bcd", "ascii": "ascii", "ebcdic": "cp500", "binary": "b"}
DIGITS, LETTERS = "0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ALPHABET = {
    "n": DIGITS,
    "z": DIGITS + "=",
    "a": LETTERS,
    "an": LETTERS + DIGITS,
    "anp": LETTERS + DIGITS + " ",
    "ans": LETTERS + DIGITS + " .,:;/-+*#@&()",
}
BEYOND_ASCII = {"latin-1": "éüßÆ", "gbk": "银联商务消费　", "ascii": "", "ebcdic": ""}


def encodings_of(kind):
    if kind in ("n", "z", "x+n"):
        return ["bcd", "ascii", "ebcdic"]
    return {"ans": ["ascii", "ebcdic", "latin-1", "gbk"], "b": ["binary", "hex"]}.get(kind, ["ascii", "ebcdic"])


@st.composite
def fields(draw):
    kind = draw(st.sampled_from(["n", "z", "a", "an", "anp", "ans", "b", "x+n"]))
    length_type = "fixed" if kind == "x+n" else draw(st.sampled_from(["fixed", "LVAR", "LLVAR", "LLLVAR", "LLLLVAR"]))
    encoding = draw(st.sampled_from(encodings_of(kind)))
    counts = "characters"
    if encoding == "hex" and length_type not in ("fixed", "LVAR", "LLVAR"):
        counts = draw(st.sampled_from(["characters", "bytes"]))
    return FieldSpec(
        number=draw(st.integers(2, 128).filter(lambda number: number != 65)),
        name="drawn",
        kind=kind,
        length=draw(st.integers(1, 9 if length_type == "LVAR" else 60)),
        length_type=length_type,
        encoding=encoding,
        prefix_counts=counts,
        length_encoding=draw(st.sampled_from(["bcd", "ascii", "ebcdic", "binary"])),
        pad=draw(st.sampled_from(["left", "right"])),
        pad_nibble=draw(st.sampled_from("0F")),
    )


@st.composite
def values(draw, spec):
    fixed = not spec.is_variable
    low = spec.length if fixed else 0
    if spec.kind == "b":
        return draw(st.binary(min_size=low, max_size=spec.length))
    if spec.kind == "x+n":
        return draw(st.sampled_from("CD")) + draw(st.text(DIGITS, min_size=spec.length, max_size=spec.length))
    if spec.kind != "ans":
        return draw(st.text(ALPHABET[spec.kind], min_size=low, max_size=spec.length))
    # The length of text counts bytes; Chinese takes two in GBK.
    text = draw(st.text(ALPHABET["ans"] + BEYOND_ASCII[spec.encoding], max_size=spec.length))
    codec = PYISO_ENCODING[spec.encoding]
    while len(text.encode(codec)) > spec.length:
        text = text[:-1]
    return text + " " * (spec.length - len(text.encode(codec))) if fixed else text


@st.composite
def tables_and_messages(draw):
    specs = draw(st.lists(fields(), min_size=1, max_size=12, unique_by=lambda spec: spec.number))
    table = MessageSpec(
        "drawn",
        tuple(specs),
        mti_encoding=draw(st.sampled_from(["bcd", "ascii", "ebcdic"])),
        bitmap_encoding=draw(st.sampled_from(["binary", "hex", "hex-ebcdic"])),
    )
    present = draw(st.lists(st.sampled_from(specs), unique_by=lambda spec: spec.number))
    message = Message(draw(st.from_regex(r"[0-9]{4}", fullmatch=True)))
    for spec in present:
        message[spec.number] = draw(values(spec))
    return table, message


def pyiso_can(spec):
    """pyiso8583 has no signed amounts in BCD, and counts characters where our hex fields count the value's bytes."""
    counts_alike = spec.prefix_counts == "bytes" or not (spec.encoding == "hex" and spec.is_variable)
    return not (spec.kind == "x+n" and spec.encoding == "bcd") and counts_alike


def pyiso_field(spec):
    length, count, encoding = spec.length, "bytes", PYISO_ENCODING.get(spec.encoding)
    if spec.encoding == "bcd":
        encoding, count = "b", "nibbles"
    elif spec.encoding == "binary":
        encoding = "b"
    elif spec.encoding == "hex":
        encoding, length = "ascii", length * 2
    elif spec.kind == "x+n":
        length += 1
    return {
        "data_enc": encoding,
        "len_enc": PYISO_LENGTH[spec.length_encoding],
        "len_type": spec.prefix_size,
        "max_len": length,
        "len_count": count,
        f"{spec.pad}_pad": spec.pad_nibble,
        "desc": "",
    }


def pyiso_value(spec, value):
    if spec.kind == "b":
        return value.hex().upper()
    return value.replace("=", "D") if spec.kind == "z" and spec.encoding == "bcd" else value


def pyiso_table(table):
    bitmap = {"binary": "b", "hex": "ascii", "hex-ebcdic": "cp500"}[table.bitmap_encoding]
    plain = {"len_enc": "ascii", "len_type": 0, "desc": ""}
    spec = {
        "h": {**plain, "data_enc": "ascii", "max_len": 0},
        "t": {**plain, "data_enc": {"bcd": "b", **PYISO_ENCODING}[table.mti_encoding], "max_len": 4},
        "p": {**plain, "data_enc": bitmap, "max_len": 8 if bitmap == "b" else 16},
        "1": {**plain, "data_enc": bitmap, "max_len": 8 if bitmap == "b" else 16},
    }
    return spec | {str(field.number): pyiso_field(field) for field in table.fields}


@settings(max_examples=400, deadline=None)
@given(tables_and_messages())
def test_bytes_and_values_agree_with_pyiso8583_both_ways(drawn):
    table, message = drawn
    table = MessageSpec(table.name, tuple(filter(pyiso_can, table.fields)), table.mti_encoding, table.bitmap_encoding)
    specs = {spec.number: spec for spec in table.fields}
    message.fields = {number: value for number, value in message.fields.items() if number in specs}
    theirs = {"t": message.mti} | {str(n): pyiso_value(specs[n], v) for n, v in message.fields.items()}
    wire, _ = iso8583.encode(dict(theirs), pyiso_table(table))

    assert Codec(table).encode(message) == bytes(wire)
    decoded, _ = iso8583.decode(Codec(table).encode(message), pyiso_table(table))
    assert {key: value for key, value in decoded.items() if key not in "p1h"} == theirs
    assert Codec(table).decode(wire) == message


@settings(max_examples=300, deadline=None)
@given(tables_and_messages())
def test_decode_undoes_encode(drawn):
    table, message = drawn
    codec = Codec(table)
    wire = codec.encode(message)
    assert codec.decode(wire) == message
    assert codec.decode(bytearray(wire)) == codec.decode(memoryview(wire)) == message


@settings(max_examples=200, deadline=None)
@given(tables_and_messages(), st.data())
def test_every_proper_prefix_and_every_tail_is_refused(drawn, data):
    table, message = drawn
    codec = Codec(table)
    wire = codec.encode(message)
    cut = data.draw(st.integers(0, len(wire) - 1))
    with pytest.raises(DecodeError):
        codec.decode(wire[:cut])
    with pytest.raises(DecodeError, match="end of the message"):
        codec.decode(wire + b"\0")


def one_field(**changes):
    spec = {"number": 2, "name": "test field", "kind": "n", "length": 4} | changes
    return Codec(MessageSpec("test table", (FieldSpec(**spec),)))


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({}, "123"),
        ({}, "12345"),
        ({}, "12a4"),
        ({}, "١٢٣٤"),  # decimal digits to Python, not to ISO 8583
        ({}, b"1234"),
        ({"encoding": "bcd"}, "12 4"),
        ({"encoding": "bcd"}, "123"),
        ({"encoding": "bcd", "length": 3}, "1234"),
        ({"encoding": "bcd", "kind": "z"}, "123X"),
        ({"length_type": "LLVAR"}, "12345"),
        ({"length_type": "LLVAR", "encoding": "bcd", "length_encoding": "bcd", "prefix_counts": "bytes"}, "123"),
        ({"kind": "a"}, "abc1"),
        ({"kind": "an"}, "ab 1"),
        ({"kind": "ans"}, "ab\x001"),
        ({"kind": "ans"}, "银联"),
        ({"kind": "ans", "encoding": "gbk"}, "银联商"),
        ({"kind": "b", "encoding": "binary"}, "1234"),
        ({"kind": "b", "encoding": "binary"}, b"123"),
        ({"kind": "x+n"}, "X1234"),
        ({"kind": "x+n", "encoding": "bcd"}, "C12345"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name_without_being_quoted(changes, value):
    with pytest.raises(EncodeError, match=r"DE2 \(test field\)") as caught:
        one_field(**changes).encode(Message("0200", {2: value}))
    assert str(value) not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "tail", "offset", "text"),
    [
        ({}, b"12", 12, "4 bytes, found 2 bytes before the message ends"),
        ({}, b"12x4", 12, "byte 0x78 at position 2"),
        ({"encoding": "bcd"}, b"\x12\xf4", 12, "nibble 'f' at position 2"),
        ({"encoding": "bcd", "length": 3}, b"\x11\x23", 12, "pad nibble '1' instead of '0'"),
        ({"encoding": "bcd", "length": 3, "pad": "right"}, b"\x12\x3f", 12, "pad nibble 'f' instead of '0'"),
        ({"length_type": "LLVAR"}, b"9912", 12, "a length of at most 4, found 99"),
        ({"length_type": "LLVAR"}, b"0412", 14, "4 bytes, found 2 bytes"),
        ({"length_type": "LLVAR", "length_encoding": "bcd"}, b"\x0a12", 12, "1 bytes in bcd, found 0x0a"),
        ({"kind": "b", "encoding": "hex"}, b"0011zz33", 12, "position"),
        ({"kind": "x+n", "encoding": "bcd", "length": 3}, b"C\x11\x23", 12, "found"),
    ],
)
def test_a_decode_error_says_where_what_was_expected_and_what_was_found(changes, tail, offset, text):
    wire = b"0200" + bytes.fromhex("4000000000000000") + tail
    with pytest.raises(DecodeError, match="DE2") as caught:
        one_field(**changes).decode(wire)
    assert caught.value.offset == offset
    assert text in str(caught.value)


def test_errors_survive_being_rebuilt_from_their_arguments():
    for error in (DecodeError("DE2", 12, "digits", "a letter"), EncodeError("DE2", "digits", "a letter")):
        again = type(error)(*error.args)
        assert str(again) == str(error)


def test_fields_outside_the_table_are_refused_both_ways():
    codec = one_field()
    with pytest.raises(EncodeError, match="DE3"):
        codec.encode(Message("0200", {3: "000000"}))
    with pytest.raises(DecodeError, match="DE3"):
        codec.decode(b"0200" + bytes.fromhex("2000000000000000"))
    with pytest.raises(EncodeError, match="MTI"):
        codec.encode(Message("20", {}))


def test_track_separators_are_read_as_one_and_sent_as_the_encoding_wants():
    packed = one_field(kind="z", encoding="bcd", length=5)
    assert packed.encode(Message("0200", {2: "12=34"}))[-3:].hex() == "012d34"
    assert packed.encode(Message("0200", {2: "12D34"}))[-3:].hex() == "012d34"
    assert packed.decode(packed.encode(Message("0200", {2: "12D34"}))).text(2) == "12=34"


@pytest.mark.parametrize(
    "changes",
    [
        {"number": 1},
        {"number": 65},
        {"number": 129},
        {"kind": "q"},
        {"encoding": "binary"},
        {"kind": "b", "encoding": "ascii"},
        {"length": 0},
        {"length": 100, "length_type": "LLVAR"},
        {"length_type": "LLLLLVAR"},
        {"length_encoding": "gbk"},
        {"pad_nibble": "G"},
        {"prefix_counts": "bytes"},
        {"kind": "x+n", "length_type": "LLVAR"},
    ],
)
def test_a_specification_that_contradicts_itself_is_refused(changes):
    with pytest.raises(SpecError):
        one_field(**changes)


def test_a_table_with_a_field_twice_is_refused():
    field = FieldSpec(2, "a", "n", 4)
    with pytest.raises(SpecError, match=r"\[2\]"):
        MessageSpec("t", (field, field))

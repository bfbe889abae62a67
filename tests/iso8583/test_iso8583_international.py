"""The international table against pyiso8583, its frames without a header, and its composite fields."""

import iso8583
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.iso8583 import DecodeError, EncodeError, Message, international, unionpay
from harness.iso8583.frame import Envelope
from harness.iso8583.international import Reserved60, Totals63
from tests.iso8583.test_iso8583_codec import pyiso_table, pyiso_value, values

SALE = Message(
    "0200",
    {
        2: "6222020000000000008", 3: "000000", 4: "000000001500", 11: "000042", 22: "051", 24: "001", 25: "00",
        35: "6222020000000000008=28122201234", 41: "10000001", 42: "123456789012345", 60: "000001", 64: bytes(8),
    },
)  # fmt: skip


def test_a_sale_is_laid_out_as_on_the_wire():
    """Each field by hand, as the table puts it."""
    expected = (
        "0200" + "7020058020c00011" + "19" + "6222020000000000008f" + "000000" + "000000001500" + "000042" + "0051" + "0001"
        "00" + "31" + "6222020000000000008d28122201234f" + b"10000001".hex() + b"123456789012345".hex()
        + "0006" + b"000001".hex() + "0000000000000000"
    )  # fmt: skip
    assert international.CODEC.encode(SALE).hex() == expected
    assert international.CODEC.decode(bytes.fromhex(expected)) == SALE


@st.composite
def messages(draw, spec):
    present = draw(st.lists(st.sampled_from(spec.fields), unique_by=lambda field: field.number))
    message = Message(draw(st.sampled_from(["0200", "0210", "0320", "0400", "0500", "0800"])))
    for field in present:
        message[field.number] = draw(values(field))
    return message


@pytest.mark.parametrize("dialect", [international, unionpay], ids=["international", "unionpay"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_dialects_bytes_agree_with_pyiso8583_both_ways(dialect, data):
    message = data.draw(messages(dialect.SPEC))
    specs = {spec.number: spec for spec in dialect.SPEC.fields}
    theirs = {"t": message.mti} | {str(n): pyiso_value(specs[n], v) for n, v in message.fields.items()}
    wire, _ = iso8583.encode(dict(theirs), pyiso_table(dialect.SPEC))
    assert dialect.CODEC.encode(message) == bytes(wire)
    decoded, _ = iso8583.decode(dialect.CODEC.encode(message), pyiso_table(dialect.SPEC))
    assert {key: value for key, value in decoded.items() if key not in "p1h"} == theirs


def test_a_frame_has_a_tpdu_and_no_header():
    frame = international.pack(SALE)
    assert frame[2:7] == international.TPDU and frame[7:9] == b"\x02\x00"
    received = international.unpack(frame)
    assert received.message == SALE
    assert international.WIRE.seal(received.envelope.reply(b"x")).hex() == "0006" + "6000000001" + "78"
    with pytest.raises(EncodeError, match="header"):
        international.WIRE.seal(Envelope(b"x"))


@given(*[st.integers(0, 999), st.integers(0, 999_999_999_999)] * 2)
def test_totals_are_ninety_digits(sales, sale_fen, refunds, refund_fen):
    totals = Totals63(sales, sale_fen, refunds, refund_fen)
    assert len(str(totals)) == 90 and Totals63.parse(str(totals)) == totals


@pytest.mark.parametrize("text", ["", "0" * 89, "0" * 91, "x" * 90, "²" * 90])
def test_totals_of_another_size_are_refused(text):
    with pytest.raises(DecodeError, match="DE63"):
        Totals63.parse(text)


@pytest.mark.parametrize("text", ["", "00000", "0000010", "00000x", "0000010200000042x"])
def test_a_batch_number_that_is_none_is_refused(text):
    with pytest.raises(DecodeError, match="DE60"):
        Reserved60.parse(text)
    assert str(Reserved60.parse("0000010200000042")) == "0000010200000042"


@pytest.mark.parametrize("value", [b"", b"00004", b"00004x", "00004²".encode()])
def test_an_invoice_number_that_is_none_is_refused(value):
    with pytest.raises(DecodeError, match="DE62"):
        international.invoice(value)

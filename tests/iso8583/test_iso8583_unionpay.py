"""UnionPay's table, frames and composite fields; and that nothing received can do worse than raise DecodeError."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.iso8583 import DecodeError, EncodeError, Message, unionpay
from harness.iso8583.frame import DEFAULT_TPDU, FRAME_LENGTH_MAX, Envelope, split_frames
from harness.iso8583.frame import unpack as unpack_envelope
from harness.iso8583.track import Track2

PAN = "6222020000000008"
SALE = Message(
    "0200",
    {
        2: PAN,
        3: "000000",
        4: "000000001500",
        11: "000042",
        14: "2812",
        22: "021",
        23: "001",
        25: "00",
        26: "12",
        35: str(Track2(PAN, "2812", "220", "12345678901")),
        41: "10000001",
        42: "123456789012345",
        49: "156",
        52: bytes(range(8)),
        60: "22000001000",
        63: "01银联卡",
        64: bytes(8),
    },
)


def test_a_sale_is_laid_out_as_on_the_wire():
    """Each field by hand, as the table of the specification puts it."""
    expected = (
        "0200" + "702406c020c09013" + "16" + PAN + "000000" + "000000001500" + "000042" + "2812" + "0210" + "0001" + "00" + "12"
        "35" + PAN + "d2812220123456789010" + b"10000001".hex() + b"123456789012345".hex() + b"156".hex() + "0001020304050607"
        "0011" + "220000010000" + "0008" + "01银联卡".encode("gbk").hex() + "0000000000000000"
    )  # fmt: skip
    assert unionpay.CODEC.encode(SALE).hex() == expected
    assert unionpay.CODEC.decode(bytes.fromhex(expected)) == SALE


def test_twenty_thousand_mutated_messages_decode_or_raise_decode_error():
    rng = random.Random(8583)
    wire = unionpay.CODEC.encode(SALE)
    refused = 0
    for _ in range(20_000):
        data = bytearray(wire)
        for _ in range(rng.choice((1, 1, 2, 4, 8))):
            what = rng.randrange(5)
            at = rng.randrange(len(data)) if data else 0
            if what == 0 and data:
                data[at] = rng.randrange(256)
            elif what == 1 and data:
                data[at] ^= 1 << rng.randrange(8)
            elif what == 2:
                del data[at : at + rng.randrange(1, 12)]
            elif what == 3:
                data[at:at] = rng.randbytes(rng.randrange(1, 12))
            else:
                data[2:10] = rng.randbytes(8)
        try:
            message = unionpay.CODEC.decode(data)
        except DecodeError as error:
            assert str(error)
            refused += 1
        else:
            assert unionpay.CODEC.encode(message) == bytes(data)  # what is accepted is accepted whole
    assert 15_000 < refused < 20_000


@given(st.binary(max_size=200))
def test_noise_decodes_or_raises_decode_error(data):
    for decode in (unionpay.CODEC.decode, unionpay.unpack, unpack_envelope, split_frames):
        try:
            decode(data)
        except DecodeError:
            pass


@given(st.lists(st.binary(max_size=60), max_size=6), st.data())
def test_frames_are_split_alike_however_the_stream_is_cut(payloads, data):
    frames = [Envelope(payload).pack() for payload in payloads]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    got, rest = [], b""
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        whole, rest = split_frames(rest + stream[start:end])
        got += whole
    assert got == frames and rest == b""
    assert [unpack_envelope(frame).payload for frame in got] == payloads


def test_framing_is_lost_when_a_length_is_beyond_the_limit():
    good = Envelope(b"x").pack()
    with pytest.raises(DecodeError, match=str(FRAME_LENGTH_MAX)):
        split_frames(good + b"\xff\xff" + bytes(20))
    with pytest.raises(EncodeError, match="frame"):
        Envelope(bytes(FRAME_LENGTH_MAX)).pack()
    with pytest.raises(EncodeError, match="TPDU"):
        Envelope(b"", tpdu=b"x").pack()


@pytest.mark.parametrize("frame", [b"", b"\0", b"\0\x05abc", b"\0\x02abc", b"\0\x03abc"])
def test_a_frame_that_lies_about_its_length_is_refused(frame):
    with pytest.raises(DecodeError, match="frame"):
        unpack_envelope(frame)


def test_a_reply_swaps_the_addresses_of_the_tpdu():
    reply = Envelope(b"", bytes.fromhex("6000030102")).reply(b"x")
    assert reply.tpdu.hex() == "6001020003" and reply.payload == b"x"
    assert Envelope(b"").tpdu == DEFAULT_TPDU
    assert Envelope(b"").processing_request == "0"
    assert Envelope(b"", header=bytes.fromhex("603103311001")).processing_request == "3"


def test_the_mac_covers_everything_before_it():
    calls = []

    def mac(data):
        calls.append(data)
        return b"MACMACMA"

    received = unionpay.unpack(unionpay.pack(SALE, mac))
    assert received.message.binary(64) == b"MACMACMA"
    assert calls == [received.envelope.payload[:-8]] == [unionpay.CODEC.encode(SALE)[:-8]]
    assert received.mac_is_good(mac) and not received.mac_is_good(lambda _: bytes(8))
    assert SALE.binary(64) == bytes(8), "packing must not change the caller's message"
    unsigned = SALE.copy()
    del unsigned[64]
    assert not unionpay.unpack(unionpay.pack(unsigned)).mac_is_good(mac)


@given(*[st.integers(0, 999_999_999_999)] * 2, *[st.integers(0, 999)] * 2, st.sampled_from("0123"))
def test_settlement_totals_keep_the_verdict_at_digit_31_and_62(debit, credit, debits, credits, code):
    totals = unionpay.SettlementTotals(debit, debits, credit, credits)
    text = str(unionpay.Settlement48(totals, domestic_code=code, foreign_code="1"))
    assert len(text) == 62 and text[30] == code and text[61] == "1"
    assert unionpay.Settlement48.parse(text) == unionpay.Settlement48(totals, domestic_code=code, foreign_code="1")


@given(
    st.lists(
        st.builds(
            unionpay.UploadItem,
            st.sampled_from(["00", "01"]),
            st.from_regex(r"[0-9]{6}", fullmatch=True),
            st.from_regex(r"[1-9][0-9]{12,18}", fullmatch=True),
            st.integers(0, 999_999_999_999),
        ),
        max_size=8,
    )
)
def test_upload_items_survive_the_trip_and_fit_field_48(items):
    text = unionpay.upload_text(items)
    assert unionpay.parse_upload(text) == items
    assert unionpay.CODEC.decode(unionpay.CODEC.encode(Message("0320", {48: text}))).text(48) == text


@pytest.mark.parametrize("text", ["", "0", "01", "09" + "0" * 360, "01" + "0" * 39, "xx"])
def test_upload_lists_with_a_lying_count_are_refused(text):
    with pytest.raises(DecodeError, match="DE48"):
        unionpay.parse_upload(text)


def test_a_ninth_item_is_refused():
    with pytest.raises(ValueError, match="at most 8"):
        unionpay.upload_text([unionpay.UploadItem("00", "000001", PAN, 1)] * 9)


def test_reserved_and_original_fields():
    assert str(unionpay.Reserved60.parse("22000001003501")) == "22000001003501"
    assert unionpay.Reserved60.parse("22000001").network_code == ""
    assert unionpay.Original61.parse("0000010000421122") == unionpay.Original61("000001", "000042", "1122")
    for parse in (unionpay.Reserved60.parse, unionpay.Original61.parse, unionpay.Settlement48.parse):
        with pytest.raises(DecodeError):
            parse("12345")


@pytest.mark.parametrize("text", ["", "62220200=2812220", "6222020000000008=2812", PAN + "=28122201234567890123456789"])
def test_track_2_that_is_not_one_is_refused(text):
    with pytest.raises(DecodeError, match="track 2"):
        Track2.parse(text)


def test_track_2_takes_both_separators():
    assert Track2.parse(f"{PAN}D281222012345678901") == Track2.parse(f"{PAN}=281222012345678901")
    with pytest.raises(EncodeError):
        str(Track2(PAN, "28", "220", ""))

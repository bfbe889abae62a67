"""DE55: what a chip says, written and read, and read when it is nonsense."""

from hypothesis import given
from hypothesis import strategies as st

from harness.iso8583 import DecodeError
from harness.iso8583.icc import COUNTER, CRYPTOGRAM, icc_data, kind_of, tags, token_of

KINDS = st.sampled_from(["TC", "ARQC", "AAC"])


@given(KINDS, st.binary(min_size=8, max_size=8), st.integers(0, 10**11 - 1))
def test_what_is_written_is_read(kind, cryptogram, number):
    data = icc_data(kind, cryptogram, f"{number:011d}")
    assert (kind_of(data), token_of(data)) == (kind, f"{number:011d}")
    assert tags(data)[CRYPTOGRAM] == cryptogram and tags(data)[COUNTER] == (number & 0xFFFF).to_bytes(2, "big")


def test_its_token_stands_nowhere_as_digits():
    # Searches look for the token's digits, as text and packed; this is no track data, and may be kept.
    data = icc_data("TC", bytes(8), "00000000123")
    assert "00000000123" not in data.hex() and b"00000000123" not in data


@given(st.binary(max_size=40))
def test_nonsense_is_told_and_never_breaks_anything(data):
    try:
        tags(data)
    except DecodeError:
        assert (kind_of(data), token_of(data)) == (None, "")


def test_a_counter_alone_is_no_cryptogram():
    assert (kind_of(b"\x9f\x36\x02\x00\x01"), token_of(b"\x9f\x36\x02\x00\x01")) == (None, "")

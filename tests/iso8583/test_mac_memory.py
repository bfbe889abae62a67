"""MACs are remembered for whoever checks them next; what is remembered never answers for another key or other data."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.iso8583.des import BlockCipher
from harness.iso8583.mac import UnionPayEcbMac, xor_blocks

KEYS = st.sampled_from([bytes([each]) * 8 for each in (1, 2, 4)] + [bytes(range(16))])
DATA = st.sampled_from([b"", b"0" * 16, b"0" * 24, b"1" * 16, b"0200"]) | st.binary(max_size=40)


def by_hand(key: bytes, data: bytes) -> bytes:
    """The calculation written out, from scratch each time."""
    cipher = BlockCipher(key)
    text = xor_blocks(data).to_bytes(8, "big").hex().upper().encode()
    first = cipher.encrypt(text[:8])
    mixed = bytes(left ^ right for left, right in zip(first, text[8:], strict=True))
    return cipher.encrypt(mixed).hex().upper().encode()[:8]


@given(st.lists(st.tuples(KEYS, DATA), min_size=1, max_size=60))
def test_any_order_of_keys_and_data_gives_each_its_own_mac(asked: list[tuple[bytes, bytes]]) -> None:
    macs = {key: UnionPayEcbMac(key) for key, _ in asked}
    assert [macs[key](data) for key, data in asked] == [by_hand(key, data) for key, data in asked]

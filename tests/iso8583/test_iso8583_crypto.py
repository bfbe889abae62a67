"""MACs, PIN blocks and key transport against published vectors and against a slow, literal calculation."""

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from hypothesis import given
from hypothesis import strategies as st

from harness.iso8583 import DecodeError
from harness.iso8583.des import BlockCipher, expand_key
from harness.iso8583.keys import WorkingKeys, WrappedKey, check_value
from harness.iso8583.mac import UnionPayEcbMac, X919Mac, xor_blocks
from harness.iso8583.pinblock import PinBlockCipher, clear_pin_block, read_clear_pin_block

KEYS = st.sampled_from([8, 16]).flatmap(lambda size: st.binary(min_size=size, max_size=size))


def literal_ecb(key, block):
    return Cipher(TripleDES(expand_key(key)), modes.ECB()).encryptor().update(block)


def literal_unionpay_mac(key, data):
    """Step by step as the specification tells it, with nothing kept."""
    result = bytes(8)
    for at in range(0, len(data), 8):
        result = bytes(a ^ b for a, b in zip(result, data[at : at + 8].ljust(8, b"\0"), strict=True))
    text = result.hex().upper().encode()
    first = literal_ecb(key, text[:8])
    second = literal_ecb(key, bytes(a ^ b for a, b in zip(first, text[8:], strict=True)))
    return second.hex().upper().encode()[:8]


def test_unionpay_mac_of_the_published_example():
    """Public test of a Chinese acquirer's gateway: MAB of two blocks, MAK of 2222222222222222."""
    assert xor_blocks(bytes.fromhex("1234567890ABCDEFABCDEF1234567890")) == 0xB9F9B96AA4FDB57F
    mac = UnionPayEcbMac(bytes.fromhex("2222222222222222"))
    assert mac(bytes.fromhex("1234567890ABCDEFABCDEF1234567890")) == b"E267B6E2"


@given(KEYS, st.binary(max_size=600), st.binary(max_size=40))
def test_unionpay_mac_is_the_literal_calculation_and_keeps_no_state(key, data, other):
    mac = UnionPayEcbMac(key)
    assert mac(data) == literal_unionpay_mac(key, data)
    mac(other)
    assert mac(data) == literal_unionpay_mac(key, data)


def test_x919_mac_of_the_standards_examples():
    """ISO/IEC 9797-1, MAC algorithm 3 with DES and padding method 1."""
    mac = X919Mac(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    for _ in range(2):  # a second time, because the chain is kept running
        assert mac(b"Now is the time for all ").hex() == "a1c72e74ea3fa9b6"
        assert mac(b"Now is the time for it").hex() == "2e2b1428cc78254f"


@given(st.binary(min_size=16, max_size=16), st.lists(st.binary(max_size=100), max_size=4))
def test_x919_mac_starts_each_message_afresh(key, messages):
    kept = X919Mac(key)
    assert [kept(message) for message in messages] == [X919Mac(key)(message) for message in messages]


@pytest.mark.parametrize(
    ("pin", "pan", "block"),
    [("1234", "43219876543210987", "0412ac89abcdef67"), ("1234", "5432101234567891", "041215fedcba9876")],
)
def test_pin_blocks_of_published_examples(pin, pan, block):
    assert clear_pin_block(pin, pan).hex() == block
    assert read_clear_pin_block(bytes.fromhex(block), pan) == pin


PINS = st.from_regex(r"[0-9]{4,12}", fullmatch=True)
PANS = st.from_regex(r"[0-9]{13,19}", fullmatch=True)


@given(PINS, PANS, KEYS)
def test_pin_blocks_come_back_and_are_bound_to_their_card(pin, pan, key):
    cipher = PinBlockCipher(key)
    block = cipher.encrypt(pin, pan)
    assert cipher.decrypt(block, pan) == pin
    # A digit of the card that falls on the filler must show; format 0 checks nothing where PIN digits are.
    other = pan[:-2] + str((int(pan[-2]) + 1) % 10) + pan[-1]
    if len(pin) < 12:
        with pytest.raises(DecodeError):
            cipher.decrypt(block, other)


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "１２３４"])
def test_pins_that_are_none_are_refused(pin):
    with pytest.raises(ValueError, match="4 to 12 digits"):
        clear_pin_block(pin, "5432101234567891")


def test_a_pin_block_of_another_size_is_refused():
    with pytest.raises(DecodeError):
        PinBlockCipher(bytes(16)).decrypt(bytes(7), "5432101234567891")
    with pytest.raises(ValueError, match="13 digits"):
        clear_pin_block("1234", "123")


def test_a_published_master_key_opens_a_published_mac_key():
    """A published demonstration of a UnionPay sign-on: MAC key under a double-length master key."""
    master = bytes.fromhex("70F2A84CCBC2AE8625CBB0F2C22AB923")
    assert BlockCipher(master).decrypt(bytes.fromhex("96D605EA176B7E9E")).hex() == "c24a8fb57aa20123"


def test_single_des_check_value_of_a_well_known_key():
    assert check_value(bytes.fromhex("0123456789ABCDEF")).hex() == "d5d44ff7"


@pytest.mark.parametrize(
    ("pin", "mac", "track", "size"), [(8, 8, 0, 24), (16, 8, 0, 40), (16, 16, 0, 40), (16, 8, 16, 60)]
)
def test_working_keys_travel_in_field_62(pin, mac, track, size):
    master = bytes(range(16))
    clear = [bytes(range(40, 40 + length)) for length in (pin, mac, track) if length]
    sent = WorkingKeys(*[WrappedKey.wrap(master, key) for key in clear])
    assert len(sent.field62()) == size
    got = WorkingKeys.parse(sent.field62())
    assert got == sent
    assert [key.unwrap(master) for key in (got.pin_key, got.mac_key, got.track_key) if key] == clear
    with pytest.raises(DecodeError, match="check value"):
        got.pin_key.unwrap(bytes(range(1, 17)))
    with pytest.raises(DecodeError, match="DE62"):
        WorkingKeys.parse(sent.field62()[:-1])


def test_keys_of_another_length_are_refused():
    for make in (UnionPayEcbMac, X919Mac, PinBlockCipher):
        with pytest.raises(ValueError, match="bytes"):
            make(bytes(7))

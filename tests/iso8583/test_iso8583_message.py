"""A message's accessors, and that showing one never shows a card number."""

import doctest
import importlib
import subprocess
import sys

import pytest

from harness.iso8583 import Message, mask_pan
from harness.iso8583.track import Track2, luhn_digit

PAN = "6222020000000000008"


def test_typed_access_says_what_is_missing_or_of_the_other_type():
    message = Message("0200", {52: bytes(8), 4: "000000001500", 3: "000000"})
    assert list(message) == [3, 4, 52] and len(message) == 3
    assert message.text(4) == "000000001500" and message.binary(52) == bytes(8)
    assert message.text(39, "") == "" and 39 not in message
    with pytest.raises(KeyError, match="DE39 is not in this 0200 message"):
        message.text(39)
    with pytest.raises(TypeError, match="binary"):
        message.text(52)
    with pytest.raises(TypeError, match="text"):
        message.binary(4)


def test_copies_are_independent_and_equal_until_changed():
    message = Message("0200", {3: "000000"})
    copy = message.copy()
    assert copy == message
    copy[3] = "200000"
    assert message.text(3) == "000000" and copy != message
    del copy[3]
    assert 3 not in copy


def test_repr_hides_card_numbers_tracks_and_keys():
    message = Message("0200", {2: PAN, 35: f"{PAN}=28122201234567890", 52: bytes(8), 41: "10000001"})
    shown = repr(message)
    assert PAN not in shown and PAN[6:-4] not in shown
    assert "622202*********0008" in shown and "10000001" in shown and "<8 bytes>" in shown
    assert PAN not in repr(Track2.parse(message.text(35)))


@pytest.mark.parametrize("pan", ["", "123456", "123456789012"])
def test_a_number_too_short_to_mask_in_part_is_masked_whole(pan):
    assert mask_pan(pan) == "*" * len(pan)


def test_check_digit_of_a_published_number():
    assert luhn_digit("7992739871") == "3"
    assert luhn_digit("411111111111111") == "1"


def test_the_codec_does_not_load_cryptography():
    program = (
        "import sys, harness.iso8583.unionpay; sys.exit({'cryptography', 'harness.core'} & set(sys.modules) != set())"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("module", ["message", "codec", "pinblock", "track"])
def test_the_examples_in_the_documentation_are_true(module):
    result = doctest.testmod(importlib.import_module(f"harness.iso8583.{module}"))
    assert result.attempted > 0 and result.failed == 0

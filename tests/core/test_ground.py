"""Registry, masking, units, errors."""

import pytest

from harness.core.errors import ExitCode, UsageError
from harness.core.masking import mask_pan, mask_text
from harness.core.registry import Registry
from harness.core.units import clock_text, seconds


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    registry: Registry[int] = Registry("fault")
    registry.register("power_loss")(1)
    with pytest.raises(UsageError, match="no fault named 'powr_loss'; did you mean 'power_loss'"):
        registry.get("powr_loss")
    assert UsageError.exit_code is ExitCode.USAGE


def test_a_name_cannot_be_registered_twice() -> None:
    registry: Registry[int] = Registry("fault")
    registry.register("x")(1)
    with pytest.raises(ValueError, match="registered twice"):
        registry.register("x")(2)


def test_card_numbers_keep_six_and_four_digits_at_most() -> None:
    assert mask_pan("6225880137706868") == "622588******6868"
    assert (
        mask_text("paid with 6225880137706868 today, order 20260214")
        == "paid with 622588******6868 today, order 20260214"
    )
    assert mask_pan("123456") == "******"


def test_clock_text_reads_like_a_clock() -> None:
    assert clock_text(seconds(86400 + 13 * 3600 + 42 * 60 + 7.12)) == "day 2 13:42:07.120"

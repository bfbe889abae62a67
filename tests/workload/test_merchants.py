"""Merchants and names: what the data file promises, and that a name survives another release of Faker."""

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.workload.cards import card_number, luhn_digit, presentation
from harness.workload.merchants import MERCHANTS, operator_name, shop_name


def test_all_six_kinds_are_there_with_sane_numbers() -> None:
    assert MERCHANTS.names() == ["stall", "convenience", "restaurant", "supermarket", "petrol", "hotel"]
    for name, merchant in MERCHANTS.items():
        assert merchant.name == name and merchant.summary
        assert 0 < merchant.sales_per_day_min < merchant.sales_per_day_max
        assert 0 < merchant.ticket_min_fen < merchant.ticket_max_fen
        assert 3.0 <= merchant.decline_percent <= 8.0
        assert merchant.void_percent == 1.0 and 1.0 <= merchant.refund_percent <= 2.0
        assert 0 <= merchant.open_us < merchant.close_us
        assert merchant.sources, f"{name} says nothing about where its numbers come from"


def test_restaurant_meals_have_the_share_that_the_source_names() -> None:
    merchant = MERCHANTS.get("restaurant")
    total = sum(merchant.hourly)
    assert 0.31 <= sum(merchant.hourly[11:13]) / total <= 0.39
    assert 0.41 <= sum(merchant.hourly[17:20]) / total <= 0.49


def test_names_are_chinese_and_pinned_as_text() -> None:
    drawn = shop_name(Decisions(Streams(3)), "T01")
    assert drawn == shop_name(Decisions(Streams(3)), "T01")
    assert any("\u4e00" <= character <= "\u9fff" for character in drawn)
    assert shop_name(Decisions(Streams(3), pinned={"T01/shop/name": "老王早点"}), "T01") == "老王早点"
    assert operator_name(Decisions(Streams(3)), "T01") != operator_name(Decisions(Streams(4)), "T01")


def test_cards_pass_the_check_digit_and_carry_the_token() -> None:
    assert luhn_digit("7992739871") == "3"
    numbers = {card_number(step / 1000, by_code=step % 2 == 0) for step in range(1000)}
    assert len(numbers) == 1000
    assert all(len(number) == 16 and luhn_digit(number[:-1]) == number[-1] for number in numbers)
    card = presentation(0.25, by_code=False, token="00010000042")
    assert card.track2.startswith(card.pan + "=") and card.track2.endswith("00010000042")
    assert len(card.track2) <= 37

"""Latency is what the table of link kinds says it is."""

import random

import pytest

from harness.network import LINK_KINDS
from harness.network.kinds import GIVEN_UP, RETRANSMISSIONS_MAX, LinkKind, losses


def quantile(values: list[int], share: float) -> int:
    return sorted(values)[int(share * len(values))]


@pytest.mark.parametrize("name", LINK_KINDS.names())
def test_a_round_trip_has_the_median_and_tail_of_the_table(name: str) -> None:
    kind = LINK_KINDS.get(name)
    lossless = LinkKind(**{slot: getattr(kind, slot) for slot in kind.__slots__} | {"loss": 0.0})
    draws = random.Random(1)
    trips = [lossless.one_way_us(draws.random()) + lossless.one_way_us(draws.random()) for _ in range(60_000)]
    assert quantile(trips, 0.5) == pytest.approx(kind.rtt_us_median, rel=0.03)
    assert quantile(trips, 0.99) == pytest.approx(kind.rtt_us_p99, rel=0.08)


@pytest.mark.parametrize("name", LINK_KINDS.names())
def test_a_handshake_has_the_median_of_the_table(name: str) -> None:
    kind = LINK_KINDS.get(name)
    draws = random.Random(2)
    assert quantile([kind.handshake_us(draws.random()) for _ in range(20_000)], 0.5) == pytest.approx(
        kind.rtt_us_median, rel=0.08
    )


def test_a_lost_packet_costs_a_retransmission_timeout_that_doubles() -> None:
    kind = LINK_KINDS.get("4g")
    assert [kind.lost_us(times) for times in range(4)] == [0, 200_000, 600_000, 1_400_000]
    once = kind.one_way_us(kind.loss * 0.5)
    assert 200_000 < once < 200_000 + 4_000_000
    assert kind.one_way_us(0.5 + kind.loss / 2) == kind.neutral_one_way_us
    assert kind.give_up_us >= 100_000_000  # RFC 1122: R2 is at least 100 s


def test_the_share_of_lost_messages_is_the_kinds_loss() -> None:
    draws = random.Random(3)
    times = [losses(draws.random(), 0.02)[0] for _ in range(100_000)]
    assert sum(1 for time in times if time >= 1) / len(times) == pytest.approx(0.02, rel=0.1)
    assert sum(1 for time in times if time >= 2) / len(times) == pytest.approx(0.0004, rel=0.5)


def test_what_is_left_of_a_uniform_number_is_uniform() -> None:
    draws = random.Random(4)
    rests = sorted(losses(draws.random(), 0.3)[1] for _ in range(20_000))
    assert all(abs(value - index / 20_000) < 0.02 for index, value in enumerate(rests))


def test_a_path_that_loses_everything_gives_up() -> None:
    times, _ = losses(0.0, 0.5)
    assert times == RETRANSMISSIONS_MAX + 1
    assert LINK_KINDS.get("gprs").one_way_us(0.0) == GIVEN_UP

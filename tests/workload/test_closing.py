"""Closing the shop at any moment: whoever is at the till finishes or gives up soon, and nobody begins anything after that."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.contract import Approved, Declined, Outcome, Refused
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.history.codec import decode_line
from harness.history.events import IntentClosed, IntentOpened, OperatorDid
from harness.workload.behaviour import Behaviour
from harness.workload.merchants import MERCHANTS
from harness.workload.trading import Floor, TradingDays, one_sale, one_settlement, start_trading
from tests.workload.scripted_station import Asked, Script, ScriptedStation, World, good

SOON_US = 45 * US_PER_MINUTE
"""A settlement that never answers is waited for 20 minutes, and each of its tries needs a terminal that is ready."""

OPEN_US = 6 * US_PER_HOUR

Steps = Generator[simpy.Event, object, Outcome | None]


def never(station: ScriptedStation, asked: Asked) -> Steps:
    yield station.world.env.event()
    return None


def slow(station: ScriptedStation, asked: Asked) -> Steps:
    if asked.kind == "sale":
        yield from station.hardware.card_reader.read()
    yield station.world.env.timeout(100 * US_PER_SECOND)
    station.show(asked.number, "approved", stan="000001", amount_fen=asked.amount_fen)
    return Approved("000001")


def full(station: ScriptedStation, asked: Asked) -> Steps:
    yield station.world.env.timeout(US_PER_SECOND)
    station.show(asked.number, "storage_full")
    return Refused("storage_full")


def declining(station: ScriptedStation, asked: Asked) -> Steps:
    if asked.kind == "sale":
        yield from station.hardware.card_reader.read()
    yield station.world.env.timeout(US_PER_SECOND)
    station.show(asked.number, "declined")
    return Declined("host_05")


def unknown(station: ScriptedStation, asked: Asked) -> Steps:
    if asked.kind == "sale":
        yield from station.hardware.card_reader.read()
    yield station.world.env.timeout(60 * US_PER_SECOND)
    station.show(asked.number, "unknown")
    return Outcome("unknown")


RESTLESS = Behaviour(
    settles_on_time_percent=0,
    settles_late_percent=50,
    settles_twice_percent=50,
    retries_after_unknown_percent=100,
    tries_other_card_percent=100,
    pulls_plug_percent=50,
    clears_cache_per_day=50,
    restarts_per_day=50,
)


class Shop:
    """Three busy days at one till, closed at some instant."""

    def __init__(self, script: Script, behaviour: Behaviour = RESTLESS, seed: int = 1) -> None:
        self.world = World.make(seed)
        self.station = ScriptedStation(self.world, script)
        self.floor = Floor.open(self.world)
        days = TradingDays(count=3, sales_per_day=300)
        start_trading(self.world, self.station, MERCHANTS.get("stall"), days, behaviour, self.floor)

    def close(self, at_us: int) -> int:
        """Close at ``at_us``; how long the last one took to leave. From closing on nobody begins anything."""
        env = self.world.env
        if at_us > self.world.now_us:
            env.run(until=at_us)
        begun = self.deeds()
        leaving = self.floor.close()
        if leaving is not None:
            env.run(until=env.any_of([leaving, env.timeout(US_PER_DAY)]))
            assert leaving.triggered, "somebody stays for ever"
        self.floor.emptied()
        assert self.deeds() == begun
        return self.world.now_us - at_us

    def deeds(self) -> tuple[int, ...]:
        """How often people have asked for something, pulled the plug or restarted it so far."""
        station = self.station
        return len(station.asked), len(station.cuts), len(station.restarts)

    def events(self) -> list[object]:
        self.world.recorder.close()
        return [decode_line(line) for line in self.world.sink.getvalue().splitlines(keepends=True)]


SCRIPTS = [good, never, slow, full, declining, unknown]


@settings(max_examples=150, deadline=None)
@given(
    script=st.sampled_from(SCRIPTS), at_us=st.integers(OPEN_US, OPEN_US + 15 * US_PER_HOUR), seed=st.integers(1, 1000)
)
def test_who_is_there_leaves_soon_and_nobody_comes(script: Script, at_us: int, seed: int) -> None:
    shop = Shop(script, seed=seed)
    assert shop.close(at_us) <= SOON_US
    before = (*shop.deeds(), len(shop.station.keys))
    shop.world.env.run(until=shop.world.now_us + US_PER_DAY)
    assert (*shop.deeds(), len(shop.station.keys)) == before
    events = shop.events()
    opened = [each.intent for each in events if isinstance(each, IntentOpened)]
    assert opened == [each.intent for each in events if isinstance(each, IntentClosed)]


def busy_at(script: Script, kind: str) -> tuple[Shop, int]:
    """A shop and an instant at which an action of this kind is under way."""
    shop = Shop(script, Behaviour(settles_on_time_percent=100, settles_late_percent=0, settlement_tries=3))
    env, station = shop.world.env, shop.station
    while not (station.asked and station.asked[-1].kind == kind and not station.asked[-1].done.triggered):
        env.step()
    return shop, shop.world.now_us


def test_a_sale_under_way_is_finished() -> None:
    shop, at_us = busy_at(good, "sale")
    sale = shop.station.asked[-1]
    assert 0 < shop.close(at_us) < US_PER_MINUTE
    assert isinstance(sale.done.value, Outcome) and shop.station.asked[-1] is sale
    assert shop.floor.tally().accepted == shop.floor.tally().asked - shop.floor.tally().left_queue


def test_a_settlement_under_way_is_finished_and_not_tried_again() -> None:
    def fails(station: ScriptedStation, asked: Asked) -> Steps:
        if asked.kind != "settle":
            return (yield from good(station, asked))
        yield station.world.env.timeout(US_PER_MINUTE)
        station.show(asked.number, "settle_failed")
        return Outcome("failed")

    shop, at_us = busy_at(fails, "settle")
    count = len(shop.station.asked)
    assert shop.close(at_us) < 2 * US_PER_MINUTE
    assert len(shop.station.asked) == count
    # Support is as patient as ever: three tries.
    shop.world.env.run(until=one_settlement(shop.floor.tills["T01"]))
    assert len(shop.station.asked) == count + 3


def test_nobody_there_costs_no_time_and_support_sells_as_ever() -> None:
    shop = Shop(good)
    assert shop.close(3 * US_PER_HOUR) == 0
    paid = shop.world.env.run(until=one_sale(shop.floor.tills["T01"], 9, 9_000, 100))
    assert paid is True


@pytest.mark.parametrize("script", [unknown, declining, full])
def test_who_gives_way_is_no_failing_of_the_terminal(script: Script) -> None:
    shop, at_us = busy_at(script, "sale")
    shop.close(at_us)
    tally = shop.floor.tally()
    assert tally.infeasible >= 1 and tally.refused == tally.refused_full == 0
    # They had their answer: none of them left a terminal that was still busy.
    assert not [each for each in shop.events() if isinstance(each, IntentClosed) and each.walked_away]


def test_a_customer_who_waits_for_a_dead_terminal_gives_up_and_does_not_pull_its_plug() -> None:
    shop, at_us = busy_at(good, "sale")
    shop.station.power_cut("test", 1)
    shop.world.env.run(until=at_us + US_PER_MINUTE)
    assert shop.close(shop.world.now_us) < 5 * US_PER_SECOND
    assert not shop.station.cuts[1:]
    assert not [each for each in shop.events() if isinstance(each, OperatorDid)]

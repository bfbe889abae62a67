"""Guests of a hotel: held at check-in, back at check-out, and what the desk does with their slips."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import pytest
import simpy

from harness.contract import Outcome, Refused, Unknown
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.history.codec import decode_line
from harness.history.events import IntentClosed, IntentOpened
from harness.workload.behaviour import Behaviour
from harness.workload.merchants import MERCHANTS
from harness.workload.trading import Floor, TradingDays, start_trading
from tests.workload.scripted_station import ACTIONS, Asked, ScriptedStation, World, good

HOTEL_ACTIONS = ACTIONS | {"preauth", "preauth_void", "completion", "completion_void"}
QUIET = Behaviour(settles_on_time_percent=100, settles_late_percent=0)
DAYS = TradingDays(count=4, open_us=6 * US_PER_HOUR, close_us=23 * US_PER_HOUR, sales_per_day=60)

Step = Generator[simpy.Event, object, Outcome | None]


def trade(script=good, behaviour=QUIET, days=DAYS, actions=HOTEL_ACTIONS, seed=1, world=None):
    world = world or World.make(seed)
    station = ScriptedStation(world, script, actions=actions)
    floor = Floor.open(world)
    world.env.run(
        until=simpy.AllOf(world.env, start_trading(world, station, MERCHANTS.get("hotel"), days, behaviour, floor))
    )
    world.recorder.close()
    events = [decode_line(line) for line in world.sink.getvalue().splitlines(keepends=True)]
    return station, floor, events


def opened(events, *kinds):
    return [each for each in events if isinstance(each, IntentOpened) and each.kind in kinds]


def test_guests_come_back_within_two_days_for_what_was_held() -> None:
    station, _, events = trade()
    check_ins = {each.intent: each for each in opened(events, "preauth")}
    check_outs = opened(events, "completion", "preauth_void")
    assert len(check_ins) > 60 and len(check_outs) > 40
    assert len({each.stay for each in check_outs}) == len(check_outs), "each stay ends once"
    assert len({each.intent for each in events if isinstance(each, IntentOpened)}) == len(
        [each for each in events if isinstance(each, IntentOpened)]
    )
    nights = set()
    for each in check_outs:
        check_in = check_ins[each.stay]
        assert each.held_fen == check_in.amount_fen
        assert each.amount_fen <= each.held_fen * 115 // 100
        assert each.kind == "completion" or each.amount_fen == each.held_fen
        nights.add(each.at_us // US_PER_DAY - check_in.at_us // US_PER_DAY)
        if each.at_us // US_PER_DAY != check_in.at_us // US_PER_DAY:
            assert 7 <= each.at_us % US_PER_DAY / US_PER_HOUR < 11, (
                "in the morning, or soon after when there is a queue"
            )
    assert nights == {0, 1, 2}
    assert any(each.amount_fen > each.held_fen for each in check_outs)
    assert any(each.kind == "preauth_void" for each in check_outs)
    asked = {each.intent: each for each in station.asked if each.kind in ("completion", "preauth_void")}
    slips = {each.intent: each for each in station.asked if each.kind == "preauth"}
    for each in check_outs:
        assert asked[each.intent].amount_fen == each.amount_fen
        assert asked[each.intent].original_stan == f"{slips[each.stay].number:06d}"


def test_half_of_the_visits_are_check_ins_and_count_as_trade() -> None:
    _, floor, events = trade()
    sales, check_ins = opened(events, "sale"), opened(events, "preauth")
    assert len(check_ins) / (len(sales) + len(check_ins)) == pytest.approx(0.5, abs=0.1)
    assert floor.tally().asked == len(opened(events, "sale", "preauth", "completion"))


@pytest.mark.parametrize("lacks", ["preauth", "completion"])
def test_where_the_terminal_cannot_do_it_guests_just_buy(lacks) -> None:
    _, _, events = trade(actions=HOTEL_ACTIONS - {lacks})
    assert {each.kind for each in events if isinstance(each, IntentOpened)} <= {"sale", "void", "refund"}


def test_other_merchants_have_no_check_ins() -> None:
    for name in MERCHANTS.names():
        assert (MERCHANTS.get(name).preauth_percent > 0) == (name == "hotel")


def test_a_stay_hangs_on_one_decision_and_on_no_other_guest() -> None:
    _, _, events = trade()
    again = trade()[2]
    assert events == again
    whole = {each.intent: each for each in opened(events, "completion")}
    some = sorted(whole)[3]
    alone = replace(DAYS, only_intents=frozenset({some, whole[some].stay}))
    _, _, few = trade(days=alone)
    (check_out,) = opened(few, "completion")
    assert (check_out.intent, check_out.amount_fen) == (some, whole[some].amount_fen)
    assert {each.intent for each in few if isinstance(each, IntentOpened)} == {some, whole[some].stay}


def test_a_guest_whose_check_in_was_refused_does_not_check_out() -> None:
    def script(station: ScriptedStation, asked: Asked) -> Step:
        if asked.kind != "preauth":
            return (yield from good(station, asked))
        yield station.world.env.timeout(US_PER_SECOND)
        station.show(asked.number, "refused")
        return Refused("storage_full")

    _, _, events = trade(script)
    assert opened(events, "preauth") and not opened(events, "completion", "preauth_void")


def test_a_bill_beyond_the_hold_is_keyed_in_whole_and_then_as_far_as_it_goes() -> None:
    def script(station: ScriptedStation, asked: Asked) -> Step:
        held = next((each.amount_fen for each in station.asked if f"{each.number:06d}" == asked.original_stan), 0)
        if asked.kind != "completion" or asked.amount_fen <= held * 115 // 100:
            return (yield from good(station, asked))
        yield station.world.env.timeout(US_PER_SECOND)
        station.show(asked.number, "refused")
        return Refused("above_hold")

    behaviour = replace(QUIET, bills_above_hold_percent=100.0)
    station, floor, events = trade(script, behaviour)
    check_outs = opened(events, "completion")
    assert check_outs and all(each.amount_fen > each.held_fen * 115 // 100 for each in check_outs)
    for each in check_outs:
        first, second = [asked for asked in station.asked if asked.intent == each.intent]
        assert (first.amount_fen, second.amount_fen) == (each.amount_fen, each.held_fen * 115 // 100)
    assert floor.tally().refused == 0, "the terminal did right"


@pytest.mark.parametrize(
    ("habit", "kind"), [("completes_again_percent", "completion"), ("completes_voided_percent", "preauth_void")]
)
def test_a_slip_is_completed_once_more(habit, kind) -> None:
    station, floor, events = trade(behaviour=replace(QUIET, **{habit: 100.0}))
    usual = trade()[1]
    check_outs = opened(events, kind)
    assert check_outs
    for each in check_outs:
        first, second = [asked for asked in station.asked if asked.intent == each.intent]
        assert (first.kind, second.kind) == (kind, "completion")
        assert second.original_stan == first.original_stan
    assert floor.tally().asked == usual.tally().asked, "it is no trade"
    closed = [each.intent for each in events if isinstance(each, IntentClosed)]
    assert len(closed) == len(set(closed))


def test_a_completion_that_was_wrong_is_voided_as_a_completion() -> None:
    kinds = {each.kind for seed in range(4) for each in opened(trade(seed=seed)[2], "completion_void", "void")}
    assert kinds == {"completion_void", "void"}


def test_a_check_in_that_comes_to_light_after_a_restart_is_a_stay() -> None:
    def script(station: ScriptedStation, asked: Asked) -> Step:
        if asked.kind != "preauth":
            return (yield from good(station, asked))
        yield from station.hardware.card_reader.read()
        station.show(asked.number, "unknown")
        station.world.env.process(_tell(station, asked))
        return Unknown("in_doubt")

    def _tell(station: ScriptedStation, asked: Asked) -> Generator[simpy.Event, object, None]:
        yield station.world.env.timeout(5 * US_PER_SECOND)
        station.show(None, "approved", stan=f"{asked.number:06d}", amount_fen=asked.amount_fen)

    _, _, events = trade(script)
    assert opened(events, "completion")

"""Trading days: opening, closing, the queue, paper, meddling, and what all of it costs."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from itertools import pairwise

import pytest
import simpy

from harness.contract import Approved, Outcome
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.history.codec import decode_line
from harness.history.events import (
    FaultLifted,
    FaultStruck,
    IntentClosed,
    IntentOpened,
    OperatorDid,
    Presented,
    SoftwareDied,
)
from harness.workload.behaviour import Behaviour
from harness.workload.merchants import MERCHANTS
from harness.workload.trading import Floor, TradingDays, one_sale, one_settlement, start_trading
from tests.workload.scripted_station import Asked, Script, ScriptedStation, World, good

QUIET = Behaviour(settles_on_time_percent=100, settles_late_percent=0)


def trade(
    behaviour: Behaviour = QUIET,
    days: TradingDays | None = None,
    script: Script = good,
    seed: int = 1,
    merchant: str = "stall",
) -> tuple[World, ScriptedStation, Floor]:
    world = World.make(seed)
    station = ScriptedStation(world, script)
    floor = Floor.open(world)
    days = days or TradingDays(count=2, sales_per_day=40)
    processes = start_trading(world, station, MERCHANTS.get(merchant), days, behaviour, floor)
    world.env.run(until=simpy.AllOf(world.env, processes))
    return world, station, floor


def settlements(station: ScriptedStation) -> list[int]:
    return [each.at_us for each in station.asked if each.kind == "settle"]


def hour_of(at_us: int) -> float:
    return at_us % US_PER_DAY / US_PER_HOUR


def test_every_customer_is_served_closed_and_counted_once() -> None:
    world, _, floor = trade()
    world.recorder.close()
    events = [decode_line(line) for line in world.sink.getvalue().splitlines(keepends=True)]
    opened = [each.intent for each in events if isinstance(each, IntentOpened)]
    closed = [each.intent for each in events if isinstance(each, IntentClosed)]
    assert len(opened) == len(set(opened)) and opened == closed
    tokens = [each.token for each in events if isinstance(each, Presented)]
    assert len(tokens) == len(set(tokens)) and all(len(each) == 11 and each.isdigit() for each in tokens)
    tally = floor.tally()
    assert tally.asked == tally.accepted > 50 and tally.accepted_percent == 100.0


def test_a_day_opens_with_sign_on_and_closes_with_settlement() -> None:
    _, station, _ = trade()
    assert station.asked[0].kind == "sign_on"
    assert [hour_of(each) for each in settlements(station)] == [pytest.approx(19.0, abs=0.2)] * 2
    assert [(hour_of(at_us), cause) for at_us, cause in station.restarts] == [(5.5, "daily reboot")]


def test_a_late_settler_settles_next_morning() -> None:
    _, station, _ = trade(Behaviour(settles_on_time_percent=0, settles_late_percent=100))
    assert [(at // US_PER_DAY, hour_of(at)) for at in settlements(station)] == [(1, 5.75)]


def test_who_never_settles_never_settles_and_who_doubts_settles_twice() -> None:
    never = Behaviour(settles_on_time_percent=0, settles_late_percent=0)
    assert settlements(trade(never)[1]) == []
    twice = Behaviour(settles_on_time_percent=0, settles_late_percent=0, settles_twice_percent=100)
    assert len(settlements(trade(twice)[1])) == 4


def test_who_signs_off_and_is_told_to_settle_first_does_so_and_signs_on_before_the_next_sale() -> None:
    def script(station: ScriptedStation, asked: Asked) -> Generator[simpy.Event, object, Outcome | None]:
        kinds = [each.kind for each in station.asked]
        if asked.kind == "sign_off" and "sale" in kinds and "settle" not in kinds:
            yield station.world.env.timeout(1_000_000)
            return Outcome("refused", "settle_first")
        return (yield from good(station, asked))

    never = Behaviour(settles_on_time_percent=0, settles_late_percent=100, signs_off_percent=100)
    world, station, floor = trade(never, TradingDays(count=1, sales_per_day=5), script)
    assert [each.kind for each in station.asked][-3:] == ["sign_off", "settle", "sign_off"]
    (till,) = floor.tills.values()
    assert till.signed_off
    world.env.run(until=one_sale(till, 0, 9000, 500))
    assert [each.kind for each in station.asked][-2:] == ["sign_on", "sale"] and not till.signed_off


def test_a_failed_settlement_is_tried_again_and_then_left() -> None:
    def script(station: ScriptedStation, asked: Asked) -> Generator[simpy.Event, object, Outcome | None]:
        if asked.kind == "settle":
            yield station.world.env.timeout(1_000_000)
            return Outcome("failed", "no_answer")
        return (yield from good(station, asked))

    _, station, _ = trade(QUIET, TradingDays(count=1, sales_per_day=5), script)
    times = settlements(station)
    assert len(times) == 3
    assert all(60 * US_PER_SECOND <= late - early <= 63 * US_PER_SECOND for early, late in pairwise(times))


def test_trade_goes_on_without_paper_until_somebody_has_fetched_a_roll() -> None:
    world = World.make()
    station = ScriptedStation(world, good)
    station.hardware.printer.paper = False
    done = start_trading(world, station, MERCHANTS.get("stall"), TradingDays(1, sales_per_day=10), QUIET)
    world.env.run(until=done[0])
    assert station.hardware.printer.loaded == 1
    world.recorder.close()
    did = [decode_line(line) for line in world.sink.getvalue().splitlines(keepends=True)]
    loaded = next(each for each in did if isinstance(each, OperatorDid))
    first = next(each for each in did if isinstance(each, IntentOpened))
    assert loaded.what == "loaded paper" and loaded.at_us - first.at_us == 2 * 60 * US_PER_SECOND


def slow_script(station: ScriptedStation, asked: Asked) -> Generator[simpy.Event, object, Outcome | None]:
    if asked.kind == "sale":
        yield from station.hardware.card_reader.read()
        yield station.world.env.timeout(40 * US_PER_SECOND)
        station.show(asked.number, "approved", stan="1", amount_fen=asked.amount_fen)
        return Approved("1")
    return (yield from good(station, asked))


def test_a_long_queue_walks_away_and_that_counts_against_a_slow_terminal() -> None:
    _, _, floor = trade(QUIET, TradingDays(1, sales_per_day=3000), slow_script, merchant="convenience")
    tally = floor.tally()
    assert tally.left_queue > 500
    assert tally.asked == tally.accepted + tally.left_queue + tally.unanswered


def test_sales_during_an_outage_are_infeasible_and_those_after_it_are_not() -> None:
    def outage(lift: bool) -> Floor:
        world = World.make()
        station = ScriptedStation(world, silent)
        floor = Floor.open(world)
        world.recorder.emit(FaultStruck(0, "partition#1", "partition", ("T01",)))
        if lift:
            world.recorder.emit(FaultLifted(0, "partition#1", "partition", ("T01",)))
        days = TradingDays(1, 8 * US_PER_HOUR, 12 * US_PER_HOUR, sales_per_day=30)
        world.env.run(until=start_trading(world, station, MERCHANTS.get("stall"), days, QUIET, floor)[0])
        return floor

    def silent(station: ScriptedStation, asked: Asked) -> Generator[simpy.Event, object, Outcome | None]:
        yield station.world.env.timeout(1_000_000)
        if asked.kind == "sale":
            station.show(asked.number, "unknown")
            return Outcome("unknown", "timeout")
        return Outcome("done")

    during, after = outage(lift=False).tally(), outage(lift=True).tally()
    assert during.infeasible == during.asked > 10 and during.accepted_percent is None
    assert after.infeasible == 0 and after.accepted_percent == 0.0


def test_an_out_of_memory_death_is_excused_only_under_an_injected_leak() -> None:
    for leaking in (True, False):
        world = World.make()
        floor = Floor.open(world)
        if leaking:
            world.recorder.emit(FaultStruck(0, "memory_leak#1", "memory_leak", ("T01",)))
        world.recorder.emit(SoftwareDied(5, "T01", "out_of_memory", ""))
        assert floor.witness.outage_since("T01", 1) is leaking


def test_the_cache_is_cleared_at_any_moment_in_the_middle_of_sales_too() -> None:
    behaviour = Behaviour(settles_on_time_percent=100, settles_late_percent=0, clears_cache_per_day=60.0)
    _, station, _ = trade(behaviour, TradingDays(2, sales_per_day=600), slow_script)
    sales = [each for each in station.asked if each.kind == "sale"]
    clears = [each.at_us for each in station.asked if each.kind == "clear_cache"]
    assert 80 <= len(clears) <= 160
    assert any(sale.at_us < at < sale.at_us + 30 * US_PER_SECOND for at in clears for sale in sales)


def test_a_restart_under_the_peoples_hands_is_no_fault_of_the_terminal() -> None:
    behaviour = Behaviour(settles_on_time_percent=100, settles_late_percent=0, restarts_per_day=40.0)
    _, station, floor = trade(behaviour, TradingDays(1, sales_per_day=500), slow_script)
    assert any(cause == "operator" for _, cause in station.restarts)
    tally = floor.tally()
    assert tally.infeasible > 0 and tally.unanswered == 0


def test_taking_customers_out_leaves_the_others_as_they_are() -> None:
    def intents(only: frozenset[int] | None) -> list[tuple[int, int, int]]:
        world, _, _ = trade(QUIET, TradingDays(2, sales_per_day=30, only_intents=only))
        world.recorder.close()
        events = [decode_line(line) for line in world.sink.getvalue().splitlines(keepends=True)]
        return [(each.intent, each.at_us, each.amount_fen) for each in events if isinstance(each, IntentOpened)]

    everybody = intents(None)
    few = frozenset(each[0] for each in everybody[::7])
    assert intents(few) == everybody[::7]


def test_one_more_sale_and_a_settlement_can_be_asked_for_after_the_days() -> None:
    world, station, floor = trade()
    till = floor.tills["T01"]
    asked, accepted = till.tally.asked, till.tally.accepted
    sold = one_sale(till, day=1, number=9000, amount_fen=777)
    assert world.env.run(until=sold) is True
    assert station.asked[-1].amount_fen == 777
    assert (till.tally.asked, till.tally.accepted) == (asked, accepted), "support's sale is no trade"
    assert world.env.run(until=one_settlement(till)) is True


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_seed_gives_the_same_history(seed: int) -> None:
    digests = [trade(Behaviour(clears_cache_per_day=3.0), seed=seed)[0].recorder.close() for _ in range(2)]
    assert digests[0] == digests[1]
    assert digests[0] != trade(Behaviour(clears_cache_per_day=3.0), seed=seed + 10)[0].recorder.close()


def test_trade_replays_from_its_own_decisions() -> None:
    import io

    from harness.core.decisions import read_pins

    behaviour = Behaviour(clears_cache_per_day=5.0, settles_on_time_percent=50, settles_late_percent=20)

    def run(pinned: dict[str, int | float | str | bool] | None) -> tuple[str, str, int]:
        world = World.make(7 if pinned is None else 8, pinned)
        spill = io.StringIO()
        world.decisions.spill = spill
        station = ScriptedStation(world, slow_script)
        done = start_trading(world, station, MERCHANTS.get("stall"), TradingDays(3), behaviour)
        world.env.run(until=simpy.AllOf(world.env, done))
        return world.recorder.close(), spill.getvalue(), world.decisions.divergences

    digest, spilled, _ = run(None)
    again, _, divergences = run(read_pins(spilled.splitlines()))
    assert (again, divergences) == (digest, 0)


def test_a_till_leaves_few_timers_behind() -> None:
    world = World.make()
    station = ScriptedStation(world, good)
    done = start_trading(world, station, MERCHANTS.get("convenience"), TradingDays(1, sales_per_day=2000), QUIET)
    most = 0
    while not done[0].triggered:
        world.env.step()
        most = max(most, len(world.env._queue))
    assert most <= 12, f"{most} entries in the event queue of one till"


@pytest.mark.slow
def test_people_take_few_steps_a_sale() -> None:
    """Counted in events of the simulation, which no load of the machine changes: a blow-up shows as a multiple."""
    world, _, floor = trade(QUIET, TradingDays(4, sales_per_day=1500), merchant="convenience")
    steps_a_sale = next(world.env._eid) / floor.tally().asked
    assert steps_a_sale < 25, f"{steps_a_sale:.1f} events a sale"


def test_a_wrong_amount_is_paid_taken_back_and_paid_rightly() -> None:
    """Three intents of one customer: ten times the amount, its void, and the amount; each has a number of its own."""
    behaviour = replace(QUIET, wrong_amount_percent=100.0)
    world, station, _ = trade(behaviour, TradingDays(1, sales_per_day=20), merchant="restaurant")
    world.recorder.close()
    events = [decode_line(line) for line in world.sink.getvalue().splitlines(keepends=True)]
    opened = [each for each in events if isinstance(each, IntentOpened)]
    assert len({each.intent for each in opened}) == len(opened) > 20
    corrected = 0
    for wrong, undone, right in zip(opened, opened[1:], opened[2:], strict=False):
        if (wrong.kind, undone.kind, right.kind) == ("sale", "void", "sale") and undone.intent + 1 == right.intent:
            corrected += 1
            assert wrong.amount_fen == undone.amount_fen == 10 * right.amount_fen
    assert corrected > 5
    assert sum(each.kind == "void" for each in station.asked) >= corrected

"""Customers: one intent from opening to close, against software that is good, slow, dead, full or confused."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import msgspec
import pytest
import simpy

from harness.contract import Approved, Declined, Outcome, Refused, Unknown
from harness.core.units import US_PER_SECOND
from harness.history.codec import decode_line
from harness.history.events import (
    AnyEvent,
    Event,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    OperatorDid,
    Presented,
)
from harness.workload.arrivals import Visit
from harness.workload.behaviour import Behaviour
from harness.workload.customers import Customer, Ending
from harness.workload.merchants import MERCHANTS
from harness.workload.till import SaleReceipt, Till
from harness.workload.witness import Witness
from tests.workload.scripted_station import ACTIONS, Asked, Script, ScriptedStation, World, good

Step = Generator[simpy.Event, object, Outcome | None]


def till_of(script: Script, behaviour: Behaviour | None = None, seed: int = 1) -> Till:
    world = World.make(seed)
    station = ScriptedStation(world, script)
    return Till(world, station, MERCHANTS.get("stall"), behaviour or Behaviour(), Witness(world.recorder))


def visit(number: int = 0, kind: str = "sale", choice: float = 0.3) -> Visit:
    return Visit(0, number, 0, kind, 1234, False, 3 * US_PER_SECOND, 2 * US_PER_SECOND, 1.0, choice)


def serve(till: Till, *visits: Visit) -> list[Ending]:
    endings: list[Ending] = []

    def steps() -> Generator[simpy.Event, object, None]:
        for each in visits:
            ending = yield from Customer(till, each).at_the_till()
            endings.append(ending)

    till.world.env.process(steps())
    till.world.env.run(until=till.world.now_us + 3600 * US_PER_SECOND)
    assert len(endings) == len(visits), "a customer is stuck at the till"
    return endings


def history(till: Till) -> list[AnyEvent]:
    till.recorder.close()
    return [decode_line(line) for line in till.world.sink.getvalue().splitlines(keepends=True)]


def of(events: list[AnyEvent], kind: type[Event]) -> list[Event]:
    return [event for event in events if type(event) is kind]


def asked_of(till: Till) -> list[Asked]:
    return till.station.asked


def showing(kind: str, outcome: Outcome, text: str = "", wait_us: int = 500_000) -> Script:
    """Reads a card, waits, shows one screen, ends."""

    def script(station: ScriptedStation, asked: Asked) -> Step:
        if asked.kind == "sale":
            yield from station.hardware.card_reader.read()
        yield station.world.env.timeout(wait_us)
        station.show(asked.number, kind, text, stan="000009", amount_fen=asked.amount_fen)
        return outcome

    return script


def in_turn(*scripts: Script) -> Script:
    """The n-th sale goes by the n-th script, the last one for good."""

    def script(station: ScriptedStation, asked: Asked) -> Step:
        if asked.kind != "sale":
            return (yield from good(station, asked))
        place = sum(each.kind == "sale" for each in station.asked) - 1
        return (yield from scripts[min(place, len(scripts) - 1)](station, asked))

    return script


UNKNOWN = showing("unknown", Unknown("timeout"))


def test_a_good_sale_is_opened_presented_and_closed_as_paid() -> None:
    till = till_of(good)
    assert serve(till, visit()) == [Ending.PAID]
    events = history(till)
    (opened,), (shown,), (closed,) = of(events, IntentOpened), of(events, Presented), of(events, IntentClosed)
    assert opened.amount_fen == 1234 and opened.kind == "sale"
    assert shown.intent == closed.intent == opened.intent and closed.belief == "paid"
    assert shown.token == "00010000001" and shown.action == 1
    # Keying takes 3 s, reaching 2 s: nothing of it happens in no time.
    assert shown.at_us == 5 * US_PER_SECOND
    assert till.tally.accepted == till.tally.asked == 1
    assert till.unsettled_sales[0] == SaleReceipt(1234, "000001", "000001", "RRN", "0302", 0.3, False)


def test_a_retry_is_the_same_intent_and_a_new_token() -> None:
    till = till_of(in_turn(UNKNOWN, good), Behaviour(retries_after_unknown_percent=100))
    assert serve(till, visit()) == [Ending.PAID]
    events = history(till)
    tokens = [each.token for each in of(events, Presented)]
    assert tokens == ["00010000001", "00010000002"]
    assert len({each.intent for each in of(events, Presented)}) == 1
    assert [each.belief for each in of(events, IntentClosed)] == ["paid"]


def test_nobody_pays_again_after_an_approval_was_shown() -> None:
    till = till_of(showing("approved", Unknown("confused")), Behaviour(retries_after_unknown_percent=100))
    assert serve(till, visit()) == [Ending.PAID]
    assert len(asked_of(till)) == 1


def test_an_unknown_end_without_retry_is_believed_unknown() -> None:
    till = till_of(UNKNOWN, Behaviour(retries_after_unknown_percent=0))
    assert serve(till, visit()) == [Ending.UNKNOWN]
    assert [each.belief for each in of(history(till), IntentClosed)] == ["unknown"]
    assert till.tally.unanswered == 1 and till.tally.accepted_percent == 0.0


def test_no_more_than_the_allowed_attempts() -> None:
    till = till_of(UNKNOWN, Behaviour(retries_after_unknown_percent=100, attempts=3))
    serve(till, visit())
    assert len(asked_of(till)) == 3


def test_a_decline_is_good_only_when_the_host_declined_this_presentation() -> None:
    def host_declines(station: ScriptedStation, asked: Asked) -> Step:
        card = yield from station.hardware.card_reader.read()
        token = card.track2[-11:]
        station.world.recorder.emit(
            LedgerChanged(station.world.now_us, station.name, 1, "sale", "DECLINED", "", "1", "1", 1234, token, "51")
        )
        station.show(asked.number, "declined")
        return Declined("host_51")

    quiet = Behaviour(tries_other_card_percent=0)
    honest, lying = till_of(host_declines, quiet), till_of(showing("declined", Declined("host_51")), quiet)
    assert serve(honest, visit()) == serve(lying, visit()) == [Ending.DECLINED]
    assert honest.tally.declined == 1 and honest.tally.feasible == 0 and honest.tally.accepted_percent is None
    assert lying.tally.refused == 1 and lying.tally.accepted_percent == 0.0


def test_a_declined_customer_tries_another_card() -> None:
    till = till_of(in_turn(showing("declined", Declined("host_51")), good), Behaviour(tries_other_card_percent=100))
    assert serve(till, visit()) == [Ending.PAID]
    assert till.tally.accepted == 1


def test_a_full_terminal_is_settled_and_the_sale_goes_through() -> None:
    full = showing("storage_full", Refused("storage_full"), "存储满,请结算")
    till = till_of(in_turn(full, good), Behaviour(when_full_settles_percent=100, when_full_clears_cache_percent=0))
    assert serve(till, visit()) == [Ending.PAID]
    assert [each.kind for each in asked_of(till)] == ["sale", "settle", "sale"]


def test_please_settle_is_read_from_the_text_of_any_refusal() -> None:
    told = showing("refused", Refused("limit"), "交易笔数超限，请结算")
    till = till_of(in_turn(told, good), Behaviour(when_full_settles_percent=100, when_full_clears_cache_percent=0))
    serve(till, visit())
    assert [each.kind for each in asked_of(till)] == ["sale", "settle", "sale"]


def test_full_with_nobody_settling_is_no_fault_of_the_terminal() -> None:
    full = showing("storage_full", Refused("storage_full"))
    till = till_of(full, Behaviour(when_full_settles_percent=0, when_full_clears_cache_percent=0))
    serve(till, visit())
    assert till.tally.infeasible == 1 and till.tally.refused_full == 0


def test_full_in_spite_of_settling_counts_against_the_terminal() -> None:
    def never_frees(station: ScriptedStation, asked: Asked) -> Step:
        yield station.world.env.timeout(1_000_000)
        if asked.kind == "settle":
            station.show(asked.number, "settle_failed", "结算失败,请清理缓存")
            return Outcome("failed", "no_space")
        station.show(asked.number, "storage_full")
        return Refused("storage_full")

    till = till_of(never_frees, Behaviour(when_full_settles_percent=100, when_full_clears_cache_percent=0))
    serve(till, visit())
    assert till.tally.refused_full == 1 and till.tally.accepted_percent == 0.0
    assert sum(each.kind == "settle" for each in asked_of(till)) == 3


def test_a_settlement_that_frees_nothing_counts_against_the_terminal() -> None:
    def says_done(station: ScriptedStation, asked: Asked) -> Step:
        yield station.world.env.timeout(1_000_000)
        if asked.kind == "settle":
            return Outcome("done")
        station.show(asked.number, "storage_full")
        return Refused("storage_full")

    till = till_of(says_done, Behaviour(when_full_settles_percent=100, when_full_clears_cache_percent=0))
    serve(till, visit())
    assert till.tally.refused_full == 1


@pytest.mark.parametrize("habit", ["shows_card_again_percent", "presses_key_again_percent"])
def test_slowness_makes_people_impatient_once_and_not_earlier(habit: str) -> None:
    slow = showing("approved", Approved("000009"), wait_us=40 * US_PER_SECOND)
    calm = {"shows_card_again_percent": 0.0, "presses_key_again_percent": 0.0}
    till = till_of(slow, Behaviour(**{**calm, habit: 100.0}))
    assert serve(till, visit()) == [Ending.PAID]
    shown = of(history(till), Presented)
    if habit == "shows_card_again_percent":
        assert len(shown) == 2 and len({each.intent for each in shown}) == 1
        assert shown[1].at_us - shown[0].at_us == 12 * US_PER_SECOND
        assert till.station.keys == []
    else:
        assert till.station.keys == ["sale"] and len(shown) == 1
    quick = till_of(showing("approved", Approved("1"), wait_us=11 * US_PER_SECOND), Behaviour(**{**calm, habit: 100.0}))
    serve(quick, visit())
    assert len(of(history(quick), Presented)) == 1 and quick.station.keys == []


def test_patience_runs_out_the_customer_leaves_and_the_next_one_is_served() -> None:
    hangs = showing("approved", Approved("000009"), wait_us=100 * US_PER_SECOND)
    till = till_of(in_turn(hangs, good))
    assert serve(till, visit(0), visit(1)) == [Ending.LEFT, Ending.PAID]
    first = of(history(till), IntentClosed)[0]
    assert first.walked_away and first.belief == "unknown"
    assert first.at_us == (3 + 75) * US_PER_SECOND, "closed when the customer left, not when the terminal was done"
    assert "cancel" in till.station.keys


def test_the_plug_is_pulled_when_patience_is_over_and_put_in_again() -> None:
    hangs = showing("approved", Approved("000009"), wait_us=3000 * US_PER_SECOND)
    till = till_of(in_turn(hangs, good), Behaviour(pulls_plug_percent=100, plug_out_us=40 * US_PER_SECOND))
    assert serve(till, visit(0), visit(1)) == [Ending.LEFT, Ending.PAID]
    assert till.station.cuts == [(78 * US_PER_SECOND, "plug pulled")]
    did = of(history(till), OperatorDid)
    assert [each.what for each in did] == ["pulled the plug: it takes too long", "plugged it in"]
    assert did[1].at_us - did[0].at_us == 40 * US_PER_SECOND
    # Without power nothing could be sold: not the terminal's fault.
    assert till.tally.infeasible == 1 and till.tally.accepted_percent == 100.0


def test_a_power_cut_in_the_middle_is_believed_unknown_and_retried_after_the_restart() -> None:
    till = till_of(in_turn(showing("approved", Approved("1"), wait_us=20 * US_PER_SECOND), good),
                   Behaviour(retries_after_unknown_percent=100, shows_card_again_percent=0))  # fmt: skip

    def cut() -> Generator[simpy.Event, object, None]:
        yield till.world.env.timeout(8 * US_PER_SECOND)
        till.station.power_cut("power_loss", 1)
        yield till.world.env.timeout(30 * US_PER_SECOND)
        till.station.power_on()

    till.world.env.process(cut())
    assert serve(till, visit()) == [Ending.PAID]
    assert len(of(history(till), Presented)) == 2


def test_a_sale_that_comes_to_light_after_a_restart_is_not_paid_twice() -> None:
    till = till_of(in_turn(showing("approved", Approved("1"), wait_us=20 * US_PER_SECOND), good),
                   Behaviour(retries_after_unknown_percent=100))  # fmt: skip

    def cut() -> Generator[simpy.Event, object, None]:
        yield till.world.env.timeout(8 * US_PER_SECOND)
        till.station.power_cut("power_loss", 1)
        yield till.world.env.timeout(20 * US_PER_SECOND)
        till.station.power_on()
        till.station.show(None, "approved", stan="000001", amount_fen=1234)

    till.world.env.process(cut())
    assert serve(till, visit()) == [Ending.PAID]
    assert len(asked_of(till)) == 1
    assert [each.belief for each in of(history(till), IntentClosed)] == ["paid"]


def test_a_terminal_that_never_comes_up_is_power_cycled_and_the_customer_leaves() -> None:
    till = till_of(good)
    till.station.busy = True
    assert serve(till, visit()) == [Ending.DEAD]
    closed = of(history(till), IntentClosed)[0]
    assert closed.walked_away and closed.belief == "not_paid"
    assert till.tally.unanswered == 1, "a terminal that hangs for no reason is to blame"


def test_a_void_names_the_original_as_printed() -> None:
    till = till_of(good)
    assert serve(till, visit(0), visit(1, "void", choice=0.0)) == [Ending.PAID, Ending.PAID]
    void = asked_of(till)[1]
    assert (void.kind, void.original_stan, void.original_batch, void.original_date) == (
        "void", "000001", "000001", "0302",
    )  # fmt: skip
    assert not till.unsettled_sales, "a sale is voided once"
    assert till.tally.asked == 1, "only sales are counted"


def test_a_refund_is_of_a_settled_sale_and_without_one_the_visit_is_a_sale() -> None:
    till = till_of(good)
    serve(till, visit(0, "refund"))
    assert asked_of(till)[0].kind == "sale"
    till.settled_sales.extend(till.unsettled_sales)
    till.unsettled_sales.clear()
    serve_again = till_of(good)
    serve_again.settled_sales.append(SaleReceipt(500, "000007", "000001", "R", "0301", 0.7, True))
    serve(serve_again, visit(0, "refund", choice=0.0))
    assert asked_of(serve_again)[0].kind == "refund" and asked_of(serve_again)[0].amount_fen == 500


@pytest.mark.parametrize("back", ["void", "refund"])
@pytest.mark.parametrize("by_code", [False, True])
def test_money_goes_back_to_the_card_that_paid_not_to_the_one_declined(back: str, by_code: bool) -> None:
    pans: list[str] = []

    def reading_every_card(station: ScriptedStation, asked: Asked) -> Step:
        card = yield from station.hardware.card_reader.read()
        pans.append(card.pan)
        declined = len(pans) == 1
        station.show(asked.number, "declined" if declined else "approved", stan="000009", amount_fen=asked.amount_fen)
        return Declined("host_51") if declined else Approved("000009", "000001", "RRN")

    till = till_of(reading_every_card, Behaviour(tries_other_card_percent=100))
    assert serve(till, replace(visit(0, choice=0.3), pays_by_code=by_code)) == [Ending.PAID]
    if back == "refund":
        till.settled_sales.append(till.unsettled_sales.pop())
    assert serve(till, replace(visit(1, back, choice=0.9), pays_by_code=not by_code)) == [Ending.PAID]
    declined, paid, returned = pans
    assert declined != paid == returned


def test_intents_are_numbered_by_visit_not_by_order() -> None:
    late_only, both = till_of(good), till_of(good)
    serve(late_only, visit(7))
    serve(both, visit(3), visit(7))
    assert of(history(late_only), IntentOpened)[0].intent == of(history(both), IntentOpened)[1].intent


def test_what_people_do_is_the_same_for_the_same_seed() -> None:
    def digest(seed: int) -> str:
        slow = showing("unknown", Unknown("timeout"), wait_us=30 * US_PER_SECOND)
        till = till_of(slow, Behaviour(pulls_plug_percent=50, shows_card_again_percent=50), seed)
        serve(till, *(visit(number) for number in range(12)))
        return till.recorder.close()

    assert digest(1) == digest(1) != digest(2)


def test_events_are_what_the_codec_reads_back() -> None:
    till = till_of(good)
    serve(till, visit())
    assert all(msgspec.json.decode(msgspec.json.encode(event))["at_us"] == event.at_us for event in history(till))


def test_a_card_that_is_good_for_a_part_leaves_a_slip_about_that_part() -> None:
    def script(station: ScriptedStation, asked: Asked) -> Step:
        yield from station.hardware.card_reader.read()
        station.show(asked.number, "approved", stan="000001", amount_fen=500)
        return Approved("000001", "000001", "RRN")

    till = till_of(script)
    assert serve(till, visit()) == [Ending.PAID]
    assert [slip.amount_fen for slip in till.unsettled_sales] == [500]
    (opened,) = [each for each in history(till) if isinstance(each, IntentOpened)]
    assert opened.amount_fen == 1234, "the price is what it was"


@pytest.mark.parametrize(("percent", "asked"), [(0.0, ["sale"]), (100.0, ["sale", "reprint"])])
def test_the_last_slip_is_asked_for_where_that_is_the_habit(percent: float, asked: list[str]) -> None:
    till = till_of(showing("declined", Declined("host_51")), Behaviour(reprints_percent=percent, attempts=1))
    till.station.manifest = replace(till.station.manifest, actions=ACTIONS | {"reprint"})
    serve(till, visit())
    assert [each.kind for each in asked_of(till)] == asked

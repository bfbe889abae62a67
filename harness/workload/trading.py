"""Trading: what happens at one till from the first morning to the last evening.

Models: a day of a shop: 24-hour reboot, a settlement left over from yesterday, sign-on, customers one at a time with a
queue behind them, closing. Does not model: shifts, breaks, several tills on one queue. Source: see ``customers`` and
``operators``; times out of hours are assumptions.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import partial

import simpy
from simpy.events import Event as SimEvent
from simpy.events import Process

from harness.core.units import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND
from harness.workload.arrivals import Hours, Surge, Visit, visits_of_day
from harness.workload.behaviour import Behaviour
from harness.workload.customers import Customer, Ending
from harness.workload.merchants import Merchant
from harness.workload.money import Money, look_after, set_up
from harness.workload.occasions import excused
from harness.workload.operators import (
    close_day,
    daily_reboot,
    install,
    look_at_paper,
    meddle,
    reprint,
    settle,
    sign_off,
    sign_on,
)
from harness.workload.ports import StationPort, WorldPort
from harness.workload.script import AT_ONCE, CUSTOMERS, Scripted, Step, steps_of_day
from harness.workload.stays import CHECK_OUTS, Stay, check_out_now, next_due
from harness.workload.tally import TradeTally
from harness.workload.till import Steps, Till
from harness.workload.witness import Witness

_REBOOT_BEFORE_OPENING_US = 30 * US_PER_MINUTE
_SETTLE_BEFORE_OPENING_US = 15 * US_PER_MINUTE
_SIGN_ON_BEFORE_OPENING_US = 2 * US_PER_MINUTE

_FIRST_CORRECTION = 8_000
_CORRECTED_MAX = 500
"""Corrections of a day's first visits have numbers of their own, from 8000 on, which no visit has."""
_LAST = 1.0 - 1e-9
_ONCE_MORE_US = 20 * US_PER_SECOND


@dataclass(frozen=True, slots=True)
class TradingDays:
    """Which days, which hours, how much. None: the merchant's own hours and volume.

    ``only_intents``: when given, every other visit stays away; the rest come as they would have (for shrunk cases).
    ``script``: when given, it says who comes and what is done, and nobody is drawn.
    """

    count: int = 1
    open_us: int | None = None
    close_us: int | None = None
    sales_per_day: float | None = None
    only_intents: frozenset[int] | None = None
    surge: Surge | None = None
    script: tuple[Scripted, ...] | None = None

    def hours(self, merchant: Merchant) -> Hours:
        """Trading hours at this kind of merchant."""
        return Hours(
            merchant.open_us if self.open_us is None else self.open_us,
            merchant.close_us if self.close_us is None else self.close_us,
        )


@dataclass(slots=True)
class Floor:
    """All tills of a run, with the one witness that they share."""

    world: WorldPort
    witness: Witness
    tills: dict[str, Till] = field(default_factory=dict)
    money: dict[str, Money] = field(default_factory=dict)
    """By station: what somebody does there about the money after the sale."""
    trace_number: int | None = None
    """What is keyed in as the next trace number at installation."""

    @classmethod
    def open(cls, world: WorldPort) -> Floor:
        """A floor without tills yet."""
        return cls(world, Witness(world.recorder))

    def close(self) -> SimEvent | None:
        """Trading is over at every till: nobody begins anything, who stands there finishes or gives up. The event of the last
        one leaving, some minutes from now at most; None when nobody is there.
        """
        leaving = [event for till in self.tills.values() if (event := till.close()) is not None]
        return self.world.env.all_of(leaving) if leaving else None

    def emptied(self) -> None:
        """Everybody has gone: from now on whoever uses a till is support, and takes the time that it takes."""
        for till in self.tills.values():
            till.trade = "over"

    def tally(self) -> TradeTally:
        """All tills' sales together."""
        total = TradeTally()
        for till in self.tills.values():
            total.add(till.tally)
        return total


def start_trading(
    world: WorldPort,
    station: StationPort,
    merchant: Merchant,
    days: TradingDays,
    behaviour: Behaviour,
    floor: Floor | None = None,
) -> list[Process]:
    """Open a till at ``station`` and let its people come. Without a ``floor`` the till gets one of its own.

    The first process is the till itself: it ends when the last day is over. Others are people who meddle.
    """
    place = floor if floor is not None else Floor.open(world)
    till = Till(world, station, merchant, behaviour, place.witness)
    till.money = place.money.get(station.name)
    till.trace_number = place.trace_number
    place.tills[station.name] = till
    processes = [world.env.process(_trade(till, days))]
    if behaviour.clears_cache_per_day > 0.0 or behaviour.restarts_per_day > 0.0 or behaviour.reads_log_per_day > 0.0:
        processes.append(world.env.process(_meddlers(till, days)))
    if days.script is not None:
        processes.append(world.env.process(_scripted_meddling(till, days.script, days.count)))
    return processes


def one_sale(till: Till, day: int, number: int, amount_fen: int, settle_after: bool = False) -> Process:
    """One more customer, outside the trading days: recovery is judged by a sale that must go through. It is no trade, and is
    in no tally.

    The process's value is whether the terminal served it: accepted (and settled, when that was asked for), or declined by
    the host. ``number`` must be one that no visit of ``day`` has; numbers from 9000 on are never drawn.
    """
    visit = Visit(day, number, till.world.now_us, "sale", amount_fen, False, 3_000_000, 2_000_000, 1.4, 0.5)

    def steps() -> simpy.events.ProcessGenerator:
        if till.signed_off:
            yield from sign_on(till)
        customer = Customer(till, visit, counts=False)
        ending = yield from customer.at_the_till()
        if ending is Ending.DECLINED and not settle_after and customer.host_declined():
            return True  # the terminal has asked and told the answer: it is in service, whatever the card is
        if ending is Ending.PAID and settle_after:
            return (yield from settle(till))
        return ending is Ending.PAID

    return till.world.env.process(steps())


def one_settlement(till: Till) -> Process:
    """Settle now; the process's value is whether the terminal said that it is done."""
    return till.world.env.process(settle(till))


# ---------------------------------------------------------------- days


def _trade(till: Till, days: TradingDays) -> Steps:
    world, behaviour = till.world, till.behaviour
    hours = till.hours = days.hours(till.merchant)
    volume = days.sales_per_day if days.script is None else 0.0
    if volume is None:
        volume = till.merchant.sales_per_day(world.decisions, till.station.name)
    settle_in_the_morning = False
    for day in range(days.count):
        opening_us = day * US_PER_DAY + hours.open_us
        if behaviour.daily_reboot and day > 0:
            if not (yield from _come(till, opening_us - _REBOOT_BEFORE_OPENING_US)):
                return
            yield from daily_reboot(till)
        if settle_in_the_morning:
            if not (yield from _come(till, opening_us - _SETTLE_BEFORE_OPENING_US)):
                return
            yield from settle(till)
        if not (yield from _come(till, opening_us - _SIGN_ON_BEFORE_OPENING_US)):
            return
        yield from install(till)
        yield from sign_on(till)
        yield from set_up(till)
        if days.script is not None:
            came = yield from _scripted_day(till, days.script, day)
        else:
            came = yield from _drawn_day(till, days, day, volume)
        if not came:
            return
        if not (yield from _come(till, day * US_PER_DAY + hours.close_us)):
            return
        yield from look_after(till)
        settle_in_the_morning = yield from close_day(till, day)
        if till.happens(behaviour.signs_off_percent, f"day{day + 1}/signs_off"):
            yield from sign_off(till)
            settle_in_the_morning = settle_in_the_morning and not till.signed_off
    till.leave()


def _drawn_day(till: Till, days: TradingDays, day: int, volume: float) -> Generator[SimEvent, object, bool]:
    """Everybody who comes on ``day``, one after the other; False when trading is over."""
    world, hours = till.world, till.hours
    date = world.start + datetime.timedelta(days=day)
    name, surge = till.station.name, days.surge
    for visit in visits_of_day(world.decisions, name, till.merchant, day, date, hours, volume, surge):
        if not (yield from _check_outs(till, days, visit.at_us)):
            return False
        if days.only_intents is not None and till.intent_of(visit) not in days.only_intents:
            continue
        if not (yield from _receive(till, visit)):
            return False
    return (yield from _check_outs(till, days, day * US_PER_DAY + hours.close_us))


def _scripted_day(till: Till, script: tuple[Scripted, ...], day: int) -> Generator[SimEvent, object, bool]:
    """Everything that is written down for ``day``, one after the other; False when trading is over."""
    for step in steps_of_day(script, till.station.name, day):
        do = step.action.do
        if do in AT_ONCE:
            continue
        if do in CUSTOMERS:
            visit = step.visit(day, till.station.index)
            stay = check_out_now(till, visit, step.action.amount_fen) if do in CHECK_OUTS else None
            if do in CHECK_OUTS and stay is None:
                till.did(f"had no guest for a {do.replace('_', ' ')}")
            elif not (yield from _receive(till, visit if stay is None else stay.check_out, stay)):
                return False
            continue
        if not (yield from _come(till, step.at_us)):
            return False
        yield from _OPERATING[do](till)
    return True


_OPERATING: dict[str, Callable[[Till], Generator[SimEvent, object, object]]] = {
    "settle": settle, "sign_on": sign_on, "sign_off": sign_off, "reprint": reprint,
}  # fmt: skip


def _scripted_meddling(till: Till, script: tuple[Scripted, ...], days: int) -> Steps:
    """What nobody waits for their turn with."""
    steps: list[Step] = [step for day in range(days) for step in steps_of_day(script, till.station.name, day)]
    for step in steps:
        if step.action.do in AT_ONCE:
            yield from meddle(till, step.at_us, step.action.do)


def _check_outs(till: Till, days: TradingDays, before_us: int) -> Generator[SimEvent, object, bool]:
    """Guests who check out before then; False when trading is over."""
    while (stay := next_due(till, before_us)) is not None:
        if days.only_intents is not None and till.intent_of(stay.check_out) not in days.only_intents:
            continue
        if not (yield from _receive(till, stay.check_out, stay)):
            return False
    return True


def _receive(till: Till, visit: Visit, stay: Stay | None = None) -> Generator[SimEvent, object, bool]:
    """One customer's turn, if they are still in the queue when it comes; False when trading is over by then."""
    waited_us = till.world.now_us - visit.at_us
    if waited_us < 0:
        till.leave()
        yield till.pause(-waited_us)
    if not till.enter():
        return False
    # Nobody leaves a hotel without having checked out: those guests wait.
    if visit.kind not in CHECK_OUTS and waited_us > till.behaviour.queue_patience_us * visit.patience:
        till.tally.asked += 1
        if excused(till, visit.at_us):
            till.tally.infeasible += 1
        else:
            till.tally.left_queue += 1
        return True
    look_at_paper(till)
    mistaken = stay is None and visit.kind == "sale" and visit.number < _CORRECTED_MAX
    if mistaken and till.happens(till.behaviour.wrong_amount_percent, f"i{till.intent_of(visit)}/wrong_amount"):
        yield from _sell_in_two_tries(till, visit)
    else:
        customer = Customer(till, visit, stay=stay)
        ending = yield from customer.at_the_till()
        if stay is None and visit.number < _CORRECTED_MAX and ending is Ending.PAID and customer.kind == "sale":
            yield from _once_more(till, visit, customer)
    return True


def _once_more(till: Till, visit: Visit, paid: Customer) -> Steps:
    """The same card over the same amount a moment later: by mistake of a colleague, or because the customer wants it."""
    habits, occasion = till.behaviour, f"i{paid.intent}"
    by_mistake = till.happens(habits.charges_again_percent, f"{occasion}/charged_again")
    if not by_mistake and not till.happens(habits.buys_again_percent, f"{occasion}/buys_again"):
        return
    yield till.pause(_ONCE_MORE_US)
    if till.trade != "open":
        return
    if by_mistake:
        till.did("keyed a paid sale in again")
    again = replace(
        visit,
        number=_FIRST_CORRECTION + 2 * visit.number,
        amount_fen=paid.amount_fen,
        card_choice=paid.card_choice,
        at_us=till.world.now_us,
    )
    yield from Customer(till, again, counts=not by_mistake, repeats=paid.intent if by_mistake else None).at_the_till()


def _sell_in_two_tries(till: Till, visit: Visit) -> Steps:
    """The amount is keyed with one nought too many; once it is paid somebody sees it, takes it back, and sells anew."""
    till.did("keyed a wrong amount")
    ending = yield from Customer(till, replace(visit, amount_fen=10 * visit.amount_fen)).at_the_till()
    if ending is not Ending.PAID or not till.unsettled_sales or "void" not in till.station.manifest.actions:
        return
    # Card choice 1 names the sale made last; the customer's own card comes with its slip.
    number = _FIRST_CORRECTION + 2 * visit.number
    undoing = replace(visit, number=number, kind="void", card_choice=_LAST)
    if (yield from Customer(till, undoing).at_the_till()) is Ending.PAID:
        yield from Customer(till, replace(visit, number=number + 1)).at_the_till()


def _come(till: Till, at_us: int) -> Generator[SimEvent, object, bool]:
    """Be away until ``at_us``, then at the terminal; False when trading is over by then."""
    if at_us > till.world.now_us:
        till.leave()
        yield till.pause(at_us - till.world.now_us)
    return till.enter()


def _meddlers(till: Till, days: TradingDays) -> Steps:
    """Everybody who does something to the terminal at a moment of their own choosing, day by day."""
    hours = days.hours(till.merchant)
    habits = till.behaviour
    rates = {
        "clear_cache": habits.clears_cache_per_day,
        "restart": habits.restarts_per_day,
        "read_log": habits.reads_log_per_day,
    }
    for day in range(days.count):
        moments: list[tuple[int, str]] = []
        for what, per_day in rates.items():
            scope = f"{till.station.name}/day{day + 1}/{what}"
            count = till.world.decisions.integer(f"{scope}/count", 0, partial(_poisson, per_day))
            for ordinal in range(count):
                u = till.world.decisions.uniform(f"{scope}/{ordinal}")
                moments.append((day * US_PER_DAY + hours.open_us + int(u * (hours.close_us - hours.open_us)), what))
        for at_us, what in sorted(moments):
            yield from meddle(till, at_us, what)
        yield till.pause(max(0, (day + 1) * US_PER_DAY - till.world.now_us))


def _poisson(mean: float, u: float) -> int:
    """The ``u`` quantile of a Poisson distribution with this mean."""
    term = math.exp(-mean)
    total, count = term, 0
    while u >= total and count < 1000:
        count += 1
        term *= mean / count
        total += term
    return count

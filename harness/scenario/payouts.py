"""The merchants' money in a world: the acquirer's clock that pays it out, and who looks after it at each till.

Why here: the acquirer's rules are pure and know no clock; the people know no acquirer. Software without the action
``account`` has its merchants' accounts set on paper, and rightly.
"""

from __future__ import annotations

import datetime

from simpy.events import Event as SimEvent

from harness.core.environment import Call
from harness.core.errors import UsageError
from harness.host.business_days import is_business_day, next_business_day
from harness.host.funds import Funds, FundsTerms, account_of
from harness.scenario.plan import FundsPlan
from harness.sut.world import World
from harness.workload.money import Money
from harness.workload.trading import Floor


def open_payouts(plan: FundsPlan, world: World, floor: Floor, days: int) -> None:
    """From now on the acquirer pays out, and people look after it."""
    sets_account = any("account" in station.manifest.actions for station in world.stations)
    funds = world.acquirer.open_funds(_terms(plan, world, days), sets_account=sets_account)
    for station in world.stations:
        floor.money[station.name] = _money(plan, account_of(station.hardware.mid))
    _arm(world, funds)


def _terms(plan: FundsPlan, world: World, days: int) -> FundsTerms:
    by_terminal = any(station.manifest.capture == "terminal" for station in world.stations)
    return FundsTerms(
        cycle=plan.cycle,
        cut_off_us=plan.cut_off_us,
        paid_at_us=plan.paid_at_us,
        due_by_us=plan.due_by_us,
        same_day_fee_fen=plan.same_day_fee_fen,
        large_fen=plan.large_fen,
        look_us=plan.look_us,
        checks_settings=plan.checks_settings,
        only_settled=by_terminal,
        knows_holidays=knows_holidays(world.start, days),
    )


def knows_holidays(start: datetime.date, days: int) -> bool:
    """Whether the next business day of every day of a run is known; what is sold on the last may be due after a long holiday."""
    try:
        is_business_day(start)
        next_business_day(start + datetime.timedelta(days=days + 1))
    except UsageError:
        return False
    return True


def _money(plan: FundsPlan, account: str) -> Money:
    return Money(
        account=account,
        cycle=plan.cycle,
        keyed_account=_keyed(plan, account),
        keyed_cycle=plan.keyed_cycle or plan.cycle,
        corrects=plan.corrects,
        looks_after_it=plan.looks_after_money,
    )


def _keyed(plan: FundsPlan, account: str) -> str:
    if plan.keyed_account == "unknown":
        return account_of(f"{int(account[2:-1]) + 7_000:014d}")
    if plan.keyed_account == "mistyped":
        # The last digit is the check digit: any other one shows.
        return account[:-1] + str((int(account[-1]) + 1) % 10)
    return account


def _arm(world: World, funds: Funds) -> None:
    """Let the acquirer pay when it is time; once everything is over nobody asks any more."""

    def pay(_: SimEvent) -> None:
        world.acquirer.run_funds(world.now_us)
        _arm(world, funds)

    Call(world.env, funds.next_run_us(world.now_us) - world.now_us, pay)

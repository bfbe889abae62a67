"""The child's side of a stepped run: a world that is built and judged as every run's, whose trading is a row of orders.

Models: one till with patient people; who comes and what is done to the terminal is what the orders say. Time passes only within
a step and for the few seconds between two. What follows trading is every run's: settling while full, recovery, the last
settlement, the check. Does not model: several terminals; other customers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from harness.core.errors import HarnessError
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, seconds
from harness.engine.child import executed, warm
from harness.engine.run import Run
from harness.engine.stepped.orders import (
    ORDERS,
    Answer,
    End,
    Lift,
    NotStruck,
    Opened,
    Operate,
    Order,
    Pass,
    Restart,
    Stepped,
    Strike,
    Visit,
)
from harness.faults.base import FaultPlan, Trigger
from harness.history.events import PhaseStarted
from harness.scenario.load import load_text
from harness.workload.arrivals import Visit as Customers
from harness.workload.customers import Customer
from harness.workload.operators import install, sign_on
from harness.workload.till import Till
from harness.workload.trading import one_settlement

if TYPE_CHECKING:
    from harness.invariants.judge import Judge
    from harness.scenario.build import Built

OPENS_US = 9 * US_PER_HOUR
_STEP_MAX_US = 90 * US_PER_MINUTE
_BETWEEN_US = 5 * US_PER_SECOND
_VISITS_MAX = 9_000

Say = Callable[[Answer], None]

__all__ = ["execute", "warm"]


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One stepped run, as ``sut.limits.run_limited`` calls it; orders come through the pipe beside the scenario."""
    # Faults are read from text while software runs, and nothing of the harness can be imported then.
    load_text("name: warm\nfaults:\n  - {type: partition}\n")
    with (Path(argument["scenario"]).parent / ORDERS).open("rb") as orders:

        def say(answer: Answer) -> None:
            send(msgspec.to_builtins(answer))

        return executed(argument, send, partial(SteppedRun, orders, say))


class SteppedRun(Run):
    """A run whose trading is what ``orders`` say, each a line of JSON; ``say`` answers each."""

    def __init__(self, orders: IO[bytes], say: Say, *rest: Any) -> None:
        super().__init__(*rest)
        self._orders = orders
        self._say = say

    def _trade(self, built: Built, judge: Judge) -> None:
        world = built.world
        world.phase = "trading"
        world.recorder.emit(PhaseStarted(0, world.phase))
        counter = _Counter(self, built)
        counter.open()
        self._say(Opened(tuple(sorted(counter.station.manifest.actions))))
        decode = msgspec.json.Decoder(Order).decode
        for line in self._orders:
            order = decode(line)
            if isinstance(order, End):
                break
            self._say(self._taken(counter, order, judge))
        built.injector.disarm()
        built.floor.close()
        built.floor.emptied()
        built.injector.settle_accounts()

    def _taken(self, counter: _Counter, order: Order, judge: Judge) -> Answer:
        try:
            said = counter.take(order)
        except HarnessError as error:
            return NotStruck(str(error))
        counter.rest()
        stopped = self._hangs() or (f"{self.request.wall_limit_s:g} s were over" if self._time_is_over() else "")
        if stopped:
            self.cut_short = stopped
        till = counter.till
        return Stepped(
            counter.now_us,
            said,
            sum(each.kind == "sale" for each in till.unsettled_sales),
            sum(each.kind == "sale" for each in till.settled_sales),
            tuple(each.summary for each in judge.proven()),
            stopped,
        )


class _Counter:
    """The one till of a stepped run, with whoever is before and behind it."""

    def __init__(self, run: Run, built: Built) -> None:
        self._run = run
        self._built = built
        world = self._world = built.world
        self.station = world.stations[0]
        name = self.station.name
        floor = built.floor
        self.till = Till(world, self.station, built.merchants[name], built.plan.people, floor.witness)
        self.till.trace_number = floor.trace_number
        floor.tills[name] = self.till
        self._visits = 0
        self._strikes = 0

    @property
    def now_us(self) -> int:
        return self._world.now_us

    def open(self) -> None:
        """Power on in the night, installed and signed on by the time at which the shop opens."""
        for event in self._built.before:
            self._world.recorder.emit(event)
        self.station.power_on()
        self._built.injector.arm()
        self.pass_time(OPENS_US)
        for steps in (install, sign_on):
            self._until(self._world.env.process(steps(self.till)))

    def rest(self) -> None:
        """Nobody does the next thing in the same instant."""
        self.pass_time(_BETWEEN_US)

    def pass_time(self, duration_us: int) -> None:
        """Nobody comes."""
        self._world.env.run(until=self.now_us + max(1, duration_us))

    def take(self, order: Order) -> str:
        """Carry out one order; how it ended. HarnessError for a fault that is none."""
        if isinstance(order, Visit):
            return self._receive(order)
        if isinstance(order, Operate):
            return self._operate(order)
        if isinstance(order, Restart):
            return self._restart()
        if isinstance(order, Strike):
            return self._strike(order.fault)
        if isinstance(order, Lift):
            self._built.injector.lift_kind(order.kind)
        elif isinstance(order, Pass):
            self.pass_time(order.duration_us)
        return ""

    # ------------------------------------------------------------ people

    def _receive(self, order: Visit) -> str:
        number, self._visits = self._visits, self._visits + 1
        if number >= _VISITS_MAX:
            raise HarnessError(f"a stepped run takes at most {_VISITS_MAX} customers")
        choice = (number * 37 % 100) / 100
        visit = Customers(
            0, number, self.now_us, order.kind, order.amount_fen, order.by_code, 2_000_000, 1_000_000, 1.0, choice
        )
        ending = self._until(self._world.env.process(Customer(self.till, visit).at_the_till()))
        return "" if ending is None else str(getattr(ending, "name", ending)).lower()

    def _operate(self, order: Operate) -> str:
        if order.action == "settle":
            return "done" if self._until(one_settlement(self.till)) else "not done"
        steps = sign_on(self.till) if order.action == "sign_on" else self.till.perform(order.action, 2 * US_PER_MINUTE)
        outcome = self._until(self._world.env.process(steps))
        return str(getattr(outcome, "kind", ""))

    def _restart(self) -> str:
        self.till.did("restarted the terminal")
        self.station.restart("reboot")
        deadline_us = self.now_us + seconds(self.station.manifest.recovery_timeout_s)
        while not self.station.ready and self.now_us < deadline_us:
            self.pass_time(US_PER_SECOND)
        return "ready" if self.station.ready else "not ready"

    def _until(self, process: Any) -> object:
        """Let time pass until ``process`` ends, or for as long as a step may take; its value, None when it did not end."""
        env = self._world.env
        env.run(until=env.any_of([process, env.timeout(_STEP_MAX_US)]))
        return process.value if process.triggered else None

    # ------------------------------------------------------------ faults

    def _strike(self, fault: str) -> str:
        days = self.now_us // US_PER_DAY + 1
        (planned,) = load_text(f"name: step\ndays: {days}\nfaults:\n  - {fault}\n").faults
        self._strikes += 1
        plan: FaultPlan = replace(planned, name=f"{planned.name}-{self._strikes}", scheduled=False)
        if plan.trigger == Trigger():
            plan = replace(plan, trigger=Trigger(day=days, time_us=self.now_us % US_PER_DAY))
        self._built.injector.add(plan)
        self.pass_time(1)
        return ""

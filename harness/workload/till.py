"""One till: the terminal on the counter, the queue before it, and the pile of receipts beside it.

Models: what all people at one till share. Does not model: a second terminal on the same counter.
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Generator
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from simpy.events import Event as SimEvent

from harness.contract import ActionKind, Outcome
from harness.core.units import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND
from harness.history.events import Event, OperatorDid
from harness.workload.arrivals import Hours, Visit
from harness.workload.behaviour import Behaviour
from harness.workload.merchants import Merchant
from harness.workload.ports import PendingPort, StationPort, WorldPort
from harness.workload.stays import Stay
from harness.workload.tally import TradeTally
from harness.workload.waiting import TOO_LATE, Alarm
from harness.workload.witness import Witness

if TYPE_CHECKING:
    from harness.workload.money import Money

Steps = Generator[SimEvent, object, None]
"""What a person does, as a SimPy process."""

READY_POLL_US = 2 * US_PER_SECOND
"""How often somebody looks whether a dead terminal is up again."""

Trade: TypeAlias = Literal["open", "closing", "over"]
"""Whether people come; whoever is still there shall finish or give up and nobody begins anything; everybody has gone."""

_DAYS_MAX = 1_000
_VISITS_A_DAY_MAX = 10_000
_RECEIPTS_KEPT = 50


class SaleReceipt(msgspec.Struct, frozen=True):
    """What a void or refund needs of an earlier sale: its slip, and the card or code that paid. ``date`` is MMDD.

    Money goes back only to where it came from: the host declines another card (14).
    """

    amount_fen: int
    stan: str
    batch: str
    rrn: str
    date: str
    card_choice: float
    by_code: bool
    kind: str = "sale"
    """What it is the slip of: sale, completion or preauth."""
    scanned: bool = False
    """It was paid by scan-to-pay, and is given back so."""


@lru_cache(maxsize=64)
def _month_day(start: datetime.date, day: int) -> str:
    return (start + datetime.timedelta(days=day)).strftime("%m%d")


class Till:
    """One station with its people. All of it is causal to this station: nothing another till does changes it."""

    __slots__ = (
        "_emptied",
        "_presented",
        "alarm",
        "attended",
        "behaviour",
        "calling_support",
        "fetching_paper",
        "hours",
        "meddled_at_us",
        "merchant",
        "money",
        "recorder",
        "settled_in_vain",
        "settled_sales",
        "signed_off",
        "station",
        "stays",
        "tally",
        "trace_number",
        "trade",
        "unsettled_sales",
        "witness",
        "world",
    )

    def __init__(
        self,
        world: WorldPort,
        station: StationPort,
        merchant: Merchant,
        behaviour: Behaviour,
        witness: Witness,
        tally: TradeTally | None = None,
        presented: int = 0,
    ) -> None:
        self.world = world
        self.station = station
        self.merchant = merchant
        self.behaviour = behaviour
        self.witness = witness
        self.tally = tally if tally is not None else TradeTally()
        self.recorder = world.recorder
        self.alarm = Alarm(world.env)
        self.unsettled_sales: deque[SaleReceipt] = deque(maxlen=_RECEIPTS_KEPT)
        self.settled_sales: deque[SaleReceipt] = deque(maxlen=_RECEIPTS_KEPT)
        self.stays: list[Stay] = []
        """Guests who have checked in, by when they will check out."""
        self.hours = Hours(0, US_PER_DAY)
        """When people are at the terminal."""
        self.settled_in_vain = False
        """The last settlement failed with nothing in the way, or the terminal was full again at once."""
        self.fetching_paper = False
        """Somebody is on the way for a new roll."""
        self.signed_off = False
        """It was signed off, and nobody has signed it on since."""
        self.calling_support = False
        """Support has been called and has not found out yet."""
        self.meddled_at_us = -1
        """When somebody last restarted the terminal under its people's hands."""
        self.money: Money | None = None
        """What somebody does about the money after the sale; None: nobody looks at that."""
        self.trace_number: int | None = None
        """What is still to be keyed in as the next trace number; None: nothing."""
        self.trade: Trade = "open"
        self.attended = False
        """Somebody of the trading day is at the terminal."""
        self._emptied: SimEvent | None = None
        self._presented = presented

    # ------------------------------------------------------------ opening and closing

    def enter(self) -> bool:
        """Somebody steps up to the terminal, or stays there; False when trading is over, and then they go."""
        if self.trade == "open":
            self.attended = True
            return True
        self.leave()
        return False

    def leave(self) -> None:
        """Nobody of the trading day is at the terminal now."""
        self.attended = False
        if self._emptied is not None:
            emptied, self._emptied = self._emptied, None
            emptied.succeed()

    def close(self) -> SimEvent | None:
        """Trading is over: nobody begins anything, who is here finishes or gives up. The event of the last one leaving; None
        when nobody is here.
        """
        self.trade = "closing"
        if not self.attended:
            return None
        self._emptied = self.world.env.event()
        return self._emptied

    # ------------------------------------------------------------ names and chances

    def intent_of(self, visit: Visit) -> int:
        """The number of a visit's purchase intent: unique in the run, and the same whoever else comes."""
        return self.intent_number(visit.day, visit.number)

    def intent_number(self, day: int, number: int) -> int:
        """Station, day and place in the day, in one number that people can read: 3|002|0017 is T04's."""
        assert day < _DAYS_MAX and number < _VISITS_A_DAY_MAX, (day, number)
        return (self.station.index * _DAYS_MAX + day) * _VISITS_A_DAY_MAX + number

    def next_token(self) -> str:
        """A name for the next presentation, 11 digits: four for the station, seven for its ordinal there."""
        self._presented += 1
        return f"{self.station.index % 10_000:04d}{self._presented % 10_000_000:07d}"

    def happens(self, percent: float, occasion: str) -> bool:
        """Whether something with this chance happens at ``occasion``. On replay of another course: it does not."""
        if percent <= 0.0:
            return False
        return self.world.decisions.uniform(f"{self.station.name}/{occasion}", 1.0) * 100.0 < percent

    def date_text(self) -> str:
        """Today as receipts print it, MMDD."""
        return _month_day(self.world.start, self.world.now_us // US_PER_DAY)

    # ------------------------------------------------------------ doing and waiting

    def emit(self, event: Event) -> None:
        self.recorder.emit(event)

    def did(self, what: str) -> None:
        """Record what people did to the terminal other than by its keys."""
        self.recorder.emit(OperatorDid(self.world.now_us, self.station.name, what))

    def pause(self, duration_us: int) -> SimEvent:
        return self.world.env.timeout(duration_us)

    def at_this_pace(self, duration_us: int) -> int:
        """How long something takes that takes ``duration_us`` with the ordinary number of steps."""
        return int(duration_us * self.behaviour.steps_percent / 100.0)

    def wait_until_ready(self, deadline_us: int) -> Generator[SimEvent, object, bool]:
        """Look at the terminal now and then until it is ready, the deadline has passed or the shop closes."""
        while not self.station.ready:
            if self.world.now_us >= deadline_us or self.trade == "closing":
                return False
            yield self.pause(READY_POLL_US)
        return True

    def request(self, kind: ActionKind, amount_fen: int = 0, intent: int | None = None) -> PendingPort:
        """Press the key of an action that needs no original."""
        return self.station.request(kind, amount_fen, intent)

    def perform(self, kind: ActionKind, patience_us: int) -> Generator[SimEvent, object, Outcome | None]:
        """Ask for an action without a customer and wait for its end; None: no answer, or the terminal died under it."""
        ready = yield from self.wait_until_ready(self.world.now_us + 5 * US_PER_MINUTE)
        if not ready or self.trade == "closing":
            return None
        pending = self.request(kind)
        came = yield self.alarm.first_of((pending.done,), self.world.now_us + patience_us)
        return None if came == TOO_LATE else outcome_of(pending)


def outcome_of(pending: PendingPort) -> Outcome | None:
    """How a finished action ended."""
    value = pending.done.value
    assert value is None or isinstance(value, Outcome), value
    return value

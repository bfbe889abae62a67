"""The acquirer's site: where every link ends. Frames wait in the host's queue, are carried out, and the answers leave.

Models: one host for all terminals, with workers and a queue; a share of requests is carried out and never answered; a queue
that is full answers 96 at once and carries nothing out. Does not model: several sites, or a site that loses its ledger.
Why here: devices and host do not know each other; the world builder joins them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import simpy

from harness.core.decisions import Decisions
from harness.core.environment import Call
from harness.core.units import US_PER_SECOND
from harness.host.acquirer import Acquirer
from harness.host.orders import OrderClock
from harness.host.service import HostQueue
from harness.network.connection import Connection
from harness.scenario.plan import SILENCE

DECLINES = (("51", 50.0), ("05", 25.0), ("55", 15.0), ("54", 5.0), ("61", 5.0))
"""Definitive declines and their shares in percent (assumption; the codes are those of ISO 8583, domain section 1.4)."""


@dataclass(slots=True)
class HostSite:
    """``network.HostEndpoint`` for every link of the run."""

    env: simpy.Environment
    acquirer: Acquirer
    queue: HostQueue
    decisions: Decisions
    listening: bool = True
    _clock: OrderClock = field(init=False)

    def __post_init__(self) -> None:
        self._clock = OrderClock(self.env, self.acquirer)

    def receive(self, connection: Connection, frame: bytes, message: int) -> None:
        """A whole message arrived: it is carried out when a worker has done with it, and answered then."""
        now_us = int(self.env._now)
        for late in self.acquirer.overdue(frame):
            connection.reply(late)
        if self.queue.is_overloaded(now_us):
            # The front end says so at once, without carrying anything out: 96.
            self._answer(connection, frame, message, overloaded=True)
            return
        keys = connection.keys
        silent = self.decisions.integer(keys.next(SILENCE), 0, lambda u: int(self.queue.never_answers(u)))
        ready_us = self.queue.ready_at_us(now_us, self.decisions.uniform(keys.next("host.service")))

        def carry_out(_: object) -> None:
            self._answer(connection, frame, message, silent=bool(silent))

        Call(self.env, ready_us - now_us, carry_out)

    def _answer(
        self, connection: Connection, frame: bytes, message: int, *, silent: bool = False, overloaded: bool = False
    ) -> None:
        reply = self.acquirer.handle(frame, int(self.env.now), overloaded=overloaded)
        self._clock.wind()
        if reply.frame is None:
            connection.leave_unanswered(message, reply.why_silent)
        elif silent:
            connection.leave_unanswered(message, "no_reply")
        else:
            connection.reply(reply.frame)


@dataclass(frozen=True, slots=True)
class Issuers:
    """Whether cards are good: a share of presentations is declined for a reason that trying again does not mend."""

    decisions: Decisions
    decline_percent_by_station: tuple[float, ...]
    partial_percent: float = 0.0
    """Share of presentations that are good for a part of the amount only."""
    asked_percent: float = 0.0
    """Share of payment codes whose owner has to confirm on the phone."""
    unconfirmed_percent: float = 0.0
    """Share of those owners who never do."""

    def decide(self, token: str, amount_fen: int, pan: str) -> str:
        """The response code for a presentation; by its token alone, so that a retransmission gets the same answer."""
        station = int(token[:4]) if len(token) >= 4 and token[:4].isdigit() else -1
        if not 0 <= station < len(self.decline_percent_by_station):
            return "14"
        percent = self.decline_percent_by_station[station]
        return _DECIDED[self.decisions.integer(f"issuer/{token}", 0, lambda u: _choice(u * 100.0, percent))]

    def part(self, token: str, amount_fen: int) -> int:
        """What an approved presentation is good for: all of it, or between a tenth and nine tenths."""
        u = self.decisions.uniform(f"issuer/{token}/part", 1.0)
        if u * 100.0 >= self.partial_percent:
            return amount_fen
        return max(1, int(amount_fen * (0.1 + 0.8 * (u * 100.0 / self.partial_percent))))

    def confirms_after_us(self, token: str, amount_fen: int) -> int | None:
        """When the owner of a payment code agrees: at once, after a while, or never."""
        percent = self.decisions.uniform(f"payer/{token}", 1.0) * 100.0
        if percent >= self.asked_percent:
            return 0
        u = percent / self.asked_percent
        if u * 100.0 >= 100.0 - self.unconfirmed_percent:
            return None
        return int((_CONFIRMS_FIRST_S + (_CONFIRMS_LAST_S - _CONFIRMS_FIRST_S) * u) * US_PER_SECOND)


_CONFIRMS_FIRST_S, _CONFIRMS_LAST_S = 3.0, 30.0
"""How long it takes to find one's password (assumption)."""
_DECIDED = ("00", *(code for code, _ in DECLINES))


def _choice(u_percent: float, decline_percent: float) -> int:
    """0 for approval, else the place of the decline; the first ``decline_percent`` of all draws are declined."""
    if u_percent >= decline_percent:
        return 0
    share = 100.0 * u_percent / decline_percent
    for place, (_, percent) in enumerate(DECLINES, 1):
        share -= percent
        if share < 0:
            return place
    return len(DECLINES)

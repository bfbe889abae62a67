"""What customers and operators do, written down action by action, instead of customers who are drawn.

Models: a list of actions, each at a day and a time of day, repeated at even intervals where it says so; all that a drawn visit
has besides (how long keying takes, patience, which card) is the same each time, so that a script says all there is to say.
Does not model: people who react otherwise than their habits say: what a customer does after a decline is ``Behaviour``'s.
Source: none; scripts are written by people, and by what makes cases small.

A customer stands in the queue like any other; so does who settles, signs on or asks for a slip. What nobody waits for their turn
with (a cleared cache, a restart, a pulled plug, a log read out) happens at its very moment, in the middle of a sale too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, cast

from harness.core.units import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND
from harness.workload.arrivals import Visit, VisitKind

Do: TypeAlias = Literal[
    "sale", "void", "refund", "preauth", "completion", "preauth_void",
    "settle", "sign_on", "sign_off", "reprint",
    "clear_cache", "read_log", "restart", "pull_plug",
]  # fmt: skip

CUSTOMERS = frozenset({"sale", "void", "refund", "preauth", "completion", "preauth_void"})
"""What customers come for."""
PAYING = frozenset({"sale", "preauth", "completion"})
"""What has an amount of its own; what is undone has its slip's."""
AT_ONCE = frozenset({"clear_cache", "read_log", "restart", "pull_plug"})
"""What nobody waits for their turn with."""

AMOUNT_FEN = 1_000
STEPS_A_DAY_MAX = 8_000
"""At one terminal: the numbers of its visits, as many as of drawn ones."""

_KEYING_US = 3 * US_PER_SECOND
_REACHING_US = 2 * US_PER_SECOND
_LAST = 1.0 - 1e-9
_GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Scripted:
    """One action, or the same several times over."""

    do: Do
    """What is done; what has nothing to undo, or no key to do it with, is a sale."""
    time_us: int
    """Time of day; of several the first."""
    day: int = 1
    """Day of the run, from 1."""
    terminal: str = "T01"
    """At which terminal."""
    amount_fen: int | None = None
    """Of a sale, pre-authorisation or completion; without it 10 yuan, and of a completion what was held."""
    times: int = 1
    """How often."""
    every_us: int = 2 * US_PER_MINUTE
    """From one to the next."""
    pays_by: Literal["card", "code"] = "card"
    """A card, or a payment code."""
    card: int | None = None
    """Which card, by a number of one's own choice from 0 to 999; without it another one each time."""

    def __post_init__(self) -> None:
        if self.times < 1:
            raise ValueError("times is at least 1")
        if self.day < 1:
            raise ValueError("days are counted from 1")
        if self.amount_fen is not None and self.do not in PAYING:
            raise ValueError(f"{self.do} has no amount of its own: amount_fen goes with {', '.join(sorted(PAYING))}")
        if self.amount_fen is not None and not 1 <= self.amount_fen <= 999_999_999_999:
            raise ValueError("amount_fen is 1 to 999999999999")
        if self.card is not None and self.card > 999:
            raise ValueError("card is 0 to 999")
        if self.do not in CUSTOMERS and (self.card is not None or self.pays_by != "card"):
            raise ValueError(f"{self.do} is no customer's: card and pays_by do not go with it")

    @property
    def last_us(self) -> int:
        """Time of day of the last time."""
        return self.time_us + (self.times - 1) * self.every_us

    def once_each(self) -> Iterator[Scripted]:
        """The same as so many single actions."""
        for ordinal in range(self.times):
            yield replace(self, time_us=self.time_us + ordinal * self.every_us, times=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One action of one day at one terminal. ``number``: its place there, from 0, which is a visit's number."""

    number: int
    at_us: int
    action: Scripted

    def visit(self, day: int, station: int) -> Visit:
        """The customer who comes for it; ``day`` counts from 0, ``station`` is the terminal's place."""
        action = self.action
        card = action.card if action.card is not None else 1_000 + self.number + 10_007 * day + 1_000_003 * station
        return Visit(
            day=day,
            number=self.number,
            at_us=self.at_us,
            kind=cast(VisitKind, action.do),
            amount_fen=AMOUNT_FEN if action.amount_fen is None else action.amount_fen,
            pays_by_code=action.pays_by == "code",
            keying_us=_KEYING_US,
            reaching_us=_REACHING_US,
            patience=1.0,
            # Of what is undone this names the slip, and the last one is meant; else the card.
            card_choice=_LAST if action.do in ("void", "refund") else card * _GOLDEN % 1.0,
        )


def steps_of_day(script: tuple[Scripted, ...], station: str, day: int) -> list[Step]:
    """Everything that is done at ``station`` on ``day`` (from 0), in the order of its times, of equals as they are written."""
    midnight_us = day * US_PER_DAY
    found = [
        each for action in script if action.terminal == station and action.day == day + 1 for each in action.once_each()
    ]
    found.sort(key=lambda each: each.time_us)
    return [Step(number, midnight_us + each.time_us, each) for number, each in enumerate(found)]

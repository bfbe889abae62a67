"""What the host faults share: turning one terminal's knobs at the acquirer, and telling what came of it.

Counting knobs are used up in the order in which strikes wound them up, so that two strikes do not claim the same request.
Timed knobs stay on until the last strike that holds them is lifted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from harness.faults.base import Strike

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

CountingKnob = Literal[
    "ignore_requests", "drop_replies", "respond_count", "wrong_macs", "settlement_errors", "totals_off_by_one",
    "mismatched_replies", "held_replies", "issuer_declines", "confirmations",
]  # fmt: skip
TimedKnob = Literal[
    "silent_until_us", "cut_over_until_us", "overloaded_until_us", "payouts_stopped_until_us", "account_mistyped_until_us",
    "reversals_refused_until_us",
]  # fmt: skip

_HELD_US = 1 << 60
"""Later than any run: the strike's own lifting ends it."""


def wind_up(world: World, station: Station, knob: CountingKnob, messages: int, effect: str) -> Strike:
    """The knob acts on ``messages`` more messages; it has bitten with the first."""
    knobs = world.acquirer.knobs(station.tid)
    # Each strike holds a run of tickets, numbered as they are wound up. A lifted strike withdraws those it has not used,
    # and whoever stands behind it moves up: what was withdrawn, and where, is kept beside what was used.
    withdrawn = f"{knob} withdrawn at "

    def withdrawn_before(ticket: int) -> int:
        places = [(int(name.removeprefix(withdrawn)), name) for name in knobs.struck if name.startswith(withdrawn)]
        return sum(knobs.struck[name] for place, name in places if place < ticket)

    first: int = knobs.struck[knob] + withdrawn_before(1 << 60) + getattr(knobs, knob)
    setattr(knobs, knob, getattr(knobs, knob) + messages)
    left_at_lift: list[int] = []

    def used() -> int:
        if left_at_lift:
            return messages - left_at_lift[0]
        return min(messages, max(0, knobs.struck[knob] - (first - withdrawn_before(first))))

    def evidence() -> str:
        return f"{used()} {effect}" if used() else ""

    def lift() -> None:
        left = messages - used()
        left_at_lift.append(left)
        if left:
            knobs.struck[f"{withdrawn}{first}"] += left
            setattr(knobs, knob, getattr(knobs, knob) - left)

    return Strike(evidence, lift, spent=lambda: used() == messages)


def hold(world: World, station: Station, knob: TimedKnob, effect: str) -> Strike:
    """The knob stays on until it is lifted; it has bitten when a request met it."""
    knobs = world.acquirer.knobs(station.tid)
    begin = knobs.struck[knob]
    # How many strikes hold it is in the value itself, which is compared with the time and nothing else.
    setattr(knobs, knob, max(getattr(knobs, knob), _HELD_US) + 1)

    def evidence() -> str:
        met = knobs.struck[knob] - begin
        return f"{met} {effect}" if met else ""

    def lift() -> None:
        held: int = getattr(knobs, knob) - 1
        setattr(knobs, knob, held if held > _HELD_US else 0)

    return Strike(evidence, lift)

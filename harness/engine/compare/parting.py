"""Where two histories of the same decisions part: the first thing that somebody outside the terminals could have noticed.

Models: what operators, customers and the host see of each terminal, in its order. Two releases take other microseconds for the
same thing, and terminals beside each other then come in another order: times and running numbers do not count, and each terminal
is compared with itself. Does not model: storage and memory, in which releases differ at once and nobody minds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from harness.history import events as e
from harness.history.codec import read_history
from harness.history.words import line

Seen = tuple[object, ...]
_NOTHING = "nothing more on this terminal"

_SEEN: dict[type[e.Event], Callable[[Any], Seen]] = {
    e.IntentOpened: lambda v: (v.kind, v.amount_fen),
    e.IntentClosed: lambda v: (v.belief, v.walked_away),
    e.ActionStarted: lambda v: (v.kind, v.amount_fen),
    e.ActionEnded: lambda v: (v.outcome, v.reason),
    e.ScreenShown: lambda v: (v.kind, v.amount_fen, v.stan),
    e.ReceiptPrinted: lambda v: (v.kind, v.amount_fen, v.stan, v.duplicate),
    e.PowerLost: lambda v: (v.cause,),
    e.SoftwareReady: lambda _: (),
    e.SoftwareDied: lambda v: (v.reason,),
    e.MessageSent: lambda v: (v.direction, v.mti, v.amount_fen, v.stan, v.response_code),
    e.LedgerChanged: lambda v: (v.kind, v.state, v.amount_fen, v.stan),
    e.BatchSettled: lambda v: (v.batch, v.closed, v.balanced),
    e.PayoutMade: lambda v: (v.amount_fen, v.state),
}


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference: on ``device``, at ``at_us`` of the earlier of both; each side as a line of a story."""

    device: str
    at_us: int
    one: str
    other: str


def parting(one: Path, other: Path) -> Parting | None:
    """Where two history files part; None when nobody outside could tell them apart."""
    told: dict[str, list[tuple[int, Seen]]] = {}
    for number, device, seen, _ in _seen_in(one):
        told.setdefault(device, []).append((number, seen))
    place = dict.fromkeys(told, 0)
    # By device, the number of the first event that differs: in one history, and in the other. None: it has no more.
    parted: dict[str, tuple[int | None, int | None]] = {}
    for number, device, seen, _ in _seen_in(other):
        if device in parted:
            continue
        mine, at = told.get(device, []), place.get(device, 0)
        if at < len(mine) and mine[at][1] == seen:
            place[device] = at + 1
        else:
            parted[device] = (mine[at][0] if at < len(mine) else None, number)
    for device, at in place.items():
        if device not in parted and at < len(told[device]):
            parted[device] = (told[device][at][0], None)
    if not parted:
        return None
    ones = _events(one, {pair[0] for pair in parted.values()})
    others = _events(other, {pair[1] for pair in parted.values()})
    found: list[tuple[int, str, str, str]] = []
    for device, (mine_at, other_at) in parted.items():
        left, right = ones.get(mine_at), others.get(other_at)
        at_us = min(each.at_us for each in (left, right) if each is not None)
        found.append((at_us, device, _told(left), _told(right)))
    at_us, device, *sides = min(found)
    return Parting(device, at_us, sides[0], sides[1])


@dataclass(frozen=True, slots=True)
class Forked:
    """One terminal in two histories: ``same`` things that could be noticed, then one and the other. Events with their numbers."""

    same: int
    one: tuple[tuple[int, e.AnyEvent], ...]
    other: tuple[tuple[int, e.AnyEvent], ...]


def forked(one: Path, other: Path, device: str, most: int) -> Forked | None:
    """Where two histories of ``device`` part, and at most so many things from then on; None when nobody could tell them apart."""
    ones, others = _seen_of(one, device), _seen_of(other, device)
    same = 0
    while True:
        left, right = next(ones, None), next(others, None)
        if left is None and right is None:
            return None
        if left is None or right is None or left[1] != right[1]:
            break
        same += 1
    return Forked(same, tuple(_first(left, ones, most)), tuple(_first(right, others, most)))


def _seen_of(path: Path, device: str) -> Iterator[tuple[int, Seen, e.AnyEvent]]:
    for number, of, seen, event in _seen_in(path):
        if of == device:
            yield number, seen, event


def _first(
    first: tuple[int, Seen, e.AnyEvent] | None, rest: Iterator[tuple[int, Seen, e.AnyEvent]], most: int
) -> Iterator[tuple[int, e.AnyEvent]]:
    if first is not None:
        for number, _, event in islice(chain((first,), rest), most):
            yield number, event


def _told(event: e.AnyEvent | None) -> str:
    return _NOTHING if event is None else line(event)


def _seen_in(path: Path) -> Iterator[tuple[int, str, Seen, e.AnyEvent]]:
    for number, event in read_history(path):
        seen = _SEEN.get(type(event))
        if seen is not None:
            yield number, getattr(event, "device", ""), (type(event).__name__, *seen(event)), event


def _events(path: Path, numbers: set[int | None]) -> dict[int | None, e.AnyEvent]:
    """These events of a history."""
    return {number: event for number, event in read_history(path) if number in numbers}

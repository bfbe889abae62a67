"""The lines of the software on a page: beside its events, and of the power cut that is blamed.

Models: which cut a finding is put down to, as far as that can be known from outside. Does not model: how lines are found
(``engine.placing``).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

import msgspec

from harness.engine.placing import Place
from harness.engine.report.model import Step, Taken
from harness.engine.verdict import FindingView
from harness.invariants.base import INSTANT_KINDS

SHOWN_MAX = 8
"""Lost operations of one volume."""
_CUTS = frozenset({"power_loss", "overheating", "device_swap", "brown_out"})
"""Faults that cut the power when they strike. A crash or a restart takes nothing of a disk."""


def placed(steps: Iterable[Step], places: Iterable[Place]) -> tuple[Step, ...]:
    """The steps with the lines that they come from."""
    known = {each.number: each for each in places}
    return tuple(
        each
        if (place := known.get(each.number)) is None
        else msgspec.structs.replace(each, place=place.path, returned=place.returned)
        for each in steps
    )


def taken_by(
    cuts: Sequence[Taken], finding: FindingView, shown: Container[int], proof_us: Sequence[int] = ()
) -> tuple[Taken, ...]:
    """What the cuts took that are shown, and the one that the finding is put down to, wherever it is.

    ``proof_us``: when the events that prove the finding happened.
    """
    blamed = _blamed(cuts, finding)
    return tuple(
        msgspec.structs.replace(_nearest(each, proof_us or (finding.at_us,)), blamed=each in blamed)
        for each in cuts
        if each.lost and (each in blamed or each.number in shown)
    )


def _nearest(taken: Taken, proof_us: Sequence[int]) -> Taken:
    """With no more operations than can be read: those made nearest to what proves the finding, in their order."""

    def away_us(place: int) -> int:
        return min(abs(taken.lost[place].at_us - each) for each in proof_us)

    places = sorted(sorted(range(len(taken.lost)), key=away_us)[:SHOWN_MAX])
    left_out = taken.left_out + len(taken.lost) - len(places)
    return msgspec.structs.replace(taken, lost=tuple(taken.lost[place] for place in places), left_out=left_out)


def _blamed(cuts: Sequence[Taken], finding: FindingView) -> list[Taken]:
    """The first cut after the event in which the finding's fault struck (``engine.blame``), if that is one that cuts."""
    if finding.fault not in _CUTS or finding.cause is None:
        return []
    there = [each for each in cuts if each.number > finding.cause]
    # What is over at once has made the very next one; heat makes one after the other.
    at_once = finding.fault in INSTANT_KINDS
    after = [each.at_us for each in there if at_once or each.at_us >= finding.at_us]
    before = [each.at_us for each in there if each.at_us < finding.at_us]
    times = after[:1] or before[-1:]
    return [each for each in cuts if each.at_us in times]

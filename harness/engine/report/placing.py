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
from harness.scenario.registries import faults


def placed(steps: Iterable[Step], places: Iterable[Place]) -> tuple[Step, ...]:
    """The steps with the lines that they come from."""
    known = {each.number: each for each in places}
    return tuple(
        each
        if (place := known.get(each.number)) is None
        else msgspec.structs.replace(each, place=place.path, returned=place.returned)
        for each in steps
    )


def taken_by(cuts: Sequence[Taken], finding: FindingView, shown: Container[int]) -> tuple[Taken, ...]:
    """What the cuts took that are shown, and the one that the finding is put down to, wherever it is.

    That is the first one after what the finding is about, or else the last before, of those that found the software where the
    finding's fault did (``engine.blame``).
    """
    fault = faults().get(finding.fault) if finding.fault in faults() else None
    blamed: list[Taken] = []
    if fault is not None and fault.family == "power":
        there = [each for each in cuts if each.stood and finding.place.partition(": ")[0] == each.stood] or cuts
        after = [each.at_us for each in there if each.at_us >= finding.at_us]
        before = [each.at_us for each in there if each.at_us < finding.at_us]
        at_us = after[0] if after else before[-1] if before else None
        blamed = [each for each in there if each.at_us == at_us]
    return tuple(
        msgspec.structs.replace(each, blamed=each in blamed)
        for each in cuts
        if each.lost and (each in blamed or each.number in shown)
    )

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

    That is the first one after the strike that is blamed (``engine.blame``), which is told just before what it takes.
    """
    fault = faults().get(finding.fault) if finding.fault in faults() else None
    blamed: list[Taken] = []
    if fault is not None and fault.family == "power" and finding.cause is not None:
        at_us = next((each.at_us for each in cuts if each.number > finding.cause), None)
        blamed = [each for each in cuts if each.at_us == at_us]
    return tuple(
        msgspec.structs.replace(each, blamed=each in blamed)
        for each in cuts
        if each.lost and (each in blamed or each.number in shown)
    )

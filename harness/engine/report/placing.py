"""From which lines of the software an event of a watched terminal comes.

Models: what the software does itself (a screen, a receipt, a message to the host, a call that fails or makes durable, an end of
an action), while it stands inside the call that led to it; where it stood when it died or its power went; of an outcome that the
harness shows for a method, which method returned it. Does not model: lines for what others did (people, the host, the line, a
fault); these have none, rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from harness.engine.report.model import Step, Taken
from harness.engine.verdict import FindingView
from harness.engine.whereabouts import Whereabouts, frame_of, running_frame
from harness.history import events as e
from harness.scenario.registries import faults

if TYPE_CHECKING:
    from harness.sut.station import Station

PLACES_MAX = 400_000
_ACTS = (
    e.ScreenShown, e.ReceiptPrinted, e.ActionEnded, e.ProbeReached, e.SoftwareLogged, e.SoftwareReady, e.StorageFailed, e.Barrier,
    e.CardDecided, e.SecretFound,
)  # fmt: skip
_ENDS = (e.PowerLost, e.SoftwareDied)
_TOLD_BY_A_METHOD = (e.ScreenShown, e.ActionEnded)


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where event ``number`` comes from. ``returned``: ``path`` is the method that returned what is told."""

    number: int
    path: str
    returned: bool = False


class PlaceEye:
    """Watches the software of ``station``."""

    def __init__(self, station: Station, whereabouts: Whereabouts) -> None:
        self._station = station
        self._whereabouts = whereabouts
        self._places: list[tuple[int, str, bool]] = []
        self._paths: dict[str, str] = {}
        self._kind = "", -1
        """What was asked for last, and the number of that action."""

    def look(self, number: int, event: e.Event) -> None:
        """An event of this station has just been told, and whoever caused it still stands in the call that did."""
        if isinstance(event, e.ActionStarted):
            self._kind = event.kind, event.action
        if len(self._places) >= PLACES_MAX:
            return
        path, returned = self._found(event)
        if path:
            self._places.append((number, self._paths.setdefault(path, path), returned))

    def seen(self) -> tuple[Place, ...]:
        """All of them, in the order of the history."""
        return tuple(Place(*each) for each in self._places)

    def _found(self, event: e.Event) -> tuple[str, bool]:
        if isinstance(event, _ENDS):
            return self._whereabouts.lines(frame_of(self._station)).path, False
        if not isinstance(event, _ACTS) and not (isinstance(event, e.MessageSent) and event.direction == "up"):
            return "", False
        frame = running_frame(self._station)
        if isinstance(event, _TOLD_BY_A_METHOD) and self._whereabouts.answers(frame):
            method = self._method(event.action)
            return method, bool(method)
        return self._whereabouts.lines(frame).path, False

    def _method(self, action: int | None) -> str:
        """The method whose outcome is told."""
        kind, number = self._kind
        found = getattr(type(self._station.terminal), kind, None) if action == number else None
        code = getattr(found, "__code__", None)
        return "" if code is None else self._whereabouts.named(code)


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

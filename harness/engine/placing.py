"""From which lines of the software an event of a watched terminal comes.

Models: what the software does itself (a screen, a receipt, a message to the host, a call that fails or makes durable, an end of
an action), while it stands inside the call that led to it; where it stood when it died or its power went; of an outcome that the
harness shows for a method, which method returned it. Does not model: lines for what others did (people, the host, the line, a
fault); these have none, rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import FunctionType, MethodType
from typing import TYPE_CHECKING

import msgspec

from harness.engine.whereabouts import Whereabouts, frame_of, running_frame
from harness.history import events as e

if TYPE_CHECKING:
    from harness.history.recorder import Recorder
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
        path, returned = self.place(event)
        if path and len(self._places) < PLACES_MAX:
            self._places.append((number, self._paths.setdefault(path, path), returned))

    def place(self, event: e.Event) -> tuple[str, bool]:
        """The lines that it comes from, and whether they are of the method that returned what is told."""
        if isinstance(event, e.ActionStarted):
            self._kind = event.kind, event.action
        return self._found(event)

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
        if action != number:
            return ""
        terminal = self._station.terminal
        own = next((vars(each)[kind] for each in type(terminal).__mro__ if kind in vars(each)), None)
        if not isinstance(own, FunctionType | staticmethod | classmethod | None):
            return ""  # asking for it might run code of the software
        try:
            # It may have put another in the place of its class's own. (To look into its __dict__ would change how large it is.)
            found = object.__getattribute__(terminal, kind)
        except AttributeError:
            return ""
        if isinstance(found, MethodType):
            found = found.__func__
        return self._whereabouts.named(found.__code__) if isinstance(found, FunctionType) else ""


class PlacesOf:
    """The same of several short lives of one terminal, whose events are numbered together later."""

    def __init__(self, whereabouts: Whereabouts) -> None:
        self._whereabouts = whereabouts
        self._known: dict[int, tuple[e.Event, str, bool]] = {}
        """By identity of the event, which is kept so that no other has its identity."""

    def attend(self, station: Station, recorder: Recorder) -> None:
        """One more life: whatever ``recorder`` tells is of ``station``."""
        eye = PlaceEye(station, self._whereabouts)

        def look(_: int, event: e.Event) -> None:
            path, returned = eye.place(event)
            if path:
                self._known[id(event)] = event, path, returned

        recorder.tap = look

    def among(self, events: Sequence[e.Event]) -> tuple[Place, ...]:
        """Where each of these comes from, by its number among them."""
        found = ((number, self._known.get(id(event))) for number, event in enumerate(events))
        return tuple(Place(number, known[1], known[2]) for number, known in found if known is not None)

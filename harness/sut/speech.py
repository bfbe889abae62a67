"""What software says where only developers look: its console, its last words, and what the harness notes beside them.

Models: a log that may be searched for card data, which is masked in the history; that it was there is an event.
Does not model: where the lines would be kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.history.events import SecretFound, SoftwareLogged
from harness.sut.console import presentable

if TYPE_CHECKING:
    from harness.sut.process import Process
    from harness.sut.station import Station

REFUSED_REPORTS_MAX = 20
TOLD_CHARACTERS_MAX = 4_096


class Speech:
    """Of one station."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._refused: set[str] = set()

    def logged(self, line: str) -> None:
        """A line for the history."""
        self._station.world.recorder.emit(SoftwareLogged(self._station.world.now_us, self._station.name, line))

    def concealed(self, line: str) -> str:
        """A line that the software printed, with customers' card data masked; that it was there is an event."""
        station = self._station
        shown, found = station.hardware.secrets.in_text(line[:TOLD_CHARACTERS_MAX])
        now_us, name = station.world.now_us, station.name
        for each in found:
            station.world.recorder.emit(
                SecretFound(now_us, name, each.kind, "log", "", each.offset, each.pan, each.token, "shown")
            )
        return shown if found else line

    def last_words(self, process: Process, error: BaseException) -> str:
        """What is told of a death; its whole text goes to the console, and counts as a log."""
        software = self._station.software
        if process.dead:
            return software.death_detail(error)  # nobody hears it
        try:
            self.concealed(str(error))
        except Exception:
            pass  # ``death_detail`` says that it has no text
        return self._station.hardware.secrets.in_text(software.death_detail(error))[0]

    def note_refused(self, text: str) -> None:
        """What software was refused is in the history once, even when it swallows the error."""
        if text not in self._refused and len(self._refused) < REFUSED_REPORTS_MAX:
            self._refused.add(text)
            self.logged(presentable(f"(harness) {text}"))

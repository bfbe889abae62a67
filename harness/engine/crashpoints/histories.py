"""The whole history of a state that was asked for by its name, beside what was found in it: for whoever tells it as a story.

Models: one file as a run leaves it (history.jsonl), the findings with the numbers of their guilty events, and the lines of the
software that events come from. A disk that takes no more costs these files, and no finding. Does not model: the disk at each
event, or the bytes of messages: an exploration watches neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.engine.placing import Place, PlacesOf
from harness.engine.verdict import FindingView
from harness.history.codec import encode_line
from harness.history.events import Event
from harness.invariants.base import Finding

HISTORY, FINDINGS, PLACES = "history.jsonl", "findings.json", "places.json"


class Historian:
    """Writes into ``directory``. All findings of one state have one history."""

    def __init__(self, directory: Path, places: PlacesOf) -> None:
        self._directory = directory
        self._places = places
        self._found: list[FindingView] = []

    def write(self, events: Sequence[Event], finding: Finding) -> None:
        """One more finding."""
        try:
            if not self._found:
                (self._directory / HISTORY).write_bytes(b"".join(encode_line(each) for each in events))
                (self._directory / PLACES).write_bytes(msgspec.json.encode(self._places.among(events)))
            self._found.append(
                FindingView(
                    finding.number, finding.invariant, finding.device, finding.at_us, finding.summary, finding.money_fen,
                    finding.severity, finding.events, (), "power_loss",
                )
            )  # fmt: skip
            (self._directory / FINDINGS).write_bytes(msgspec.json.encode(self._found))
        except OSError:
            return  # whoever reads them finds none


def read_places(directory: Path) -> tuple[Place, ...]:
    """Where the events of that history come from in the software, as far as that is known."""
    try:
        return msgspec.json.decode((directory / PLACES).read_bytes(), type=tuple[Place, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def read_findings(directory: Path) -> tuple[FindingView, ...]:
    """What was found in the state whose history is in ``directory``; nothing where nothing was."""
    try:
        return msgspec.json.decode((directory / FINDINGS).read_bytes(), type=tuple[FindingView, ...])
    except (OSError, msgspec.MsgspecError):
        return ()

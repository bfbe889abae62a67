"""A history longer than any buffer: every event reaches the file, the digest and whoever watches."""

import hashlib
from pathlib import Path

from harness.history.codec import read_history
from harness.history.events import PhaseStarted, SoftwareLogged
from harness.history.recorder import Recorder

COUNT = 5_000


def test_every_event_of_a_long_history_is_written_digested_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    seen: list[tuple[int, int]] = []
    with path.open("wb") as sink:
        recorder = Recorder(sink)
        recorder.watch(SoftwareLogged, lambda number, event: seen.append((number, event.at_us)))
        numbers = [recorder.emit(SoftwareLogged(place, "T01", "line " * 10)) for place in range(COUNT)]
        digest = recorder.close()
    assert numbers == list(range(COUNT)) and recorder.count == COUNT
    assert seen == [(place, place) for place in range(COUNT)]
    assert path.stat().st_size > 4 << 16, "longer than the buffer, several times over"
    assert [event.at_us for _, event in read_history(path)] == list(range(COUNT))
    assert digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_digest_depends_on_the_first_event_of_a_long_history() -> None:
    def digest(first: str) -> str:
        recorder = Recorder()
        recorder.emit(PhaseStarted(0, first))
        for place in range(COUNT):
            recorder.emit(SoftwareLogged(place, "T01", "line " * 10))
        return recorder.close()

    assert digest("a") != digest("b")

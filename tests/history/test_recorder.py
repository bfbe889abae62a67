"""The recorder numbers, streams and shows events; what it writes reads back to the same events."""

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.history.codec import read_history
from harness.history.events import ActionStarted, BatchSettled, Inspected, PhaseStarted, RecordSeen
from harness.history.query import times_of
from harness.history.recorder import Recorder

EVENTS = [
    PhaseStarted(0, "trading"),
    ActionStarted(5, "T01", 1, "sale", 1000, 7),
    BatchSettled(9, "T01", "000001", True, True, (1, 1000, 0, 0), (1, 1000, 0, 0), (3,)),
    Inspected(11, "T01", "quiescence", records=(RecordSeen("000001", "000001", "sale", 1000),)),
]


def test_a_history_reads_back_as_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with path.open("wb") as sink:
        recorder = Recorder(sink)
        numbers = [recorder.emit(event) for event in EVENTS]
        recorder.close()
    assert numbers == [0, 1, 2, 3]
    assert list(read_history(path)) == list(enumerate(EVENTS))
    assert times_of(path, {1, 3}) == {1: 5, 3: 11} and times_of(path, {0, 99}) == {0: 0} and times_of(path, set()) == {}


def test_the_digest_tells_histories_apart_and_needs_no_sink() -> None:
    def digest(events: list[PhaseStarted]) -> str:
        recorder = Recorder()
        for event in events:
            recorder.emit(event)
        return recorder.close()

    assert digest([PhaseStarted(0, "a")]) == digest([PhaseStarted(0, "a")])
    assert digest([PhaseStarted(0, "a")]) != digest([PhaseStarted(1, "a")])


def test_watchers_see_their_type_alone_and_may_leave_while_being_shown() -> None:
    recorder = Recorder()
    seen: list[int] = []

    def once(number: int, event: PhaseStarted) -> None:
        seen.append(number)
        recorder.unwatch(PhaseStarted, once)

    recorder.watch(PhaseStarted, once)
    recorder.watch(PhaseStarted, lambda number, event: seen.append(100 + number))
    for event in (PhaseStarted(0, "a"), EVENTS[1], PhaseStarted(1, "b")):
        recorder.emit(event)
    assert seen == [0, 100, 102]


def test_a_torn_last_line_ends_the_history_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with path.open("wb") as sink:
        recorder = Recorder(sink)
        recorder.emit(EVENTS[0])
        recorder.close()
        sink.write(b'{"event":"PhaseStar')
    assert [event for _, event in read_history(path)] == EVENTS[:1]
    path.write_bytes(b'{"event":"NoSuchEvent","at_us":1}\n')
    with pytest.raises(UsageError, match=r"history.jsonl:1: not an event"):
        list(read_history(path))


def test_who_asks_to_be_first_hears_events_in_the_order_of_the_history() -> None:
    """A fault strikes at a message: whoever watches behind it hears of the strike before the message."""
    recorder = Recorder()
    heard: list[int] = []
    heard_late: list[int] = []

    def strike(number: int, _: PhaseStarted) -> None:
        if number == 0:
            recorder.emit(PhaseStarted(1, "struck"))

    recorder.watch(PhaseStarted, strike)
    recorder.watch(PhaseStarted, lambda number, _: heard_late.append(number))
    recorder.watch(PhaseStarted, lambda number, _: heard.append(number), first=True)
    recorder.emit(PhaseStarted(0, "trading"))
    assert (heard, heard_late) == ([0, 1], [1, 0])

"""The part of a history that is shown: never without the guilty events, always small; what is left out is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.engine.compare.parting import forked
from harness.engine.report.window import STEPS_MAX, TEXT_CHARACTERS_MAX, Guilt, Window, fit, window
from harness.history.codec import encode_line
from harness.history.events import (
    ActionStarted,
    AnyEvent,
    Barrier,
    Booted,
    FaultBit,
    FaultLifted,
    FaultStruck,
    MessageDropped,
    MessageSent,
    PhaseStarted,
    PowerLost,
    RequestUnanswered,
    ScreenShown,
    SoftwareDied,
    SoftwareLogged,
)
from harness.history.query import HistoryFile
from harness.storage.image import Image
from harness.storage.oplog import Link, Op, Rename, SyncDirectory, SyncFile, SyncVolume, Write
from harness.storage.profiles.story import tell_since

T01, T02 = "T01", "T02"
NINE = 9 * US_PER_HOUR


def _file(path: Path, *events: AnyEvent) -> HistoryFile:
    path.write_bytes(b"".join(map(encode_line, events)))
    return HistoryFile(path)


def _window(
    tmp_path: Path, *events: AnyEvent, guilty: tuple[int, ...], device: str = T01, cause: int | None = None
) -> Window:
    at_us = events[guilty[0]].at_us
    return window(_file(tmp_path / "history.jsonl", *events), Guilt(device, guilty, at_us, at_us, cause))


def _barrier(at_us: int, device: str = T01) -> AnyEvent:
    return Barrier(at_us, device, "data", "fsync", "/data/a", 1)


@pytest.mark.parametrize("guilty", [(1_000,), (0, 2_999), (5, 1_500, 2_990)])
def test_a_long_day_is_cut_to_what_is_near_and_what_must_not_be_missed(tmp_path: Path, guilty: tuple[int, ...]) -> None:
    events: list[AnyEvent] = [_barrier(NINE + at * US_PER_SECOND) for at in range(3_000)]
    events[2_400] = PowerLost(events[2_400].at_us, T01, "far from any guilt")
    found = _window(tmp_path, *events, guilty=guilty)
    numbers = [each.number for each in found.steps]
    assert len(numbers) == STEPS_MAX and found.left_out == 3_000 - STEPS_MAX and numbers == sorted(numbers)
    assert set(guilty) <= set(numbers) and 2_400 in numbers
    assert all(number + 1 in numbers or number + 1 == 3_000 for number in guilty)


def test_no_number_of_power_cuts_drives_a_guilty_event_out(tmp_path: Path) -> None:
    cuts: list[AnyEvent] = [PowerLost(NINE + at, T01, "one of many") for at in range(2_000)]
    cuts[3] = _barrier(NINE + 3)
    found = _window(tmp_path, *cuts, guilty=(3, 1_990))
    assert {3, 1_990} <= {each.number for each in found.steps} and len(found.steps) == STEPS_MAX


def test_the_day_of_the_guilty_event_is_shown_and_a_little_of_others(tmp_path: Path) -> None:
    days = [_barrier(day * US_PER_DAY + NINE + at) for day in range(5) for at in range(300)]
    found = _window(tmp_path, *days, guilty=(700,))
    shown = [each.number for each in found.steps]
    assert shown == list(range(550, 950)) and found.left_out == 1_100
    assert (found.from_us, found.until_us) == (days[550].at_us, days[949].at_us)
    last = _window(tmp_path, *days, guilty=(1_450,))
    assert [each.number for each in last.steps] == list(range(1_100, 1_500)), "there is nothing after it"


def test_of_other_terminals_what_is_near_the_guilt_is_shown_and_of_faults_those_that_touch_it(tmp_path: Path) -> None:
    events: tuple[AnyEvent, ...] = (
        PhaseStarted(0, "trading"),
        FaultStruck(NINE, "partition#1", "partition", (T01,)),
        FaultBit(NINE + 1, "partition#1", "partition", T01, "a message was lost"),
        PowerLost(NINE + 2, T02, "power_loss"),
        _barrier(NINE + 3),
        FaultLifted(NINE + 4, "partition#1", "partition", (T01,)),
        FaultStruck(NINE + 5, "corrupt_file#1", "corrupt_file", (T02,)),
        Booted(NINE + 6, T02, 2),
        _barrier(NINE + 5 * US_PER_HOUR, T02),
    )
    found = _window(tmp_path, *events, guilty=(4,))
    assert [each.number for each in found.steps] == [0, 1, 2, 3, 4, 5, 6, 7] and found.left_out_elsewhere == 1
    assert [each.number for each in found.steps if each.guilty] == [4]
    assert [each.lane for each in found.steps] == [
        "operator", "link", "link", "terminal", "disk", "link", "disk", "terminal",
    ]  # fmt: skip
    assert [each.device for each in found.steps] == ["", T01, T01, T02, T01, T01, T02, T02]
    bands = {each.kind: each for each in found.bands}
    assert (bands["partition"].until_us, bands["partition"].bit, bands["partition"].damage) == (NINE + 4, True, False)
    assert (bands["no_power"].from_us, bands["no_power"].until_us, bands["no_power"].devices) == (
        NINE + 2,
        NINE + 6,
        (T02,),
    )


def test_messages_say_what_became_of_them(tmp_path: Path) -> None:
    events: tuple[AnyEvent, ...] = (
        MessageSent(1, T01, 7, "up", "0200", size_bytes=90),
        MessageSent(2, T01, 8, "up", "0400", altered="mac"),
        MessageDropped(3, T01, 7, "partition"),
    )
    first, second = _window(tmp_path, *events, guilty=(0,)).messages
    assert (first.fate, first.why, first.ended_us, first.size_bytes) == ("dropped", "partition", 3, 90)
    assert (second.fate, second.ended_us, second.altered) == ("", None, "mac")


def test_what_went_wrong_around_the_proof_is_named_and_nothing_else(tmp_path: Path) -> None:
    events: tuple[AnyEvent, ...] = (
        FaultStruck(NINE - 3 * US_PER_HOUR, "partition#1", "partition", (T01,)),  # over long before
        FaultBit(NINE - 3 * US_PER_HOUR, "partition#1", "partition", T01, "a message was lost"),
        FaultLifted(NINE - 2 * US_PER_HOUR, "partition#1", "partition", (T01,)),
        FaultStruck(NINE - 2, "late_reply#1", "late_reply", (T01,)),  # never bit
        FaultStruck(NINE - 1, "half_open#1", "half_open", (T01,)),
        ActionStarted(NINE, T01, 5, "sale", 100),
        MessageSent(NINE + 1, T01, 7, "up", "0200", stan="000001", batch="000001", amount_fen=100),
        FaultBit(NINE + 2, "half_open#1", "half_open", T01, "a message was lost"),
        RequestUnanswered(NINE + 2, T01, 7, "no_reply"),
        RequestUnanswered(NINE + 2, T02, 8, "no_reply"),  # another terminal's
        MessageDropped(NINE + 3, T01, 99, "half_open"),  # another customer's
        ScreenShown(NINE + 4, T01, 5, "declined", "", 100, "000001", "000001"),
        PowerLost(NINE + 5, T01, "power_loss"),
    )
    found = _window(tmp_path, *events, guilty=(6, 11))
    assert found.around == [4, 8, 12]
    (message,) = [each for each in found.messages if each.number == 7]
    assert message.unanswered == "no_reply"
    lanes = {each.number: each.lane for each in found.steps}
    assert (lanes[8], lanes[12], lanes[1]) == ("host", "terminal", "link"), "who did not answer is the host"
    assert _window(tmp_path, *events, guilty=(6, 8)).around == [4, 12], "proof is no cause"
    assert _window(tmp_path, *events, guilty=(6, 8), cause=8).around == [4, 12]
    # What is blamed is among them, however long before, and is shown.
    assert _window(tmp_path, *events, guilty=(6, 11), cause=0).around == [0, 4, 8, 12]


def test_of_much_that_went_wrong_the_nearest_of_each_kind_comes_first(tmp_path: Path) -> None:
    died = SoftwareDied(NINE, T01, "exception", "ValueError")
    cuts = [PowerLost(NINE + at, T01, "power_loss") for at in range(1, 9)]
    screen = ScreenShown(NINE + 9, T01, 5, "declined", "")
    assert _window(tmp_path, died, *cuts, screen, guilty=(9,)).around == [0, 4, 5, 6, 7, 8]


def test_what_is_blamed_is_shown_however_many_days_and_events_lie_between(tmp_path: Path) -> None:
    struck = FaultStruck(NINE, "corrupt_file#1", "corrupt_file", (T01,))
    days: list[AnyEvent] = [_barrier(day * US_PER_DAY + NINE + 1 + at) for day in range(5) for at in range(300)]
    found = _window(tmp_path, struck, *days, guilty=(1_400,), cause=0)
    assert found.around == [0] and found.steps[0].number == 0 and len(found.steps) == STEPS_MAX
    assert _window(tmp_path, struck, *days, guilty=(1_400,)).around == []


def test_texts_are_masked_before_they_are_cut_and_the_cut_is_counted(tmp_path: Path) -> None:
    long = "x" * (TEXT_CHARACTERS_MAX - 8) + "4111111111111111" + "y" * 10_000_000
    text, cut = fit(long)
    assert len(text) == TEXT_CHARACTERS_MAX and cut == len(long) - TEXT_CHARACTERS_MAX
    assert "41111111" not in text
    (step,) = _window(tmp_path, SoftwareLogged(1, T01, long), guilty=(0,)).steps
    assert len(step.text) <= TEXT_CHARACTERS_MAX and step.cut > 10_000_000
    assert fit("card 4111111111111111")[0] == "card 411111******1111"


# ---------------------------------------------------------------- what pages stand on


def test_two_histories_part_at_the_first_thing_that_could_be_noticed(tmp_path: Path) -> None:
    def screen(at_us: int, kind: str, device: str = T01) -> AnyEvent:
        return ScreenShown(at_us, device, None, kind, "")

    one = _file(
        tmp_path / "one", screen(1, "idle"), _barrier(2), screen(3, "approved"), screen(4, "idle"), screen(5, "error")
    )
    other = _file(
        tmp_path / "other", screen(9, "idle"), screen(9, "idle", T02), screen(10, "declined"), screen(11, "idle")
    )
    found = forked(one.path, other.path, T01, 2)
    assert found is not None and found.same == 1
    assert [number for number, _ in found.one] == [2, 3] and [number for number, _ in found.other] == [2, 3]
    assert forked(one.path, one.path, T01, 2) is None
    shorter = _file(tmp_path / "shorter", screen(1, "idle"))
    found = forked(shorter.path, one.path, T01, 9)
    assert found is not None and (found.one, len(found.other)) == ((), 3)


def test_what_was_done_to_a_volume_is_told_from_any_place_of_its_log_with_the_names_of_then() -> None:
    log: list[Op] = [
        Link(1, "a.new", 2, 0o100644), Write(2, 0, b"12345", 0), SyncFile(2), Rename(1, "a.new", 1, "a", 2, None),
        SyncDirectory(1), SyncVolume(written_back=True), Write(2, 5, b"6", 5),
    ]  # fmt: skip
    told = tell_since(Image(), log, 0)
    assert told == (
        "the creation of /a.new", "the append of 5 bytes at 0 in /a.new", "fsync of /a.new", "the rename of /a.new to /a",
        "fsync of the directory /", "the append of 1 bytes at 5 in /a",
    )  # fmt: skip
    for start in range(len(log)):
        assert tell_since(Image(), log, start) == told[min(start, 5) if start < 6 else 5 :]

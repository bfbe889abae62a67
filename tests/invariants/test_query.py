"""Reading a history: indexes, filters, and the story of a finding."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.history.codec import encode_line
from harness.history.events import (
    AnyEvent,
    Barrier,
    FaultBit,
    FaultStruck,
    MessageDelivered,
    PowerLost,
    ScreenShown,
)
from harness.history.query import HistoryFile, Index, of_device, of_kind, story
from harness.invariants.casebook import T01, arrives, at, closes, down, ledger, paid_sale, phase, screen, timed, up


@dataclass(frozen=True)
class Guilty:
    device: str
    events: tuple[int, ...]
    evident_us: int = 0


def history() -> list[tuple[int, AnyEvent]]:
    """Three sales; the second is reversed after it was shown. Another terminal trades beside it."""
    first, second, third = paid_sale(1), list(paid_sale(2)), paid_sale(3)
    second[3:3] = (up(21, stan="000002", token="2"), arrives(21))
    second[6:6] = (down(22, stan="000002"), arrives(22))
    events = (
        at(1, FaultStruck(0, "old#1", "power_loss", (T01,))),
        at(9000, phase("trading")),
        *first,
        FaultStruck(0, "cut#1", "power_loss", (T01, "T02")),
        FaultStruck(0, "other#1", "power_loss", ("T02",)),
        *second,
        ScreenShown(0, "T02", 2, "approved", "APPROVED"),
        PowerLost(0, T01, "cut#1"),
        FaultBit(0, "cut#1", "power_loss", T01, "two writes lost"),
        PowerLost(0, "T02", "cut#1"),
        ledger(2, "REVERSED", "APPROVED", token="2", stan="000002"),
        at(20000, phase("recovery")),
        *third,
        *closes(1, 3),
    )
    return list(enumerate(timed(events)))


def _guilty(events: list[tuple[int, AnyEvent]]) -> Guilty:
    shown = next(n for n, e in events if isinstance(e, ScreenShown) and e.action == 2 and e.device == T01)
    reversed_at = next(n for n, e in events if getattr(e, "state", "") == "REVERSED")
    return Guilty(T01, (shown, reversed_at))


def test_story_has_the_sale_its_messages_and_the_fault_and_nothing_else() -> None:
    events = history()
    told = story(events, _guilty(events))
    kinds = [type(event).__name__ for _, event in told]
    assert kinds == [
        "FaultStruck", "IntentOpened", "ActionStarted", "Presented", "MessageSent", "MessageDelivered", "LedgerChanged",
        "MessageSent", "MessageDelivered", "ScreenShown", "ActionEnded", "IntentClosed", "PowerLost", "FaultBit",
        "LedgerChanged",
    ]  # fmt: skip
    assert {getattr(event, "device", T01) for _, event in told} == {T01}
    assert all(getattr(event, "action", 2) == 2 for _, event in told)
    assert "old#1" not in {getattr(event, "fault", "") for _, event in told}


def test_story_from_a_file_is_the_same(tmp_path: Path) -> None:
    events = history()
    path = tmp_path / "history.jsonl"
    path.write_bytes(b"".join(encode_line(event) for _, event in events))
    assert story(HistoryFile(path), _guilty(events)) == story(events, _guilty(events))


@settings(deadline=None)
@given(st.integers(2, 15))
def test_a_short_story_keeps_the_guilty_and_the_order(limit: int) -> None:
    events = history()
    guilty = _guilty(events)
    told = [number for number, _ in story(events, guilty, limit)]
    assert len(told) == min(limit, 15)
    assert set(guilty.events) <= set(told)
    assert told == sorted(told)


def test_settlement_of_the_entry_belongs_to_its_story() -> None:
    events = list(enumerate(timed((*paid_sale(), *paid_sale(2), *closes(1)))))
    told = [type(event).__name__ for _, event in story(events, Guilty(T01, (4,)))]
    assert told[-2:] == ["LedgerChanged", "BatchSettled"]
    assert told.count("ScreenShown") == 1


def test_storage_noise_is_left_out() -> None:
    noise = [Barrier(0, T01, "data", "fsync", f"/data/{n}", n) for n in range(50)]
    events = list(enumerate(timed((*paid_sale()[:4], *noise, screen(), *paid_sale(2)))))
    assert len(story(events, Guilty(T01, (3, 54)))) == 5


def test_index_and_filters() -> None:
    events = history()
    index = Index.of(events)
    assert len(index.events) == len(events)
    assert index.by_device["T02"] == [n for n, e in events if getattr(e, "device", "") == "T02"]
    assert [type(index.events[n]) for n in index.by_message[22]][-1] is MessageDelivered
    assert all(getattr(index.events[n], "action", None) == 2 for n in index.by_action[T01, 2])
    faults = [e.fault for _, e in of_device(events, "T02") if isinstance(e, FaultStruck)]
    assert faults == ["cut#1", "other#1"]
    assert [e.device for _, e in of_kind(events, PowerLost)] == [T01, "T02"]


def test_the_power_cut_between_the_promise_and_its_loss_is_in_the_story() -> None:
    shown, later = casebook_minute(1), casebook_minute(300)
    events: list[tuple[int, AnyEvent]] = list(
        enumerate(
            [
                ScreenShown(shown, T01, 1, "approved", "", 100, "000001", "000001"),
                PowerLost(casebook_minute(120), T01, "power_loss"),
                PowerLost(casebook_minute(400), T01, "power_loss"),
            ]
        )
    )
    told = [number for number, _ in story(events, Guilty(T01, (0,), evident_us=later))]
    assert told == [0, 1]
    assert [number for number, _ in story(events, Guilty(T01, (0,)))] == [0]


def casebook_minute(minute: int) -> int:
    return minute * 60_000_000

"""Where two histories part: times and the order of terminals do not count, what somebody sees does."""

from __future__ import annotations

from pathlib import Path

from harness.engine.compare.parting import Parting, parting
from harness.history.codec import encode_line
from harness.history.events import ActionEnded, Barrier, Event, MemorySampled, ScreenShown


def _parting(tmp_path: Path, one: list[Event], other: list[Event]) -> Parting | None:
    for name, events in (("one", one), ("other", other)):
        (tmp_path / name).write_bytes(b"".join(map(encode_line, events)))
    return parting(tmp_path / "one", tmp_path / "other")


def _shown(at_us: int, device: str, kind: str = "approved") -> ScreenShown:
    return ScreenShown(at_us, device, 1, kind, f"at {at_us}", 500, "000001")


def test_times_and_the_order_of_terminals_do_not_count(tmp_path: Path) -> None:
    one = [_shown(10, "T01"), _shown(11, "T02")]
    other = [
        _shown(12, "T02"),
        MemorySampled(13, "T01", 1, 2, 3, 4),
        Barrier(13, "T01", "data", "fsync", "/a", 1),
        _shown(14, "T01"),
    ]
    assert _parting(tmp_path, one, other) is None


def test_of_all_terminals_the_first_difference_is_told(tmp_path: Path) -> None:
    one = [_shown(10, "T01"), _shown(20, "T02"), _shown(30, "T01")]
    other = [_shown(10, "T01"), _shown(21, "T02", "declined"), _shown(30, "T01", "declined")]
    found = _parting(tmp_path, one, other)
    assert found is not None
    assert (found.device, found.at_us) == ("T02", 20)
    assert "approved" in found.one and "declined" in found.other


def test_one_that_ends_earlier_is_different_on_either_side(tmp_path: Path) -> None:
    longer: list[Event] = [_shown(10, "T01"), ActionEnded(12, "T01", 1, "approved")]
    for one, other in ((longer, longer[:1]), (longer[:1], longer)):
        found = _parting(tmp_path, one, other)
        assert found is not None and found.at_us == 12
        assert {"nothing more on this terminal"} < {found.one, found.other}
    found = _parting(tmp_path, [], longer)
    assert found is not None and found.at_us == 10

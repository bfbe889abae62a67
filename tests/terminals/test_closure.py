"""A maintenance window: announced, it is waited for; unannounced, it is run into."""

from collections import Counter

import pytest

from harness.history.codec import read_history
from harness.history.events import ActionEnded
from harness.iso8583.closure import Closure63
from tests.engine.small_runs import run, small, told

WINDOW = """
sales_per_day: 40
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - {type: maintenance, notice: 5 min, closed: 25 min, announced: ANNOUNCED, at: {day: 1, time: "09:10"}, lift_after: 30 min}
"""


def ends(announced, directory):
    verdict = run(small(WINDOW.replace("ANNOUNCED", announced)), "reference", 1, directory)
    assert verdict.status == "pass", told(verdict)
    events = (event for _, event in read_history(directory / "history.jsonl"))
    return Counter(event.outcome for event in events if isinstance(event, ActionEnded))


def test_who_waits_for_an_announced_window_fails_less(tmp_path):
    waits, runs_into_it = ends("true", tmp_path / "waits"), ends("false", tmp_path / "runs")
    failed = runs_into_it["declined"] + runs_into_it["unknown"]
    assert waits["declined"] + waits["unknown"] < failed // 2
    assert waits["refused"] > 5


@pytest.mark.parametrize(
    ("text", "clock", "ahead"),
    [
        ("CLOSED|1500|1630", "143000", (1800, 7200)),
        ("CLOSED|1500|1630", "160000", (0, 1800)),
        ("CLOSED|2330|0030", "235900", (0, 1860)),
        ("CLOSED|2330|0030", "220000", (5400, 9000)),
        ("CLOSED|1500|1630", "nonsense", (0, 0)),
    ],
)
def test_an_announcement_is_read_by_the_acquirers_own_time(text, clock, ahead):
    closure = Closure63.parse(text)
    assert closure is not None and str(closure) == text
    assert closure.ahead_s(clock) == ahead


@pytest.mark.parametrize("text", ["", "CLOSED|2500|1630", "CLOSED|1500", "*1234|T+1", "CLOSED|1500|1630|"])
def test_what_is_no_announcement_closes_nothing(text):
    assert Closure63.parse(text) is None

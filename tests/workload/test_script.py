"""Scripted actions: who is written down comes, at that time, for that, and nobody else; each kind of action has its effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.units import US_PER_MINUTE, clock_text
from harness.history.codec import decode_line
from harness.history.events import ActionStarted, Event, IntentOpened, OperatorDid, PowerLost, Presented
from harness.workload.script import Scripted, steps_of_day
from tests.engine.small_runs import run, small

SCRIPT = """
actions:
  - {do: restart, time: "09:20:01"}
  - {do: sale, time: "09:05", amount_fen: 1250, times: 3, every: 90 s}
  - {do: void, time: "09:12"}
  - {do: settle, time: "09:30"}
  - {do: clear_cache, time: "09:33"}
  - {do: sale, time: "09:35", amount_fen: 100, card: 3, times: 2, every: 2 min}
  - {do: refund, time: "09:41"}
  - {do: pull_plug, time: "09:45"}
  - {do: reprint, time: "09:50"}
"""
DESK = """
merchants: hotel
actions:
  - {do: preauth, time: "09:05", amount_fen: 50000, times: 3, every: 2 min}
  - {do: completion, time: "09:30", amount_fen: 42000}
  - {do: preauth_void, time: "09:35"}
  - {do: completion, time: "09:40"}
  - {do: completion, time: "09:45"}
"""


def events_of(text: str, out: Path) -> list[Event]:
    verdict = run(small(text), "reference", out=out)
    assert verdict.status == "pass", verdict
    return [decode_line(line) for line in (out / "history.jsonl").read_bytes().splitlines(keepends=True)]


def trading(events: list[Event]) -> Iterator[Event]:
    return (event for event in events if event.at_us < 10 * 60 * US_PER_MINUTE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return events_of(SCRIPT, tmp_path_factory.mktemp("shop"))


def test_who_is_written_down_comes_at_that_time_for_that_amount_and_nobody_else(shop: list[Event]) -> None:
    opened = [
        (clock_text(each.at_us), each.kind, each.amount_fen) for each in trading(shop) if isinstance(each, IntentOpened)
    ]
    assert opened == [
        ("day 1 09:05:00.000", "sale", 1250),
        ("day 1 09:06:30.000", "sale", 1250),
        ("day 1 09:08:00.000", "sale", 1250),
        ("day 1 09:12:00.000", "void", 1250),
        ("day 1 09:35:00.000", "sale", 100),
        ("day 1 09:37:00.000", "sale", 100),
        ("day 1 09:41:00.000", "refund", 1250),
    ]


def test_operators_do_what_is_written_down_beside_what_habits_have_them_do(shop: list[Event]) -> None:
    done = [(each.kind, clock_text(each.at_us)[6:11]) for each in trading(shop) if isinstance(each, ActionStarted)]
    kinds = ("sign_on", "settle", "clear_cache", "reprint")
    assert [each for each in done if each[0] in kinds] == [
        ("sign_on", "08:58"), ("settle", "09:30"), ("clear_cache", "09:33"), ("reprint", "09:50"),
    ]  # fmt: skip
    said = [(each.what, clock_text(each.at_us)[6:14]) for each in trading(shop) if isinstance(each, OperatorDid)]
    assert said == [
        ("restarted the terminal", "09:20:01"),
        ("pulled the plug: as the script says", "09:45:00"),
        ("plugged it in", "09:45:30"),
    ]
    assert [clock_text(each.at_us)[6:14] for each in trading(shop) if isinstance(each, PowerLost)] == ["09:45:00"]


def test_a_numbered_card_is_the_same_card_and_others_differ(tmp_path: Path) -> None:
    # The terminal that logs card numbers in the clear is a mutant; here the cards themselves are compared.
    script = tuple(small(SCRIPT).actions or ())
    choices = [step.visit(0, 0).card_choice for step in steps_of_day(script, "T01", 0) if step.action.do == "sale"]
    assert choices[3] == choices[4] and len(set(choices)) == 4


def test_guests_check_in_and_out_as_written_down_and_who_is_not_there_is_told(tmp_path: Path) -> None:
    events = events_of(DESK, tmp_path)
    opened = [(each.kind, each.amount_fen, each.held_fen) for each in trading(events) if isinstance(each, IntentOpened)]
    assert opened == [
        ("preauth", 50_000, None), ("preauth", 50_000, None), ("preauth", 50_000, None),
        ("completion", 42_000, 50_000), ("preauth_void", 50_000, 50_000), ("completion", 50_000, 50_000),
    ]  # fmt: skip
    assert [each.what for each in events if isinstance(each, OperatorDid)] == ["had no guest for a completion"]


def test_a_script_of_nothing_brings_nobody(tmp_path: Path) -> None:
    verdict = run(small("actions: []"), "reference", out=tmp_path)
    assert verdict.status == "inconclusive" and verdict.sales.asked == 0
    events = [decode_line(line) for line in (tmp_path / "history.jsonl").read_bytes().splitlines(keepends=True)]
    assert not [each for each in trading(events) if isinstance(each, Presented)]


def test_steps_are_numbered_in_the_order_of_their_times_whoever_else_is_in_the_script() -> None:
    here = (Scripted("settle", 300), Scripted("sale", 100, times=3, every_us=100))
    steps = steps_of_day((*here, Scripted("sale", 1, terminal="T02"), Scripted("sale", 2, day=2)), "T01", 0)
    assert [(step.number, step.at_us, step.action.do) for step in steps] == [
        (0, 100, "sale"), (1, 200, "sale"), (2, 300, "settle"), (3, 300, "sale"),
    ]  # fmt: skip


def test_who_comes_pays_as_is_written_and_undoes_the_last_slip() -> None:
    script = (
        Scripted("sale", 1, amount_fen=250, pays_by="code"), Scripted("sale", 2), Scripted("void", 3), Scripted("refund", 4),
    )  # fmt: skip
    visits = [step.visit(0, 0) for step in steps_of_day(script, "T01", 0)]
    assert [(each.kind, each.amount_fen, each.pays_by_code) for each in visits] == [
        ("sale", 250, True), ("sale", 1_000, False), ("void", 1_000, False), ("refund", 1_000, False),
    ]  # fmt: skip
    # Of however many slips there are the last one.
    assert all(int(each.card_choice * 8_000) == 7_999 for each in visits[2:])


@pytest.mark.parametrize(
    "values", [{"times": 0}, {"day": 0}, {"amount_fen": 0}, {"amount_fen": 10**12}, {"card": 1_000}]
)
def test_what_makes_no_sense_is_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|counted from 1|1 to 999999999999|0 to 999"):
        Scripted("sale", 0, **values)


def test_a_habit_still_governs_what_a_scripted_customer_does_next(tmp_path: Path) -> None:
    text = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, buys_again: 100%}
actions: [{do: sale, time: "09:05"}]
"""
    assert run(small(text), "reference").sales.asked == 2


def test_a_usage_error_names_the_key() -> None:
    with pytest.raises(UsageError, match="expected either actions or sales_per_day"):
        small("sales_per_day: 3\nactions: []")

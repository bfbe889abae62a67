"""The console report hides nothing: every verdict is read back from its text, line by line."""

from __future__ import annotations

import re

import msgspec
import pytest

from harness.engine.verdict import FaultView, FindingView, MeasureView, NotChecked, Sales, Status, Verdict
from harness.reporters.console import render

VERDICT = Verdict(
    status="pass",
    scenario="small",
    terminal="reference",
    seed=7,
    terminals=2,
    days=1,
    findings=(),
    inconclusive_because=(),
    checked=("1 no_lost_approval", "31 no_silent_charge"),
    not_checked=(),
    faults=(),
    sales=Sales(1200, 1000, 990),
    events=12_345,
    history_sha256="0123456789abcdef" * 4,
    replay="harness run small --terminal reference --seed 7",
)


def finding(number: int, device: str, money_fen: int = 0, story: tuple[str, ...] = ()) -> FindingView:
    return FindingView(number, f"invariant_{number}", device, 5, f"{device} broke {number}.", money_fen, story=story)


def text_of(**changes: object) -> str:
    return render(msgspec.structs.replace(VERDICT, **changes))


def line_with(text: str, words: str) -> str:
    """The one line that has ``words``."""
    found = [line for line in text.splitlines() if words in line]
    assert len(found) == 1, (words, text)
    return found[0]


@pytest.mark.parametrize("status", ["pass", "fail", "inconclusive"])
def test_the_status_is_said_once_and_no_other(status: Status) -> None:
    said = text_of(status=status)
    words = [word for line in said.splitlines() for word in re.findall(r"^(PASS|FAIL|INCONCLUSIVE)\b", line)]
    assert words == [status.upper()]


def test_every_reason_for_being_inconclusive_is_told() -> None:
    said = text_of(
        status="inconclusive", inconclusive_because=("fault 'cut' never struck", "probe 'x' was never reached")
    )
    line_with(said, "because fault 'cut' never struck")
    line_with(said, "because probe 'x' was never reached")


def test_findings_are_grouped_with_all_their_devices_and_all_their_money() -> None:
    said = text_of(
        status="fail",
        findings=(
            finding(1, "T01", 1_234, ("> the sale", "  the power cut")),
            finding(31, "T02"),
            finding(1, "T03", 100_000),
            finding(1, "T01", 66),
        ),
    )
    assert line_with(said, "invariant 1 ").endswith("3 findings on T01, T03, 1,013.00 yuan at stake")
    assert line_with(said, "invariant 31 ").endswith("1 finding on T02")
    for words in ("T01 broke 1.", "T02 broke 31.", "> the sale", "the power cut"):
        line_with(said, words)


def test_findings_on_many_devices_say_how_many() -> None:
    said = text_of(status="fail", findings=tuple(finding(1, f"T{place:02d}") for place in range(1, 8)))
    assert line_with(said, "invariant 1 ").endswith("7 findings on T01, T02, T03, T04 and 3 more")


def test_five_kinds_of_finding_are_shown_and_the_rest_is_counted() -> None:
    five = tuple(finding(number, "T01") for number in range(1, 6))
    for number in range(1, 6):
        line_with(text_of(status="fail", findings=five), f"invariant {number} ")
    assert "more kind" not in text_of(status="fail", findings=five)
    assert "... and 1 more kind of finding" in text_of(status="fail", findings=(*five, finding(6, "T01")))
    assert "... and 2 more kinds" in text_of(status="fail", findings=(*five, finding(6, "T01"), finding(7, "T01")))


def test_faults_show_strikes_and_bites() -> None:
    said = text_of(faults=(FaultView("cut", "power_loss", "power", 14, 3), FaultView("idle", "crash", "power", 2, 0)))
    assert line_with(said, " cut ").split() == ["cut", "14", "3", "power"]
    assert line_with(said, " idle ").split() == ["idle", "2", "0", "power"]


def test_sales_and_history_are_told() -> None:
    said = text_of()
    assert "1,200 asked, 1,000 feasible, 990 accepted (99.0 % of the feasible)" in line_with(said, "sales")
    assert line_with(said, "checked   ").split(maxsplit=1)[1] == "1 no_lost_approval, 31 no_silent_charge"
    assert "12,345 events, sha256 0123456789abcdef" in line_with(said, "history")
    assert said.splitlines()[-1] == "replay: harness run small --terminal reference --seed 7"


def test_a_run_that_checked_nothing_says_so() -> None:
    assert line_with(text_of(checked=()), "checked   ").split() == ["checked", "nothing"]


def test_what_was_not_checked_is_told_with_reason_names_and_devices() -> None:
    said = text_of(
        not_checked=(
            NotChecked(15, "settlement_frees_space", "it was never full"),
            NotChecked(8, "stan_unique", "it was never full"),
            NotChecked(2, "no_silent_charge", "T02: unsurvivable: the host forgot"),
            NotChecked(2, "no_silent_charge", "T01: unsurvivable: the host forgot"),
        )
    )
    assert line_with(said, "it was never full").strip() == "settlement_frees_space, stan_unique: it was never full"
    assert line_with(said, "the host forgot").strip() == "no_silent_charge on T01, T02: unsurvivable: the host forgot"


def test_a_replay_that_went_another_way_is_told() -> None:
    assert "diverged" not in text_of()
    assert "1 pinned decision missing" in line_with(text_of(diverged=1), "diverged")
    assert "3 pinned decisions missing" in line_with(text_of(diverged=3), "diverged")


def test_a_missed_threshold_stands_above_and_beside_its_measure() -> None:
    views = (
        MeasureView("availability_percent", 97.25, "at least", 99.0, True),
        MeasureView("value_at_risk_yuan", 1_234_567.5),
        MeasureView("late_payouts", 0.0, "at most", 0.0),
    )
    text = text_of(status="fail", measures=views)
    assert "threshold missed: availability_percent is 97.25, at least 99 was asked for" in text
    assert text.count("threshold missed") == 1
    assert "97.25  (at least 99)" in line_with(text, "  availability_percent ")
    assert "1,234,567.5" in line_with(text, "value_at_risk_yuan")


def test_a_finding_that_may_only_follow_from_another_says_of_which() -> None:
    follower = msgspec.structs.replace(finding(24, "T02"), follows=1)
    said = text_of(status="fail", findings=(finding(1, "T02"), follower))
    assert line_with(said, "consequence") == (
        "  Nothing else went wrong near it: it may be a consequence of invariant 1 on T02."
    )
    assert said.index("T02 broke 24.") < said.index("consequence"), "it stands under the finding that follows"

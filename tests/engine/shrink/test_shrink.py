"""Shrinking: the same finding from a small file that stands for itself; nothing else is ever taken for it."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import ExitCode, HarnessError, UsageError
from harness.core.units import US_PER_DAY, US_PER_MINUTE
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.shrink import edits, shrink
from harness.engine.shrink.mutants import shrink_mutant
from harness.engine.shrink.page import page_of
from harness.engine.shrink.script import Seen, alone, seen_at, templates
from harness.engine.shrink.shrink import Interrupted, Shrinker
from harness.engine.shrink.size import size_of
from harness.engine.shrink.trials import Stopped, Trials, Which, findings_of, rows_of
from harness.history.codec import read_history
from harness.reporters.shrink import render
from harness.results.model import FindingRow
from harness.scenario.brief import brief_text
from harness.scenario.find import names
from harness.scenario.load import load_file, load_scenario, load_text
from harness.scenario.plan import Plan
from harness.scenario.problems import ScenarioErrors
from harness.terminals.assays import ASSAYS, CUTS_IN_RUNS, Assay, is_shipped
from harness.terminals.small_scenarios import hour
from tests.engine.small_runs import run, small

LOST = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
sales_per_day: 12
faults:
  - {type: host_silent, at: {action: sale, occurrence: 3}}
  - {type: clock_jump, jump: 5 min, at: {day: 1, time: "09:40"}}
"""
SAMPLE = (
    "stan_in_ram", "batch_stays", "void_again", "completes_twice", "torn_parsed", "order_number_reused", "leak",
    "migration_drops_doubt", "purged_by_age", "sells_while_settling",
)  # fmt: skip
"""Of many kinds: no fault, power, habits, a hotel, codes, memory, updates, clocks."""


def request_of(place: Path, text: str = LOST, terminal: str = "silent_charge") -> RunRequest:
    (place / "case.yaml").write_text(hour(text))
    return RunRequest(scenario=str(place / "case.yaml"), terminal=terminal)


def test_a_case_becomes_one_fault_and_one_action_and_stands_for_itself(tmp_path: Path) -> None:
    out = tmp_path / "small" / "case.yaml"
    shrunk = shrink(request_of(tmp_path), None, budget_s=90, out=out)
    assert (shrunk.after.faults, shrunk.after.actions, shrunk.after.repeats) == (1, 1, 1)
    text = out.read_text()
    assert text.startswith(f"# Invariant {shrunk.finding.invariant} {shrunk.finding.name} after host_silent: T01 ")
    assert f"# Run it: {shrunk.replay}" in text and shrunk.replay == f"harness run {out}"
    alone_again = RunRequest(scenario=str(out))
    assert shrunk.signature in findings_of(alone_again, launch(alone_again))
    # Shrunk once more there is nothing left to do.
    again = shrink(alone_again, shrunk.signature, budget_s=60, out=tmp_path / "again.yaml")
    assert again.after == again.before == shrunk.after and not again.stopped
    assert render(again).splitlines()[-3].startswith("no smaller scenario: everything was tried, in ")
    assert "smaller" not in render(shrunk)


def test_another_finding_is_not_taken_for_the_one_that_was_asked_for(tmp_path: Path) -> None:
    request = request_of(tmp_path)
    found = findings_of(request, launch(request))
    assert len(found) > 1
    last = list(found.values())[-1]
    shrunk = shrink(request, last.signature, budget_s=4, out=tmp_path / "case.small.yaml")
    assert shrunk.signature == last.signature and shrunk.finding.invariant == last.invariant
    # The same run, which shows all of these, is no case of anything else.
    trials = Trials(request, Which("00000000"), tmp_path, 1, time.monotonic() + 60)
    try:
        assert trials.first([load_file(Path(request.scenario))]) is None
    finally:
        trials.close()


TWO_DEFECTS = """
terminals: 2
sales_per_day: 12
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - {type: host_silent, devices: [T01], at: {action: sale, occurrence: 3}}
  - {type: half_open, devices: [T02], lift_after: 1 min, at: {action: sale, occurrence: 3}}
"""


def test_of_two_defects_in_the_same_words_the_one_that_was_asked_for_is_kept_with_its_fault(tmp_path: Path) -> None:
    request = request_of(tmp_path, TWO_DEFECTS)
    verdict = launch(request)
    alike = [each for each in rows_of(request, verdict) if each.invariant == 5]
    assert [(each.device, each.fault) for each in alike] == [("T01", "host_silent"), ("T02", "half_open")]
    same, (first, second) = alike[0].signature, alike
    assert second.signature == same and findings_of(request, verdict)[same] == first
    for which, meant in (
        (Which(same), first),
        (Which(same, "half_open"), second),
        (Which(same, device="T02"), second),
        (Which(same, device="T02", at_us=second.at_us), second),
        (Which(same, device="T02", at_us=7), second),  # of a bundle, whose software is another one now
        (Which(same, device="T03", at_us=7), first),
        (Which(same, "half_open", device="T01", at_us=first.at_us), second),
        (Which(same, device="T03"), None),
        (Which(same, "power_loss"), None),
    ):
        assert which.of(request, verdict) == meant, which
    with pytest.raises(
        UsageError,
        match=rf"no finding of signature {same} after power_loss; it shows\n(?s:.*) after half_open, on T02: ",
    ):
        shrink(request, same, which=Which(fault="power_loss"), budget_s=20, out=tmp_path / "x.yaml")
    out = tmp_path / "small.yaml"

    def first_step(_what: str, _runs: int) -> None:
        raise KeyboardInterrupt

    shrunk = shrink(request, same, which=Which(device="T02"), budget_s=60, out=out, on_step=first_step)
    assert (shrunk.finding.fault, shrunk.after.terminals, shrunk.after.faults) == ("half_open", 1, 1)
    assert [each.fault.kind for each in load_file(out).faults] == ["half_open"]
    assert out.read_text().startswith("# Invariant 5 reversal_removed after half_open: T01 ")
    assert " reversal_removed after half_open: " in render(shrunk)
    stuck = " ".join(render(replace(shrunk, steps=(), stopped="")).split())
    assert "everything was tried" in stuck and "nothing smaller shows this finding after half_open again:" in stuck


def test_what_a_missing_answer_shows_is_kept_with_one_sale_at_a_host_that_answers_less(tmp_path: Path) -> None:
    text = hour("terminals: 3\nsales_per_day: 12").replace("no_reply: 0%", "no_reply: 2%")
    (tmp_path / "case.yaml").write_text(text)
    request = RunRequest(scenario=str(tmp_path / "case.yaml"), terminal="silent_charge", seed=3)
    steps: list[str] = []

    def until_it_answers_less(what: str, _runs: int) -> None:
        steps.append(what)
        if what == "a host that answers less":
            raise KeyboardInterrupt

    shrunk = shrink(request, None, budget_s=60, out=tmp_path / "small.yaml", on_step=until_it_answers_less)
    assert shrunk.finding.fault == "host.no_reply" and steps[-1] == "a host that answers less"
    plan = load_file(tmp_path / "small.yaml")
    assert (plan.terminals, plan.faults, plan.host.no_reply_percent) == (1, (), 50.0)


def test_of_candidates_the_first_that_shows_the_very_finding_is_taken(tmp_path: Path) -> None:
    another = replace(small("actions: []"), software="batch_stays")
    lost = replace(small(LOST), software="silent_charge")
    request = request_of(tmp_path)
    wanted = next(iter(findings_of(request, launch(request))))
    trials = Trials(RunRequest(""), Which(wanted), tmp_path, 2, time.monotonic() + 300)
    # The first is run beside the others, and finds something else; the third is as good as the second, and later.
    assert trials.first([another, lost, replace(lost, seed=2)]) == lost
    runs = trials.runs
    assert trials.first([another]) is None and trials.runs == runs
    trials.deadline_s = 0.0
    with pytest.raises(Stopped, match="the budget was over"):
        trials.first([replace(lost, seed=3)])
    trials.close()
    assert [each.name for each in tmp_path.iterdir()] == ["case.yaml"]


def test_a_budget_that_is_over_leaves_a_case_that_was_run(tmp_path: Path) -> None:
    # However fast the machine: its first step takes all the time there is.
    shrunk = shrink(
        request_of(tmp_path), None, budget_s=3, out=tmp_path / "small.yaml", on_step=lambda *_: time.sleep(3)
    )
    assert shrunk.stopped == "the budget was over" and shrunk.after <= shrunk.before
    some, none = (render(replace(shrunk, steps=each, runs=3, wall_s=20.1)).split("\n\n") for each in ((("x", 1),), ()))
    over = "the budget was over before everything was tried"
    assert some[1] == f"{over}: it may become smaller still; --budget gives more time"
    assert " ".join(none[1].split()) == (
        f"no smaller scenario was found in 3 runs, 20 s: {over}; --budget gives more time"
    )
    assert none[2] == f"again: {shrunk.replay}\n"
    request = RunRequest(scenario=str(tmp_path / "small.yaml"))
    assert shrunk.signature in findings_of(request, launch(request))


LONG = LOST.replace("sales_per_day: 12", "sales_per_day: 2000\nterminals: 3\ndays: {count: 30}")


def test_a_run_that_is_longer_than_the_budget_ends_with_it_and_nothing_is_written(tmp_path: Path) -> None:
    request, out = request_of(tmp_path, LONG), tmp_path / "small.yaml"
    begun_s = time.monotonic()
    with pytest.raises(UsageError, match=r"the budget of 1 s was over before the run had ended once; give a larger"):
        shrink(request, None, budget_s=1, out=out)
    threading.Timer(0.8, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(Interrupted, match="interrupted before the run had ended once; nothing is written") as told:
        shrink(request, None, budget_s=60, out=out)
    assert time.monotonic() - begun_s < 20 and not out.exists() and told.value.exit_code == ExitCode.INCONCLUSIVE


def test_the_search_ends_while_there_is_time_to_run_what_is_kept(tmp_path: Path) -> None:
    trials = Trials(request_of(tmp_path), Which(), tmp_path, 1, time.monotonic() + 60)
    shrinker = Shrinker(trials, load_file(tmp_path / "case.yaml"), lambda *_: None)
    most_s = shrinker._began_s + 0.9 * (shrinker._ends_s - shrinker._began_s)
    assert abs(trials.deadline_s - most_s) < 0.01  # a tenth is more than the run takes
    shrinker._leave_time_for(25.0)
    assert abs(trials.deadline_s - (shrinker._ends_s - 25.0)) < 0.01
    plan = replace(shrinker.plan, seed=7)
    trials.first([plan])
    trials._took_s[brief_text(plan)] = 10.0
    shrinker._take("a small seed", plan)  # from now on two runs of it
    assert abs(trials.deadline_s - (shrinker._ends_s - 20.0)) < 0.01
    trials.close()


STORE = """
acceptance: 50%
terminals: 5
days: {count: 3, open: "09:00", close: "10:00"}
sales_per_day: 6
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - {type: host_silent, devices: [T04], at: {day: 2, action: sale, occurrence: 2}}
  - {type: clock_jump, jump: 5 min, at: {day: 1, time: "09:40"}}
"""


def test_of_many_terminals_the_guilty_one_is_tried_before_anything_on_all(tmp_path: Path) -> None:
    def first_step(_what: str, _runs: int) -> None:
        raise KeyboardInterrupt

    request = request_of(tmp_path, STORE)
    shrunk = shrink(request, None, budget_s=120, out=tmp_path / "small.yaml", on_step=first_step)
    ((what, runs),) = shrunk.steps
    assert what in ("equal sales instead of drawn customers", "who came is written down") and runs < 50
    assert (shrunk.before.terminals, shrunk.after.terminals) == (5, 1)
    # Where no script shows it: the terminals up to the guilty one, its own customers, the days until then, and that is enough.
    trials = Trials(request, Which(), tmp_path, 1, time.monotonic() + 120)
    shrinker = Shrinker(trials, load_file(tmp_path / "case.yaml"), lambda *_: None)
    own = shrinker.seen.own
    smaller = list(shrinker._leading_up(shrinker.plan))
    assert [(each.terminals, each.days.count, each.only_intents) for each in smaller] == [
        (4, 2, own), (5, 2, own), (4, 2, None), (5, 2, None),
    ]  # fmt: skip
    assert 0 < len(own) < len(shrinker.seen.intents) / 3 and trials.first(smaller) == smaller[0]
    # The last few of these are tried before; of a few who always try again a script is tried as well.
    (few, *more) = [each.only_intents for each in shrinker._last_customers(shrinker.plan)]
    assert few is not None and len(few) == 1 and set(few) < set(own) and all(each != few for each in more)
    steps = len(shrinker._steps)
    assert shrinker._once("its last customers", shrinker._last_customers)
    shrinker.seen = shrinker._look()
    assert shrinker.plan.only_intents == shrinker.seen.own and shrinker.finding.device == "T04"
    shrinker._script()
    assert shrinker.plan.terminals == 1 and len(shrinker._steps) == steps + 2
    trials.close()


def test_of_a_fault_that_struck_often_the_last_strike_before_the_finding_is_kept() -> None:
    plan = small("sales_per_day: 4\nfaults: [{type: crash, per_day: 9}]")
    strikes = tuple((9 * 60 + minute) * US_PER_MINUTE for minute in (5, 20, 40))
    seen = Seen("T01", (), (), (), {"crash": strikes})

    def minute(until: int | None) -> int:
        (fault,) = alone(plan, seen, None if until is None else (9 * 60 + until) * US_PER_MINUTE).faults
        assert fault.per_day is None and fault.trigger.time_us is not None
        return fault.trigger.time_us // US_PER_MINUTE - 9 * 60

    assert [minute(until) for until in (None, 4, 5, 30, 59)] == [5, 5, 5, 20, 40]


def test_the_last_customers_are_those_who_came_until_the_finding() -> None:
    seen = Seen("T01", (), (1, 2, 3, 4), (1, 2, 4), {}, (10, 20, 40))
    assert [seen.last_before(at_us, 2) for at_us in (5, 10, 30, 40)] == [(), (1,), (1, 2), (2, 4)]


def test_a_file_without_actions_says_what_it_fails_by(tmp_path: Path) -> None:
    probed, settled = (
        FindingRow("0" * 8, 1, "lost", "", 1, 0, "T01", at_us, "It was lost.") for at_us in (US_PER_DAY + 20, 7)
    )
    none, some = small("actions: []"), small('actions: [{do: sale, time: "09:10"}]')

    def head(plan: Plan, finding: FindingRow) -> str:
        text, _ = page_of(plan, finding, RunRequest(""), tmp_path / "x.yaml", "much", "little")
        return " ".join(line.removeprefix("# ") for line in text.splitlines() if line.startswith("# "))

    sales = "It needs no action of its own: it fails with the sales that the harness itself makes at the end"
    assert sales in head(none, probed) and "(told as day 2)" in head(none, probed)
    assert "no action of its own: it fails by what is done anyway" in head(none, settled)
    assert "no action" not in head(some, probed) + head(some, settled)


def test_days_and_terminals_are_halved() -> None:
    plan = replace(small("sales_per_day: 4"), terminals=20)
    plan = replace(plan, days=replace(plan.days, count=30))
    assert [each.terminals for each in edits.fewer_terminals(plan)] == [1, 2, 4, 8, 16]
    assert [each.days.count for each in edits.fewer_days(plan)] == [1, 2, 4, 8, 16, 29]
    for count, days in ((1, []), (2, [1]), (3, [1, 2])):
        assert [
            each.days.count for each in edits.fewer_days(replace(plan, days=replace(plan.days, count=count)))
        ] == days


def test_nothing_larger_is_taken_and_what_is_kept_is_run_from_its_file(tmp_path: Path) -> None:
    trials = Trials(request_of(tmp_path), Which(), tmp_path, 1, time.monotonic() + 120)
    shrinker = Shrinker(trials, load_file(tmp_path / "case.yaml"), lambda *_: None)
    plan, runs = shrinker.plan, trials.runs
    larger = replace(plan, seed=7_777_777)
    assert not shrinker._once("another seed", lambda _: [larger, plan]) and shrinker.plan == plan
    assert trials.runs == runs  # it is not even run
    out = tmp_path / "kept.yaml"
    kept = shrinker.keep(out, time.monotonic())
    assert trials.runs > runs and kept.signature == shrinker.finding.signature and out.exists()
    # As if an edit had been taken that shows nothing: the file alone is what counts.
    shrinker.plan = replace(plan, faults=())
    with pytest.raises(HarnessError, match="run from its file alone the case does not show"):
        shrinker.keep(out, time.monotonic())
    assert not out.exists()
    trials.close()


def test_ctrl_c_leaves_the_smallest_so_far(tmp_path: Path) -> None:
    timer: list[threading.Timer] = []

    def first_step(_what: str, _runs: int) -> None:
        if not timer:
            timer.append(threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)))
            timer[0].start()

    shrunk = shrink(request_of(tmp_path), None, budget_s=60, out=tmp_path / "small.yaml", on_step=first_step)
    assert shrunk.stopped == "interrupted" and shrunk.after < shrunk.before
    assert load_file(tmp_path / "small.yaml").software == "silent_charge"


def test_a_run_without_such_a_finding_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="finds nothing, so there is nothing to shrink"):
        shrink(request_of(tmp_path, ""), None, budget_s=20, out=tmp_path / "x.yaml")
    with pytest.raises(UsageError, match=r"no finding of signature 00000000; it shows\n  [0-9a-f]{8} "):
        shrink(request_of(tmp_path), "00000000", budget_s=20, out=tmp_path / "x.yaml")
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.soak
def test_where_a_decision_matters_it_alone_stays_pinned(tmp_path: Path) -> None:
    # Drawn customers would be written down, at a host that answers less; these are written down already.
    (tmp_path / "case.yaml").write_text(hour('actions: [{do: sale, time: "09:10:00", times: 4}]'))
    resolved = tmp_path / "resolved.yaml"
    launch(RunRequest(str(tmp_path / "case.yaml"), terminal="silent_charge", resolved_out=str(resolved)))
    # Nothing in the scenario and no seed has the host lose this one answer.
    text = resolved.read_text()
    assert "T01/a3/host.silent/0\t0" in text
    resolved.write_text(text.replace("T01/a3/host.silent/0\t0", "T01/a3/host.silent/0\t1"))
    request = RunRequest(str(resolved), terminal="silent_charge")
    shrunk = shrink(request, None, budget_s=300, out=tmp_path / "small.yaml")
    assert list(load_file(tmp_path / "small.yaml").decisions or {}) == ["T01/a3/host.silent/0"], shrunk
    assert shrunk.after.actions <= 1 and not shrunk.stopped


# ---------------------------------------------------------------- without runs


def plans() -> Iterator[Plan]:
    for name in names():
        yield load_scenario(name)
    for row in ASSAYS:
        if not is_shipped(row.scenario):
            yield load_text(hour(row.scenario))


def test_every_scenario_can_be_written_briefly_and_read_back() -> None:
    for plan in plans():
        assert load_text(brief_text(plan)) == plan


def test_what_was_drawn_stays_drawn_in_a_brief_text() -> None:
    pinned = replace(small(), decisions={"T01/day1/arrivals": 5, "T01/shop/name": "x'y"}, unpinned="drawn")
    assert load_text(brief_text(pinned)) == pinned


def test_every_edit_is_a_plan_that_reads_back_or_one_that_no_file_may_describe() -> None:
    plan = load_scenario("combined/first_look")
    plan = replace(plan, actions=small('actions: [{do: sale, time: "09:10:07", amount_fen: 777, times: 5}]').actions)
    plan = replace(plan, sales_per_day=None, surge=None)
    tried = 0
    for edit in (
        edits.bare, edits.usual, edits.fewer_days, edits.fewer_terminals, edits.seeds, edits.simpler_faults,
        edits.simpler_actions, edits.merged,
    ):  # fmt: skip
        for candidate in edit(plan):
            tried += 1
            size_of(candidate)
            if tried % 5 == 0:
                with contextlib.suppress(ScenarioErrors):
                    assert load_text(brief_text(candidate)) == candidate
    assert tried > 40


def test_a_run_becomes_a_script_of_the_same_customers_at_one_terminal(tmp_path: Path) -> None:
    plan = replace(small("sales_per_day: 20\npeople: {voids: 30%, daily_reboot: false}"), terminals=2)
    run(plan, "reference", out=tmp_path)
    events = [event for _, event in read_history(tmp_path / "history.jsonl")]
    seen = seen_at("T02", events)
    scripted = alone(plan, seen)
    assert {each.do for each in seen.steps} == {"sale", "void"} and scripted.terminals == 1
    run(scripted, "reference", out=tmp_path / "again")
    again = seen_at("T01", [event for _, event in read_history(tmp_path / "again" / "history.jsonl")])
    assert [(each.do, each.amount_fen, each.time_us // 10**7) for each in again.steps] == [
        (each.do, each.amount_fen, each.time_us // 10**7) for each in seen.steps
    ]
    for candidate in templates(scripted, 20):
        assert load_text(brief_text(candidate)) == candidate


@pytest.mark.soak
@pytest.mark.parametrize("row", CUTS_IN_RUNS, ids=[each.mutant for each in CUTS_IN_RUNS])
def test_what_crash_points_show_a_run_shows_too_and_the_reference_passes_it(row: Assay, tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(hour(row.scenario))
    for seed in range(1, row.seeds + 1):
        request = RunRequest(scenario=str(tmp_path / "case.yaml"), terminal=row.mutant, seed=seed)
        if {each.invariant for each in launch(request).findings} & set(row.caught_by):
            assert not launch(msgspec.structs.replace(request, terminal="reference")).findings
            return
    raise AssertionError(f"none of {row.seeds} seeds shows it")


@pytest.mark.soak
@pytest.mark.parametrize("mutant", SAMPLE)
def test_a_mutants_case_run_from_its_file_alone_gives_the_same_finding(mutant: str, tmp_path: Path) -> None:
    case = shrink_mutant(mutant, tmp_path / f"{mutant}.yaml", budget_s=50)
    assert case.shrunk is not None, case.why
    request = RunRequest(scenario=str(tmp_path / f"{mutant}.yaml"))
    assert case.shrunk.signature in findings_of(request, launch(request))
    assert case.small, case.shrunk.after

"""Hunting: the same seed hunts the same whatever the number of workers; mutants are scenarios; who is stopped keeps the best."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from random import Random
from threading import Thread

import msgspec
import pytest

from harness.core.errors import UsageError
from harness.core.units import US_PER_HOUR
from harness.engine.hunt.mutate import MOMENTS, Mutator, placements, sound
from harness.engine.hunt.report import HuntReport
from harness.engine.hunt.search import Hunt
from harness.engine.hunt.stages import Stage, given_stages, pool, small
from harness.engine.hunt.writing import scenario_text
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.history.symptoms.model import Reached
from harness.history.symptoms.parse import parse
from harness.scenario import find
from harness.scenario.load import load_text
from harness.sut import interpreter, software
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.small_scenarios import hour

QUIET = Stage("quiet", load_text(hour("faults: [{type: partition, at: {day: 1, time: '09:30'}, lift_after: 5 min}]")))
SILENT = Stage("silent", load_text(hour("faults: [{type: host_silent, at: {action: sale, occurrence: 3}}]")))


def hunting(symptom: str, terminal: str, stages: list[Stage], runs: int, jobs: int = 1, seed: int = 1) -> Hunt:
    base = RunRequest(scenario="", terminal=terminal, wall_limit_s=60.0)
    return Hunt(parse(symptom), base, stages, seed, jobs, 300.0, runs)


def what(report: HuntReport) -> tuple[object, ...]:
    return report.state, report.runs, report.best


def test_the_number_of_workers_changes_nothing_of_what_is_found() -> None:
    # Two of the drawn ones show it; of several the first counts, whichever ends first.
    stages = [QUIET, SILENT, SILENT, QUIET]
    alone = hunting("no reply then finding 3", "resend_as_new", stages, 8, jobs=1).run()
    together = hunting("no reply then finding 3", "resend_as_new", stages, 8, jobs=4).run()
    assert what(alone) == what(together)
    assert alone.state == "found"
    near = [hunting("no reply then finding 27", "reference", [QUIET, SILENT], 4, jobs=jobs).run() for jobs in (1, 3)]
    assert what(near[0]) == what(near[1])
    assert near[0].state == "not_found" and near[0].best is not None and near[0].best.reached.reached == 1


def test_it_is_found_in_the_stage_that_shows_it_and_written_down() -> None:
    work = hunting("no reply then charged twice", "resend_as_new", [QUIET, SILENT], 2)
    report = work.run()
    assert report.state == "found" and report.best is not None and report.best.stage == "silent"
    assert work.best is not None
    text = scenario_text(report, work.best)
    plan = load_text(text)
    assert plan.seed == 1 and [each.fault.kind for each in plan.faults] == ["host_silent"]
    assert "# It shows: no reply then charged twice" in text


def test_software_that_cannot_be_loaded_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="nonsense"):
        hunting("power cut", "nonsense", [QUIET], 4).run()


def test_a_hunt_that_is_stopped_ends_its_runs_at_once() -> None:
    work = hunting("power cut then boot failed", "reference", [QUIET, SILENT], 10_000)
    ended: list[HuntReport] = []
    thread = Thread(target=lambda: ended.append(work.run()))
    thread.start()
    deadline_s = time.monotonic() + 60
    while not work.children and time.monotonic() < deadline_s:
        time.sleep(0.01)
    work.stop()
    thread.join(60)
    assert ended and ended[0].state == "interrupted" and ended[0].runs < 8
    assert work.children and not any(Path(f"/proc/{child}").exists() for child in work.children)


def test_looking_for_a_symptom_changes_nothing_of_the_history() -> None:
    told = []
    for symptom in (None, "no reply then memory grown 1 KiB then charged twice"):
        request = RunRequest(scenario="silent", seed=1, symptom=symptom)
        software_ = software.load("reference", {"reference": CATALOGUE["reference"].spec}, share_modules=True)
        with interpreter.installed():
            told.append(run_plan(SILENT.plan, software_, request, lambda _: None))
    without, looked_for = told
    assert without.history_sha256 == looked_for.history_sha256
    assert b"symptom" not in msgspec.json.encode(without)
    assert isinstance(looked_for.symptom, Reached) and looked_for.symptom.reached >= 1


def test_stages_are_small_and_keep_their_faults() -> None:
    plan = small(load_text(find.names()["power/cut_between_reply_and_commit"].read_text(encoding="utf-8")))
    assert (plan.terminals, plan.days.count) == (1, 1)
    assert plan.days.open_us is not None and plan.days.close_us is not None
    assert plan.days.close_us - plan.days.open_us <= 3 * US_PER_HOUR
    assert [each.fault.kind for each in plan.faults] == ["power_loss"]
    harsh = load_text(hour("faults: [{type: lose_file, path: '/data/*', at: {day: 1, time: '09:30'}}]"))
    assert not small(harsh).faults and small(harsh, harsh=True).faults


def test_a_given_scenario_is_tried_as_it_is_and_small(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(hour(), encoding="utf-8")
    whole, made = given_stages([path])
    assert whole.plan == load_text(hour(), str(path)) or whole.plan.source == str(path)
    assert made.label.endswith("made small")
    written = tmp_path / "written.yaml"
    written.write_text("name: written\nactions: [{do: sale, time: '10:00'}]\n", encoding="utf-8")
    assert len(given_stages([written])) == 1


def test_faults_hinted_at_are_tried_at_the_moments_that_matter_one_moment_after_the_other() -> None:
    faults = pool([QUIET, SILENT])
    placed = list(islice(placements(SILENT.plan, faults, {"read_only", "crash", "partition"}), 6))
    assert [plan.faults[-1].fault.kind for plan in placed] == ["crash", "partition", "read_only"] * 2
    assert [plan.faults[-1].trigger for plan in placed] == [MOMENTS[0]] * 3 + [MOMENTS[1]] * 3
    assert all(plan.faults[0] == SILENT.plan.faults[0] for plan in placed)


def test_mutants_are_scenarios_and_differ() -> None:
    stages = [QUIET, SILENT]
    mutator = Mutator(pool(stages), Random(1))
    began_s = time.process_time()
    drawn = [mutator.mutated(SILENT.plan, ("power_loss",)) for _ in range(12)]
    drawn += [mutator.fresh(QUIET.plan, ("power_loss",)) for _ in range(6)]
    assert all(sound(plan) for plan in drawn)
    assert len({str(plan.faults) + plan.profile + str(plan.people) for plan in drawn}) > 12
    kinds = {fault.fault.kind for plan in drawn for fault in plan.faults}
    assert "power_loss" in kinds and len(kinds) > 3
    assert time.process_time() - began_s < 30

"""Sweeps: what a seed switches off, what counts towards the bound, and every run once whatever happens to a worker."""

from __future__ import annotations

import os
import shlex
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.core.errors import ExitCode, UsageError
from harness.engine.campaign import upper_bound
from harness.engine.request import RunRequest, replay_line
from harness.engine.sweep.bundles import Bundles
from harness.engine.sweep.canary import Canary
from harness.engine.sweep.rows import row_of
from harness.engine.sweep.summary import summarise, summary_of
from harness.engine.sweep.swarm import profile_of, switched_off
from harness.engine.sweep.work import Sweep, Wanted, declare, planned, resumed
from harness.engine.verdict import FaultView, FindingView, Sales, Verdict
from harness.faults.base import families
from harness.invariants.kinds import kind_of, signature
from harness.reporters.sweep import render
from harness.results.bundle import read_bundle
from harness.results.model import BiteRow, CanaryRow, FindingRow, Measure, RunRow
from harness.results.store import Store
from harness.scenario.load import load_file, load_text
from harness.scenario.plan import NO_REPLY
from harness.storage.profiles import registry as profiles
from harness.terminals.small_scenarios import hour
from tests.engine.small_runs import run

TWO_FAMILIES = hour(
    "faults:\n"
    "  - {type: crash, at: {action: sale, occurrence: 2}}\n"
    "  - {type: host_silent, at: {action: sale, occurrence: 3}}\n"
)

# ---------------------------------------------------------------- swarm


EIGHT = ("storage", "power", "network", "memory", "corruption", "host", "operator", "clock")
PINNED = [
    ("clock", "corruption", "host", "memory", "network", "operator", "storage"),
    ("host", "network", "operator", "power", "storage"),
    ("clock", "power", "storage"),
    ("corruption", "power", "storage"),
    ("clock",),
]


def test_what_is_off_hangs_on_the_seed_and_the_familys_name_alone() -> None:
    drawn = [switched_off(seed, EIGHT) for seed in range(1, 6)]
    assert drawn == [switched_off(seed, reversed(EIGHT)) for seed in range(1, 6)]
    # Pinned: a replay line written today must switch off the same tomorrow.
    assert drawn == PINNED
    for seed in range(1, 200):
        whole, few = switched_off(seed, EIGHT), switched_off(seed, ("power", "host"))
        assert set(few) == set(whole) & {"power", "host"} or not few


def test_each_family_is_off_in_about_half_the_runs_and_never_all_of_them() -> None:
    drawn = [switched_off(seed, families()) for seed in range(2_000)]
    for family in families():
        assert 850 < sum(family in off for off in drawn) < 1_150
    assert all(len(off) < len(families()) for off in drawn)
    assert {switched_off(seed, ("power",)) for seed in range(50)} == {()}


def test_every_profile_has_its_turn_and_a_run_says_which(tmp_path: Path) -> None:
    count = len(profiles.names())
    assert {profile_of(seed) for seed in range(7, 7 + count)} == set(profiles.names())
    declared = declare(Wanted(("power/plain_counter",), count, profile="all"))
    with Store.create(tmp_path, declared) as store:
        sweep = Sweep(declared, planned(declared), store, 1)
        assert sorted(str(request.profile) for request in sweep._left) == sorted(profiles.names())
        assert all(f"--profile {request.profile}" in replay_line(request, "s", "t", 1) for request in sweep._left)


def test_nobody_waits_for_a_family_that_is_off() -> None:
    plan = load_text(TWO_FAMILIES + "\nmust_happen: [never_reached]")
    without = plan.without_families({"host"})
    assert [fault.fault.kind for fault in without.faults] == ["crash"] and without.must_happen == ()
    assert plan.without_families({"storage"}) is plan
    verdict = run(without, "reference")
    assert verdict.status == "pass" and [fault.name for fault in verdict.faults] == ["crash"]


def test_a_host_that_answers_everything_does_so_where_its_silence_was_written_down() -> None:
    drawn = {"T01/a1/host.silent/0": 1, "T01/a1/host.service/0": 7}
    plan = replace(load_text(TWO_FAMILIES + "\nmust_happen: [never_reached]"), decisions=drawn)
    answering = plan.without_families({NO_REPLY})
    assert answering.decisions == {"T01/a1/host.silent/0": 0, "T01/a1/host.service/0": 7}
    assert answering.host.no_reply_percent == 0 and answering.must_happen == () and answering.faults == plan.faults
    assert [each.fault.kind for each in plan.without_families({NO_REPLY, "host"}).faults] == ["crash"]
    assert replace(plan, decisions=None).without_families({NO_REPLY}).decisions is None


def test_a_replay_line_says_what_was_off() -> None:
    line = replay_line(RunRequest(scenario="s", without=("host", "power")), "s", "reference", 3)
    assert line == "harness run s --terminal reference --seed 3 --without host --without power"
    pasted = replay_line(RunRequest(scenario="s"), "/it's mine/a b.yaml", "reference", 3)
    assert shlex.split(pasted) == ["harness", "run", "/it's mine/a b.yaml", "--terminal", "reference", "--seed", "3"]


# ---------------------------------------------------------------- rows


def test_findings_that_differ_in_devices_times_and_amounts_are_one_kind() -> None:
    first = "T03 showed a sale of 14.14 yuan as approved at day 1 09:17:04.193, and later had no record of it"
    other = "T112 showed a sale of 1,203.00 yuan as approved at day 12 21:00:00, and later had no record of it"
    assert (
        kind_of(first)
        == kind_of(other)
        == "T.. showed a sale of N yuan as approved at TIME, and later had no record of it"
    )
    assert kind_of("my_terminal.py:34 raised 3 times") == "my_terminal.py:34 raised N times"
    assert kind_of("my_terminal.py:35 raised 3 times") != kind_of("my_terminal.py:34 raised 3 times")
    assert signature(1, "a") != signature(2, "a") and len(signature(1, "a")) == 8


def verdict_of(*findings: FindingView) -> Verdict:
    return Verdict(
        "fail", "small", "reference", 5, 4, 3, findings, ("why",), (), (),
        (FaultView("cut", "power_loss", "power", 3, 2),), Sales(10, 8, 6), 900, "ff", 1, (), "harness run x",
    )  # fmt: skip


def test_a_row_holds_each_kind_of_finding_once_with_its_count_and_money() -> None:
    request = RunRequest(scenario="x", without=("host",))
    findings = [FindingView(1, "lost", device, 10, f"{device} lost 3 yuan", 300) for device in ("T01", "T02")]
    row = row_of("x", request, verdict_of(*findings, FindingView(2, "odd", "T01", 11, "T01 is odd")))
    assert [(each.invariant, each.count, each.money_fen, each.summary) for each in row.findings] == [
        (1, 2, 600, "T01 lost 3 yuan"), (2, 1, 0, "T01 is odd"),
    ]  # fmt: skip
    # Of one signature after several faults: one row each, and in the sums one signature of one run.
    cut = FindingView(1, "lost", "T01", 10, "T01 lost 3 yuan", 300, fault="power_loss", place="a.py:1 f: write")
    parted = row_of("x", request, verdict_of(*findings, cut, cut))
    assert [(each.signature, each.fault, each.place, each.count) for each in parted.findings] == [
        (row.findings[0].signature, "", "", 2), (row.findings[0].signature, "power_loss", "a.py:1 f: write", 2),
    ]  # fmt: skip
    (summed_up,) = summarise(declare(Wanted(("power/plain_counter",), 1)), [parted], [FOUND]).signatures
    assert (summed_up.runs, summed_up.findings, summed_up.money_fen) == (1, 4, 1200)
    assert [(each.fault, each.runs) for each in summed_up.points] == [("", 1), ("power_loss", 1)]
    assert (row.key, row.off, row.verdict, row.replay) == (("x", 5), ("host",), "fail", "harness run x")
    assert Measure("acceptance_percent", 75.0) in row.measures and Measure("terminal_days", 12.0) in row.measures
    assert row.bites == (BiteRow("cut", "power_loss", "power", 3, 2),)


# ---------------------------------------------------------------- sums


FOUND = CanaryRow("log_in_ram", (1, 2), ())
MISSED = CanaryRow("log_in_ram", (1, 2), (2,), "pass")


def summed(
    *verdicts: str, bit: int = 1, runs: int | None = None, canaries: tuple[CanaryRow, ...] = (FOUND,)
) -> tuple[ExitCode, float, int]:
    declared = replace(declare(Wanted(("power/plain_counter",), runs or len(verdicts))), harness="")
    rows = [
        RunRow(
            "power/plain_counter", seed, (), verdict, ("why",), bites=(BiteRow("cut", "power_loss", "power", 9, bit),)
        )  # type: ignore[arg-type]
        for seed, verdict in enumerate(verdicts, 1)
    ]
    summary = summarise(declared, rows, canaries)
    assert summary.total.finished + summary.total.errors == len(verdicts)
    return summary.exit_code, summary.total.upper_bound_95, summary.missing


def test_inconclusive_runs_and_errors_count_for_nothing_in_the_bound() -> None:
    alone = summed("pass", "pass", "fail")
    assert alone == (ExitCode.VIOLATED, upper_bound(1, 3), 0)
    assert summed("pass", "pass", "fail", "inconclusive", "inconclusive") == (ExitCode.VIOLATED, upper_bound(1, 3), 0)
    assert summed("inconclusive") == (ExitCode.INCONCLUSIVE, 1.0, 0)


def test_the_exit_code_is_that_of_the_worst_and_a_pass_needs_every_run_and_every_bite() -> None:
    assert summed("pass", "pass") == (ExitCode.PASS, upper_bound(0, 2), 0)
    assert summed("pass", runs=2)[0] == ExitCode.INCONCLUSIVE
    assert summed("pass", "pass", bit=0)[0] == ExitCode.INCONCLUSIVE
    assert summed("pass", "inconclusive")[0] == ExitCode.INCONCLUSIVE
    assert summed("pass", "inconclusive", "fail")[0] == ExitCode.VIOLATED
    for canaries in ((), (MISSED,), (FOUND, MISSED)):
        assert summed("pass", "pass", canaries=canaries) == (ExitCode.INCONCLUSIVE, upper_bound(0, 2), 0)
        assert summed("pass", "fail", canaries=canaries)[0] == ExitCode.VIOLATED
    # An error is to be tried again: the run is missing.
    assert summed("pass", "error", "fail")[::2] == (ExitCode.HARNESS_ERROR, 1)


def test_a_canary_of_which_a_part_was_found_was_missed() -> None:
    def judged(*invariants: int) -> CanaryRow:
        findings = tuple(FindingRow("ab", number, "x", "k", 1, 0, "T01", 1, "s") for number in invariants)
        return Canary().judged(RunRow("canary", 1, (), "fail", ("why",), findings=findings))

    assert not judged(1, 2, 3).missed and not judged(1, 2, 3).why
    assert (judged(1).missed, judged(1).why) == ((2,), "fail: why")
    assert (judged(3, 2).missed, judged().missed) == ((1,), (1, 2))


def test_a_fault_must_bite_somewhere_in_its_campaign_and_a_shard_is_judged_when_it_is_merged() -> None:
    def row(scenario: str, bit: int) -> RunRow:
        return RunRow(scenario, 1, (), "pass", bites=(BiteRow("cut", "power_loss", "power", 9, bit),))

    declared = replace(declare(Wanted(("power/plain_counter",), 1)), scenarios=())
    cells = [row("a", 0), row("a: hotel", 1), row("b: hotel", 0)]
    for changed, idle in (
        (declared, ["a", "b: hotel"]), (replace(declared, campaign="c"), ["b"]), (replace(declared, shard=(1, 2)), []),
    ):  # fmt: skip
        assert [each.scenario for each in summarise(changed, cells, [FOUND]).idle] == idle


# ---------------------------------------------------------------- what is resumed


def test_another_sweep_is_not_taken_for_the_one_that_is_resumed(tmp_path: Path) -> None:
    scenario, software = tmp_path / "s.yaml", tmp_path / "app.py"
    scenario.write_text(TWO_FAMILIES)
    software.write_text("")
    before = declare(Wanted((str(scenario),), 5, f"{software}:App"))
    assert resumed(before, Wanted()) == before
    assert resumed(before, Wanted(runs=9, terminal=f"{software}:App")).runs == 9
    for wanted, what in (
        (Wanted(runs=4), "--runs was 5"),
        (Wanted(terminal="reference"), "--terminal was"),
        (Wanted(("power/plain_counter",)), "SCENARIO was"),
        (Wanted(first_seed=2), "--seed was 1"),
        (Wanted(swarm=False), "--swarm was True"),
        (Wanted(days=3), "--days was None"),
    ):
        with pytest.raises(UsageError, match=what):
            resumed(before, wanted)
    with pytest.raises(UsageError, match=r"begun by version 9\.9 of the harness"):
        resumed(replace(before, harness="9.9"), Wanted())
    software.write_text("# another")
    with pytest.raises(UsageError, match=r"app.py:App has changed"):
        resumed(before, Wanted())
    scenario.write_text(TWO_FAMILIES + "\n")
    with pytest.raises(UsageError, match=r"s.yaml has changed"):
        resumed(before, Wanted())


def test_a_scenario_with_pinned_decisions_is_refused_as_no_sample(tmp_path: Path) -> None:
    (tmp_path / "pinned.yaml").write_text(hour() + "\nseed: 1\ndecisions: |\n")
    with pytest.raises(UsageError, match="every seed gives the same run"):
        planned(declare(Wanted((str(tmp_path / "pinned.yaml"),))))


def test_cells_of_a_campaign_are_scenarios_of_their_own_and_what_it_means_may_not_change(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(TWO_FAMILIES)
    matrix = "name: c\nruns: 2\nfirst_seed: 7\nswarm: false\nmatrices:\n  - {scenarios: [s.yaml], merchants: [as_is, hotel]}\n"
    campaign = tmp_path / "c.yaml"
    campaign.write_text(matrix)
    before = declare(Wanted((str(campaign),)))
    assert [(each.label, each.runs, before.runs_of(each)) for each in before.scenarios] == [
        ("s", 2, 2),
        ("s: hotel", 2, 2),
    ]
    assert (before.first_seed, before.swarm, before.runs_in_all, before.campaign) == (7, False, 4, str(campaign))
    plain, cell = planned(before, out_dir=tmp_path / "out")
    assert Path(plain.base.scenario) == tmp_path / "s.yaml"
    assert load_file(Path(cell.base.scenario)).merchants[0].merchant == "hotel"
    with Store.create(tmp_path, before) as store:
        left = Sweep(before, [plain, cell], store, 1)._left
        assert [(request.seed, request.scenario == cell.base.scenario) for request in left] == [
            (7, False), (7, True), (8, False), (8, True),
        ]  # fmt: skip
    # More runs: as many of every cell.
    assert resumed(before, Wanted()) == before and resumed(before, Wanted(runs=5)).runs_in_all == 10
    for wanted, what in ((Wanted(runs=1), "--runs was 2"), (Wanted(shard=(1, 2)), "--shard was None")):
        with pytest.raises(UsageError, match=what):
            resumed(before, wanted)
    many = replace(before, scenarios=before.scenarios * 30)
    with pytest.raises(UsageError) as told:
        resumed(many, Wanted(("power/plain_counter",)))
    expected = f"SCENARIO was {campaign} (60 cells) in the sweep that is resumed, now it is power/plain_counter;"
    assert str(told.value).startswith(expected)
    campaign.write_text(matrix.replace("hotel", "stall"))
    with pytest.raises(UsageError, match=r"s: hotel of .*c.yaml has changed since the sweep began"):
        resumed(before, Wanted())


# ---------------------------------------------------------------- real runs


def swept(
    directory: Path,
    scenario: Path,
    kill: int = 0,
    stop_after: int = 99,
    runs: int = 3,
    jobs: int = 1,
    canary: Canary | None = None,
    max_time_s: float | None = None,
    grace_s: float = 0.0,
) -> list[RunRow]:
    """A sweep, of which the first ``kill`` workers after the canary's are killed once they run; ended after so many runs."""
    resume = (directory / "results.sqlite").exists()
    declared = declare(Wanted((str(scenario),), runs))
    begun: list[int] = []
    with Store.resume(directory) if resume else Store.create(directory, declared) as store:
        work = Sweep(declared, planned(declared), store, jobs, canary=canary or Canary())

        def started(child: int) -> None:
            begun.append(child)
            if 1 < len(begun) <= 1 + kill:
                os.kill(child, signal.SIGKILL)

        work.on_start = started
        done: list[RunRow] = []

        def told(row: RunRow) -> None:
            done.append(row)
            if len(done) == stop_after:
                work.stop()

        work.run(told, max_time_s=max_time_s, grace_s=grace_s)
        return list(store.runs())


@pytest.mark.slow
def test_a_sweep_that_was_ended_goes_on_and_comes_to_the_same(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(TWO_FAMILIES)
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = swept(tmp_path / "whole", scenario)
    assert [row.seed for row in whole] == [1, 2, 3] and {row.verdict for row in whole} == {"pass"}
    with Store.read(tmp_path / "whole") as store:
        # The canary was found, and is no run: it counts for nothing.
        assert store.canaries() == (replace(FOUND, replay=store.canaries()[0].replay),)
        assert summary_of(store).exit_code == ExitCode.PASS
        judged = {each.name: each.checked for each in store.judged()}
    assert judged["agreement"] and not judged["orders_end"]  # nobody pays by code
    # Something was off somewhere, and nobody waited for it.
    assert {row.off for row in whole} >= {()} and len({row.off for row in whole}) > 1
    # What was under way when it was ended is not taken for a result.
    first = swept(tmp_path / "parts", scenario, stop_after=1, jobs=2)
    assert 1 <= len(first) < 3 and all(row in whole for row in first)
    assert swept(tmp_path / "parts", scenario) == whole
    with Store.read(tmp_path / "parts") as store:
        assert {each.name: each.checked for each in store.judged()} == judged


@pytest.mark.slow
def test_a_worker_killed_from_outside_is_replaced_once_and_then_its_run_is_inconclusive(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(TWO_FAMILIES)
    (tmp_path / "once").mkdir()
    (tmp_path / "twice").mkdir()
    (once,) = swept(tmp_path / "once", scenario, kill=1, runs=1)
    assert once.verdict == "pass"
    (twice,) = swept(tmp_path / "twice", scenario, kill=2, runs=1)
    assert twice.verdict == "inconclusive" and "something outside ended it" in twice.because[0]


def test_no_run_begins_that_cannot_end_in_time_and_none_is_lost(tmp_path: Path) -> None:
    declared = declare(Wanted(("power/plain_counter", "network/reply_lost"), 2))
    with Store.create(tmp_path, declared) as store:
        sweep = Sweep(declared, planned(declared), store, 1)
        short, long = declared.scenarios[0].label, declared.scenarios[1].label
        sweep._ends_s = time.monotonic() + 60
        sweep._longest_s = {short: 1.0, long: 90.0}
        assert [sweep._labels[sweep.next_request().scenario] for _ in range(2)] == [short, short]  # type: ignore[union-attr]
        assert not sweep.out_of_time and sweep.next_request() is None and sweep.out_of_time
        assert [request.seed for request in sweep._left] == [1, 2] and sweep.left == 2
        asked = AskedMeanwhile(declared, planned(declared), store, 1)
        assert asked.next_request() is None and not asked.left


def test_of_each_signature_the_first_run_becomes_a_bundle_and_no_more_than_asked(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(hour("faults: [{type: host_silent, at: {action: sale, occurrence: 2}}]\n"))
    declared = declare(Wanted((str(tmp_path / "s.yaml"),), 2, "never_resent", swarm=False))
    place = tmp_path / "bundles"
    with Store.create(tmp_path, declared) as store:
        before = Sweep(declared, planned(declared), store, 2)
        before.run(lambda _: None)  # as of a sweep that was ended before it kept any
        seen = list(dict.fromkeys(each.signature for row in store.runs() for each in row.findings))
        assert len(seen) > 1 and len(list(store.runs())) == 2
        for most in (1, 20):
            again = Sweep(declared, planned(declared), store, 2, bundles=Bundles(place, most))
            again.run(lambda _: None)
            again.bundles.close()  # type: ignore[union-attr]
            assert sorted(path.stem for path in place.iterdir()) == sorted(seen[:most])
        assert len(list(store.runs())) == 2 and summary_of(store).signatures[0].bundle
    for path in place.iterdir():
        bundle = read_bundle(path)
        assert bundle.info.signature == path.stem and bundle.info.seed == 1
        # Nobody else has that directory.
        assert str(tmp_path) not in bundle.verdict.decode() + bundle.resolved


class AskedMeanwhile(Sweep):
    """Ctrl-C comes while it looks which run may begin."""

    def has_time_for(self, label: str) -> bool:
        self.stop()
        return False


def test_what_is_broken_off_when_time_is_over_counts_for_nothing_and_is_left_to_be_run(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG)
    declared = declare(Wanted((str(tmp_path / "long.yaml"),), 2))
    with Store.create(tmp_path, declared) as store:
        work = Sweep(declared, planned(declared), store, 2)
        # As if each had been ended by something outside before: such a run is tried but once more.
        work._tries = {(declared.scenarios[0].label, seed): 1 for seed in (1, 2)}
        begun_s = time.monotonic()
        work.run(lambda row: None, max_time_s=1.2)
        assert time.monotonic() - begun_s < 20  # it would be minutes
        assert list(store.runs()) == [] and work.out_of_time and all(cut.ran_s < 20 for cut in work.cut_off)
        summary = summary_of(store)
        assert (summary.status, summary.exit_code, summary.missing) == ("inconclusive", 2, 2)
        assert [(each.verdict, each.runs) for each in summary.because if each.verdict == "missing"] == [("missing", 2)]
        assert Sweep(declared, planned(declared), store, 2).left == 2


LONG = hour("sales_per_day: 2000\nterminals: 3\ndays: {count: 30}\n")


@pytest.mark.slow
def test_no_run_begins_when_time_is_over_and_what_is_under_way_is_ended_and_not_counted(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    scenario.write_text(TWO_FAMILIES)
    # All the time has gone: nothing begins, not even the canary, and the sweep shows nothing.
    for name in ("none", "cut", "missed"):
        (tmp_path / name).mkdir()
    assert swept(tmp_path / "none", scenario, max_time_s=0.0) == []
    with Store.read(tmp_path / "none") as store:
        assert summary_of(store).missing == 3 and summary_of(store).exit_code == ExitCode.INCONCLUSIVE
    # A canary that nothing finds: what would have found a defect is broken.
    assert [row.verdict for row in swept(tmp_path / "missed", scenario, canary=Canary("reference"), runs=1)] == ["pass"]
    with Store.read(tmp_path / "missed") as store:
        summary = summary_of(store)
        assert summary.exit_code == ExitCode.INCONCLUSIVE and summary.canaries[0].missed == (1, 2)
        assert "the canary was missed" in render(summary)
    # What still runs after the grace is ended, named, and left to be run again.
    (tmp_path / "long.yaml").write_text(LONG)
    declared = declare(Wanted((str(tmp_path / "long.yaml"),), 2))
    with Store.create(tmp_path / "cut", declared) as store:
        work = Sweep(declared, planned(declared), store, 1)
        work.run(lambda row: None, max_time_s=2.0, grace_s=0.5)
        assert list(store.runs()) == [] and work.out_of_time and store.canaries()
        assert [(cut.seed, 0 < cut.ran_s < 2.6) for cut in work.cut_off] == [(1, True)]

"""The gate: what its checks are made of, what fails it and what keeps it from a pass, and small gates from end to end."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness
from harness.core.errors import ExitCode, UsageError
from harness.engine.campaign import upper_bound
from harness.engine.crashpoints.report import Example, FlowReport, Found
from harness.engine.gate import baseline, cuts, limits
from harness.engine.gate.baseline import KnownFinding
from harness.engine.gate.checks import OFFLINE, PREVIOUS, checks
from harness.engine.gate.child import parts_of
from harness.engine.gate.limits import Limit, parsed
from harness.engine.gate.report import Because, GateReport, LimitView, Part, Untried
from harness.engine.gate.tally import Tally
from harness.engine.gate.work import _AFTER_A_FINDING, Gate, GateWanted
from harness.engine.sweep.summary import CutOff, summarise
from harness.engine.sweep.work import Sweep
from harness.reporters.gate import outcome_of, render
from harness.results.model import BiteRow, CanaryRow, Declared, DeclaredScenario, Measure, RunRow
from harness.results.store import Store
from harness.scenario.load import load_text
from harness.terminals.assays import CUTS
from harness.terminals.catalogue import CATALOGUE
from tests.engine.gate_rows import row

DOCS = Path(harness.__file__).parent / "docs"
few = settings(max_examples=25, deadline=None)


# ---------------------------------------------------------------- checks


def test_every_mutant_has_a_check_that_is_made_of_what_shows_it_or_a_flow_that_is_cut() -> None:
    shown = [mutant for check in checks() for mutant in check.shows]
    cut = {each.mutant for each in CUTS}
    missing = {name for name, each in CATALOGUE.items() if each.caught_by} - set(shown) - cut
    assert not missing and len(shown) == len(set(shown))


def test_checks_are_scenarios_of_their_own_name_that_name_no_file_of_the_reference() -> None:
    names = [check.name for check in checks()]
    assert len(set(names)) == len(names)
    for check in checks():
        assert re.fullmatch(r"\w+", check.name)
        assert load_text(check.file_text, check.name).name == check.name.replace("_", " ")
        assert "journal" not in check.text and "offset" not in check.text


def test_what_a_check_needs_is_read_off_it_and_what_software_has_off_its_manifest() -> None:
    needs = {check.name: check.needs for check in checks()}
    assert needs["offline_as_new"] == (OFFLINE,) and PREVIOUS in needs["update_formats"]
    assert needs["void_in_part"] == ("void",) and needs["resend_as_new"] == ()
    assert needs["refund_unlimited"] == ("refund",) and needs["refusal_hidden"] == ("account",)
    parts = parts_of("reference", None)
    lacking = {check.name: check.lacking(parts) for check in checks() if check.lacking(parts)}
    assert lacking == {"log_deciphered": ("read_log",), "guard_by_track": ("a guard against double charges",)}
    with pytest.raises(UsageError, match="did you mean 'reference'"):
        parts_of("referense", None)


# ---------------------------------------------------------------- --fail-if


@few
@given(
    st.sampled_from(["sale_s_p95", "failed_runs", "availability_percent"]),
    st.sampled_from([">", ">=", "<", "<="]),
    st.integers(-9_999, 9_999),
    st.sampled_from(["", " ", "  "]),
)
def test_a_condition_is_a_name_a_sign_and_a_number(name: str, sign: str, number: int, space: str) -> None:
    assert parsed(f"{space}{name}{space}{sign}{space}{number / 8}{space}") == Limit(name, sign, number / 8)


@few
@given(st.text(max_size=60))
def test_anything_else_is_told(text: str) -> None:
    try:
        limit = parsed(text)
    except UsageError as error:
        assert "--fail-if" in str(error)
    else:
        assert limit.name in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sale_s_p95",
        "sale_s_p95 == 5",
        "sale_s_p95 > 5 s",
        "sale_s_p95 > nan",
        "__import__('os') > 1",
        "a > 1;b > 2",
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parsed(text)


def test_the_run_that_comes_closest_to_failing_counts() -> None:
    rows = [
        RunRow("x", seed, (), "pass", measures=(Measure("sale_s_p95", value),)) for seed, value in enumerate((2, 7, 3))
    ]
    above, below = parsed("sale_s_p95 > 5"), parsed("sale_s_p95 < 2")
    assert above.worst(limits.values_of(above, rows, {})) == 7 and above.fails(7) and not above.fails(5)
    assert below.worst(limits.values_of(below, rows, {})) == 2 and not below.fails(2)
    assert above.worst([]) is None
    assert limits.values_of(parsed("failed_runs > 0"), rows, {"failed_runs": 3.0}) == [3.0]


# ---------------------------------------------------------------- baseline

KNOWN = KnownFinding("0a1b2c3d", 1, "no_lost_approval", "T.. lost it.")


def test_a_baseline_is_read_as_it_was_written_and_a_sweeps_results_are_one(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    baseline.write(file, "mine", [KNOWN, KnownFinding("00000000", 1)])
    read = baseline.read(file)
    assert read.known == (KnownFinding("00000000", 1), KNOWN)
    (tmp_path / "out").mkdir()
    with Store.create(tmp_path / "out", Declared((DeclaredScenario("power/x", "ab"),), 1, "mine")) as store:
        store.add(row(1, "0a1b2c3d"))
    assert baseline.read(tmp_path / "out") == baseline.read(tmp_path / "out" / "results.sqlite")
    assert baseline.read(tmp_path / "out").known == (KNOWN,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b'{"format": 1, "terminal": "x", "status": "fail"}',
        b'{"format": 9, "terminal": "x"}',
        b"x" * (17 << 20),
    ],
)
def test_what_is_no_baseline_is_told(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "known.json"
    file.write_bytes(data)
    with pytest.raises(UsageError, match="--baseline"):
        baseline.read(file)
    with pytest.raises(UsageError, match="cannot read"):
        baseline.read(tmp_path / "none.json")


# ---------------------------------------------------------------- what it comes to


def test_known_findings_do_not_fail_and_those_that_are_gone_are_told() -> None:
    known = baseline.Baseline(1, "mine", (KNOWN, KnownFinding("ffffffff", 3, "no_double_charge", "gone")))
    tally, part = Tally(known.signatures), Part("checks", "")
    tally.add(part, row(1, "0a1b2c3d"))
    assert not tally.has_new and part.failed == 1
    assert tally.vanished(known) == ["ffffffff invariant 3 no_double_charge: gone"]
    tally.add(part, row(2, "0a1b2c3e"))
    assert tally.has_new
    counts = {
        each.signature: (each.known, each.runs, each.findings, each.money_fen) for each in tally.findings.values()
    }
    assert counts == {"0a1b2c3d": (True, 1, 2, 100), "0a1b2c3e": (False, 1, 2, 100)}


@pytest.mark.parametrize(
    ("broken", "found", "missed", "because", "code"),
    [
        (0, False, False, False, ExitCode.PASS),
        (0, False, False, True, ExitCode.INCONCLUSIVE),
        (0, False, True, True, ExitCode.VIOLATED),
        (0, True, False, True, ExitCode.VIOLATED),
        (1, True, True, True, ExitCode.HARNESS_ERROR),
    ],
)
def test_what_broke_counts_before_what_failed_and_that_before_what_proves_nothing(
    broken: int, found: bool, missed: bool, because: bool, code: ExitCode
) -> None:
    tally = Tally()
    if found:
        tally.add(Part("checks", ""), row(1, "0a1b2c3d"))
    report = GateReport(1, "0", "mine", "", 60.0, 2, parts=[Part("checks", "", errors=broken)])
    report.findings = list(tally.findings.values())
    report.limits = [LimitView("sale_s_p95 > 5", 7.0, missed)]
    report.because = [Because("random", "why")] if because else []
    assert report.exit_code == code
    assert outcome_of(report, ()).code == code


def shown(tmp_path: Path, random: list[RunRow], *before: RunRow, early: bool = False, **changes: object) -> GateReport:
    """What a gate comes to whose checks were ``before`` and whose random runs were ``random``."""
    work = Gate(replace(GateWanted("mine", 60.0, tmp_path, 2), **changes))  # type: ignore[arg-type]
    for name, rows in (("checks", before), ("random", random)):
        for each in rows:
            work.tally.add(Part(name, ""), each)
    work._random = summarise(Declared((DeclaredScenario("power/x", "ab"),), len(random), "mine"), random, ())
    work._ended_early = early
    return work._report(frozenset())


def test_random_runs_bound_what_came_to_an_end_and_what_proves_nothing_keeps_from_a_pass(tmp_path: Path) -> None:
    passed, unsure = row(1, verdict="pass"), replace(row(2, verdict="inconclusive"), because=("nothing bit",))
    good = shown(tmp_path, [passed, replace(passed, seed=2)], passed)
    assert good.exit_code == ExitCode.PASS and good.bound is not None
    # The checks are no sample, and an inconclusive run is none of it either.
    assert (good.bound.runs, good.bound.upper_bound_95) == (2, upper_bound(0, 2))
    mixed = shown(tmp_path, [passed, unsure], passed)
    assert mixed.bound is not None and (mixed.bound.runs, mixed.bound.inconclusive) == (1, 1)
    assert mixed.bound.upper_bound_95 == upper_bound(0, 1)
    assert [each.key for each in mixed.because] == ["random"] and mixed.exit_code == ExitCode.INCONCLUSIVE
    assert shown(tmp_path, [passed, unsure], waive=("random",)).exit_code == ExitCode.PASS
    nothing = shown(tmp_path, [unsure], passed).because
    assert nothing[0].key == "random" and "nothing is bounded" in nothing[0].why
    # Runs that were ended because of what they showed are no sample.
    bounded = (parsed("upper_bound_95_percent > 99"),)
    ended = shown(tmp_path, [passed], early=True, limits=bounded)
    assert ended.bound is not None and ended.bound.upper_bound_95 is None
    assert [each.key for each in ended.because] == ["fail-if"]
    assert shown(tmp_path, [passed], limits=(parsed("passed_runs > 0"),)).exit_code == ExitCode.VIOLATED


def test_a_fault_that_never_bit_keeps_from_a_pass_unless_one_of_its_kind_did_in_a_check(tmp_path: Path) -> None:
    bitten = row(1, verdict="pass")
    idle = replace(bitten, bites=(BiteRow("cut", "power_loss", "power", 1, 0),))
    assert [each.key for each in shown(tmp_path, [idle]).because] == ["fault:power_loss"]
    other = replace(bitten, bites=(BiteRow("cut", "crash", "power", 1, 1),))
    assert [each.key for each in shown(tmp_path, [idle], other).because] == ["fault:power_loss"]
    report = shown(tmp_path, [idle], bitten)
    assert report.exit_code == ExitCode.PASS
    assert any(each.what == "random fault cut" and "did in a check" in each.why for each in report.unchecked)


def test_a_flow_s_findings_fail_the_gate_and_a_run_that_broke_says_why() -> None:
    tally = Tally()
    again, summary = "harness crashpoints --state 0a1b", "T01 lost 12.00 yuan."
    example = Example("0a1b", 1, 2, 5, "posix-weak", "cut", "write", (), "", summary, (), again)
    flow = FlowReport(
        "sale", "", judged=5, found=[Found(1, "no_lost_approval", "critical", "x", [], 3, 1_200, example)]
    )
    cuts._flow(tally, part := Part(cuts.KEY, ""), flow)
    assert tally.has_new and part.failed == 1 and not tally.because
    (found,) = tally.findings.values()
    assert (found.invariant, found.findings, found.money_fen, found.again) == (1, 3, 1_200, example.replay)
    # Another finding of the flow is of another state, and has a line of its own.
    other = msgspec.structs.replace(example, summary="T01 charged twice.", replay="harness crashpoints --state 77ff")
    two = [*flow.found, Found(3, "no_double_charge", "critical", "x", [], 1, 0, other)]
    cuts._flow(tally, part, FlowReport("void", "", judged=5, found=two))
    lines = {each.invariant: each.again for each in tally.findings.values()}
    assert lines == {1: example.replay, 3: other.replay}
    tally.add(part, replace(row(1, verdict="error"), because=("Traceback\n  ...\nKeyError: 5",)))
    assert [each.why for each in tally.errors()] == ["the harness broke in 1 run: Traceback ... KeyError: 5"]
    work = Gate(GateWanted("mine", 60.0, Path(), 2))
    work._say_lacking(frozenset())
    assert {each.what for each in work.tally.unchecked} == {f"check {each.name}" for each in checks() if each.needs}


def test_a_gate_tells_what_it_did_not_come_to_whatever_the_reason(tmp_path: Path) -> None:
    one = next(each for each in checks() if each.seeds == 1)
    chancy = next(each for each in checks() if each.seeds > 1)

    def untried(*ran: tuple[str, str], found: bool = False) -> list[tuple[str, tuple[str, ...], int, str]]:
        work = Gate(GateWanted("mine", 60.0, tmp_path, 2, random="power/x", flows=("sale", "void")))
        for part, scenario in ran:
            run = replace(row(1, "0a1b2c3d" if found else "", "fail" if found else "pass"), scenario=scenario)
            work.tally.add(Part(part, ""), run)
        cuts._flow(work.tally, Part(cuts.KEY, ""), FlowReport("void", "", skipped="the software has no void"))
        left = work._untried([one, chancy])
        report = GateReport(1, "0", "mine", "", 60.0, 2, untried=left)
        assert all(name in " ".join(render(report).split()) for each in left for name in each.names)
        assert len(outcome_of(report, ()).unchecked) == len(left)
        return [(each.part, each.names, each.of, each.why) for each in left]

    again = [("chance", f"/checks/{chancy.name}.yaml")] * (chancy.seeds - 1)
    both = [("checks", f"/checks/{each.name}.yaml") for each in (one, chancy)]
    rest = [(cuts.KEY, "crashpoints/sale"), *again, ("random", "power/x")]
    assert untried(*both, *rest) == []
    assert untried(both[0], found=True) == [
        ("checks", (chancy.name,), 2, "something was found"),
        ("crash points", ("sale",), 1, "something was found"),
        ("chance", (chancy.name,), 1, "something was found"),
        ("random", ("power/x",), 1, "something was found"),
    ]
    assert untried(*both, *rest[:-2]) == [
        ("chance", (chancy.name,), 1, "the budget was over"),
        ("random", ("power/x",), 1, "the budget was over"),
    ]


def test_the_page_for_ci_says_what_a_gate_leaves_open_after_a_finding() -> None:
    page = " ".join((DOCS / "ci.md").read_text().split())
    untried = Untried("random", ("power/x",), 1, "something was found")
    told = render(GateReport(1, "0", "mine", "", 60.0, 2, untried=[untried]))
    assert "`left untried` in the report" in page and "\nleft untried\n" in told
    assert "goes on for a tenth of the budget (random runs end at once), no later part begins" in page
    assert _AFTER_A_FINDING == 0.1


def test_the_run_that_missed_a_bound_has_a_line_that_runs_it_again(tmp_path: Path) -> None:
    runs = [replace(row(seed, verdict="pass"), measures=(Measure("sale_s_p95", 5.0 + seed),)) for seed in (1, 3, 2)]
    report = shown(tmp_path, runs, limits=(parsed("sale_s_p95 > 7"), parsed("passed_runs > 0")))
    assert [(each.value, each.again) for each in report.limits] == [(8.0, "harness run power/x --seed 3"), (3.0, "")]
    assert "replay: harness run power/x --seed 3" in render(report)


def test_what_is_required_must_have_been_there_and_checked(tmp_path: Path) -> None:
    report = shown(tmp_path, [row(1, verdict="pass")], require=("18", "no_lost_approval", "read_log"))
    assert [each.key for each in report.because] == ["require:18", "require:no_lost_approval", "require:read_log"]
    assert report.exit_code == ExitCode.INCONCLUSIVE


def test_a_check_none_of_whose_runs_came_to_an_end_shows_nothing(tmp_path: Path) -> None:
    two = checks()[:2]
    for verdicts, named in ((("inconclusive", "pass"), []), (("inconclusive", "inconclusive"), [two[0].name])):
        work = Gate(GateWanted("mine", 60.0, tmp_path, 2))
        for seed, verdict in enumerate(verdicts):
            run = replace(row(seed, verdict=verdict), scenario=f"/checks/{two[0].name}.yaml", because=("nothing bit",))
            work.tally.add(Part("chance" if seed else "checks", ""), run)
        work._look_at_checks(list(two))
        assert [each.key for each in work.tally.because] == named


def test_a_part_that_did_not_come_to_its_end_or_whose_canary_was_missed_is_no_pass(tmp_path: Path) -> None:
    declared = Declared((DeclaredScenario("power/x", "ab"),), 2, "mine")
    found, missed = CanaryRow("log_in_ram", (1, 2), ()), CanaryRow("log_in_ram", (1, 2), (2,))

    def because(
        rows: list[RunRow], canary: CanaryRow, *cut_off: CutOff, stopped: bool = False
    ) -> list[tuple[str, str]]:
        work = Gate(GateWanted("mine", 60.0, tmp_path, 2), stopped=stopped)
        sweep = Sweep(declared, [], store, 1, cut_off=list(cut_off))
        work._look_at_end(Part("checks", "", declared=2), sweep, summarise(declared, rows, [canary]))
        return [(each.key, each.why) for each in work.tally.because]

    whole = [row(1, verdict="pass"), row(2, verdict="pass")]
    with Store.create(tmp_path, declared) as store:
        assert because(whole, found) == []
        ((key, why),) = because(whole, missed)
        assert key == "canary" and "was not found" in why
        assert because(whole[:1], found)[0][1].startswith("checks: 1 of 2 runs had no time")
        assert because(whole, found, stopped=True) == [("checks", "checks: interrupted")]
        assert because(whole, found, CutOff("x", 7, 2.5)) == [("checks", "x with seed 7 had not ended after 2.5 s")]


@pytest.mark.parametrize(
    ("flow", "verdict"),
    [
        (FlowReport("sale", "", judged=5), "pass"),
        (FlowReport("sale", "", judged=5, because=["40 of 90 states were taken, drawn by name"]), "pass"),
        (FlowReport("sale", "", judged=5, left=3), "inconclusive"),
        (FlowReport("sale", "", judged=5, unsettled=1), "inconclusive"),
        (FlowReport("sale", "", judged=5, because=["the time was over"]), "inconclusive"),
        (FlowReport("sale", ""), "inconclusive"),
    ],
)
def test_a_flow_passes_where_states_were_judged_and_none_is_left_or_in_the_open(flow: FlowReport, verdict: str) -> None:
    tally, part = Tally(), Part(cuts.KEY, "")
    cuts._flow(tally, part, flow)
    (only,) = tally.rows[cuts.KEY]
    assert only.verdict == verdict and bool(tally.because) == (verdict == "inconclusive")
    assert len(tally.unchecked) == ("taken" in "".join(flow.because))

"""The plugin in a user's own pytest: real runs of it, few, each with much in it."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from harness import pytest_plugin
from harness.engine.verdict import FindingView, Sales, Verdict
from harness.scenario.resolve import RAN
from harness.testing.failing import ProvesNothing, Violated
from harness.testing.running import Ran

pytest_plugins = ("pytester",)

IMPORT_US_MAX = 20_000

QUIET = 'name: quiet hour\ndays: {count: 1, open: "09:00", close: "10:00"}\nsales_per_day: 12\n'
NOTHING_BIT = QUIET + "faults: [{type: settlement_error, at: {action: refund}}]\n"
BROKEN = (
    'name: broken\nterminals: {count: 1, sofware: reference}\nfaults:\n  - {type: power_los, at: {time: "25:00"}}\n'
)

OWN_TESTS = '''
import pytest
from hypothesis import given, settings

from harness.strategies import fault_plans

QUIET = """
name: quiet
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 12
"""


def test_one_of_the_shipped(run_scenario, terminal):
    ran = run_scenario("power/plain_counter", terminals=1, days=1)
    assert terminal == ran.verdict.terminal == "reference"
    ran.assert_passed()


@pytest.mark.harness_seed(3, 4)
def test_seeds(trading_day, harness_seed):
    ran = trading_day()
    assert ran.verdict.seed == harness_seed
    ran.assert_passed()


@pytest.mark.harness_terminal("silent_charge")
def test_mutant(trading_day):
    trading_day([{"type": "host_silent", "at": {"action": "sale", "occurrence": 2}}]).assert_passed()


@pytest.mark.harness_terminal("silent_charge")
def test_known_mutant(trading_day):
    ran = trading_day([{"type": "host_silent", "at": {"action": "sale", "occurrence": 2}}])
    ran.assert_violates("no_silent_charge", 2)


@pytest.mark.harness_terminal("beside.py:Beside")
def test_beside(run_scenario):
    assert run_scenario(QUIET).verdict.terminal.endswith("beside.py:Beside")


@settings(max_examples=3, deadline=None, database=None)
@given(fault=fault_plans(kinds=["crash"]))
def test_property(run_scenario, fault):
    assert run_scenario(QUIET + f"faults:\\n  - {fault}\\n").status != "fail"
'''

INERT = """
import sys


def test_nothing_is_loaded():
    ours = [name for name in sys.modules if name.partition(".")[0] == "harness"]
    assert set(ours) <= {"harness", "harness.pytest_plugin", "harness.testing", "harness.testing.keys"}, ours
"""


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    known = {each.name for each in entry_points(group="pytest11")}
    assert "harness" in known, "the plugin is not installed; run pip install -e . again, its entry point is new"


@pytest.mark.slow
def test_a_users_suite_under_xdist_and_strict_markers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_own=OWN_TESTS, beside="from harness.terminals.reference import ReferenceTerminal as Beside\n"
    )
    (pytester.path / "quiet.scenario.yaml").write_text(QUIET)
    (pytester.path / "nothing_bit.scenario.yaml").write_text(NOTHING_BIT)
    ended = pytester.runpytest_subprocess("--strict-markers", "-p", "no:cacheprovider", "-n", "2", "-v")
    ended.assert_outcomes(passed=7, failed=2)
    text = ended.stdout.str()
    # The story of the mutant: what is wrong, the guilty event, and the line that does it again.
    assert "FAILED test_own.py::test_mutant - Violated: T01 sent a sale of " in text
    assert "invariant 31 no_silent_charge" in text
    assert "> day 1" in text
    assert "replay: harness run " in text
    ended.stdout.fnmatch_lines(
        [
            "*FAILED nothing_bit.scenario.yaml::nothing_bit?seed1? - inconclusive, so no pass: fault 'settlement_error' never*"
        ]
    )
    assert "run_limited" not in text, "no traceback through the harness"


MARKED = """
import pytest

LOST = {"type": "host_silent", "at": {"action": "sale", "occurrence": 2}}


@pytest.mark.harness_terminal("silent_charge")
def test_marked(trading_day, terminal):
    ran = trading_day([LOST, "{type: crash, at: {action: sale, occurrence: 4}}", "link_reset"], sales=6)
    assert terminal == ran.verdict.terminal == "silent_charge"
    assert [each.kind for each in ran.verdict.faults] == ["host_silent", "crash", "link_reset"]
    assert [each.bit for each in ran.verdict.faults[:2]] == [1, 1] and ran.verdict.days == 1
    ran.assert_violates("no_silent_charge")
    assert trading_day([LOST], sales=6, terminal="reference").verdict.terminal == "reference"
"""


def test_a_marked_test_runs_that_software_with_its_faults_and_a_run_of_other_software_is_noted(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_marked=MARKED)
    (pytester.path / "copied.scenario.yaml").write_text(f'{RAN}"app.py:App"\n{QUIET}')
    ended = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    ended.assert_outcomes(passed=2, warnings=1)
    ended.stdout.fnmatch_lines(
        '*copied.scenario.yaml is a run of "app.py:App", and nothing says what to run: it runs reference*'
    )
    named = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--collect-only", "--harness-terminal", "reference")
    named.assert_outcomes(warnings=0)


def test_scenarios_that_the_command_line_names(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_other():\n    assert False\n")
    (pytester.path / "nothing_bit.scenario.yaml").write_text(NOTHING_BIT)
    ended = pytester.runpytest_subprocess(
        *("--harness-scenarios", "network/reply_lost", "--harness-terminal", "silent_charge", "--harness-seeds", "2"),
        *(
            "--harness-out",
            "kept",
            "--harness-inconclusive",
            "xfail",
            "-m",
            "harness_scenario",
            "--junitxml",
            "junit.xml",
        ),
    )
    ended.assert_outcomes(failed=2, xfailed=2, deselected=1)
    names = ["scenarios-network-reply_lost.yaml-reply_lost-seed1", "scenarios-network-reply_lost.yaml-reply_lost-seed2"]
    kept = sorted(each.name for each in (pytester.path / "kept").iterdir())
    assert [each for each in kept if "reply_lost" in each] == names
    assert {"history.jsonl", "verdict.json", "resolved.yaml"} <= {
        each.name for each in (pytester.path / "kept" / names[0]).iterdir()
    }
    cases = ElementTree.parse(pytester.path / "junit.xml").iter("testcase")
    case = next(each for each in cases if each.get("name") == "reply_lost[seed2]")
    said = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert said["harness_verdict"] == "fail" and said["harness_seed"] == "2"
    failure = case.find("failure")
    assert failure is not None and failure.get("message", "").startswith("T0")


def test_other_findings_than_were_named_are_none_of_them() -> None:
    found = FindingView(31, "no_silent_charge", "T01", 5, "T01 never reversed it.", 100)
    verdict = Verdict("fail", "small", "silent_charge", 1, 1, 1, (found,), (), (), (), (), Sales(1, 1, 1), 5, "ab")
    Ran(verdict).assert_violates("no_silent_charge", 31)
    for named in ((3,), ("no_silent_charge", "no_double_charge")):
        with pytest.raises(Violated, match="and did not: it is fail"):
            Ran(verdict).assert_violates(*named)
    for status, raised in (("fail", Violated), ("inconclusive", ProvesNothing)):
        why = ("nothing bit",) if status == "inconclusive" else ()
        with pytest.raises(raised):
            Ran(msgspec.structs.replace(verdict, status=status, inconclusive_because=why)).assert_passed()


def test_a_broken_file_is_an_error_of_collection_with_its_places(pytester: pytest.Pytester) -> None:
    (pytester.path / "broken.scenario.yaml").write_text(BROKEN)
    ended = pytester.runpytest_subprocess()
    assert ended.ret == pytest.ExitCode.INTERRUPTED
    ended.stdout.fnmatch_lines_random(
        [
            "broken.scenario.yaml:2:*sofware*did you mean*",
            "broken.scenario.yaml:4:*power_los*did you mean*",
        ]
    )


def test_wrong_options_are_told_before_anything_is_collected(pytester: pytest.Pytester) -> None:
    for options, told in (
        (("--harness-scenarios", "network/reply_lots"), "did you mean 'network/reply_lost'"),
        (("--harness-seeds", "0"), "expected how many seeds"),
        (("--harness-wall-limit", "-1"), "expected seconds above 0"),
        (("--harness-terminal", " "), "the terminal is empty"),
    ):
        config = pytester.parseconfig(*options)
        with pytest.raises(pytest.UsageError, match=told):
            pytest_plugin.pytest_configure(config)


def test_without_a_wish_it_does_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(INERT)
    pytester.runpytest_subprocess("--strict-markers").assert_outcomes(passed=1)
    (pytester.path / "quiet.scenario.yaml").write_text(QUIET)
    without = pytester.runpytest_subprocess("-p", "no:harness")
    without.assert_outcomes(passed=1)


def test_importing_it_takes_milliseconds() -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import pytest, pathlib; import harness.pytest_plugin"]
    taken_us = []
    for _ in range(5):
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
        last = lines[-1].split("|")
        assert last[2].strip() == "harness.pytest_plugin"
        taken_us.append(int(last[1]))
        loaded = {line.rpartition("|")[2].strip() for line in lines}
        assert not {"harness.engine", "harness.scenario", "hypothesis", "pydantic", "click"} & loaded
    # Of five on a loaded machine the quickest is the one that was measured.
    assert min(taken_us) < IMPORT_US_MAX, taken_us


def test_the_scenario_files_of_this_test_are_no_scenarios_of_the_project() -> None:
    assert not list(Path(__file__).parents[1].rglob("*.scenario.*"))

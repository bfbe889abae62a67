"""Assays: a mutant is killed only where the reference passes, what lives or was not tried is said, and the counts are right."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.core.errors import ExitCode, UsageError
from harness.engine.assay.launch import Assayer
from harness.engine.assay.plan import mutant_names, tasks_of
from harness.engine.assay.report import AssayReport, Kill, MutantReport, State
from harness.engine.assay.request import Hit, Task, Try
from harness.faults.base import families
from harness.scenario.find import names
from harness.terminals import assays
from harness.terminals.assays import GENERAL, Assay, Cuts, is_shipped, trials
from harness.terminals.beyond import BEYOND
from harness.terminals.small_scenarios import hour

QUIET = Try("quiet", text=hour())
ANSWER_LOST = Try("answer lost", text=hour("faults: [{type: host_silent, at: {action: sale, occurrence: 3}}]"))
# It strikes when the counter is long closed: the run proves nothing, of whatever terminal.
NEVER_BITES = Try(
    "never bites",
    text=hour(
        "faults:\n"
        "  - {type: host_silent, at: {action: sale, occurrence: 3}}\n"
        "  - {type: crash, at: {action: sale, occurrence: 500}}\n"
    ),
)
# A volume of no size that any software could live on is refused before anything runs.
TINY = Try("tiny", text=hour("device: {volumes: {data: {size: 8 KiB, block_size: 4 KiB}}}"))
HANGS = """
from harness.contract import Terminal
from harness.terminals.reference import ReferenceTerminal

class App(ReferenceTerminal):
    def sale(self, action):
        pow(7, 10**9)
        return super().sale(action)
"""


def assayed(*tasks: Task, budget_s: float = 60.0, out_dir: Path | None = None) -> AssayReport:
    return Assayer(tasks, 2, budget_s, out_dir, spin_s=4.0).run()


def only(report: AssayReport) -> MutantReport:
    (mutant,) = report.mutants
    return mutant


# ---------------------------------------------------------------- the table


def test_every_mutant_has_runs_and_those_without_a_row_get_the_general_list() -> None:
    for name in mutant_names():
        assert trials(name)[0].mutant == name
    assert trials("nobody_knows_it") == GENERAL
    assert {type(each) for each in GENERAL} == {Assay, Cuts}
    shipped = [each.scenario for each in GENERAL if isinstance(each, Assay) and is_shipped(each.scenario)]
    assert shipped and set(shipped) <= set(names())


def test_the_general_list_is_every_scenario_of_the_rows_the_cheapest_first() -> None:
    texts = [each.scenario for each in GENERAL if isinstance(each, Assay) and not is_shipped(each.scenario)]
    of_rows = {each.scenario for each in assays.ASSAYS if not is_shipped(each.scenario)}
    assert set(texts) == {"", *of_rows, *BEYOND}
    costs = [assays._cost(text) for text in texts]
    assert costs == sorted(costs) and len(texts) == len(set(texts))
    assert assays._cost("sales_per_day: 300\ndays: {count: 2}") == 600


def test_own_rows_come_first_and_nothing_is_tried_twice() -> None:
    row = assays.ASSAYS[1]
    tried = trials(row.mutant)
    assert tried[0] == row
    assert len({(getattr(each, "scenario", each), getattr(each, "seeds", 0)) for each in tried}) == len(tried)


def test_a_name_that_is_no_mutant_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'no_fsync'"):
        tasks_of(["no_fsyn"])
    with pytest.raises(UsageError, match="it is no mutant"):
        tasks_of(["reference"])


def test_without_inspect_any_finding_kills() -> None:
    (task,) = tasks_of(["torn_parsed"], black_box=True)
    assert task.caught_by == () and task.black_box
    # Nothing is promised without the software's own records; what its own row provokes is provoked all the same.
    (row,) = tasks_of(["mac_unchecked"], black_box=True)
    found = only(assayed(row))
    assert (found.state, found.tried) == ("killed", 1) and {hit.invariant for hit in found.hits} == {9}


# ---------------------------------------------------------------- what counts


def test_a_mutant_is_killed_by_what_must_catch_it_and_not_without_the_fault(tmp_path: Path) -> None:
    (task,) = tasks_of(["never_resent"], families=True)
    report = assayed(task, out_dir=tmp_path)
    mutant = only(report)
    assert report.exit_code == ExitCode.PASS and mutant.state == "killed" and mutant.tried == 1
    assert 22 in {hit.invariant for hit in mutant.hits} and not mutant.missed
    assert mutant.kill is not None and mutant.kill.needs == ("host",)
    assert report.needed()["host"] == ["never_resent"]
    # Kept, it is a scenario that anyone can run again.
    assert mutant.kill.again == f"harness run {tmp_path}/never_resent.yaml --terminal never_resent --seed 1"
    assert (tmp_path / "never_resent.yaml").read_text("utf-8").strip() == task.tries[0].text.strip()


def test_correct_software_survives_and_says_in_how_many_runs() -> None:
    report = assayed(Task("reference", (QUIET, ANSWER_LOST)))
    assert (only(report).state, only(report).tried) == ("survived", 2)
    assert report.exit_code == ExitCode.VIOLATED


def test_where_the_reference_does_not_pass_nothing_is_killed() -> None:
    report = assayed(Task("never_resent", (NEVER_BITES,), (22,)))
    mutant = only(report)
    assert mutant.state == "inconclusive" and not mutant.hits
    assert mutant.why == "the reference does not pass this run either: fault 'crash' never struck"
    assert report.exit_code == ExitCode.INCONCLUSIVE


def test_a_run_that_is_none_for_this_software_is_skipped_and_said() -> None:
    alone, with_another = assayed(
        Task("never_resent", (TINY,), (22,)), Task("never_resent", (TINY, QUIET), (22,))
    ).mutants
    assert alone.state == "inconclusive" and "data" in alone.why
    assert with_another.state == "survived"


def test_a_promise_that_is_not_kept_is_a_check_that_does_not_see() -> None:
    mutant = only(report := assayed(Task("never_resent", (QUIET, ANSWER_LOST), (22, 26))))
    assert mutant.state == "killed" and mutant.missed == (26,) and mutant.tried == 2
    assert report.exit_code == ExitCode.VIOLATED


def test_runs_for_what_has_been_found_are_left_out() -> None:
    first = msgspec.structs.replace(ANSWER_LOST, wanted=(22,))
    again = msgspec.structs.replace(ANSWER_LOST, seed=2, wanted=(22,))
    mutant = only(assayed(Task("never_resent", (first, again, QUIET), (22, 26))))
    assert mutant.tried == 2


@pytest.mark.slow
def test_software_that_hangs_is_killed_by_invariant_24_and_its_other_runs_go_on(tmp_path: Path) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    mutant = only(assayed(Task(f"{tmp_path}/hangs.py:App", (QUIET, TINY), (24, 26))))
    assert mutant.hits == (Hit(24, "returns_to_service", 1),)
    assert mutant.missed == (26,) and mutant.tried == 2


@pytest.mark.slow
def test_when_the_budget_is_over_it_is_said_what_was_not_tried() -> None:
    many = tuple(msgspec.structs.replace(QUIET, seed=each) for each in range(1, 999))
    report = assayed(*[Task("never_resent", many, (22,))] * 2, Task("leak", (QUIET,)), budget_s=4.0)
    assert [each.state for each in report.mutants] == ["not_tried"] * 3
    # How far the first ones came is a question of the machine.
    assert all(each.why.endswith("the budget was over (4 s)") for each in report.mutants)
    assert report.mutants[2].why == report.stopped and report.mutants[2].tried == 0
    assert report.exit_code == ExitCode.INCONCLUSIVE


def test_a_row_that_does_not_kill_is_told_even_when_another_run_does() -> None:
    own = msgspec.structs.replace(QUIET, wanted=(22,))
    mutant = only(assayed(Task("never_resent", (own, ANSWER_LOST), (22,))))
    assert mutant.state == "killed" and mutant.kill is not None and mutant.kill.not_its_own


@pytest.mark.slow
def test_thorough_tries_all_and_takes_the_cheapest() -> None:
    longer = Try("longer", text=ANSWER_LOST.text.replace("sales_per_day: 8", "sales_per_day: 60"))
    tries = (longer, ANSWER_LOST, Try("a shipped one", "combined/first_look"))
    mutant = only(assayed(Task("never_resent", tries, (22,), thorough=True)))
    assert mutant.tried == 2 and mutant.kill is not None and mutant.kill.scenario == "answer lost"


@pytest.mark.slow
def test_two_assays_say_the_same_but_for_seconds() -> None:
    def told() -> str:
        report = assayed(*tasks_of(["silent_charge"], families=True))
        kills = [msgspec.structs.replace(each.kill, wall_s=0.0) for each in report.mutants if each.kill]
        assert len(kills) == 1
        parts = [msgspec.structs.replace(each, kill=kill) for each, kill in zip(report.mutants, kills, strict=True)]
        return msgspec.json.encode(msgspec.structs.replace(report, mutants=tuple(parts))).decode()

    assert told() == told()


# ---------------------------------------------------------------- the sums


def ended(name: str, state: State, *numbers: int, needs: tuple[str, ...] | None = None) -> MutantReport:
    hits = tuple(Hit(number, f"i{number}", 1) for number in numbers)
    kill = Kill("s", 1, 0.1, "again", needs) if hits else None
    return MutantReport(name, "", numbers, state, hits, (), kill, 1)


def summed(*mutants: MutantReport) -> AssayReport:
    return AssayReport(mutants, ((1, "i1"), (2, "i2"), (3, "i3")), families())


def test_only_killers_and_those_that_are_of_none() -> None:
    report = summed(
        ended("a", "killed", 1, 2), ended("b", "killed", 2), ended("c", "killed", 2), ended("d", "survived")
    )
    assert report.sole_killers() == {1: [], 2: ["b", "c"], 3: []}
    assert report.redundant() == (1, 3)


def test_families_that_no_mutant_needs_are_named_too() -> None:
    report = summed(ended("a", "killed", 1, needs=("power", "host")), ended("b", "killed", 1, needs=()))
    assert report.needed() == {each: ["a"] if each in ("power", "host") else [] for each in families()}


@pytest.mark.parametrize(
    ("mutants", "code"),
    [
        ([], ExitCode.NOTHING_SELECTED),
        ([ended("a", "killed", 1)], ExitCode.PASS),
        ([ended("a", "killed", 1), ended("b", "not_tried")], ExitCode.INCONCLUSIVE),
        ([ended("a", "killed", 1), ended("b", "inconclusive")], ExitCode.INCONCLUSIVE),
        ([ended("a", "survived"), ended("b", "not_tried")], ExitCode.VIOLATED),
        ([msgspec.structs.replace(ended("a", "killed", 1), missed=(2,))], ExitCode.VIOLATED),
        ([msgspec.structs.replace(ended("a", "inconclusive"), broken=True)], ExitCode.HARNESS_ERROR),
    ],
)
def test_the_exit_code_is_that_of_the_worst(mutants: list[MutantReport], code: ExitCode) -> None:
    assert summed(*mutants).exit_code == code

"""The machine finds known mutants within a bounded number of examples, and does not accuse the reference in as many."""

import re
import unittest
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from harness.core.errors import UsageError
from harness.scenario.load import load_text
from harness.strategies import TerminalMachine, terminal_machine
from harness.strategies.machine import NothingProven, Violation

EXAMPLES = 20
STEPS = 12
FOUND = ("silent_charge", "stan_in_ram", "no_fsync", "clear_on_timeout")
"""Mutants of four kinds: a lost answer, a restart, a cut, a settlement without an answer."""


class Silent(TerminalMachine):
    """What the documentation shows: a class with a terminal."""

    terminal = "silent_charge"


def worked(
    machine: type[TerminalMachine],
    examples: int,
    *phases: Phase,
    database: ExampleDatabase | None = None,
    steps: int = STEPS,
) -> None:
    """Let Hypothesis work ``machine``, the same way each time."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=database is None,
        database=database,
        phases=phases or (Phase.generate,),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.slow
def test_the_reference_is_not_accused() -> None:
    worked(TerminalMachine, EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", FOUND[:2])
def test_a_mutant_is_found_in_as_many_examples(mutant: str) -> None:
    with pytest.raises(Violation) as found:
        worked(terminal_machine(mutant), EXAMPLES)
    story, _, scenario = str(found.value).partition("it is a test of its own:\n")
    assert "invariant " in story and "> day " in story
    assert load_text(scenario).actions is not None, "the steps as a scenario that was seen to show the same"


@pytest.mark.soak
@pytest.mark.parametrize("mutant", FOUND)
def test_a_mutant_is_found_and_shrunk_to_a_few_steps(mutant: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Violation) as found:
        worked(terminal_machine(mutant), 10 * EXAMPLES, Phase.generate, Phase.shrink)
    steps = [line for line in _printed(found.value, capsys) if line.startswith("state.") and "teardown" not in line]
    assert 1 <= len(steps) <= 4, steps


@pytest.mark.soak
@pytest.mark.parametrize("profile", ["ext4-ordered", "posix-weak", "ubifs"])
def test_the_reference_is_not_accused_in_many(profile: str) -> None:
    machine = terminal_machine("reference", profile=profile)
    worked(machine, 5 * EXAMPLES, steps=20)


def test_what_failed_is_kept_for_its_class_and_played_first_next_time(tmp_path: Path) -> None:
    database = DirectoryBasedExampleDatabase(tmp_path)
    seed(1)(Silent)  # examples that are kept are drawn anew each time, and some twenty of them find nothing
    with pytest.raises(Violation) as first:
        worked(Silent, EXAMPLES, Phase.generate, database=database)
    with pytest.raises(Violation) as again:
        worked(Silent, EXAMPLES, Phase.reuse, database=database)
    assert str(again.value) == str(first.value)
    for other in (terminal_machine("silent_charge", profile="fat"), terminal_machine("reference")):
        with pytest.raises(unittest.SkipTest, match="no test cases"):
            worked(other, EXAMPLES, Phase.reuse, database=database)


def test_each_machine_has_a_key_of_its_own() -> None:
    machines = [
        Silent,
        *(terminal_machine(mutant) for mutant in FOUND),
        terminal_machine(FOUND[0], profile="fat"),
        terminal_machine(FOUND[0], families=("power",)),
    ]
    assert len({each._hypothesis_internal_add_digest for each in machines}) == len(machines) - 1
    assert len({each.__name__ for each in machines}) == len(machines)


def test_a_terminal_that_refuses_every_sale_is_no_pass() -> None:
    machine = terminal_machine("tests.engine.odd_terminals:RefusesAll")()
    try:
        with pytest.raises(NothingProven, match="what refuses every sale loses none"):
            machine.sale(1_250)
    finally:
        machine.teardown()


def test_a_file_is_looked_for_beside_the_machine_and_its_place_is_no_part_of_the_key() -> None:
    machine = terminal_machine("odd.py:Odd")
    assert issubclass(machine.TestCase, unittest.TestCase)
    with pytest.raises(UsageError, match=f"there is no file {re.escape(str(Path.cwd() / 'odd.py'))}"):
        machine()
    assert str(Path.cwd()).encode() not in machine._hypothesis_internal_add_digest
    with pytest.raises(Violation, match="no sale was accepted"):
        terminal_machine("../engine/odd_terminals.py:RefusesAll")().teardown()


def _printed(error: BaseException, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    """The steps of the falsifying example, which Hypothesis prints or notes on the error."""
    for text in (*getattr(error, "__notes__", ()), capsys.readouterr().out):
        yield from (line.strip() for line in text.splitlines())

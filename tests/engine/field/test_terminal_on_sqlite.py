"""The example terminal in C on an unmodified SQLite: what its settings lose in the field's scenarios, and what repairs it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.sut import software
from harness.terminals import examples
from tests.engine.small_runs import found, shipped, told

SOURCE = Path(examples.__file__).parent / "firmware" / "c"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> str:
    if shutil.which("cc") is None or not os.path.exists("/usr/include/sqlite3.h"):
        assert "CI" not in os.environ, "there is no C compiler, or no sqlite3.h"
        pytest.skip("there is no C compiler, or no sqlite3.h")
    place = tmp_path_factory.mktemp("c") / "shop_terminal"
    subprocess.run(["cc", "-O1", "-o", place, "shop_terminal.c", "-lsqlite3"], cwd=SOURCE, check=True, timeout=120)
    shutil.copy(SOURCE / "shop_terminal.manifest.yaml", place.parent)
    return f"exec:{place}"


def run(program: str, scenario: str, arguments: str = "", terminals: int = 1) -> Verdict:
    plan = shipped(f"field/{scenario}.yaml", terminals=terminals, sales_per_day=10)
    return run_plan(plan, software.load(program + arguments, {}), RunRequest(scenario=plan.name), lambda _: None)


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_a_settlement_fails_because_storage_is_full(program: str, journal: str) -> None:
    """The trade's own finding, with nothing of SQLite changed: what frees the space needs space for its journal."""
    verdict = run(program, "database_full_at_noon", f' --no-reserve --pragmas "PRAGMA journal_mode={journal}"')
    assert found(verdict) == {15}, told(verdict)


@pytest.mark.slow
def test_a_reserve_that_is_given_up_first_repairs_it(program: str) -> None:
    verdict = run(program, "database_full_at_noon")
    assert verdict.status == "pass", told(verdict)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("synchronous", "loses"), [("FULL", True), ("EXTRA", False)], ids=["its default", "directory synced"]
)
def test_a_commit_whose_journal_comes_back_is_taken_back(program: str, synchronous: str, loses: bool) -> None:
    """https://www.sqlite.org/pragma.html#pragma_synchronous says so of FULL with a rollback journal."""
    verdict = run(program, "commit_taken_back", f' --pragmas "PRAGMA synchronous={synchronous}"', terminals=4)
    assert bool(found(verdict) & {1, 31}) == loses, told(verdict)

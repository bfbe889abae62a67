"""The example terminal in C on an unmodified SQLite: what its settings lose in the field's scenarios, and what repairs it."""

import pytest

from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.scene import Setting
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.scenario.plan import Plan
from harness.sut import software
from tests.engine.crashpoints.explored import media
from tests.engine.small_runs import found, shipped, told
from tests.sut.firmware import c_firmware


def run(scenario: str, arguments: str = "", terminals: int = 1) -> Verdict:
    plan = shipped(f"field/{scenario}.yaml", terminals=terminals, sales_per_day=10)
    return run_plan(plan, software.load(c_firmware() + arguments, {}), RunRequest(scenario=plan.name), lambda _: None)


@pytest.mark.slow
@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
def test_a_settlement_fails_because_storage_is_full(journal: str) -> None:
    """The trade's own finding, with nothing of SQLite changed: what frees the space needs space for its journal."""
    verdict = run("database_full_at_noon", f' --no-reserve --pragmas "PRAGMA journal_mode={journal}"')
    assert found(verdict) == {15}, told(verdict)


@pytest.mark.slow
def test_a_reserve_that_is_given_up_first_repairs_it() -> None:
    verdict = run("database_full_at_noon")
    assert verdict.status == "pass", told(verdict)


SYNCHRONOUS = pytest.mark.parametrize(
    ("synchronous", "loses"), [("FULL", True), ("EXTRA", False)], ids=["its default", "directory synced"]
)
"""https://www.sqlite.org/pragma.html#pragma_synchronous: with FULL and a rollback journal the last commit may roll back."""


@pytest.mark.slow
@SYNCHRONOUS
def test_a_commit_whose_journal_comes_back_is_taken_back(synchronous: str, loses: bool) -> None:
    verdict = run("commit_taken_back", f' --pragmas "PRAGMA synchronous={synchronous}"', terminals=4)
    assert bool(found(verdict) & {1, 31}) == loses, told(verdict)


@pytest.mark.slow
@SYNCHRONOUS
def test_every_instant_of_a_sale_says_the_same(synchronous: str, loses: bool) -> None:
    firmware = software.load(f'{c_firmware()} --pragmas "PRAGMA synchronous={synchronous}"', {})
    setting = Setting(Plan("plain counter"), firmware, 1)
    extent, ways = Extent(images_limit=6), media("ext4-ordered")
    report = Exploration(setting, FLOWS.get("sale"), ways, extent, lambda: "", lambda *_: None).explore()
    assert bool(report.found) == loses, report.found

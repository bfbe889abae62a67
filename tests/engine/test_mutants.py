"""Every invariant fails its mutant, and the reference terminal passes, in the same run of the whole harness.

The rows are those of ``harness assay``: for each mutant and each invariant that must catch it the smallest scenario in which it
does. A row proves three things: the defect does harm, the invariant sees it, and the same hour holds nothing against correct
software, for which every fault must have bitten as well.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from harness.engine.verdict import Verdict
from harness.invariants.catalogue import INVARIANTS
from harness.terminals.assays import ASSAYS, CUTS, Assay
from harness.terminals.catalogue import CATALOGUE
from tests.engine.small_runs import found, run, small, told


@cache
def of_the_reference(scenario: str, seed: int) -> Verdict:
    """Several mutants are caught in the same hour."""
    return run(small(scenario), "reference", seed)


@pytest.mark.parametrize("assay", ASSAYS, ids=[assay.mutant for assay in ASSAYS])
def test_the_mutant_is_caught_where_the_reference_passes(assay: Assay) -> None:
    plan = small(assay.scenario)
    for seed in range(1, assay.seeds + 1):
        caught = run(plan, assay.mutant, seed)
        correct = of_the_reference(assay.scenario, seed)
        assert correct.status == "pass", f"reference, seed {seed}: {told(correct)}"
        if set(assay.caught_by) <= found(caught):
            break
    else:
        pytest.fail(f"not caught with any seed, last {told(caught)}")
    assert caught.exit_code == 1
    # A pass says something only where the invariant had something to judge.
    checked = {line.partition(" ")[0] for line in correct.checked}
    assert {str(number) for number in assay.caught_by} <= checked, correct.not_checked


_SOON = ("stan_in_ram", "log_in_ram", "crash_dump")
"""Compared in the ordinary tests; the others in soak."""


def histories(assay: Assay, directory: Path) -> tuple[bytes, bytes]:
    """With modules shared by all boots, and with fresh ones at each."""
    told_by: list[bytes] = []
    for share in (True, False):
        run(small(assay.scenario), assay.mutant, 1, directory / str(share), share_modules=share)
        told_by.append((directory / str(share) / "history.jsonl").read_bytes())
    return told_by[0], told_by[1]


@pytest.mark.parametrize(
    "assay",
    [pytest.param(each, marks=() if each.mutant in _SOON else pytest.mark.soak, id=each.mutant) for each in ASSAYS],
)
def test_boots_share_the_modules_of_software_that_keeps_nothing_in_them(assay: Assay, tmp_path: Path) -> None:
    """What a module global or a class attribute holds would survive a power cut."""
    shared, fresh = histories(assay, tmp_path)
    assert (shared == fresh) == CATALOGUE[assay.mutant].shares_modules and b'"Booted"' in fresh


_VARIANTS = [name for name, each in CATALOGUE.items() if ".variants." in each.spec]


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=() if each == "tiered" else pytest.mark.soak) for each in _VARIANTS]
)
def test_boots_share_the_modules_of_variants_too(name: str, tmp_path: Path) -> None:
    crash = "sales_per_day: 60\nfaults: [{type: crash, at: {action: sale, occurrence: 30}}]"
    shared, fresh = histories(Assay(name, (), crash), tmp_path)
    assert shared == fresh and fresh.count(b'"Booted"') >= 2
    assert CATALOGUE[name].shares_modules


def test_every_mutant_and_every_invariant_has_its_assay() -> None:
    promised = {
        (name, number) for name, each in CATALOGUE.items() if not each.at_crash_points for number in each.caught_by
    }
    assert promised == {(assay.mutant, number) for assay in ASSAYS for number in assay.caught_by}
    at_crash_points = {(name, n) for name, each in CATALOGUE.items() if each.at_crash_points for n in each.caught_by}
    assert at_crash_points == {(cuts.mutant, number) for cuts in CUTS for number in cuts.caught_by}
    assert {INVARIANTS.get(name).number for name in INVARIANTS.names()} == {number for _, number in promised}

"""The regression corpus: cases that were once made small, and bundles from before, each of which still shows what it showed.

``tests/data/cases``: files as ``harness shrink`` writes them, each of a mutant; a correct terminal shows no such finding in the
same case. ``tests/data/bundles``: as ``harness run --out`` leaves them, one of them from an older harness. A new case is a file
more.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.engine.replay.replay import replay
from harness.engine.request import RunRequest
from harness.engine.shrink.trials import findings_of
from harness.scenario.load import load_file
from tests.engine.small_runs import run, told

DATA = Path(__file__).parents[1] / "data"
CASES = sorted((DATA / "cases").glob("*.yaml"))
BUNDLES = sorted((DATA / "bundles").glob("*.zip"))


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_kept_case_still_shows_what_it_says_and_the_reference_does_not(case: Path) -> None:
    head = re.search(r"^# Signature ([0-9a-f]{8})\.", case.read_text("utf-8"), re.MULTILINE)
    assert head is not None
    plan = load_file(case)
    verdict = run(plan, plan.software, None)
    assert head[1] in findings_of(RunRequest(str(case)), verdict), told(verdict)
    correct = run(plan, "reference", None)
    assert head[1] not in findings_of(RunRequest(str(case)), correct), told(correct)


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.stem)
def test_a_kept_bundle_still_shows_its_finding(bundle: Path) -> None:
    again = replay(bundle)
    assert again.again, told(again.verdict)
    if bundle.stem.startswith("older_"):
        assert again.versions[0].startswith("harness 0.0.")
        # Decisions that it does not know took their neutral value; whoever reads the replay is told.
        assert again.verdict.diverged > 0 and again.parted is not None
    else:
        # Of the present format: every decision is taken from it.
        assert not again.verdict.diverged
        with_others = replay(bundle, terminal="reference")
        assert not with_others.again and with_others.parted is not None, told(with_others.verdict)


def test_the_corpus_is_there() -> None:
    assert len(CASES) >= 20 and len(BUNDLES) >= 2

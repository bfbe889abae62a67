"""Words that hang on a number, and reports that use them."""

from __future__ import annotations

from dataclasses import replace

from harness.core.errors import ExitCode
from harness.core.words import several
from harness.reporters import github, markdown
from harness.reporters.ci import Outcome, Problem


def test_one_is_one() -> None:
    assert [several(count, "run") for count in (0, 1, 2, 1_234)] == ["0 runs", "1 run", "2 runs", "1,234 runs"]
    assert [several(count, "run is", "runs are") for count in (1, 2)] == ["1 run is", "2 runs are"]


def test_no_report_counts_one_of_what_there_may_be_one_of() -> None:
    problem = Problem("0a1b2c3d", 1, "no_lost_approval", "T01 lost it.", "mine.py", 1, "harness run x", 1, 1)
    told = Outcome("gate of mine", ExitCode.VIOLATED, problems=(problem,))
    assert "1 finding in 1 run" in github.commands(told) and "1 finding in 1 run" in markdown.render(told)
    many = replace(told, problems=(replace(problem, runs=2, findings=3),))
    assert "3 findings in 2 runs" in github.commands(many) and "3 findings in 2 runs" in markdown.render(many)

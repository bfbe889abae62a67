"""What was found, as a scenario file that a person can read, run and keep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from harness.scenario.resolve import plan_text

if TYPE_CHECKING:
    from harness.engine.hunt.report import HuntReport
    from harness.engine.hunt.search import Tried


def scenario_text(report: HuntReport, tried: Tried) -> str:
    """The scenario with its seed, and in comments what it shows. It runs by itself."""
    plan = tried.candidate.plan
    reached = tried.reached
    shows = "shows" if reached.shown else f"comes near ({reached.reached} of {reached.steps} steps)"
    lines = [f"# It {shows}: {report.symptom}", f"# with {report.terminal}, found from {tried.candidate.stage}."]
    lines += [f"#   {told}" for told in reached.told]
    named = replace(plan, name=plan.name or "hunted", summary=f"Hunted: {report.symptom}", seed=tried.candidate.seed)
    return "\n".join(lines) + "\n" + plan_text(named)

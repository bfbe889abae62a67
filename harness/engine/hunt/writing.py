"""What was found, as a scenario file that a person can read, run and keep: made small where it shows the symptom."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError
from harness.engine.shrink.page import told
from harness.engine.shrink.shrink import shrink
from harness.engine.shrink.trials import SYMPTOM
from harness.scenario.brief import brief_text

if TYPE_CHECKING:
    from harness.engine.hunt.report import HuntReport
    from harness.engine.hunt.search import Hunt, Tried


def written(work: Hunt, report: HuntReport, shrink_s: float) -> HuntReport:
    """The report with the text of the best scenario; of one that shows the symptom the smallest within ``shrink_s``."""
    best = work.best
    if best is None:
        return report
    report = msgspec.structs.replace(report, scenario=scenario_text(report, best))
    if not best.reached.shown or shrink_s <= 0:
        return report
    with tempfile.TemporaryDirectory(prefix="harness-hunt-") as scratch:
        found, small = Path(scratch) / "found.yaml", Path(scratch) / "small.yaml"
        found.write_text(report.scenario, encoding="utf-8")
        request = msgspec.structs.replace(work.base, scenario=str(found), symptom=work.symptom.text)
        try:
            shrunk = shrink(request, SYMPTOM, budget_s=shrink_s, out=small, jobs=work.jobs)
        except HarnessError as error:
            # What was found stands, be it that it could not be made smaller.
            return msgspec.structs.replace(report, broken=(*report.broken, f"not made smaller: {error}"))
        return msgspec.structs.replace(
            report, scenario=_without_replay(small.read_text(encoding="utf-8")), shrunk=told(shrunk.after),
            shrink_runs=shrunk.runs,
        )  # fmt: skip


def _without_replay(text: str) -> str:
    """The page without the line that names a file which is gone."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("# Run it: "))


def scenario_text(report: HuntReport, tried: Tried) -> str:
    """The scenario with its seed, and in comments what it shows. It runs by itself."""
    plan, reached = tried.candidate.plan, tried.reached
    shows = "shows" if reached.shown else f"comes near ({reached.reached} of {reached.steps} steps)"
    lines = [f"# It {shows}: {report.symptom}", f"# with {report.terminal}, found from {tried.candidate.stage}."]
    lines += [f"#   {told_line}" for told_line in reached.told]
    named = replace(plan, summary=f"Hunted: {report.symptom}", seed=tried.candidate.seed)
    return "\n".join(lines) + "\n" + brief_text(named)

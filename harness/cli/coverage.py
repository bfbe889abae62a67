"""``harness coverage``: what the trade's articles name, row by row, and which scenario, fault and check stand for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import WallSeconds
from harness.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from harness.engine.verdict import Verdict
    from harness.scenario.coverage import Covered
    from harness.scenario.trade import TradeRow

BITES_FILE = Path("reports", "coverage.json")


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, one object a row.")
@click.option("--run", "run_them", is_flag=True, help="Run the scenarios (all, or those named) and keep what bit.")
@click.option("--wall-limit", type=WallSeconds(), default=600.0, show_default=True, help="Seconds a run may take.")
def coverage(scenarios: tuple[str, ...], as_json: bool, run_them: bool, wall_limit: float) -> int:
    """List what the articles name, row by row: scenarios, what goes wrong in them, what sees it, and the last bite.

    Rows that no scenario covers stand first, and make the exit code 1; management advice needs none. With --run every
    scenario that covers a row, or only those named, is run with its own terminal, and what bit in it is kept in
    reports/coverage.json.
    """
    from harness.scenario import find
    from harness.scenario.coverage import coverage as rows_of
    from harness.scenario.load import load_file

    if scenarios and not run_them:
        raise UsageError("scenarios are named for --run; without it all rows are listed")
    plans = {name: load_file(path) for name, path in find.names().items()}
    rows = rows_of(plans)
    bites = _known_bites()
    code = ExitCode.PASS
    if run_them:
        named = {path.resolve() for path in find.selected(scenarios)} if scenarios else None
        for name in dict.fromkeys(name for row in rows for name in row.scenarios):
            if named is not None and find.names()[name].resolve() not in named:
                continue
            bites[name], ended = _run(name, wall_limit)
            if ended is not ExitCode.PASS:
                code = ExitCode.INCONCLUSIVE
        _keep(bites)
    if as_json:
        click.echo(json.dumps([_as_json(row, bites) for row in rows], ensure_ascii=False, indent=1))
    else:
        _print(rows, bites)
    return int(ExitCode.VIOLATED if any(row.is_missing for row in rows) else code)


def _seen_by(row: TradeRow) -> list[str]:
    """Invariants by number and name, then measures; an invariant of the domain that no check has yet is told as such."""
    from harness.invariants.catalogue import INVARIANTS

    named: dict[int, list[str]] = {}
    for name, invariant in INVARIANTS.items():
        named.setdefault(invariant.number, []).append(name)
    seen = [" and ".join(named.get(number, ["(no check yet)"])) for number in row.invariants]
    return [f"{number} {names}" for number, names in zip(row.invariants, seen, strict=True)] + list(row.measures)


def _as_json(covered: Covered, bites: dict[str, str]) -> dict[str, object]:
    row = covered.row
    return {
        "id": row.id,
        "articles": list(row.articles),
        "class": "".join(row.classes),
        "item": row.chinese,
        "item_en": row.english,
        "not_simulated": row.not_simulated,
        "missing": covered.is_missing,
        "scenarios": [
            {"name": name, "happens": list(what), "last_bite": bites.get(name)}
            for name, what in covered.scenarios.items()
        ],
        "seen_by": _seen_by(row),
    }


def _print(rows: list[Covered], bites: dict[str, str]) -> None:
    missing = sum(row.is_missing for row in rows)
    advice = sum(row.row.not_simulated and not row.scenarios for row in rows)
    for covered in rows:
        row = covered.row
        state = "NO SCENARIO" if covered.is_missing else "advice" if not covered.scenarios else "covered"
        click.echo(f"{row.id:<28} {'/'.join(row.classes):<4} {state:<12} {row.chinese} ({row.english})")
        for name, what in covered.scenarios.items():
            click.echo(f"    {name}: {', '.join(what) or 'an ordinary day'}")
            if name in bites:
                click.echo(f"        last bite: {bites[name]}")
        if not row.not_simulated:
            click.echo(f"    seen by: {', '.join(_seen_by(row))}")
    click.echo(f"{len(rows)} rows: {len(rows) - missing - advice} covered, {missing} not, {advice} advice for managers")


# ---------------------------------------------------------------- what bit


def _run(name: str, wall_limit_s: float) -> tuple[str, ExitCode]:
    from harness.engine.launch import launch
    from harness.engine.request import RunRequest
    from harness.scenario import find

    click.echo(f"running {name}", err=True)
    verdict = launch(RunRequest(scenario=str(find.names()[name].absolute()), wall_limit_s=wall_limit_s))
    return _bite(verdict), verdict.exit_code


def _bite(verdict: Verdict) -> str:
    struck = [f"{fault.name} bit {fault.bit} of {fault.struck} times" for fault in verdict.faults]
    return f"{verdict.status} with seed {verdict.seed}: {', '.join(struck) or 'no faults planned'}"


def _known_bites() -> dict[str, str]:
    try:
        kept = json.loads(BITES_FILE.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {name: bite for name, bite in kept.items() if isinstance(name, str) and isinstance(bite, str)}


def _keep(bites: dict[str, str]) -> None:
    BITES_FILE.parent.mkdir(exist_ok=True)
    draft = BITES_FILE.with_suffix(".json.new")
    draft.write_text(json.dumps(bites, ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")
    os.replace(draft, BITES_FILE)

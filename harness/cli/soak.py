"""``harness soak``: the large counts, under 30 minutes on two cores."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import click

from harness.core.errors import ExitCode

RANDOM_FAULTS = "combined/random_faults"
PROFILES = ("posix-weak", "ext4-ordered", "fat")


@click.command()
@click.option("--terminal-days", type=click.IntRange(1), default=1000, show_default=True, help="Under random faults.")
@click.option("--terminal", default="reference", show_default=True, metavar="SPEC")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Child processes at a time.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the first run; each next run takes the next."
)
@click.option("--skip-tests", is_flag=True, help="Leave out the soak tests of the checkout.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def soak(terminal_days: int, terminal: str, jobs: int, seed: int, skip_tests: bool, as_json: bool) -> int:
    """Run the large counts: the checkout's soak tests, then terminal-days under random faults.

    Says how often each fault bit and what bound the runs give on the rate of failing runs.
    """
    tests = ExitCode.PASS if skip_tests else _soak_tests()
    campaign = _campaign(terminal_days, terminal, jobs, seed, as_json)
    return int(max(tests, campaign, key=lambda code: (code == ExitCode.HARNESS_ERROR, code == ExitCode.VIOLATED, code)))


def _soak_tests() -> ExitCode:
    root = Path(__file__).parents[2]
    if not (root / "tests").is_dir() or not (root / "pyproject.toml").is_file():
        click.echo(
            "soak tests: not here (an installed copy has no tests/); run from a checkout to include them", err=True
        )
        return ExitCode.PASS
    click.echo("soak tests", err=True)
    done = subprocess.run(  # noqa: PLW1510 - its exit code is looked at
        [sys.executable, "-m", "pytest", "-q", "-m", "soak", "-p", "no:xdist", str(root / "tests")], cwd=root
    )
    return ExitCode.PASS if done.returncode == 0 else ExitCode.VIOLATED


def _campaign(terminal_days: int, terminal: str, jobs: int, seed: int, as_json: bool) -> ExitCode:
    import msgspec

    from harness.engine.campaign import run_campaign, upper_bound
    from harness.engine.request import RunRequest
    from harness.engine.verdict import Verdict
    from harness.reporters.console import render
    from harness.scenario.find import scenario_file
    from harness.scenario.load import load_file

    path = scenario_file(RANDOM_FAULTS)
    plan = load_file(path)
    per_run = plan.terminals * plan.days.count
    runs = -(-terminal_days // per_run)
    requests = [
        RunRequest(scenario=str(path), terminal=terminal, seed=seed + place, profile=PROFILES[place % len(PROFILES)])
        for place in range(runs)
    ]
    started_s = time.monotonic()
    done = 0

    def told(verdict: Verdict) -> None:
        nonlocal done
        done += 1
        spent_s = time.monotonic() - started_s
        left_s = spent_s / done * (runs - done)
        click.echo(f"run {done} of {runs}  {verdict.status:<12} seed {verdict.seed}  {left_s:4.0f} s left", err=True)
        if verdict.status != "pass" and not as_json:
            click.echo(render(verdict))

    result = run_campaign(requests, jobs, told)
    spent_s = time.monotonic() - started_s
    failed, conclusive = result.count("fail"), result.count("fail") + result.count("pass")
    bound = upper_bound(failed, conclusive)
    idle = [name for name, bites in result.bites().items() if not bites]
    if as_json:
        summary = {
            "runs": runs, "failed": failed, "inconclusive": result.count("inconclusive"), "errors": len(result.errors),
            "terminal_days": result.terminal_days, "upper_bound_95": bound, "bites": result.bites(), "wall_s": round(spent_s, 1),
        }  # fmt: skip
        click.echo(msgspec.json.encode(summary))
    else:
        click.echo(f"{failed} of {conclusive} runs failed: below {100 * bound:.2f} % at 95 %, for {RANDOM_FAULTS}")
        click.echo(f"{result.terminal_days:,} terminal-days of {terminal} in {spent_s:.0f} s, {jobs} at a time")
        for name, bites in result.bites().items():
            click.echo(f"  {name:<28} bit {bites:,} times")
        for request, error in result.errors:
            click.echo(f"  seed {request.seed}: {error}")
    if result.errors:
        return ExitCode.HARNESS_ERROR
    if failed:
        return ExitCode.VIOLATED
    if idle or result.count("inconclusive") or not conclusive:
        for name in idle:
            click.echo(f"inconclusive: fault {name!r} never bit in the whole campaign", err=True)
        return ExitCode.INCONCLUSIVE
    return ExitCode.PASS

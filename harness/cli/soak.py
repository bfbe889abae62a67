"""``harness soak``: the large counts, under 30 minutes on two cores."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.core.errors import ExitCode

if TYPE_CHECKING:
    from harness.storage.kernels.findings import Tally

RANDOM_FAULTS = "combined/random_faults"
CRASH_POINTS = (
    (("sale",), 2),
    (("void", "refund", "settle", "upload", "boot", "preauth", "completion", "scan", "offline", "update"), 1),
)
"""Flows of which every crash point is tried on every profile, and how often the power goes."""


@click.command()
@click.option(
    "--terminal-days", type=click.IntRange(1), default=1_800, show_default=True,
    help="Under random faults, whole families of them switched off by seed.",
)  # fmt: skip
@click.option("--terminal", default="reference", show_default=True, metavar="SPEC")
@click.option("--jobs", type=click.IntRange(1, 64), default=2, show_default=True, help="Child processes at a time.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the first run; each next run takes the next."
)
@click.option("--skip-tests", is_flag=True, help="Leave out the soak tests of the checkout.")
@click.option("--skip-crash-points", is_flag=True, help="Leave out every crash point and every failing call.")
@click.option(
    "--kernel-copies", type=click.IntRange(0), default=1000, show_default=True,
    help="Power cuts on each file system of this kernel, held against the crash models; 0 leaves the check out.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def soak(
    terminal_days: int,
    terminal: str,
    jobs: int,
    seed: int,
    skip_tests: bool,
    skip_crash_points: bool,
    kernel_copies: int,
    as_json: bool,
) -> int:
    """Run the large counts: soak tests of the checkout, every crash point on every profile, power cuts on real file systems,
    terminal-days under random faults on every profile in turn.

    Says how often each fault bit and what bound the runs give on the rate of failing runs; and for each file system of this
    kernel what was seen after power cuts, whether its profile allows all of it, and what is allowed and was never seen.
    """
    tests = ExitCode.PASS if skip_tests else _soak_tests(jobs)
    crashes = ExitCode.PASS if skip_crash_points else _crash_points(terminal, jobs)
    kernels, tallies = _kernels(kernel_copies, seed, jobs) if kernel_copies else (ExitCode.PASS, [])
    campaign = _campaign(terminal_days, terminal, jobs, seed, as_json, tallies)
    codes = (tests, crashes, kernels, campaign)
    return int(max(codes, key=lambda code: (code == ExitCode.HARNESS_ERROR, code == ExitCode.VIOLATED, code)))


def _crash_points(terminal: str, jobs: int) -> ExitCode:
    """Every crash point of every flow on every profile, the sale's with a second cut in each recovery."""
    from harness.engine.crashpoints.launch import launch
    from harness.engine.crashpoints.request import CrashRequest
    from harness.reporters.crashpoints import render
    from harness.scenario.find import scenario_file

    scenario = str(scenario_file("power/plain_counter"))
    codes = [ExitCode.PASS]
    for flows, depth in CRASH_POINTS:
        click.echo(f"crash points of {', '.join(flows)} on every profile, depth {depth}", err=True)
        request = CrashRequest(scenario=scenario, terminal=terminal, flows=flows, profiles=("all",), depth=depth)
        report = launch(request, jobs)
        for flow in report.flows:
            states = sum(count.states + count.again_states for count in flow.profiles)
            click.echo(
                f"  {flow.flow:<8} {states:,} states, {flow.judged:,} distinct, {len(flow.found)} findings", err=True
            )
        codes.append(report.exit_code)
        if report.exit_code != ExitCode.PASS:
            click.echo(render(report), err=True)
    return max(codes, key=lambda code: (code == ExitCode.VIOLATED, code))


def _kernels(copies: int, seed: int, jobs: int) -> tuple[ExitCode, list[Tally]]:
    """The crash models against the file systems of this kernel."""
    from harness.storage.kernels.campaign import check_all, table

    def told(tally: Tally) -> None:
        if tally.copies % 120 == 0:
            bad = tally.not_allowed + tally.damaged + tally.undecided
            click.echo(
                f"kernel {tally.file_system:<22} {tally.copies:,} of {copies:,} copies  {bad} not allowed", err=True
            )

    tallies = check_all(copies, seed, jobs, told)
    for line in table(tallies):
        click.echo(line, err=True)
    for tally in tallies:
        for finding in tally.findings:
            order = "all writes landed" if finding.in_order else "the drive had kept writes in its cache"
            click.echo(
                f"{tally.file_system}: not allowed by {tally.profile}: seed {finding.seed}, cut after {finding.event_count} "
                f"block events, {order}\n{finding.story}",
                err=True,
            )
    # In CI, where it is known to be possible, a check that did not run is not taken for one that passed.
    return kernel_verdict(tallies, copies, must_run=bool(os.environ.get("CI")) and os.geteuid() == 0), tallies


def kernel_verdict(tallies: Sequence[Tally], copies: int, *, must_run: bool) -> ExitCode:
    """Fewer copies than were asked for prove less than was asked for, and none at all prove nothing."""
    ran = [tally for tally in tallies if not tally.skipped]
    if any(tally.broke_off for tally in ran):
        return ExitCode.HARNESS_ERROR
    if any(tally.failed for tally in ran):
        return ExitCode.VIOLATED
    if any(tally.copies < copies for tally in ran) or (must_run and not ran):
        return ExitCode.INCONCLUSIVE
    return ExitCode.PASS


def _soak_tests(jobs: int) -> ExitCode:
    root = Path(__file__).parents[2]
    if not (root / "tests").is_dir() or not (root / "pyproject.toml").is_file():
        click.echo(
            "soak tests: not here (an installed copy has no tests/); run from a checkout to include them", err=True
        )
        return ExitCode.PASS
    click.echo("soak tests", err=True)
    done = subprocess.run(  # noqa: PLW1510 - its exit code is looked at
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "soak",
            "-n",
            str(jobs),
            "--dist",
            "worksteal",
            str(root / "tests"),
        ],
        cwd=root,
    )
    return ExitCode.PASS if done.returncode == 0 else ExitCode.VIOLATED


def _campaign(terminal_days: int, terminal: str, jobs: int, seed: int, as_json: bool, kernels: list[Tally]) -> ExitCode:
    import msgspec

    from harness.engine.campaign import run_campaign, upper_bound
    from harness.engine.request import RunRequest
    from harness.engine.sweep.swarm import profile_of, switched_off
    from harness.engine.verdict import Verdict
    from harness.reporters.console import render
    from harness.scenario.find import scenario_file
    from harness.scenario.load import load_file

    path = scenario_file(RANDOM_FAULTS)
    plan = load_file(path)
    per_run = plan.terminals * plan.days.count
    runs = -(-terminal_days // per_run)
    families = {fault.fault.family for fault in plan.faults}
    requests = [
        RunRequest(
            scenario=str(path), terminal=terminal, seed=each, profile=profile_of(each),
            without=switched_off(each, families),
        )
        for each in range(seed, seed + runs)
    ]  # fmt: skip
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
            "kernels": [tally.summary() for tally in kernels],
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

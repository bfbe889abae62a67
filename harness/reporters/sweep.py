"""A sweep's results as a person reads them: runs by verdict, the bound, findings by signature, faults, how to run one again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.core.errors import ExitCode
from harness.core.words import several
from harness.engine.sweep.summary import Because, Counts, Signature, SweepSummary
from harness.results.model import RunRow

_MOST_SEEDS = 10
_MOST_SIGNATURES = 20
_MOST_SCENARIOS = 30
_MOST_POINTS = 3
_SAID = {
    ExitCode.PASS: "PASS          every declared run passed",
    ExitCode.VIOLATED: "FAIL          in some runs money, records or service were lost",
    ExitCode.INCONCLUSIVE: "INCONCLUSIVE  nothing was found, and the sweep does not prove enough to pass",
    ExitCode.HARNESS_ERROR: "ERROR         the harness broke in some runs; --resume tries them again",
}


def render(summary: SweepSummary) -> str:
    """All of it as plain text."""
    return "\n".join(_lines(summary)) + "\n"


def _lines(summary: SweepSummary) -> Iterator[str]:
    swarm = "families of fault switched off by seed" if summary.swarm else "all faults on"
    swarm = swarm if summary.search == "random" else f"guided by {summary.search}, {swarm}"
    named = [summary.campaign] if summary.campaign else []
    part = [] if summary.shard is None else ["shard {} of {}".format(*summary.shard)]
    first = summary.first_seed
    seeds = f"seeds {first} to {first + summary.runs - 1}" if summary.runs else f"seeds from {first} on"
    yield " · ".join(("sweep", *named, *part, summary.terminal, seeds, swarm))
    yield _SAID[summary.code]
    if summary.missing:
        why = " when its time was over" if summary.out_of_time else ""
        yield f"  because {summary.missing:,} of {summary.total.declared:,} declared runs are not finished{why} (--resume)"
    if not summary.total.declared:
        yield "  because no run falls to this part: a sweep of so few runs needs fewer --shard"
    yield from _canary(summary)
    idle = summary.idle
    for fault in idle[:_MOST_SEEDS]:
        yield f"  because fault {fault.fault!r} never bit in {several(fault.runs, 'run')} of {fault.scenario}"
    if len(idle) > _MOST_SEEDS:
        yield f"  and {len(idle) - _MOST_SEEDS:,} more faults never bit"
    yield ""
    yield from _counts(summary)
    yield ""
    yield bound_of(summary.total, summary.shard) if summary.search == "random" else _unbounded(summary)
    if summary.cut_off:
        yield ""
        yield f"{several(len(summary.cut_off), 'run')} under way ended when the time was over, and not counted:"
        for cut in sorted(summary.cut_off, key=lambda each: -each.ran_s)[:_MOST_SEEDS]:
            yield f"  {cut.scenario} seed {cut.seed}, after {cut.ran_s:,.1f} s"
    if summary.signatures:
        yield ""
        yield "findings, by signature"
        for each in summary.signatures[:_MOST_SIGNATURES]:
            yield from _signature(each)
        if len(summary.signatures) > _MOST_SIGNATURES:
            yield f"  and {len(summary.signatures) - _MOST_SIGNATURES} more (--json has all)"
    if summary.of_runs:
        yield ""
        for reason in summary.of_runs:
            yield from _because(reason)
    if summary.faults and len(summary.scenarios) <= _MOST_SCENARIOS:
        yield ""
        yield f"{'faults':<52}{'on in runs':>11}{'struck':>9}{'bit':>9}"
        for fault in summary.faults:
            name = f"{fault.scenario}: {fault.fault}"
            yield f"  {name:<50}{fault.runs:>11,}{fault.struck:>9,}{fault.bit:>9,}  {fault.family}"


def _canary(summary: SweepSummary) -> Iterator[str]:
    """Only what is wrong: a canary that was found is no news."""
    if not summary.canaries:
        yield "  because the canary has not come to its end: nothing shows that a defect would have been found (--resume)"
    for each in summary.canaries:
        if each.missed:
            numbers = ", ".join(map(str, each.missed))
            yield (
                f"  because the canary was missed: {each.terminal!r} has a defect that invariant {numbers} must find, and "
                f"its run ended as {each.why}: what finds defects does not work here"
            )
            yield f"    replay: {each.replay}"


def _counts(summary: SweepSummary) -> Iterator[str]:
    shown = summary.scenarios
    if len(shown) > _MOST_SCENARIOS:
        # Of a campaign's hundred cells those that want looking at; the rest in the order of the campaign.
        worst = sorted(shown, key=lambda each: (-each.errors, -each.failed, -each.inconclusive))[:_MOST_SCENARIOS]
        shown = [each for each in shown if any(each is other for other in worst)]
    rows = shown if len(summary.scenarios) == 1 else [*shown, summary.total]
    width = max(8, *(len(each.scenario) for each in rows))
    yield f"{'runs':<{width + 2}}{'of':>8}{'pass':>8}{'fail':>8}{'inconclusive':>14}{'error':>8}{'fails below':>13}"
    for each in rows:
        below = f"{100 * each.upper_bound_95:.2f} %" if each.conclusive else "unknown"
        below = below if summary.search == "random" else "no bound"
        yield (
            f"  {each.scenario:<{width}}{each.declared:>8,}{each.passed:>8,}{each.failed:>8,}{each.inconclusive:>14,}"
            f"{each.errors:>8,}{below:>13}"
        )
    if len(shown) < len(summary.scenarios):
        yield f"  and {len(summary.scenarios) - len(shown):,} more scenarios, none of them worse (--json has all)"
    for each in shown:
        for what, seeds, count in (
            ("failed", each.failed_seeds, each.failed), ("inconclusive", each.inconclusive_seeds, each.inconclusive),
        ):  # fmt: skip
            if seeds:
                more = f" and {count - _MOST_SEEDS:,} more" if count > _MOST_SEEDS else ""
                yield f"  {what} seeds of {each.scenario}: {', '.join(map(str, seeds[:_MOST_SEEDS]))}{more}"


def bound_of(total: Counts, shard: tuple[int, int] | None = None) -> str:
    """What the runs say about all runs of this kind."""
    rest = f"; {several(total.inconclusive, 'run')} inconclusive, counted for nothing" if total.inconclusive else ""
    part = "" if shard is None else f" and shard {shard[0]} of {shard[1]} alone"
    if not total.conclusive:
        return f"no run came to a pass or a fail: nothing is bounded{rest}"
    return (
        f"{total.failed:,} of {several(total.conclusive, 'random run')} failed: "
        f"below {100 * total.upper_bound_95:.2f} % at 95 %, for these scenarios{part}{rest}"
    )


def _unbounded(summary: SweepSummary) -> str:
    """Runs that were chosen for what they might show say nothing about all others."""
    total = summary.total
    return (
        f"{total.failed:,} of {several(total.conclusive, 'run')} failed; they were chosen by what others did (--search "
        f"{summary.search}), so that no rate is bounded by them"
    )


def _signature(each: Signature) -> Iterator[str]:
    money = f", {each.money_fen / 100:,.2f} yuan at stake" if each.money_fen else ""
    findings = several(each.findings, "finding")
    yield f"  {each.signature}  invariant {each.invariant} {each.name}: {several(each.runs, 'run')}, {findings}{money}"
    yield f"            {each.summary}"
    for point in each.points[:_MOST_POINTS]:
        place = f" in {point.place}" if point.place else ""
        yield f"            after {point.fault or 'no fault'}{place}: {several(point.runs, 'run')}"
    if len(each.points) > _MOST_POINTS:
        yield f"            and after {len(each.points) - _MOST_POINTS} more (--json has all)"
    if each.bundle:
        yield f"            bundle: {each.bundle_again}"
    yield f"            replay: {each.again}"


def _because(reason: Because) -> Iterator[str]:
    yield f"{reason.verdict} in {several(reason.runs, 'run')}: {reason.why}"
    if reason.again:
        yield f"  replay: {reason.again}"


def listing(runs: Iterable[RunRow]) -> str:
    """One line a run."""
    lines = [f"{'verdict':<14}{'seed':>8}  {'off':<24}scenario"]
    for run in runs:
        off = ", ".join(run.off) or "-"
        lines.append(f"{run.verdict:<14}{run.seed:>8}  {off:<24}{run.scenario}")
        lines += [
            f"{'':<24}{each.signature}  {each.count}x invariant {each.invariant} {each.name}" for each in run.findings
        ]
        lines += [f"{'':<24}{why}" for why in run.because if run.verdict != "fail"]
    return "\n".join(lines) + "\n"

"""``harness sweep``: scenarios under many seeds, results kept as runs finish. ``harness results``: what such a file holds."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli import ci_outputs
from harness.cli.options import Duration, Shard, WallSeconds
from harness.cli.output import say
from harness.cli.report import report_option, write_after_sweep
from harness.cli.stopping import Stopping, stopping
from harness.core.errors import ExitCode, NothingSelected, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.engine.sweep.many_machines import DaskExecutor
    from harness.engine.sweep.summary import SweepSummary
    from harness.engine.sweep.work import Sweep, Wanted
    from harness.results.store import Store

INTERRUPTED = "telling what is finished; --resume goes on"


@click.command()
@click.argument("scenarios", nargs=-1, metavar="[SCENARIO]... | CAMPAIGN")
@click.option(
    "--out",
    "out_dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Where results.sqlite is kept.",
)
@click.option(
    "--runs", type=click.IntRange(1, 1_000_000), help="Runs of each scenario, each with its seed; default: 20."
)
@click.option("--jobs", type=click.IntRange(1, 64), help="Worker processes; default: one for each core.")
@click.option("--resume", is_flag=True, help="Go on with the sweep in DIR; with more --runs, go further.")
@click.option(
    "--terminal", metavar="SPEC", help="A shipped name, package.module:Class, path/to/file.py:Class or exec:COMMAND."
)
@click.option(
    "--dialect",
    metavar="SPEC",
    help="What the host speaks: FILE.yaml or package.module:Class; default: the terminal's.",
)
@click.option("--seed", type=int, help="Seed of the first run; each next run takes the next; default: 1.")
@click.option("--swarm/--no-swarm", default=None, help="Switch whole families of fault off by seed; default: yes.")
@click.option("--days", type=click.IntRange(1), help="Trading days; default: the scenario's.")
@click.option("--terminals", type=click.IntRange(1), help="How many terminals; default: the scenario's.")
@click.option("--device", metavar="CLASS", help="A device class instead of the scenario's.")
@click.option(
    "--profile", metavar="P",
    help="What the medium may lose at power loss; see `harness list profiles`. all: each in turn, by seed.",
)  # fmt: skip
@click.option("--wall-limit", type=WallSeconds(), default=600.0, show_default=True, help="Seconds that a run may take.")
@click.option(
    "--max-time", type=Duration(),
    help="End by then (90s, 10 min): no run begins that would take longer, what still runs is left for --resume. The "
    "report (--report) comes after it, in time of its own.",
)  # fmt: skip
@click.option(
    "--executor", type=click.Choice(["local", "dask"]), default="local", show_default=True,
    help="Where runs are run: processes of this machine, or the workers of a Dask cluster.",
)  # fmt: skip
@click.option("--scheduler", metavar="ADDR", help="The cluster's scheduler, such as tcp://10.0.0.5:8786.")
@click.option(
    "--shard", type=Shard(), help="Of all runs the third of eight parts: 3/8; `harness merge` puts them together."
)
@click.option(
    "--search", type=click.Choice(["random", "coverage"]),
    help="coverage: keep runs that reached new behaviour and change their faults; bounds no rate. Default: random.",
)  # fmt: skip
@click.option(
    "--bundles", type=click.IntRange(0, 1_000), default=20, show_default=True,
    help="Of so many signatures keep the first run as DIR/bundles/SIGNATURE.zip, for harness replay.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object.")
@report_option
def sweep(
    scenarios: tuple[str, ...],
    out_dir: Path,
    runs: int | None,
    jobs: int | None,
    resume: bool,
    terminal: str | None,
    dialect: str | None,
    seed: int | None,
    swarm: bool | None,
    days: int | None,
    terminals: int | None,
    device: str | None,
    profile: str | None,
    wall_limit: float,
    max_time: float | None,
    executor: str,
    scheduler: str | None,
    shard: tuple[int, int] | None,
    search: str | None,
    bundles: int,
    as_json: bool,
    with_report: bool,
) -> int:
    """Run scenarios (names, files or directories; default: combined/random_faults) with many seeds on worker processes.

    A campaign (campaigns/release, or a file of your own) says which scenarios, varied in which ways, with how many seeds.

    By its seed each run has whole families of fault switched off, so that one does not hide what another would show. Results
    are kept in DIR/results.sqlite as runs finish; a sweep that was ended, however, goes on with --resume and runs nothing twice.
    Ctrl-C ends it and prints what there is. The bound on the rate of failing runs counts conclusive runs alone. First of all
    a canary is run, software with a known defect: where it is not found, the sweep proves nothing.

    Exit code 0: every run passed; 1: some failed; 2: some are inconclusive or missing, a fault never bit, or the canary was
    missed; 3: some broke.
    """
    from harness.cli.run import absolute_dialect, absolute_spec
    from harness.engine.search.sweep import refuse_what_it_cannot
    from harness.engine.sink import make_directory
    from harness.engine.sweep.bundles import Bundles
    from harness.engine.sweep.summary import BUNDLES, summary_of
    from harness.engine.sweep.work import Wanted

    if str(out_dir) == ".":
        raise UsageError("--out is empty; expected a directory of its own, such as reports/sweep")
    wanted = Wanted(
        scenarios,
        runs,
        absolute_spec(terminal),
        seed,
        swarm,
        days,
        terminals,
        device,
        profile,
        absolute_dialect(dialect),
        shard,
        search,
    )
    refuse_what_it_cannot(search, resume=resume, shard=shard)
    with stopping(INTERRUPTED) as asked, _elsewhere(executor, scheduler, jobs) as elsewhere:
        if not resume:
            make_directory(out_dir)
        workers = jobs or len(os.sched_getaffinity(0))
        store, work = _opened(out_dir, wanted, workers, wall_limit, elsewhere, resume=resume)
        asked.tell(work.stop)
        with store:
            try:
                if bundles:
                    work.bundles = Bundles(out_dir / BUNDLES, bundles)
                _watched(work, max_time, quiet=as_json, asked=asked)
            except UsageError:
                # The software cannot be loaded, say: mended, the same command must work.
                if not resume and not store.finished():
                    store.discard()
                raise
            summary = summary_of(store)
    summary.out_of_time, summary.cut_off = work.out_of_time and summary.missing > 0, work.cut_off
    summary.close()
    say_summary(summary, as_json)
    for signature, why in {} if work.bundles is None else work.bundles.failed.items():
        click.echo(f"no bundle of {signature}: {why}", err=True)
    if with_report:
        write_after_sweep(out_dir, summary.cut_off, quiet=as_json)
    return summary.exit_code


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--verdict", type=click.Choice(["pass", "fail", "inconclusive", "error"]), help="List the runs that ended so."
)
@click.option(
    "--signature", metavar="ID", help="List the runs with a finding of this signature (or the first digits of one)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the results, or one listed run a line.")
@ci_outputs.options
def results(
    file: Path,
    verdict: str | None,
    signature: str | None,
    as_json: bool,
    junit: Path | None,
    github: bool,
    gitlab: Path | None,
    markdown: Path | None,
) -> int:
    """Print what a results file of `harness sweep` holds, also while the sweep is at work. FILE may be its directory.

    The JSON is described by harness/reporters/schemas/sweep.schema.json, and a listed run by run.schema.json beside it.
    """
    from harness.engine.sweep.summary import summary_of
    from harness.results.store import Chosen, Store

    outputs = ci_outputs.outputs_of(junit, github, gitlab, markdown)
    if outputs.any and (verdict is not None or signature is not None):
        raise UsageError(
            "--junit, --github, --gitlab and --markdown are of all runs; leave out --verdict and --signature"
        )
    with Store.read(file) as store:
        if outputs.any:
            return _say_and_write(store, as_json, outputs)
        if verdict is None and signature is None:
            say_summary(summary_of(store, with_measures=as_json), as_json)
            return int(ExitCode.PASS)
        every = Chosen().verdicts
        verdicts = every if verdict is None else tuple(each for each in every if each == verdict)
        chosen = list(store.runs(Chosen(verdicts, signature, bare=not as_json)))
    if not chosen:
        raise NothingSelected(
            f"no run of {file} is of that kind; `harness results {file}` lists verdicts and signatures"
        )
    if as_json:
        import msgspec

        say(b"\n".join(msgspec.json.encode(run) for run in chosen))
    else:
        from harness.reporters.sweep import listing

        say(listing(chosen))
    return int(ExitCode.PASS)


def _say_and_write(store: Store, as_json: bool, outputs: ci_outputs.Outputs) -> int:
    import msgspec

    from harness.engine.sweep.summary import summary_of
    from harness.reporters.ci import outcome_of_sweep
    from harness.reporters.sweep import render

    summary = summary_of(store)
    text = msgspec.json.encode(summary) if as_json else render(summary)
    return ci_outputs.say_and_write(outputs, text, lambda: outcome_of_sweep(summary, store.runs()), as_json, 0)


@contextmanager
def _elsewhere(executor: str, scheduler: str | None, jobs: int | None) -> Iterator[DaskExecutor | None]:
    """Where runs are run, if not on this machine."""
    if executor == "local":
        if scheduler is not None:
            raise UsageError("--scheduler is for --executor dask; leave it out or add that")
        yield None
        return
    if scheduler is None:
        raise UsageError(
            "--executor dask needs --scheduler ADDR, such as tcp://10.0.0.5:8786; `dask scheduler` prints it"
        )
    if jobs is not None:
        raise UsageError("--jobs is for this machine; how many runs a cluster takes, its workers say")
    from harness.engine.sweep.many_machines import DaskExecutor

    found = DaskExecutor(scheduler)
    try:
        yield found
    finally:
        found.close()


def _opened(
    out_dir: Path, wanted: Wanted, jobs: int, wall_limit: float, executor: DaskExecutor | None, *, resume: bool
) -> tuple[Store, Sweep]:
    """The results file, and what is to be run into it. Whatever is wrong with the latter is told before a file is made."""
    from harness.engine.sweep.work import Sweep, declare, planned, resumed
    from harness.results.store import Store

    if not resume:
        declared = declare(wanted)
        scenarios = planned(declared, wall_limit, out_dir)
        store = Store.create(out_dir, declared)
        if declared.search != "random":
            from harness.engine.search.sweep import GuidedSweep

            return store, GuidedSweep(declared, scenarios, store, jobs, executor=executor, out_dir=out_dir)
        return store, Sweep(declared, scenarios, store, jobs, executor=executor)
    store = Store.resume(out_dir)
    try:
        before = store.declared()
        declared = resumed(before, wanted)
        scenarios = planned(declared, wall_limit, out_dir)
        if declared != before:
            store.declare(declared)
        return store, Sweep(declared, scenarios, store, jobs, executor=executor)
    except BaseException:
        store.close()
        raise


def _watched(work: Sweep, max_time_s: float | None, *, quiet: bool, asked: Stopping) -> None:
    """Progress on stderr."""
    from harness.cli.watching import Watch, draws
    from harness.reporters.watching import AtWork

    def at_work() -> list[AtWork]:
        return [AtWork(*each) for each in work.under_way]

    watch = None if quiet else Watch(work.left, max_time_s, live=draws(), workers=work.jobs, at_work=at_work)
    asked.clear = None if watch is None else watch.close
    try:
        work.run((lambda _: None) if watch is None else watch.told, max_time_s=max_time_s)
    finally:
        if work.bundles is not None:
            work.bundles.close()
        if watch is not None:
            watch.close()


def say_summary(summary: SweepSummary, as_json: bool) -> None:
    """As text, or as one JSON object."""
    if as_json:
        import msgspec

        say(msgspec.json.encode(summary))
        return
    from harness.reporters.sweep import render

    say(render(summary))

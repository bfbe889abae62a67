"""``harness merge``: results files of shards, or of several machines, made one."""

from __future__ import annotations

from pathlib import Path

import click

from harness.core.errors import UsageError


@click.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IN...")
@click.option("--json", "as_json", is_flag=True, help="Print the results as one JSON object.")
def merge(out: Path, files: tuple[Path, ...], as_json: bool) -> int:
    """Put results files of one sweep (IN: files, or the directories that they are in) together in OUT/results.sqlite.

    Each run is counted once, also when several files hold it. Files of another sweep, damaged ones, and runs that ended
    differently in two files are refused. Prints what there is, and ends with the exit code of `harness sweep`.
    """
    from harness.cli.sweep import say_summary
    from harness.engine.sink import make_directory
    from harness.engine.sweep.summary import summary_of
    from harness.results.merge import merge as merged
    from harness.results.store import Store

    if str(out) == ".":
        raise UsageError("OUT is empty; expected a directory of its own, such as reports/merged")
    make_directory(out)
    merged(out, files)
    with Store.read(out) as store:
        summary = summary_of(store)
    say_summary(summary, as_json)
    return summary.exit_code

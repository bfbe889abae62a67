"""``harness report``: what a sweep, a gate or a run came to, as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.output import check_writable, say
from harness.core.errors import ExitCode, UsageError

NAME = "report.html"


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="The page to write; default: report.html beside what SOURCE holds.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print all that the page shows as one JSON object.")
def report(source: Path, file: Path | None, as_json: bool) -> int:
    """Write SOURCE as one HTML file that opens from disk, offline.

    SOURCE is the directory of `harness sweep`, `harness merge`, `harness gate` or `harness run --out`, a results file, or a
    finding's bundle. With --json alone no page is written.

    Exit code 0: it is written, whatever the verdict in it; 4: SOURCE is nothing that can be shown.
    """
    from harness.engine.report.gather import gather

    if file is not None:
        check_writable("-o", file, "html")
    if file is not None and file.exists() and source.exists() and file.samefile(source):
        raise UsageError(f"-o: {file} is what the report is of; give another file")
    told = gather(source)
    if as_json:
        import msgspec

        from harness.reporters.html.fit import plain

        say(msgspec.json.encode(plain(told)))
        if file is None:
            return int(ExitCode.PASS)
    path = file or _beside(source)
    from harness.reporters.html.page import write_report

    size = write_report(told, path)
    if not as_json:
        say(f"{path}  {size / 1000:,.0f} kB, {told.verdict.status}")
    return int(ExitCode.PASS)


def _beside(source: Path) -> Path:
    """Where the page goes when nothing is said: into the directory, or beside a bundle or file under its name."""
    return source / NAME if source.is_dir() else source.with_suffix(".html")

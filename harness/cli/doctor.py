"""``harness doctor``: what this machine allows, and why not."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from harness.core.errors import ExitCode


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def doctor(as_json: bool) -> int:
    """Say what this machine allows: whether programs (--terminal exec:COMMAND) can be run here, and what is lost if not.

    Exit code 0 when they can, 3 when not, with the reason and what would help. Terminals in Python need nothing of it.
    """
    from harness.sut.supervisor import probe

    means = probe.all_means()
    possible = all(each.there for each in means if each.needed)
    if as_json:
        click.echo(json.dumps({"programs": possible, "means": [asdict(each) for each in means]}, indent=1))
    else:
        width = max(len(each.name) for each in means)
        for each in means:
            mark = "yes" if each.there else "NO " if each.needed else "no "
            click.echo(f"{mark}  {each.name:{width}}  {each.text}" + (f"; {each.help}" if each.help else ""))
        click.echo(
            "\nPrograms (exec:COMMAND) can be run here." if possible else f"\n{(probe.why_not() or 'no').capitalize()}."
        )
    return int(ExitCode.PASS if possible else ExitCode.HARNESS_ERROR)

"""``harness lint``: every error of scenario, campaign and dialect files at once, where it stands, and the nearest valid name."""

from __future__ import annotations

import os
from pathlib import Path

import click

from harness.core.errors import ExitCode, UsageError


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print errors as JSON, one object a line.")
def lint(files: tuple[str, ...], as_json: bool) -> int:
    """Check scenario, campaign and dialect files without running them."""
    import msgspec

    from harness.scenario.campaign import load_campaign
    from harness.scenario.dialect_file import load_dialect
    from harness.scenario.find import is_campaign, selected
    from harness.scenario.load import load_file
    from harness.scenario.problems import ScenarioErrors

    def said(path: Path) -> str:
        return os.fsencode(path).decode("utf-8", "backslashreplace")

    code = ExitCode.PASS
    for path in selected(files, with_campaigns=True):
        try:
            try:
                if is_campaign(path):
                    load_campaign(path)
                else:
                    load_file(path)
            except ScenarioErrors as errors:
                if all(each.path != "base" for each in errors.problems):
                    raise
                load_dialect(str(path))  # no scenario has a base, and each dialect file has
        except ScenarioErrors as errors:
            code = ExitCode.USAGE
            if as_json:
                for problem in errors.problems:
                    click.echo(msgspec.json.encode({"file": said(path), **msgspec.to_builtins(problem)}))
            else:
                click.echo(str(errors))
        except UsageError as error:
            code = ExitCode.USAGE
            click.echo(msgspec.json.encode({"file": said(path), "message": str(error)}) if as_json else str(error))
        else:
            if not as_json:
                click.echo(f"{path}: ok")
    return int(code)

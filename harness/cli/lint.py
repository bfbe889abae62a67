"""``harness lint``: every error of scenario files at once, where it stands, and the nearest valid name."""

from __future__ import annotations

import click

from harness.core.errors import ExitCode, UsageError


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print errors as JSON, one object a line.")
def lint(files: tuple[str, ...], as_json: bool) -> int:
    """Check scenario files without running them."""
    import msgspec

    from harness.scenario.find import find_scenarios
    from harness.scenario.load import ScenarioErrors, load_scenario

    code = ExitCode.PASS
    for path in find_scenarios(files):
        try:
            load_scenario(path)
        except ScenarioErrors as errors:
            code = ExitCode.USAGE
            for error in errors.errors:
                click.echo(msgspec.json.encode(error) if as_json else str(error))
        except UsageError as error:
            code = ExitCode.USAGE
            click.echo(msgspec.json.encode({"file": str(path), "message": str(error)}) if as_json else str(error))
        else:
            if not as_json:
                click.echo(f"{path}: ok")
    return int(code)

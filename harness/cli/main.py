"""``harness``: the command group. Commands load on use, so that ``harness list`` answers at once."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from harness.core.errors import ExitCode, HarnessError

# command name -> module:attribute, and the line that ``harness --help`` prints (so that no command is imported for it)
_COMMANDS = {
    "run": ("harness.cli.run:run", "Run scenarios against terminal software and say what was lost."),
    "crashpoints": (
        "harness.cli.crashpoints:crashpoints",
        "Cut the power at every instant of a flow, into every state.",
    ),
    "sweep": ("harness.cli.sweep:sweep", "Scenarios under many seeds, results kept as they finish; resumable."),
    "results": ("harness.cli.sweep:results", "What the results file of a sweep holds."),
    "report": ("harness.cli.report:report", "A sweep, gate, run or finding as one HTML file that opens offline."),
    "merge": ("harness.cli.merge:merge", "Results files of shards, or of several machines, made one."),
    "shrink": ("harness.cli.shrink:shrink", "The smallest scenario that still shows a finding, as a file to keep."),
    "replay": (
        "harness.cli.replay:replay",
        "Run a finding's bundle again, to its end, an instant or into the debugger.",
    ),
    "gate": (
        "harness.cli.gate:gate",
        "Whether a release may go out: known defects, crash points, random runs, a bound.",
    ),
    "hunt": ("harness.cli.hunt:hunt", "From a symptom of the field to a scenario that shows it."),
    "import": (
        "harness.cli.importing:import_command",
        "A log of the field (CSV, JSON lines, pcap, hex) as a scenario.",
    ),
    "compare": (
        "harness.cli.compare:compare",
        "Two releases on the same decisions: fixed, new and unchanged findings.",
    ),
    "upgrade": (
        "harness.cli.upgrade:upgrade",
        "One release on the data of another: up, down, up again, cut at every step.",
    ),
    "assay": ("harness.cli.assay:assay", "Every shipped mutant against the checks: who sees what, and what lives."),
    "snapshot": ("harness.cli.snapshot:snapshot", "Write out a terminal's storage at chosen instants of a run."),
    "diff": ("harness.cli.snapshot:diff_command", "Compare two snapshots, or directories from the field."),
    "list": (
        "harness.cli.catalogue:list_command",
        "List faults, invariants, terminals, scenarios, campaigns, profiles, devices, merchants, dialects.",
    ),
    "explain": (
        "harness.cli.catalogue:explain",
        "Explain a fault, invariant, profile, device class, terminal, scenario or campaign.",
    ),
    "lint": (
        "harness.cli.lint:lint",
        "Check scenario, campaign and dialect files; every error at once, with file, line and column.",
    ),
    "docs": ("harness.cli.docs:docs", "Read the documentation: tutorial, how-tos, reference, limits."),
    "coverage": ("harness.cli.coverage:coverage", "List what the trade's articles name, and which scenario covers it."),
    "host": (
        "harness.cli.host:host",
        "The acquirer on real TCP, with the faults of link and host, for real terminals.",
    ),
    "doctor": ("harness.cli.doctor:doctor", "What this machine allows: whether programs can be run here, and why not."),
    "bench": ("harness.cli.bench:bench", "Measure speed and memory, as ratios within one run."),
    "soak": ("harness.cli.soak:soak", "The large counts: under 30 minutes on two cores."),
}


class _ReaderLeft(Exception):
    """Whoever read our output (head, less) went away: nothing is wrong, and nobody is left to be told."""


@contextmanager
def _noticing_the_reader() -> Iterator[None]:
    # click itself would end with exit code 1, which says that an invariant was violated.
    try:
        yield
    except BrokenPipeError:
        raise _ReaderLeft from None


class _LazyGroup(click.Group):
    def make_context(self, *arguments: Any, **keywords: Any) -> click.Context:
        with _noticing_the_reader():
            return super().make_context(*arguments, **keywords)

    def invoke(self, ctx: click.Context) -> Any:
        with _noticing_the_reader():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            from harness.core.registry import nearest

            raise click.UsageError(f"no command {args[0]!r}; {nearest(args[0], list(_COMMANDS))}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="terminal-fault-harness", prog_name="harness")
def cli() -> None:
    """Fault-injection tests for payment-terminal software.

    Exit codes: 0 pass, 1 an invariant was violated, 2 inconclusive, 3 error of the harness, 4 usage or scenario error,
    5 nothing selected.
    """


def main() -> None:
    """Entry point: maps every error to its documented exit code and never shows a traceback for a user's mistake."""
    _open_what_was_closed()
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else ExitCode.PASS)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(ExitCode.INCONCLUSIVE)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitCode.USAGE)
    except HarnessError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except (_ReaderLeft, BrokenPipeError):
        _discard_stdout()
        sys.exit(ExitCode.PASS)
    except OSError as error:
        _discard_stdout()
        click.echo(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
        sys.exit(ExitCode.HARNESS_ERROR)
    except Exception:
        # Python's own exit code for this is 1, which says that an invariant was violated.
        import traceback

        traceback.print_exc()
        click.echo("error: the harness itself broke; please report this", err=True)
        sys.exit(ExitCode.HARNESS_ERROR)


def _open_what_was_closed() -> None:
    """With ``>&-`` the first file opened would become stdout, and a page shared with a child would be written over."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def _discard_stdout() -> None:
    """What is still buffered cannot be written; Python must not try again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


if __name__ == "__main__":
    main()

"""Outputs for CI servers, the same for every command that has them: ``--junit``, ``--github``, ``--gitlab``, ``--markdown``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness.cli.output import check_writable, say
from harness.core.errors import ExitCode, HarnessError

if TYPE_CHECKING:
    from harness.reporters.ci import Outcome

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path, dir_okay=False)
_SUMMARY = "GITHUB_STEP_SUMMARY"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What is to be written."""

    junit: Path | None = None
    github: bool = False
    gitlab: Path | None = None
    markdown: Path | None = None

    @property
    def any(self) -> bool:
        """Whether anything is."""
        return self.github or any((self.junit, self.gitlab, self.markdown))


def options(command: F) -> F:
    """The options; the command gets ``junit``, ``github``, ``gitlab`` and ``markdown``."""
    for option in (
        click.option("--markdown", type=_FILE, metavar="FILE", help="Write a summary in Markdown."),
        click.option("--gitlab", type=_FILE, metavar="FILE", help="Write findings as GitLab's code quality report."),
        click.option(
            "--github",
            is_flag=True,
            help="Print findings as GitHub's annotations and add to the job's summary ($GITHUB_STEP_SUMMARY).",
        ),
        click.option("--junit", type=_FILE, metavar="FILE", help="Write every run as a test case in JUnit XML."),
    ):
        command = option(command)
    return command


def outputs_of(junit: Path | None, github: bool, gitlab: Path | None, markdown: Path | None) -> Outputs:
    """What was asked for. UsageError for a file that cannot be written, before anything runs for minutes."""
    for flag, path in (("--junit", junit), ("--gitlab", gitlab), ("--markdown", markdown)):
        if path is not None:
            check_writable(flag, path)
    return Outputs(junit, github, gitlab, markdown)


def say_and_write(outputs: Outputs, text: str | bytes, outcome: Callable[[], Outcome], as_json: bool, code: int) -> int:
    """Print a report, then write what else was asked for; the exit code. What cannot be written has at least been said."""
    if not outputs.any:
        say(text)
        return code
    told = outcome()
    if outputs.github:
        from harness.reporters import github

        if as_json:
            # Whoever reads the object reads nothing else: commands go where GitHub reads them, too.
            said = text if isinstance(text, str) else text.decode("utf-8", "replace")
            say(said.replace("##[", "##\\u005b"))
            click.echo(github.commands(told), nl=False, err=True)
        else:
            say(github.guarded(text if isinstance(text, str) else text.decode("utf-8", "replace")).removesuffix("\n"))
            say(github.commands(told).removesuffix("\n"))
    else:
        say(text)
    try:
        _write(outputs, told)
    except HarnessError as error:
        click.echo(f"error: {error}", err=True)
        return int(ExitCode.HARNESS_ERROR)
    return code


def _write(outputs: Outputs, told: Outcome) -> None:
    from harness.reporters import github, gitlab, junit, markdown

    if outputs.junit is not None:
        _whole(outputs.junit, junit.render(told))
    if outputs.gitlab is not None:
        _whole(outputs.gitlab, gitlab.render(told))
    if outputs.markdown is not None:
        _whole(outputs.markdown, markdown.render(told).encode())
    place = os.environ.get(_SUMMARY, "")
    if outputs.github and place:
        path = Path(place)
        try:
            taken = path.stat().st_size if path.exists() else 0
            with path.open("ab") as file:
                file.write(github.summary(told, taken).encode())
        except OSError as error:
            raise HarnessError(f"cannot write {path} (${_SUMMARY}): {error.strerror}") from None


def _whole(path: Path, data: bytes) -> None:
    """The file whole or not at all: half a report would be read as one."""
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
            return
        beside = path.with_name(f".{path.name}.new")
        try:
            beside.write_bytes(data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None

"""What commands that end in a verdict share: saying it, and where it is written."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

import click

from harness.core.errors import ExitCode, UsageError

_TO_COPY = re.compile(r"((?:^|\n)[ ]*(?:replay: |again: |smaller: )|; )harness (?=[a-z])")
"""Lines that are told to be copied, as all reporters print them; prose names a command between backticks."""


def to_copy(command: str) -> str:
    """A command for whoever reads it here and now: ``harness`` by the name that it was called with, where a shell finds no other.

    What is kept (verdicts, results, bundles, reports) says ``harness`` everywhere, the same bytes on each machine.
    """
    return f"{_called()} {command.removeprefix('harness ')}" if command.startswith("harness ") else command


@cache
def _called() -> str:
    called = sys.argv[0]
    if os.path.basename(called) != "harness" or not os.path.isfile(called):
        return "harness"
    found = shutil.which("harness")
    return "harness" if found is not None and os.path.samefile(found, called) else shlex.quote(called)


def say(text: str | bytes) -> None:
    """To stdout; a reader that went away (``| head``) changes nothing about the verdict and its exit code."""
    if isinstance(text, str):
        text = _TO_COPY.sub(lambda found: f"{found[1]}{_called()} ", text)
    try:
        click.echo(text)
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)


def check_writable(flag: str, path: Path, suffix: str = "xml") -> bool:
    """UsageError where the file of an option cannot be written. Its directory is made; whether it had to be."""
    if not path.name:
        raise UsageError(f"{flag} is empty; expected a file, such as reports/{flag[2:]}.{suffix}")
    folder = path.absolute().parent
    there = folder.is_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{flag}: cannot make the directory {folder}: {error.strerror}") from None
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"{flag}: {path} cannot be written; give another file")
    return not there


def say_and_keep(encoded: bytes, text: str, as_json: bool, out_dir: Path | None, name: str, code: int) -> int:
    """Print a report, then keep both forms of it in ``out_dir``; the exit code. What cannot be kept has at least been said."""
    import msgspec

    say(encoded if as_json else text)
    if out_dir is None:
        return code
    try:
        (out_dir / f"{name}.json").write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")
        (out_dir / f"{name}.txt").write_text(text, encoding="utf-8")
    except OSError as error:
        click.echo(f"error: cannot write {error.filename or out_dir}: {error.strerror}", err=True)
        return int(ExitCode.HARNESS_ERROR)
    return code

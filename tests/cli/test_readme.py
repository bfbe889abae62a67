"""The README's commands, as they stand there, in an empty directory that holds the README's own terminal."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.scenario.load import load_text
from harness.terminals.small_scenarios import hour

from .conftest import ROOT, Harness

README = (ROOT / "README.md").read_text("utf-8")


def _commands(text: str) -> list[str]:
    return [
        line.removeprefix(".venv/bin/harness ")
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
        if line.startswith(".venv/bin/harness ")
    ]


COMMANDS = _commands(README)
FIRST = len(_commands(README.partition("\n## Scenarios\n")[0]))
"""What a stranger needs: a first finding, a terminal of one's own, firmware, a dialect."""
YAML = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
PREPARES = [line for line in README.splitlines() if line.startswith(("cc ", "cp "))]
FAILS = (
    "--terminal filequeue",
    "--terminal no_directory_fsync",
    "finding.zip",
    "my_terminal.py",
    "hunt reports/field.yaml",
    "exec:reports/shop_terminal --no-reserve",
)


def _unpack(place: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (place / "my_terminal.py").write_text(source)
    (dialect,) = [each for each in YAML if each.startswith("name:")]
    (place / "shop_bank.yaml").write_text(dialect)
    (place / "scenarios").symlink_to(ROOT / "scenarios")
    (place / "harness").symlink_to(ROOT / "harness")
    (place / "reports").mkdir(exist_ok=True)
    for line in PREPARES:
        subprocess.run(shlex.split(line), cwd=place, check=True)


def test_keys_that_the_readme_shows_are_keys_of_a_scenario() -> None:
    shown = [each for each in YAML if not each.startswith("name:")]
    assert shown and all(load_text(hour(each)).name == "small" for each in shown)


@pytest.mark.slow
@pytest.mark.parametrize("commands", [COMMANDS[:FIRST], COMMANDS], ids=["first", "all"])
def test_commands_give_what_the_readme_says(commands: list[str], harness: Harness, place: Path) -> None:
    _unpack(place)
    assert len(commands) >= 8 and len(PREPARES) == 2
    for command in commands:
        done = harness(*shlex.split(command))
        expected = 1 if any(part in command for part in FAILS) else 0
        assert done.returncode == expected, (command, done.stdout[-3000:], done.stderr)
        assert done.stderr == "", command


@pytest.mark.slow
def test_the_finding_that_the_readme_quotes_is_the_one_that_is_found(harness: Harness) -> None:
    quotes = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    for quoted, terminal in zip(quotes, ("filequeue", "no_directory_fsync"), strict=True):
        command = next(each for each in COMMANDS if f"--terminal {terminal}" in each)
        lines = harness(*shlex.split(command)).stdout.splitlines()
        for line in quoted.splitlines():
            kept = line.removesuffix("...").rstrip()
            if kept:
                assert any(shown.startswith(kept) for shown in lines), kept


@pytest.mark.slow
def test_the_readmes_terminal_shows_the_findings_that_it_is_said_to_show(harness: Harness, place: Path) -> None:
    _unpack(place)
    said = harness(*shlex.split(next(each for each in COMMANDS if "my_terminal" in each))).stdout
    for words in ("invariant 3 ", "invariant 8 ", "invariant 24 ", "(my_terminal.py:"):
        assert words in said


def test_set_up_lines_install_what_the_commands_need() -> None:
    # Setting up is tried in CI, from an empty machine; here: every terminal named is installed by the first line.
    first = README[README.index("```console") :].split("```")[1]
    assert "-e '.[engines]'" in first and first.rstrip().endswith(".venv/bin/harness run")

"""The example workflows: every command in them, as the server's shell would run it, with less time and fewer runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import junitparser
import pytest
from ruamel.yaml import YAML

from harness.engine.gate import baseline

from .conftest import ROOT

EXAMPLES = ROOT / "harness" / "docs" / "ci"
INSTALL = "pip install terminal-fault-harness"
SHORTER = (
    (r"--budget 10m", "--budget 2s"),
    (r"--runs \d+", "--runs 1 --terminals 1 --days 1"),
    (r"--max-time 2h", "--max-time 60s"),
)
HEAVY = re.compile(r"harness (gate|sweep) ")


def _commands(value: object, key: str = "") -> Iterator[str]:
    """Whatever a server would give to a shell: ``run`` of a step, lines of a script."""
    if isinstance(value, str):
        if key in ("run", "script", "after_script", "before_script"):
            yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _commands(each, str(name))
    elif isinstance(value, list):
        for each in value:
            yield from _commands(each, key)


def commands_of(path: Path) -> list[str]:
    if path.name == "Jenkinsfile":
        return re.findall(r"\bsh '([^']*)'", path.read_text("utf-8"))
    with path.open(encoding="utf-8") as file:
        return list(_commands(YAML(typ="safe").load(file)))


FILES = sorted(each for each in EXAMPLES.iterdir())


def test_there_is_an_example_for_each_server_and_nothing_in_it_is_overlooked() -> None:
    assert [each.name for each in FILES] == ["Jenkinsfile", "github.yml", "gitlab-ci.yml"]
    for path in FILES:
        found = commands_of(path)
        written = re.findall(
            r"^[^/#\n]*\b(harness (?:gate|sweep|results|doctor)\b)", path.read_text("utf-8"), re.MULTILINE
        )
        assert len([each for each in found if each.startswith("harness ")]) == len(written) >= 2
        assert [each for each in found if not each.startswith("harness ")] == [INSTALL] * found.count(INSTALL)
        assert 'gate --terminal "$TERMINAL"' in " ".join(found)


def _run(place: Path, command: str, summary: Path) -> subprocess.CompletedProcess[str]:
    for long, short in SHORTER:
        command = re.sub(long, short, command)
    return subprocess.run(
        ["sh", "-e", "-c", command], cwd=place, text=True, capture_output=True, check=False, timeout=100,
        env={
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "TERMINAL": "reference", "PYTHONPATH": str(ROOT),
            "GITHUB_STEP_SUMMARY": str(summary), "TMPDIR": str(place / "tmp"),
        },
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_commands_run_and_leave_the_files_that_are_named(place: Path, path: Path) -> None:
    (place / "bin").mkdir()
    (place / "bin" / "harness").write_text(f'#!/bin/sh\nexec {sys.executable} -m harness.cli.main "$@"\n')
    (place / "bin" / "harness").chmod(0o755)
    baseline.write(place / "known_findings.json", "reference", [])
    summary = place / "summary.md"
    for command in commands_of(path):
        if command == INSTALL:
            continue  # from an empty machine, in CI
        done = _run(place, command, summary)
        # So little time is no pass, and says so; nothing else may be wrong.
        assert done.returncode in ((0, 2) if HEAVY.match(command) else (0,)), (
            command,
            done.stdout[-2000:],
            done.stderr,
        )
        assert "error" not in done.stderr.lower(), done.stderr
    named = re.findall(r"reports/[\w.]+\.(?:xml|json|md)", path.read_text("utf-8"))
    assert named and all((place / each).is_file() for each in named)
    for each in {name for name in named if name.endswith(".xml")}:
        assert junitparser.JUnitXml.fromfile(str(place / each)).tests >= 1
    assert summary.exists() == (path.name == "github.yml")

"""Lines that are printed to be copied run where they are read; what is kept says the same on every machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from harness.cli.output import to_copy
from tests.engine.report.results import LOST, SCENARIOS, run_of, swept

from .conftest import ROOT


def test_a_line_to_copy_names_the_command_as_it_was_called(place: Path) -> None:
    line = f"harness run {SCENARIOS[0]} --seed 1"
    swept(place / "out", replace(run_of(SCENARIOS[0], 1, "fail", LOST), replay=line))
    command = place / "my bin" / "harness"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nimport sys\nfrom harness.cli.main import main\nsys.exit(main())\n")
    command.chmod(0o755)

    def said(called: str, path: str, *more: str) -> str:
        environ = {"PATH": path, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        done = subprocess.run(
            [called, "results", "out", *more], cwd=place, env=environ, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    # Not on PATH, as after the README's set-up; then there, as in an environment that is active.
    away = said("my bin/harness", os.defpath)
    assert f"replay: 'my bin/harness' run {SCENARIOS[0]} --seed 1\n" in away
    there = said("my bin/harness", f"{command.parent}:{os.defpath}")
    assert f"replay: {line}\n" in there and away.replace("'my bin/harness'", "harness") == there
    # JSON is for programs, and the same everywhere.
    kept = json.loads(said("my bin/harness", os.defpath, "--json"))
    assert line in json.dumps(kept) and "my bin" not in json.dumps(kept)


def test_under_pytest_and_in_other_programs_the_command_has_its_own_name() -> None:
    assert to_copy("harness run x") == "harness run x" and to_copy("") == ""

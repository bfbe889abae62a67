"""``harness results`` for CI servers: files and annotations of a results file that holds what terminal software wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import junitparser

from harness.reporters.json_schemas import SCHEMAS
from harness.results.model import Declared, DeclaredScenario, FindingRow, RunRow
from harness.results.store import Store

from .conftest import ROOT, Harness

HOSTILE = "T01 wrote 6222020200112233\n::error::owned\n##[error]owned <x> ]]>"


def _sweep(place: Path) -> None:
    declared = Declared((DeclaredScenario("power/cut_in_flight", "ab"),), 2, "reference")
    finding = FindingRow("0a1b2c3d", 29, "card_number_protected", HOSTILE, 1, 0, "T01", 5, HOSTILE)
    (place / "out").mkdir()
    with Store.create(place / "out", declared) as store:
        store.add(
            RunRow("power/cut_in_flight", 1, (), "fail", (), "harness run power/cut_in_flight", "", (), (finding,))
        )
        store.add(RunRow("power/cut_in_flight", 2, (), "pass"))


def test_results_for_every_server(harness: Harness, place: Path) -> None:
    _sweep(place)
    files = {name: place / "ci" / name for name in ("junit", "gitlab", "markdown")}
    options = [part for name, path in files.items() for part in (f"--{name}", str(path))]
    summary = place / "summary.md"
    summary.write_text("before\n")
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli.main", "results", "out", "--github", *options],
        cwd=place, text=True, capture_output=True, check=False,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "GITHUB_STEP_SUMMARY": str(summary)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    suites = junitparser.JUnitXml.fromfile(str(files["junit"]))
    assert (suites.tests, suites.failures) == (3, 2)  # two runs and the verdict
    (entry,) = json.loads(files["gitlab"].read_text())
    assert entry["fingerprint"] == "0a1b2c3d" and entry["location"]["path"] == "scenarios/power/cut_in_flight.yaml"
    assert summary.read_text() == "before\n" + files["markdown"].read_text()
    before, token = done.stdout.split("\n", 1)[0].split("::stop-commands::")
    inside, after = done.stdout.split(f"\n::{token}::\n")
    assert before == "" and "\n::error::owned" in inside
    assert after.startswith("::error file=scenarios/power/cut_in_flight.yaml,line=1,title=invariant 29 ")
    written = after + "".join(path.read_text() for path in files.values())
    assert "6222020200112233" not in written and "622202******2233" in written


def test_json_beside_annotations_stays_json(harness: Harness, place: Path) -> None:
    _sweep(place)
    done = harness("results", "out", "--json", "--github")
    summary = json.loads(done.stdout)
    jsonschema.validate(summary, json.loads((SCHEMAS / "sweep.schema.json").read_text()))
    assert summary["signatures"][0]["summary"] == HOSTILE and "##[" not in done.stdout
    assert done.stderr.startswith("::error file=") and done.stderr.count("\n") == 2


def test_a_file_that_cannot_be_written_is_told_before_and_a_disk_that_is_full_after(
    harness: Harness, place: Path
) -> None:
    _sweep(place)
    (place / "file").write_text("")
    for value, message in (("file/x.xml", "cannot make the directory"), ("", "--junit is empty")):
        done = harness("results", "out", "--junit", value)
        assert done.returncode == 4 and message in done.stderr and done.stdout == ""
    done = harness("results", "out", "--junit", "/dev/full")
    assert done.returncode == 3 and "cannot write /dev/full: No space left" in done.stderr
    assert done.stdout.startswith("sweep · reference")
    assert harness("results", "out", "--junit", "x.xml", "--verdict", "fail").returncode == 4

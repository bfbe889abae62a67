"""``harness gate`` as a CI server runs it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import jsonschema
import junitparser
import pytest

from harness.reporters.json_schemas import SCHEMAS
from tests.reporters.html.reading import data

from .conftest import Harness


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--terminal'"),
        (["--terminal", "referense"], "did you mean 'reference'?"),
        (["--terminal", "x", "--budget", "soon"], "expected a duration"),
        (["--terminal", "x", "--require", "charged_twice"], "no invariant or action named 'charged_twice'"),
        (["--terminal", "x", "--fail-if", "sale_p95 > 5"], "nothing is measured as 'sale_p95'; did you mean"),
        (["--terminal", "x", "--baseline", "small.yaml"], "small.yaml is no baseline"),
        (["--terminal", "x", "--random", "combined/radom_faults"], "did you mean 'combined/random_faults'?"),
        (["--terminal", "reference", "--random", "broken.yaml"], "broken.yaml:1"),
        (["--terminal", "x", "--out", ""], "--out is empty"),
        (["--terminal", "x", "--junit", "small.yaml/x.xml"], "cannot make the directory"),
        (["--terminal", "x", "--write-baseline", "small.yaml/x.json"], "cannot make the directory"),
        (["--terminal", "x", "--write-baseline", ""], "--write-baseline is empty"),
    ],
)
def test_wrong_use_is_told_before_anything_runs(
    harness: Harness, place: Path, arguments: list[str], message: str
) -> None:
    (place / "broken.yaml").write_text("terminals: none\n")
    done = harness("gate", *arguments)
    assert done.returncode == 4 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (place / "reports").exists()


@pytest.mark.slow
def test_a_bad_release_fails_with_a_line_that_replays_it(harness: Harness, place: Path) -> None:
    kept = ("--junit", "gate.xml", "--write-baseline", "known.json")
    done = harness("gate", "--terminal", "track_kept", "--budget", "30s", "--no-shrink", "--json", *kept)
    report = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr == "", done.stderr
    jsonschema.validate(report, json.loads((SCHEMAS / "gate.schema.json").read_text()))
    assert json.loads((place / "reports" / "gate" / "gate.json").read_text()) == report
    page = data(place / "reports" / "gate" / "report.html")
    assert page["data"]["verdict"]["status"] == "fail" and len(page["data"]["signatures"]) == len(report["findings"])
    found = next(each for each in report["findings"] if each["invariant"] == 28)
    known = json.loads((place / "known.json").read_text())
    assert [each["signature"] for each in known["known"]] == sorted(each["signature"] for each in report["findings"])
    assert junitparser.JUnitXml.fromfile(str(place / "gate.xml")).failures >= 2
    again = shlex.split(found["again"])
    assert again[:2] == ["harness", "run"] and harness(*again[1:]).returncode == 1

"""``harness report`` as a user runs it, and the page that a sweep leaves: written, switched off, or impossible to write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.results.store import Store
from tests.cli.conftest import Harness
from tests.engine.report.results import LOST, SCENARIOS, TWICE, run_of, swept
from tests.reporters.html.reading import data


@pytest.mark.slow
def test_a_sweep_leaves_a_page_and_one_that_cannot_be_written_changes_nothing(harness: Harness, place: Path) -> None:
    done = harness("sweep", "small.yaml", "--runs", "1", "--out", "out")
    page = place / "out" / "report.html"
    assert done.returncode == 0 and done.stdout.endswith("report: out/report.html\n") and done.stderr == ""
    assert data(page)["data"]["verdict"]["status"] == "pass"
    page.unlink()
    page.symlink_to("/dev/full")
    more = harness("sweep", "--resume", "--runs", "2", "--out", "out")
    assert more.returncode == 0 and "2 random runs" in more.stdout and "report:" not in more.stdout
    assert more.stderr == "no report: cannot write out/report.html: No space left on device\n"
    page.unlink()
    again = harness("sweep", "--resume", "--out", "out", "--no-report", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["total"]["passed"] == 2 and not page.exists()
    with Store.read(place / "out") as store:
        assert len(list(store.runs())) == 2

    told = harness("report", "out", "-o", "new/page.html", "--json")
    assert harness("report", "out", "-o", "a/b/page.html").stdout.startswith(
        f"{place}/a/b/page.html (a new directory)  "
    )
    report = json.loads(told.stdout)
    assert told.returncode == 0 and report["kind"] == "sweep" and report["runs"]["total"]["passed"] == 2
    assert data(place / "new" / "page.html")["data"]["verdict"] == report["verdict"]
    assert harness("report", "out", "--json").returncode == 0 and not page.exists()
    plain = harness("report", "out/results.sqlite", "--findings", "0")
    assert plain.returncode == 0 and plain.stdout.startswith("out/results.html  ") and plain.stdout.endswith(", pass\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "there is no nowhere; expected the directory of a sweep (results.sqlite)"),
        (["."], "holds nothing to report"),
        (["small.yaml"], "give a sweep's directory or its results.sqlite"),
        (["small.yaml", "-o", "small.yaml"], "is what the report is of"),
        (["small.yaml", "-o", "small.yaml/x.html"], "cannot make the directory"),
    ],
)
def test_what_cannot_be_shown_is_told(harness: Harness, place: Path, arguments: list[str], said: str) -> None:
    before = (place / "small.yaml").read_text()
    done = harness("report", *arguments)
    assert done.returncode == 4 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert (place / "small.yaml").read_text() == before and not (place / "report.html").exists()


def test_findings_are_told_of_as_they_are_told_and_those_that_are_not_run_with_the_cure(
    harness: Harness, place: Path
) -> None:
    (place / "mine.py").write_text("class Mine: pass\n")
    line = "harness run small.yaml --terminal mine.py:Mine --seed 1"
    swept(
        place / "out", replace(run_of(SCENARIOS[0], 1, "fail", replace(LOST, name="lost\x1b[2J"), TWICE), replay=line)
    )
    done = harness("report", "out")
    assert done.returncode == 0 and done.stdout.splitlines()[1:] == [
        "without its story: 2 of 2 findings, whose software does not ship with the harness and is not run unasked; if it is "
        "yours, add --terminal mine.py:Mine, or --trust for whatever the findings name"
    ]
    assert done.stderr.splitlines() == [
        "telling 2 findings in full; runs that are done again take their time",
        "pages 1-2 of 2: 1 lost[2J, 3 no_double_charge (0 s)",
    ]
    assert done.stdout.startswith("out/report.html  ")
    quiet = harness("report", "out", "--json")
    assert (quiet.returncode, quiet.stderr) == (0, "") and json.loads(quiet.stdout)["findings"]

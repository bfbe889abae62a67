"""Results that somebody has made up to do harm: a report or an error that says what is wrong, and nothing read elsewhere."""

from __future__ import annotations

import math
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import UsageError
from harness.engine.gate.report import GateFinding, Part, Unchecked
from harness.engine.report.again import request_of
from harness.engine.report.finding import Telling
from harness.engine.report.gather import gather
from harness.results.model import Measure
from harness.results.store import FILE_NAME
from tests.engine.report.results import LOST, SCENARIOS, run_of, swept
from tests.engine.report.test_gather import VERDICT, gate_in

ENDLESS = "9" * 5_000
NESTED = '{"x":' + "[" * 100_000 + "]" * 100_000 + "}"
SHIPPED = "harness run power/cut_between_reply_and_commit --terminal reference"


@pytest.mark.parametrize("name", ["../../elsewhere", "x" * 10_000, "a\0b"])
def test_the_name_of_a_gate_s_part_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    swept(tmp_path / "elsewhere", run_of(SCENARIOS[0], 1, "fail", LOST))
    report = gather(gate_in(tmp_path / "gate", parts=[Part(name, "known defects", 3, 2, 1)], findings=[]))
    assert report.matrix.cells == () and report.matrix.faults == ()


def test_numbers_without_end_are_no_numbers_of_invariants(tmp_path: Path) -> None:
    gate = gather(
        gate_in(tmp_path / "gate", checked=[f"{ENDLESS} x", "2 agreement"], unchecked=[Unchecked(ENDLESS, "")])
    )
    (tmp_path / "verdict.json").write_bytes(
        msgspec.json.encode(msgspec.structs.replace(VERDICT, checked=(f"{ENDLESS} x", "2 agreement", "\u0663 x")))
    )
    for report in (gate, gather(tmp_path)):
        assert [each.number for each in report.matrix.invariants if each.checked and each.number] == [2]


@pytest.mark.parametrize(
    "line",
    [
        f"{SHIPPED} --seed {ENDLESS}", f"{SHIPPED} --days {'1' * 40}", "harness run " + "x" * 10_000_000,
        "harness run " + "x" * 5_000 + " --seed 1", "harness run 'a\0b' --seed 1", "harness run ''",
    ],
    ids=range(6),
)  # fmt: skip
def test_a_line_that_nobody_could_have_copied_is_none(line: str, tmp_path: Path) -> None:
    began_s = time.process_time()
    assert request_of(line) is None
    found = GateFinding("0badcafe", 1, "n", "k", "s", "checks", "w", line, 1, 1, 0)
    report = gather(gate_in(tmp_path / "gate", findings=[found]), Telling())
    assert report.findings[0].why_empty == "no_run" and time.process_time() - began_s < 3


def test_measures_without_end_and_without_width_are_added_up(tmp_path: Path) -> None:
    def days(seed: int, value: float, slowest: float):  # type: ignore[no-untyped-def]
        measures = (Measure("terminal_days", value), Measure("sale_s_p95", slowest))
        return replace(run_of(SCENARIOS[0], seed, "pass"), measures=measures)

    wide = swept(tmp_path / "wide", days(1, math.inf, 1.7e308), days(2, math.nan, -1.7e308), days(3, 2.0, 0.0))
    assert wide.bound is not None and wide.bound.terminal_days == 2
    (spread,) = (each for each in wide.measures.spreads if each.name == "sale_s_p95")
    assert (spread.steps[0], spread.steps[16], spread.steps[-1], sum(spread.steps)) == (1, 1, 1, 3)
    narrow = swept(tmp_path / "narrow", days(1, 1e308, 5e-324), days(2, 1e308, 0.0))
    assert narrow.bound is not None and narrow.bound.terminal_days == 0
    (spread,) = (each for each in narrow.measures.spreads if each.name == "sale_s_p95")
    assert (spread.most > spread.least, spread.steps) == (True, ())


def test_what_is_nested_without_end_is_damage(tmp_path: Path) -> None:
    for name in ("gate.json", "verdict.json"):
        (tmp_path / name).write_text(NESTED)
        with pytest.raises(UsageError, match="that this version"):
            gather(tmp_path)
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE sweep SET declared = '{NESTED}'", f"UPDATE canaries SET canary = '{NESTED}'",
        "UPDATE findings SET summary = CAST(x'fffe' AS TEXT)", "UPDATE findings SET count = 'many'",
        f"UPDATE runs SET seed = '{ENDLESS}'", "UPDATE runs SET bites = x'01'", "UPDATE findings SET device = x'41'",
        "DROP TABLE canaries; CREATE VIEW canaries AS "
        "WITH RECURSIVE n(canary) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT * FROM n",
        "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM findings; END",
    ],
    ids=range(9),
)  # fmt: skip
def test_a_results_file_that_was_meddled_with_is_damaged(statement: str, tmp_path: Path) -> None:
    swept(tmp_path, run_of(SCENARIOS[0], 1, "fail", LOST))
    with sqlite3.connect(tmp_path / FILE_NAME) as database:
        database.executescript(statement)
    with pytest.raises(UsageError, match="is damaged or no results file"):
        gather(tmp_path)


@pytest.mark.parametrize("signature", ["../bundles/0badcafe", "x" * 10_000])
def test_a_signature_is_no_path(signature: str, tmp_path: Path) -> None:
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / "0badcafe.zip").write_bytes(b"")
    report = swept(tmp_path, run_of(SCENARIOS[0], 1, "fail", replace(LOST, signature=signature)))
    assert report.signatures[0].again == f"harness run {SCENARIOS[0]}"

"""Results of sweeps as tests of reports want them: made up, of two scenarios with two faults and two kinds of finding."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.engine.report.gather import gather
from harness.engine.report.model import Report
from harness.results.model import (
    BiteRow,
    CanaryRow,
    Declared,
    DeclaredScenario,
    FindingRow,
    Measure,
    RunRow,
    RunVerdict,
)
from harness.results.store import Store

SCENARIOS = ("power/plain_counter", "host/late")
DECLARED = Declared(tuple(DeclaredScenario(each, "x") for each in SCENARIOS), 10, "mine.py:Mine", harness="0.1")
LOST = FindingRow(
    "0badcafe",
    1,
    "no_lost_approval",
    "T.. lost",
    3,
    4200,
    "T07",
    1_000,
    "T07 lost 14.00 yuan",
    "power_loss",
    "a.py:1 f",
)
TWICE = replace(LOST, signature="11111111", invariant=3, name="no_double_charge", count=1, money_fen=100, fault="")
FOUND_CANARY = CanaryRow("log_in_ram", (1, 2), ())


def run_of(scenario: str, seed: int, verdict: RunVerdict, *findings: FindingRow, value: float = 1.0) -> RunRow:
    bites = (BiteRow("cut", "power_loss", "power", 2, 1), BiteRow("full", "full_storage", "storage", 1, 0))
    measures = (Measure("terminal_days", 2), Measure("sale_s_p95", value))
    return RunRow(scenario, seed, (), verdict, ("why",), f"harness run {scenario}", "aa", measures, findings, bites)


def swept(directory: Path, *runs: RunRow, declared: Declared = DECLARED, canary: CanaryRow = FOUND_CANARY) -> Report:
    directory.mkdir(exist_ok=True)
    with Store.create(directory, declared) as store:
        store.add_all(runs, [canary])
    return gather(directory)

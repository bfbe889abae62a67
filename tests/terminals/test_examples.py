"""The example terminal with a dialect and screens of its own: it passes, and harm is seen by its texts alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.scene import Setting
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.scenario.dialect_file import load_dialect
from harness.scenario.load import load_text
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from harness.terminals import examples
from harness.terminals.small_scenarios import hour
from tests.engine.crashpoints.explored import media

PLACE = Path(examples.__file__).parent
SPEC = "harness.terminals.examples.gbk_shop:GbkShop"
MISCOUNTED = """
sales_per_day: 20
host: {no_reply: 0%, decline: 20%}
faults:
  - {type: host_miscounts, messages: 2, at: {day: 1, time: "09:50"}}
  - {type: host_silent, at: {action: sale, occurrence: 3}}
"""


def run(spec: str, text: str = "") -> Verdict:
    loaded = replace(software.load(spec), dialect=load_dialect(str(PLACE / "gbk_shop.yaml")))
    plan = load_text(hour(text))
    with interpreter.installed():
        return run_plan(plan, loaded, RunRequest(scenario=plan.name, seed=1), lambda _: None)


def broken(place: Path, was: str, now: str) -> str:
    """The example with one change, as a file of its own."""
    source = (PLACE / "gbk_shop.py").read_text("utf-8")
    assert was in source
    file = place / "broken_shop.py"
    file.write_text(source.replace(was, now), "utf-8")
    return f"{file}:GbkShop"


def test_it_passes_an_hour_with_declines_a_lost_answer_and_a_bank_that_counts_wrong() -> None:
    verdict = run(SPEC, MISCOUNTED)
    assert verdict.status == "pass", (verdict.findings, verdict.inconclusive_because)
    judged = {int(line.partition(" ")[0]) for line in verdict.checked}
    assert {1, 2, 3, 8, 11, 12, 16, 31} <= judged


@pytest.mark.parametrize(
    ("was", "now", "number"),
    [
        # Each is told by text alone: what the screen promised, what the slip says, what was uploaded.
        ('if code != "00":\n            return self.not', 'if code not in ("00", "95"):\n            return self.not', 11),
        ("in self.sales.items():", "in list(self.sales.items())[1:]:", 24),
        ("if code in _UNDECIDED:", 'if code in ("96", "98"):', 5),
        ("{yuan(int(line['fen']))}", "{yuan(int(line['fen']) * 2)}", 12),
        ("        self.tell(stan, amount_fen)\n        return", '        self.say("交易拒绝")\n        return', 3),
    ],
)  # fmt: skip
def test_a_defect_is_found_by_what_its_texts_say(tmp_path: Path, was: str, now: str, number: int) -> None:
    verdict = run(broken(tmp_path, was, now), MISCOUNTED)
    assert number in {finding.invariant for finding in verdict.findings}, verdict.findings


@pytest.mark.parametrize("flow", ["sale", "settle"])
def test_it_comes_back_from_every_cut_where_renaming_is_atomic(flow: str) -> None:
    loaded = replace(software.load(SPEC), dialect=load_dialect(str(PLACE / "gbk_shop.yaml")))
    setting = Setting(Plan("plain counter"), loaded, 1)
    with interpreter.installed():
        report = Exploration(
            setting, FLOWS.get(flow), media("ext4-ordered", "posix-weak"), Extent(), lambda: "", lambda *_: None
        ).explore()
    assert report.judged > 10 and not report.found, [found.finding.summary for found in report.found.values()]

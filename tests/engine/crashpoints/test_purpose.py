"""A flow in which nothing happens proves nothing: every flow of the reference comes to its purpose, and to no other's."""

import pytest

from harness.engine.crashpoints.child import media_of
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.purpose import unreached
from harness.engine.crashpoints.report import CrashReport
from harness.engine.crashpoints.scene import Setting
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from tests.engine.crashpoints.explored import recorded

REFUSES = """
from harness.contract import Manifest, Refused, Terminal


class Refuses(Terminal):
    manifest = Manifest(name="refuses", actions=frozenset({"sale", "settle"}))

    def sale(self, action):
        return Refused("no")

    def settle(self, action):
        return Refused("no")
"""


@pytest.mark.parametrize("flow", FLOWS.names())
def test_the_reference_comes_to_the_purpose_of_each_flow(flow):
    assert unreached(FLOWS.get(flow), recorded("reference", flow)) == ""


@pytest.mark.parametrize(
    ("flow", "other"),
    [("sale", "settle"), ("void", "refund"), ("settle", "upload"), ("sale", "boot"), ("completion", "preauth")],
)
def test_another_flow_is_not_that_purpose(flow, other):
    assert "came to nothing" in unreached(FLOWS.get(other), recorded("reference", flow))


def test_a_terminal_that_refuses_everything_is_inconclusive_and_not_a_pass(tmp_path):
    (tmp_path / "refuses.py").write_text(REFUSES)
    plan = Plan("plain counter")
    setting = Setting(plan, software.load(f"{tmp_path / 'refuses.py'}:Refuses"), 1)
    with interpreter.installed():
        report = Exploration(
            setting, FLOWS.get("sale"), media_of(plan, ("fat",)), Extent(), lambda: "", lambda *_: None
        ).explore()
    assert any("no sale was booked" in why for why in report.because)
    assert CrashReport("x", "refuses", "x", 1, 1, [report]).exit_code in (1, 2)

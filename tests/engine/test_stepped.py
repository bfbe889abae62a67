"""A run that goes on a step at a time: steps do what they say, it is judged as every run, the same steps give the same bytes."""

from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.core.units import US_PER_HOUR
from harness.engine.request import RunRequest
from harness.engine.stepped.orders import Lift, Operate, Order, Pass, Restart, Stepped, Strike, Visit
from harness.engine.stepped.script import Taken, scenario_of
from harness.engine.stepped.session import Over, Session
from harness.scenario.load import load_text

PEOPLE = "people: {attempts: 2, retries_after_unknown: 100%}\nhost: {no_reply: 0%, decline: 0%}\nacceptance: 0%\n"
SCENARIO = f"name: stepped\n{PEOPLE}"
SPINS = """
import re
from harness.terminals.reference import ReferenceTerminal

class Spins(ReferenceTerminal):
    def sale(self, request):
        re.match("(a+)+$", "a" * 60 + "b")
"""
A_DAY: tuple[Order, ...] = (
    Visit("sale", 1_250),
    Visit("sale", 300, by_code=True),
    Visit("void"),
    Strike("{type: host_silent}"),
    Visit("sale", 990),
    Strike("{type: power_loss, off_for: 30 s, at: {action: sale, storage_operation: 3}}"),
    Visit("sale", 4_000),
    Strike("{type: partition}"),
    Visit("sale", 10),
    Lift("partition"),
    Restart(),
    Operate("settle"),
    Visit("refund"),
    Pass(20 * US_PER_HOUR),
    Visit("sale", 77),
)


def played(terminal: str, orders: tuple[Order, ...], seed: int = 1) -> tuple[list[Stepped], Session]:
    session = Session(SCENARIO, RunRequest("", terminal, seed=seed))
    return [session.step(order) for order in orders], session


def test_a_day_in_steps_is_judged_as_a_run_and_is_the_same_again() -> None:
    digests = set()
    for _ in range(2):
        steps, session = played("reference", A_DAY)
        with session:
            assert {"sale", "void", "settle"} <= set(session.actions)
            verdict = session.end()
        assert verdict.status == "pass", verdict
        digests.add((verdict.history_sha256, tuple(each.said for each in steps)))
    assert len(digests) == 1
    said = dict(zip(range(len(A_DAY)), [each.said for each in steps], strict=True))
    assert (
        said[0] == said[1] == said[2] == said[12] == said[14] == "paid" and said[11] == "done" and said[10] == "ready"
    )
    assert said[8] != "paid", "nothing passed the line"
    assert [each.at_us for each in steps] == sorted(each.at_us for each in steps)
    assert steps[0].unsettled == 1 and steps[2].unsettled == 1 and steps[11].unsettled == 0 < steps[11].settled
    assert {each.kind for each in verdict.faults} == {"host_silent", "power_loss", "partition"}
    assert all(each.struck for each in verdict.faults)


def test_what_is_wrong_is_found_with_its_story() -> None:
    _, session = played("silent_charge", (Strike("{type: host_silent}"), Visit("sale", 990)))
    with session:
        verdict = session.end()
    assert verdict.status == "fail" and {each.invariant for each in verdict.findings} >= {31}
    assert any(line.startswith(">") for line in verdict.findings[0].story)


def test_what_is_proven_shows_at_its_step() -> None:
    steps, session = played("stan_in_ram", (Visit(), Visit(), Restart(), Visit(), Visit()))
    session.close()
    assert not steps[2].findings and "000002" in steps[-1].findings[0], steps


def test_a_fault_that_is_none_is_told_and_the_run_goes_on() -> None:
    _, session = played("reference", ())
    with session:
        with pytest.raises(UsageError, match="did you mean 'partition'"):
            session.step(Strike("{type: partitoin}"))
        assert session.step(Visit()).said == "paid"


def test_software_that_is_none_is_told_at_once() -> None:
    with pytest.raises(UsageError, match="no terminal named 'refrence'"):
        Session(SCENARIO, RunRequest("", "refrence"))


def test_steps_are_said_as_a_scenario() -> None:
    nine, second = 9 * US_PER_HOUR, 1_000_000
    orders = (
        Strike("{type: partition}"), Visit("sale", 250, by_code=True), Visit("void"), Lift("partition"),
        Pass(US_PER_HOUR), Restart(),
        Strike("{type: power_loss, at: {action: settle, storage_operation: 2}}"), Operate("settle"),
    )  # fmt: skip
    text = scenario_of(SCENARIO, [Taken(nine + number * 10 * second + 7, each) for number, each in enumerate(orders)])
    assert text is not None
    plan = load_text(text)
    assert plan.actions is not None
    assert [(each.do, each.time_us - nine) for each in plan.actions] == [
        ("sale", 10 * second), ("void", 20 * second), ("restart", 50 * second), ("settle", 70 * second),
    ]  # fmt: skip
    assert (plan.actions[0].amount_fen, plan.actions[0].pays_by) == (250, "code")
    line, cut = plan.faults
    assert (line.trigger.time_us, line.lift_after_us) == (nine, 30 * second)
    assert (cut.trigger.time_us, cut.trigger.action, cut.trigger.storage_operation) == (
        nine + 60 * second,
        "settle",
        (2, 2),
    )
    assert scenario_of(SCENARIO, [Taken(nine, Operate("totals"))]) is None


def test_software_that_never_comes_back_ends_the_run_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "spins.py").write_text(SPINS)
    request = RunRequest("", f"{tmp_path / 'spins.py'}:Spins", spin_s=1.0, spin_patience_s=1)
    with Session(SCENARIO, request) as session:
        with pytest.raises(Over) as over:
            session.step(Visit())
        verdict = over.value.verdict
    assert verdict.status == "fail" and "T01" in verdict.findings[0].summary

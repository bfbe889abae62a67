"""Whatever is drawn loads and builds, and shrinks to what a person would have written first."""

import io
import json

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.device.classes import DEVICE_CLASSES
from harness.faults.base import families
from harness.history.recorder import Recorder
from harness.scenario.build import build
from harness.scenario.check import NEEDS_FUNDS
from harness.scenario.fields import fields_of
from harness.scenario.load import load_text
from harness.scenario.registries import device_class_names, faults, merchant_names, profile_names
from harness.strategies import ScenarioText, devices, fault_plans, merchants, profiles, scenarios, trading_days
from harness.strategies.faults import kinds_of, parameters_of, required_parameters
from harness.sut import interpreter
from harness.sut.software import Software, load
from harness.terminals.catalogue import CATALOGUE

HEAD = "name: drawn\ndays: 3\nfunds: {cycle: D+0}\n"


@pytest.fixture(scope="module")
def reference() -> Software:
    return load("reference", {"reference": CATALOGUE["reference"].spec}, share_modules=True)


@settings(max_examples=40, deadline=None)
@given(st.one_of(scenarios(), scenarios(scripted=True)))
def test_every_scenario_loads_builds_and_is_armed(reference: Software, text: ScenarioText) -> None:
    plan = text.plan
    with interpreter.installed():
        built = build(plan, reference, plan.seed or 1, Recorder(io.BytesIO()))
        built.injector.arm()
    assert eval(repr(text), {"ScenarioText": ScenarioText}).plan == plan


@settings(max_examples=80, deadline=None)
@given(fault_plans(days=3, funds=True))
def test_every_fault_plan_is_an_entry_of_a_scenario(text: str) -> None:
    assert "\n" not in text
    assert len(load_text(f"{HEAD}faults:\n  - {text}\n").faults) == 1


@settings(max_examples=30, deadline=None)
@given(trading_days(), devices(), merchants(), profiles())
def test_the_parts_are_lines_and_names_of_a_scenario(days: str, device: str, merchant: str, profile: str) -> None:
    plan = load_text(f"name: x\n{days}device: {{class: {device}}}\nmerchants: {merchant}\nprofile: {profile}\n")
    assert 1 <= plan.days.count <= 2 and plan.sales_per_day and plan.device.class_name == device


@pytest.mark.parametrize("kind", sorted(faults().names()))
def test_the_table_of_parameters_is_of_the_fault(kind: str) -> None:
    fault = faults().get(kind)
    assert set(parameters_of(kind)) <= {each.key for each in fields_of(fault)}
    assert required_parameters(fault) <= set(parameters_of(kind)), "a kind with required parameters needs its row"


def test_families_and_payouts_are_kept_apart() -> None:
    by_family = [set(kinds_of((family,), funds=True)) for family in families()]
    assert set().union(*by_family) == set(faults().names()) and sum(map(len, by_family)) == len(faults().names())
    assert not NEEDS_FUNDS & set(kinds_of())
    with pytest.raises(UsageError, match="no family of faults named 'pwoer'; did you mean 'power'"):
        kinds_of(("pwoer",))


def drawn(strategy: st.SearchStrategy[str], examples: int) -> list[str]:
    """So many of them, the same ones each time."""
    texts: list[str] = []

    @settings(max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(strategy)
    def draw(text: str) -> None:
        texts.append(text)

    draw()
    return texts


def test_faults_of_every_family_are_drawn_and_of_no_other_than_were_asked_for() -> None:
    def of(text: str) -> str:
        return faults().get(json.loads(text)["type"]).family

    assert all({of(text) for text in drawn(fault_plans([family], funds=True), 3)} == {family} for family in families())
    told = [json.loads(text) for text in drawn(fault_plans(funds=True), 80)]
    assert len({each["type"] for each in told}) > 12
    # Not only times, and parameters besides those that must be.
    assert {"time", "action", "message"} <= {key for each in told for key in each["at"]}
    own = [set(each) - {"type", "at", "lift_after"} - required_parameters(faults().get(each["type"])) for each in told]
    assert sum(map(bool, own)) > 5, own
    plans = [ScenarioText(text).plan for text in drawn(scenarios(["network"], device=st.just("mpos-raw")), 20)]
    assert {fault.fault.family for plan in plans for fault in plan.faults} == {"network"}
    assert {plan.device.class_name for plan in plans} == {None, "mpos-raw"}
    assert any(plan.people != plans[0].people for plan in plans)


def test_the_simplest_scenario_is_one_quiet_day_and_the_simplest_fault_is_at_opening() -> None:
    few = settings(max_examples=60, deadline=None, database=None)
    simplest = find(scenarios(), lambda text: True, settings=few)
    assert simplest.plan.faults == () and simplest.plan.terminals == simplest.plan.days.count == 1
    with_fault = find(scenarios(), lambda text: "faults:" in text, settings=few)
    assert 'faults:\n  - {"type": "power_loss", "at": {"day": 1, "time": "09:00"}}\n' in with_fault
    assert with_fault.plan.terminals == with_fault.plan.days.count == 1
    scripted = find(scenarios(scripted=True), lambda text: "void" in text, settings=few)
    assert 'actions:\n  - {"do": "void", "day": 1, "time": "09:00"}\n' in scripted and "faults" not in scripted
    afternoon = find(fault_plans(), lambda text: '"time": "1' in text, settings=few)
    assert afternoon == '{"type": "power_loss", "at": {"day": 1, "time": "10:00"}}'


def test_all_that_ships_is_drawn() -> None:
    fit = [name for name in device_class_names() if DEVICE_CLASSES.get(name).volume("data").total_bytes >= 2 << 20]
    assert len(fit) > 1
    for strategy, names in ((merchants(), merchant_names()), (profiles(), profile_names()), (devices(), fit)):
        for name in names:
            assert find(strategy, lambda drawn, name=name: drawn == name) == name

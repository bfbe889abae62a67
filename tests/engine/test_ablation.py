"""Every shipped scenario does what it says: with its faults switched off the run goes otherwise, and something shows it.

Ablated is a scenario without its faults, or, where people or host are what it is about, with ordinary people and an ordinary
host. Whatever finds a terminal out in the scenario must not find it out without what the scenario is about: a terminal that is
broken anyway shows nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import pytest

from harness.history.codec import read_history
from harness.history.events import AnyEvent, FaultStruck, RunStarted, TerminalInstalled
from harness.scenario import find
from harness.scenario.coverage import happens
from harness.scenario.load import load_scenario
from harness.scenario.plan import FundsPlan, HostPlan, Plan
from harness.workload.behaviour import Behaviour
from tests.engine.ablation_measures import measures_of, moved
from tests.engine.ablation_table import NOTHING_GOES_WRONG, SHOWN_BY, Shown
from tests.engine.small_runs import found, run, told

SHIPPED = [name for name in find.names() if name not in NOTHING_GOES_WRONG]


def ablated(plan: Plan) -> Plan:
    """The same shop on a day on which nothing goes wrong."""
    if plan.faults:
        return replace(plan, faults=())
    funds = None if plan.funds is None else FundsPlan(cycle=plan.funds.cycle)
    return replace(plan, people=Behaviour(), host=HostPlan(), surge=None, funds=funds)


def shrunk(plan: Plan, shown: Shown) -> Plan:
    """With no more terminals than are needed; terminals that are named stay."""
    if any(isinstance(each.devices, tuple) for each in plan.faults):
        return plan
    count = min(plan.terminals, shown.terminals)
    fewer = [
        replace(each, devices=min(each.devices, count)) if isinstance(each.devices, int) else each
        for each in plan.faults
    ]
    return replace(plan, terminals=count, faults=tuple(fewer))


def events_of(plan: Plan, directory: Path, terminal: str = "") -> list[AnyEvent]:
    """The history of the scenario's own terminal, mostly the reference, which must hold nothing against it."""
    directory.mkdir()
    verdict = run(plan, terminal or plan.software, None, directory)
    assert not verdict.findings, told(verdict)
    assert verdict.status == "pass" or plan.terminals < load_scenario_by(plan).terminals, told(verdict)
    return [event for _, event in read_history(directory / "history.jsonl")]


def load_scenario_by(plan: Plan) -> Plan:
    """The scenario as it ships."""
    return load_scenario(plan.source)


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", SHIPPED)
def test_it_changes_the_run_and_something_shows_it(name: str, tmp_path: Path) -> None:
    shown = SHOWN_BY[name]
    plan = shrunk(load_scenario(name), shown)
    struck = events_of(plan, tmp_path / "struck")
    if shown.instead:
        calm = [*events_of(plan, tmp_path / "calm", shown.instead)]
        struck, calm = same_software(struck), same_software(calm)
    else:
        calm = events_of(ablated(plan), tmp_path / "calm")
    strike = first_difference(struck, calm)
    if plan.faults and not shown.instead:
        first = next(number for number, event in enumerate(struck) if isinstance(event, FaultStruck))
        assert strike == first, "what happens before the first strike hangs on it"
    assert 0 < strike < len(calm)
    assert struck[strike + 1 :] != calm[strike:], "the strike is told and changes nothing"
    if shown.measure:
        with_it, without = measures_of(struck), measures_of(calm)
        assert moved(shown.measure, with_it, without), (with_it, without)
    if shown.terminal:
        guilty = run(plan, shown.terminal, None)
        assert set(shown.finds) <= found(guilty), told(guilty)
        innocent = run(ablated(plan), shown.terminal, None)
        assert not set(shown.finds) & found(innocent), told(innocent)


def same_software(events: list[AnyEvent]) -> list[AnyEvent]:
    """The history without the software's name, which is another one anyway."""
    return [event for event in events if not isinstance(event, RunStarted | TerminalInstalled)]


def first_difference(one: list[AnyEvent], other: list[AnyEvent]) -> int:
    """The number of the first event in which two histories differ."""
    same = (number for number, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(same, min(len(one), len(other)))


# ---------------------------------------------------------------- no copies


def test_every_scenario_says_what_shows_it() -> None:
    assert list(SHOWN_BY) == SHIPPED
    for shown in SHOWN_BY.values():
        assert bool(shown.measure) != bool(shown.terminal and shown.finds)


def shape(plan: Plan) -> tuple[object, ...]:
    """What goes wrong where, without the figures: kinds of fault with what is set in them and in their triggers, unusual
    habits, and the medium. Two scenarios of one shape are one scenario under two names.
    """
    faults = Counter(
        (
            each.fault.kind,
            tuple(field.name for field in fields(each.fault) if getattr(each.fault, field.name) != field.default),
            tuple(
                (field.name, value if isinstance(value, str) else "")
                for field in fields(each.trigger)
                if (value := getattr(each.trigger, field.name)) != field.default
            ),
            each.lift_after_us is None,
            each.per_day is None,
            each.together,
        )
        for each in plan.faults
    )
    media = tuple((volume.name, volume.profile or plan.profile, volume.medium) for volume in plan.device.volumes)
    habits = tuple(what for what in happens(plan) if "." in what or what == "surge")
    return frozenset(faults.items()), habits, media, plan.device.link, plan.software


def test_no_two_scenarios_are_one_under_two_names() -> None:
    shapes: dict[tuple[object, ...], str] = {}
    for name in SHIPPED:
        twin = shapes.setdefault(shape(load_scenario(name)), name)
        assert twin == name, f"{name} is {twin} with other figures"


def test_a_copy_with_other_figures_is_seen() -> None:
    plan = load_scenario("power/voltage_dips")
    (fault,) = plan.faults
    later = replace(fault, name="later", trigger=replace(fault.trigger, day=2, delay_us=5_000_000), devices=2)
    assert shape(replace(plan, name="copy", terminals=9, faults=(later,))) == shape(plan)
    assert shape(replace(plan, faults=(replace(fault, trigger=replace(fault.trigger, action="settle")),))) != shape(
        plan
    )

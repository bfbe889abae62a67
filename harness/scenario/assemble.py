"""Validated values to a ``Plan``, with the checks that need more than one value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from harness.core.decisions import Value, read_pins
from harness.core.documents import messages
from harness.core.documents.source import Document, Path, Plain
from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.faults.base import FaultPlan, Trigger
from harness.scenario import registries
from harness.scenario.device import device_plan
from harness.scenario.model import AllBut, Days, Model, Scenario, fault_model, given
from harness.scenario.plan import (
    Budgets,
    DaysPlan,
    DevicePlan,
    FundsPlan,
    HostPlan,
    InvariantChoice,
    MerchantShare,
    Plan,
    VolumePlan,
)
from harness.scenario.problems import Problem
from harness.scenario.thresholds import Threshold
from harness.workload.arrivals import Surge
from harness.workload.behaviour import Behaviour
from harness.workload.script import Scripted


def assemble(document: Document, file: str) -> Plan | None:
    """The plan that the document describes; None when it has problems, which are then in the document."""
    faults = _faults(document)
    scenario = _validated(document, Scenario, (), {**document.values, "faults": []})
    decisions = _decisions(document)
    if scenario is None or document.problems:
        return None
    behaviour = _built(document, Behaviour, scenario.people, ("people",))
    excluded: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    if isinstance(scenario.invariants, AllBut):
        excluded = tuple(scenario.invariants.excluded)
    elif scenario.invariants is not None:
        only = tuple(scenario.invariants)
    defaults = Plan(name="")
    return Plan(
        name=scenario.name,
        summary=" ".join(scenario.summary.split()),
        covers=tuple(scenario.covers),
        terminals=scenario.terminals.count,
        software=scenario.terminals.software,
        release=scenario.terminals.release,
        trace_number=scenario.terminals.trace_number,
        days=_days(scenario.days),
        merchants=tuple(MerchantShare(name, weight) for name, weight in scenario.merchants.items()),
        sales_per_day=scenario.sales_per_day,
        surge=_built(document, Surge, scenario.surge, ("surge",)),
        only_intents=None if scenario.only_intents is None else tuple(scenario.only_intents),
        actions=_actions(document, scenario.actions),
        device=_device(document, scenario.device, scenario.profile),
        disk=scenario.disk,
        profile=scenario.profile or defaults.profile,
        host=_built(document, HostPlan, scenario.host, ("host",)) or HostPlan(),
        funds=_built(document, FundsPlan, scenario.funds, ("funds",)),
        people=behaviour or Behaviour(),
        faults=tuple(faults),
        invariants=InvariantChoice(only, excluded),
        must_happen=tuple(scenario.must_happen),
        acceptance_percent=defaults.acceptance_percent if scenario.acceptance is None else scenario.acceptance,
        thresholds=tuple(Threshold(name, value) for name, value in (scenario.measures or {}).items()),
        budgets=_built(document, Budgets, scenario.budgets, ("budgets",)) or Budgets(),
        seed=scenario.seed,
        decisions=decisions,
        unpinned=scenario.unpinned,
        source=file,
    )


def _validated(document: Document, model: type[Any], path: Path, values: Plain) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        messages.complain(document, model, path, error)
        return None


def _built(document: Document, cls: type[Any], model: Model | None, path: Path) -> Any:
    """The dataclass for ``model``; what its own constructor refuses is a problem at ``path``."""
    if model is None:
        return None
    try:
        return cls(**given(cls, model))
    except ValueError as error:
        document.complain(path, str(error))
        return None


def _actions(document: Document, models: list[Any] | None) -> tuple[Scripted, ...] | None:
    if models is None:
        return None
    built = [_built(document, Scripted, model, ("actions", number)) for number, model in enumerate(models)]
    return tuple(each for each in built if each is not None)


def _days(days: Days) -> DaysPlan:
    start = {} if days.start is None else {"start": days.start}
    return DaysPlan(count=days.count, open_us=days.open, close_us=days.close, **start)


def _device(document: Document, device: Any, profile: str | None) -> DevicePlan:
    """The device's class, where it has one, and over it what the file gives; the scenario's profile counts as given."""
    if device is None:
        return DevicePlan()
    arguments = given(DevicePlan, device.model_copy(update={"volumes": None}))
    known: dict[str, VolumePlan] = {}
    plan = DevicePlan()
    if "class_name" in arguments:
        try:
            plan = device_plan(arguments["class_name"])
        except UsageError as error:
            document.complain(("device", "class"), str(error))
            return plan
        known = {volume.name: volume if profile is None else replace(volume, profile=None) for volume in plan.volumes}
    for name, volume in (device.volumes or {}).items():
        known[name] = replace(known.get(name, VolumePlan(name)), **given(VolumePlan, volume))
    if known or device.volumes is not None:
        arguments["volumes"] = tuple(known.values())
    return replace(plan, **arguments)


# ---------------------------------------------------------------- faults


def _faults(document: Document) -> list[FaultPlan]:
    entries = document.values.get("faults")
    if entries is None:
        return []
    if not isinstance(entries, list):
        document.complain(("faults",), "expected a list of faults, each beginning with '- type: ...'")
        return []
    plans: list[FaultPlan] = []
    names: dict[str, int] = {}
    for number, entry in enumerate(entries):
        path: Path = ("faults", number)
        plan = fault_of(document, path, entry)
        if plan is None:
            continue
        names[plan.name] = names.get(plan.name, 0) + 1
        if names[plan.name] > 1:
            message = f"a second fault named {plan.name!r}; give each a 'name' of its own"
            document.complain((*path, "name") if isinstance(entry, dict) and "name" in entry else path, message)
        plans.append(plan)
    return plans


def fault_of(document: Document, path: Path, entry: Plain) -> FaultPlan | None:
    known = registries.faults()
    if not isinstance(entry, dict):
        document.complain(path, "expected a fault such as '- type: power_loss'")
        return None
    kind = entry.get("type")
    if "type" not in entry:
        document.complain(path, f"missing key 'type'; known: {', '.join(known.names())}")
        return None
    if not isinstance(kind, str) or kind not in known:
        document.complain((*path, "type"), f"no fault named {str(kind)!r}; {nearest(str(kind), known.names())}")
        return None
    cls = known.get(kind)
    model = _validated(document, fault_model(kind, cls), path, entry)
    if model is None:
        return None
    fault = _built(document, cls, model, path)
    trigger = _built(document, Trigger, model.at, (*path, "at")) or Trigger()
    if fault is None:
        return None
    return FaultPlan(
        name=model.name or kind,
        fault=fault,
        trigger=trigger,
        devices=model.devices,
        times=1 if model.times is None else model.times,
        per_day=model.per_day,
        lift_after_us=model.lift_after,
        together=model.together,
        scheduled=model.per_day is None,
    )


# ---------------------------------------------------------------- decisions


def _decisions(document: Document) -> dict[str, Value] | None:
    lines = document.decision_lines
    if lines is None:
        text = document.values.get("decisions")
        if not isinstance(text, str):
            return None
        # Written in some other style than a literal block: its lines are where YAML put them, so only the key is named.
        lines = text.split("\n")
    try:
        return read_pins(lines)
    except ValueError as error:
        head, _, rest = str(error).partition(": ")
        number = int(head.removeprefix("line "))
        if document.decision_lines is None:
            document.complain(("decisions",), f"line {number} of the text: {rest}")
        else:
            line = lines[number - 1]
            column = len(line) - len(line.lstrip()) + 1
            document.problems.append(Problem(document.decision_line + number - 1, column, rest, "decisions"))
        return None

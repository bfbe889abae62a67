"""A plan as a person would have written it: only what is not as usual, in the order of a scenario file.

The other way of writing a plan (``resolve``) spells everything out, so that no default of a later release changes an old case.
A small case that people read and keep is worth more when it is short; what it shows is held by running it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import cast

from harness.core.errors import UsageError
from harness.faults.base import FaultPlan, MessageMatch, Trigger
from harness.scenario.device import device_plan
from harness.scenario.fields import fields_of
from harness.scenario.load import load_text
from harness.scenario.plan import DevicePlan, Plan, VolumePlan
from harness.scenario.resolve import Written, decisions_text, plan_text, plan_values, yaml_text

_COLUMNS = 118
_SHORT = {"terminals": "count", "days": "count"}
"""Keys whose value may be one of its own keys' alone: ``days: 3``."""


def brief_text(plan: Plan) -> str:
    """``plan`` as YAML with its decisions, where it has any; reading it back gives an equal plan.

    Raises ScenarioErrors for a plan that no file may describe.
    """
    pins = "" if plan.decisions is None else decisions_text(plan.decisions)
    text = unpinned_text(plan) + pins
    if load_text(text) == plan:
        return text
    # Something that cannot be left out after all: rather long than wrong.
    return plan_text(plan) + pins


def unpinned_text(plan: Plan) -> str:
    """``plan`` as YAML without its decisions, and without a look whether it reads back."""
    return yaml_text(_brief_values(plan), _COLUMNS)


def _brief_values(plan: Plan) -> dict[str, Written]:
    values, usual = plan_values(plan), plan_values(Plan(name=""))
    brief: dict[str, Written] = {}
    for key, value in values.items():
        if key == "device":
            device = _device(plan.device, value)
            if device:
                brief[key] = device
        elif key == "faults":
            if plan.faults:
                brief[key] = [_fault(each, written) for each, written in zip(plan.faults, _list(value), strict=True)]
        elif key == "actions":
            brief[key] = [_action(each) for each in _list(value)]
        elif value != usual.get(key):
            brief[key] = _unusual(key, value, usual.get(key))
    return brief


def _unusual(key: str, value: Written, usual: Written) -> Written:
    if not isinstance(value, dict) or not isinstance(usual, dict) or key == "merchants":
        if key == "merchants" and isinstance(value, dict) and len(value) == 1:
            return next(iter(value))
        return value
    kept = {name: member for name, member in value.items() if member != usual.get(name)}
    short = _SHORT.get(key)
    return kept[short] if short is not None and list(kept) == [short] else kept


def _list(value: Written) -> list[dict[str, Written]]:
    return cast("list[dict[str, Written]]", value)


def _device(device: DevicePlan, value: Written) -> dict[str, Written]:
    if device == DevicePlan():
        return {}
    if device.class_name is not None:
        try:
            if device_plan(device.class_name) == device:
                return {"class": device.class_name}
        except UsageError:
            pass
    written = cast("dict[str, Written]", value)
    kept: dict[str, Written] = {}
    for parameter in fields_of(DevicePlan):
        if parameter.key in written and getattr(device, parameter.name) != parameter.default:
            kept[parameter.key] = written[parameter.key]
    if "volumes" in kept:
        volumes: dict[str, Written] = {}
        for volume in device.volumes:
            full = cast("dict[str, dict[str, Written]]", written["volumes"])[volume.name]
            usual = VolumePlan(volume.name)
            volumes[volume.name] = {
                each.key: full[each.key]
                for each in fields_of(VolumePlan)
                if each.key in full and getattr(volume, each.name) != getattr(usual, each.name)
            }
        kept["volumes"] = volumes
    return kept


def _fault(plan: FaultPlan, written: dict[str, Written]) -> Written:
    kept: dict[str, Written] = {"type": plan.fault.kind}
    for key, usual in (("name", plan.fault.kind), ("devices", "all"), ("times", 1), ("together", False)):
        if key in written and written[key] != usual:
            kept[key] = written[key]
    for parameter in fields_of(type(plan.fault)):
        if parameter.key in written and (
            parameter.required or getattr(plan.fault, parameter.name) != parameter.default
        ):
            kept[parameter.key] = written[parameter.key]
    if "at" in written:
        kept["at"] = _trigger(plan, cast("dict[str, Written]", written["at"]))
    for key in ("per_day", "lift_after"):
        if key in written:
            kept[key] = written[key]
    return kept


def _trigger(plan: FaultPlan, written: dict[str, Written]) -> Written:
    trigger = plan.trigger
    kept: dict[str, Written] = {}
    for parameter in fields_of(Trigger):
        if parameter.key not in written or getattr(trigger, parameter.name) == parameter.default:
            continue
        value = written[parameter.key]
        if parameter.key == "message" and trigger.message is not None:
            usual = MessageMatch()
            value = {
                each.name: getattr(trigger.message, each.name)
                for each in fields(trigger.message)
                if getattr(trigger.message, each.name) != getattr(usual, each.name)
            }
        if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
            value = value[0]
        kept[parameter.key] = value
    return kept


def _action(written: dict[str, Written]) -> dict[str, Written]:
    """The day and the terminal of a case with one of each say nothing; how often, only where that is not once."""
    left_out = {"day": 1, "terminal": "T01", "pays_by": "card"}
    kept = {key: value for key, value in written.items() if left_out.get(key) != value}
    if kept.get("times", 1) == 1:
        kept.pop("times", None)
        kept.pop("every", None)
    return kept

"""Writing a plan back as a scenario file: with its decisions pinned it is the resolved scenario, the replay form.

Ordinary scenario syntax, everything spelled out: a default that changes in a later release must not change an old case.
Reading the file back gives an equal plan.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from harness.core.decisions import Value
from harness.faults.base import FaultPlan, Trigger
from harness.scenario.fields import Field, fields_of
from harness.scenario.plan import Plan
from harness.scenario.quantities import clock_text, duration_text, percent_text, shift_text, size_text
from harness.terminals.catalogue import CATALOGUE

Written: TypeAlias = "str | int | float | bool | list[Written] | dict[str, Written] | None"

_HEADER = "# A resolved scenario: every decision is pinned below, so a run of it goes the same way again.\n"
RAN = "# It was run with software that a scenario does not name; run it with --terminal "
"""Before the name of that software: without it a resolved scenario runs what ships."""


def write_resolved(
    plan: Plan,
    path: Path,
    decisions: Path | Mapping[str, Value] | None = None,
    images: Sequence[str] = (),
    software: str | None = None,
) -> None:
    """Write ``plan`` to ``path``. ``decisions``: a file as ``Decisions.spill`` writes it, or a mapping, or the plan's own.

    ``images``: what terminals began on, as ``DEVICE=DIR``; it is named in a comment, for it is not in the scenario.
    ``software``: what was run, where that is not the plan's own: a scenario can say it of what ships, else a comment does.
    """
    if software in CATALOGUE:
        plan = replace(plan, software=str(software))
    with path.open("w", encoding="utf-8") as out:
        pins = plan.decisions if decisions is None else decisions
        if pins is not None:
            out.write(_HEADER)
        for each in images:
            out.write(
                f"# It began on data that is not in this file; run it with --image {json.dumps(each.removeprefix('='))}\n"
            )
        if software is not None and software != plan.software:
            out.write(f"{RAN}{json.dumps(Path(software).name)}\n")
        out.write(plan_text(plan))
        if isinstance(pins, Path):
            out.write("decisions: |\n")
            with pins.open(encoding="utf-8") as lines:
                for line in lines:
                    out.write("  " + line)
        elif pins is not None:
            out.write(decisions_text(pins))


def decisions_text(pins: Mapping[str, Value]) -> str:
    """The block of pinned decisions."""
    return "".join(("decisions: |\n", *(f"  {key}\t{pin_text(value)}\n" for key, value in pins.items())))


def pin_text(value: Value) -> str:
    """A pinned value as ``core.decisions.read_pins`` reads it."""
    return str(int(value)) if isinstance(value, bool) else repr(value)


def plan_text(plan: Plan) -> str:
    """``plan`` as YAML, without its decisions."""
    return yaml_text(plan_values(plan))


def yaml_text(values: dict[str, Written], width: int = 0) -> str:
    """Keys and values as YAML. What fits into ``width`` columns stands on one line."""
    return "".join(f"{line}\n" for line in _block(values, 0, width))


def plan_values(plan: Plan) -> dict[str, Written]:
    """``plan`` as the keys and values of a scenario file, without its decisions."""
    # Everything that its class gave stands in the file: a class that changes in a later release changes no old case.
    device = _parameters(plan.device, without=("volumes", "class_name"))
    volumes: dict[str, Written] = {}
    for volume in plan.device.volumes:
        volumes[volume.name] = _parameters(volume, without=("name",))
    device["volumes"] = volumes
    days: dict[str, Written] = {"count": plan.days.count, "start": plan.days.start.isoformat()}
    if plan.days.open_us is not None:
        days["open"] = clock_text(plan.days.open_us)
    if plan.days.close_us is not None:
        days["close"] = clock_text(plan.days.close_us)
    values: dict[str, Written] = {
        "name": plan.name,
        "summary": plan.summary,
        "covers": list(plan.covers),
        "terminals": {"count": plan.terminals, "software": plan.software, **_installed(plan)},
        "days": days,
        "merchants": {share.merchant: percent_text(share.weight) for share in plan.merchants},
        "sales_per_day": plan.sales_per_day,
        "surge": None if plan.surge is None else _parameters(plan.surge),
        "only_intents": None if plan.only_intents is None else list(plan.only_intents),
        "actions": None if plan.actions is None else [_parameters(each) for each in plan.actions],
        "device": device,
        "disk": plan.disk,
        "profile": plan.profile,
        "host": _parameters(plan.host),
        "funds": None if plan.funds is None else _parameters(plan.funds),
        "people": _parameters(plan.people),
        "faults": [_fault(fault) for fault in plan.faults],
        "must_happen": list(plan.must_happen),
        "acceptance": percent_text(plan.acceptance_percent),
        "measures": {each.measure: each.value for each in plan.thresholds} or None,
        "budgets": _parameters(plan.budgets),
        "seed": plan.seed,
    }
    if plan.invariants.only is not None:
        values["invariants"] = list(plan.invariants.only)
    elif plan.invariants.excluded:
        values["invariants"] = {"except": list(plan.invariants.excluded)}
    if plan.unpinned != "neutral":
        values["unpinned"] = plan.unpinned
    return {key: value for key, value in values.items() if value is not None}


def _installed(plan: Plan) -> dict[str, Written]:
    """Only what is not usual: most scenarios know of no releases, and nothing of what a technician keys in."""
    release: dict[str, Written] = {} if plan.release == "current" else {"release": plan.release}
    return release if plan.trace_number is None else {**release, "trace_number": plan.trace_number}


def _fault(plan: FaultPlan) -> Written:
    values: dict[str, Written] = {"type": plan.fault.kind, "name": plan.name}
    values["devices"] = list(plan.devices) if isinstance(plan.devices, tuple) else plan.devices
    if plan.trigger != Trigger():
        values["at"] = _parameters(plan.trigger)
    if plan.per_day is not None:
        values["per_day"] = plan.per_day
    else:
        values["times"] = plan.times
    if plan.lift_after_us is not None:
        values["lift_after"] = duration_text(plan.lift_after_us)
    values["together"] = plan.together
    values.update(_parameters(plan.fault))
    return values


def _parameters(thing: Any, without: tuple[str, ...] = ()) -> dict[str, Written]:
    """A dataclass's fields by key, in file syntax; None is left out, as it is what a missing key means."""
    values: dict[str, Written] = {}
    for parameter in fields_of(cast(type, type(thing))):
        value = getattr(thing, parameter.name)
        if value is not None and parameter.name not in without:
            values[parameter.key] = _written(parameter, value)
    return values


def _written(parameter: Field, value: Any) -> Written:
    if parameter.unit == "duration":
        return duration_text(value)
    if parameter.unit == "shift":
        return shift_text(value)
    if parameter.unit == "size":
        return size_text(value)
    if parameter.unit == "percent":
        return percent_text(value)
    if parameter.unit == "clock":
        return clock_text(value)
    if is_dataclass(value):
        return _parameters(value)
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    plain: Written = value
    return plain


# ---------------------------------------------------------------- YAML


def _block(value: Written, depth: int, width: int = 0) -> Iterator[str]:
    """A mapping as indented lines."""
    assert isinstance(value, dict)
    indent = "  " * depth
    for key, member in value.items():
        if isinstance(member, dict) and member:
            line = f"{indent}{_scalar(key)}: {_flow(member)}" if width else ""
            if line and len(line) <= width:
                yield line
                continue
            yield f"{indent}{_scalar(key)}:"
            yield from _block(member, depth + 1, width)
        elif isinstance(member, list) and any(isinstance(item, dict) for item in member):
            yield f"{indent}{_scalar(key)}:"
            if key in _ONE_A_LINE:
                yield from (f"{indent}  - {_flow(item)}" for item in member)
                continue
            for item in member:
                line = f"{indent}  - {_flow(item)}"
                if len(line) <= width:
                    yield line
                    continue
                lines = list(_block(item, depth + 2, width))
                yield f"{indent}  - {lines[0].lstrip()}"
                yield from lines[1:]
        else:
            yield f"{indent}{_scalar(key)}: {_flow(member)}"


def _flow(value: Written) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(member)}" for key, member in value.items()) + "}"
    return _scalar(value)


def _scalar(value: str | int | float | bool | None) -> str:
    # Text always stands in quotes unless it is a bare word that no reader could take for anything else.
    if isinstance(value, str):
        bare = _BARE.match(value) is not None and value.lower() not in _TAKEN
        return value if bare else json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


_ONE_A_LINE = frozenset({"actions"})
"""Lists whose members stand on a line each, as a table that can be read down."""
_BARE = re.compile(r"^[A-Za-z][A-Za-z0-9_-]*$")
_TAKEN = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})

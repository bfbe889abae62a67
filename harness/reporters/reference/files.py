"""Keys of scenario and dialect files as pages: from the same dataclasses and models that read the files."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, WithJsonSchema

from harness.faults.base import MessageMatch, Trigger
from harness.host.dialects import DIALECTS
from harness.reporters.reference.tables import sentence, table
from harness.scenario import dialect_file as dialects
from harness.scenario import quantities
from harness.scenario.campaign import PHASES
from harness.scenario.campaign_file import CampaignModel, MatrixModel
from harness.scenario.fields import Field, fields_of
from harness.scenario.model import Days, Scenario, Terminals
from harness.scenario.plan import Budgets, DevicePlan, FundsPlan, HostPlan, VolumePlan
from harness.workload.arrivals import Surge
from harness.workload.behaviour import Behaviour
from harness.workload.script import Scripted

_HEAD = ("Key", "Value", "Default", "Meaning")
_VALUES = {
    "duration": "duration",
    "shift": "duration, may be negative",
    "size": "size",
    "percent": "percent",
    "clock": "time of day",
}
_TEXTS: dict[str, Any] = {
    "duration": quantities.duration_text,
    "shift": quantities.shift_text,
    "size": quantities.size_text,
    "percent": lambda value: quantities.percent_text(float(value)),
    "clock": quantities.clock_text,
}
_SHORT = 40
_NONE = re.compile(r"\bNone:")
_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def parameters(cls: type) -> Iterator[tuple[str, str, str]]:
    """Of a dataclass in the language of scenarios: key, default and meaning of each field."""
    for each in fields_of(cls):
        choices = f"{_type(each.type)}." if typing.get_origin(each.type) is Literal else ""
        yield each.key, _default(each), f"{choices} {sentence(by_keys(cls, each.description))}".strip()


def by_keys(cls: type, text: str) -> str:
    """``text`` with the names of fields as files have them: ``off_for_us`` is the key ``off_for``."""
    for each in fields_of(cls):
        text = text.replace(f"``{each.name}``", f"``{each.key}``")
    return _NONE.sub("without it:", text)


def _default(field: Field) -> str:
    if field.required:
        return "needed"
    if field.default is None:
        return "none"
    if field.unit != "none":
        return str(_TEXTS[field.unit](field.default))
    return _plain(field.default)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    return repr(value)


def _value(field: Field) -> str:
    if field.unit != "none":
        return _VALUES[field.unit]
    return _type(field.type)


def _type(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return " or ".join(f"`{each}`" for each in typing.get_args(kind))
    if kind == tuple[int, int]:
        return "number, or two: `[1, 12]`"
    return _PLAIN.get(kind, "keys, below")


def _rows(cls: type, without: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str, str]]:
    for each in fields_of(cls):
        if each.name not in without:
            default = _default(each)
            yield (
                f"`{each.key}`",
                _value(each),
                default if default in ("needed", "none") else f"`{default}`",
                sentence(by_keys(cls, each.description)),
            )


def _section(title: str, about: str, rows: Iterator[tuple[str, str, str, str]]) -> str:
    return f"## {title}\n\n{about}{table(_HEAD, rows)}"


# ---------------------------------------------------------------- scenario files

_TOP: dict[str, str] = {
    "terminals": "How many, or keys below.",
    "days": "How many trading days, or keys below.",
    "merchants": "A kind of merchant, a list, or shares: `{stall: 40%, hotel: 60%}`.",
    "device": "The hardware of every terminal: keys below.",
    "host": "The acquirer: keys below.",
    "funds": "How the merchants' money is paid out: keys below; without it nobody looks.",
    "people": "Habits: [people.md](people.md).",
    "surge": "Hours in which far more customers come: keys below.",
    "actions": "What customers and operators do, one by one: keys below. When given, nobody else comes.",
    "faults": "What goes wrong, where and when: [faults.md](faults.md); keys of `at` below.",
    "budgets": "What a run may use: keys below.",
    "invariants": "Which are judged: `all`, a list of names, or `{except: [...]}`.",
    "measures": "Bounds by name: [measures.md](measures.md). A run beyond one fails.",
}


def scenario() -> str:
    """Every key of a scenario file but those of people and faults."""
    top = (
        (f"`{name}`", sentence(_TOP.get(name, field.description or "")))
        for name, field in Scenario.model_fields.items()
    )
    parts = [
        "# Scenario keys",
        'Units: durations `90 s`, `10 min`, `2 h`; sizes `4 KiB`, `1 MiB`; shares `30%`; times of day `"13:42"`; '
        "dates `2026-03-02`. Unknown keys are "
        "errors. [scenarios.md](../scenarios.md) shows whole files. Only `name` is needed.\n",
        table(("Key", "Meaning"), top),
        _section("terminals", "", _model_rows(Terminals)),
        _section("days", "", _model_rows(Days)),
        _section("device", "With `volumes: {data: {...}}`, keys of each below.\n\n", _rows(DevicePlan, ("volumes",))),
        _section("device.volumes.NAME", "", _rows(VolumePlan, ("name",))),
        _section("host", "How the acquirer behaves on a good day.\n\n", _rows(HostPlan)),
        _section("funds", "", _rows(FundsPlan)),
        _section("surge", "", _rows(Surge)),
        _section("actions", "Each entry is one action, or the same several times over.\n\n", _rows(Scripted)),
        _section(
            "faults: at",
            "Conditions that are given are waited for in the order of this table. With none given the time is drawn "
            "within trading hours of a drawn day.\n\n",
            _rows(Trigger),
        ),
        _section(
            "faults: at: message", "A message to strike at. Empty values match everything.\n\n", _rows(MessageMatch)
        ),
        _section("budgets", "Running out is inconclusive, or a finding, never a hang.\n\n", _rows(Budgets)),
    ]
    return "\n".join(parts)


def people() -> str:
    """Every key of ``people``."""
    return "\n".join((
        "# Habits of people",
        "Keys of `people` in a scenario. A percent is a chance each time the occasion comes up. Every number is an "
        "assumption, and stands here to be changed. "
        "The four `settles_...` are weights of what happens at the end of a day; the rest up to 100 is nobody "
        "settling. The two `when_full_...` are weights "
        "of what the operator does when the terminal asks for settlement; the rest is ignoring it.\n",
        table(_HEAD, _rows(Behaviour)),
    ))  # fmt: skip


def _model_rows(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    for name, field in model.model_fields.items():
        default = field.default
        shown = "needed" if field.is_required() else "none" if default in (None, [], {}) else f"`{_plain(default)}`"
        yield (
            f"`{prefix}{name}`",
            _described(field.metadata) or _annotation(field.annotation),
            shown,
            sentence(field.description or ""),
        )


def _described(metadata: Sequence[Any]) -> str:
    """What a value is by its own schema, such as "a time of day"; nothing where that says no more than its type."""
    for each in metadata:
        if isinstance(each, WithJsonSchema) and each.json_schema is not None:
            said = str(each.json_schema.get("description", "")).removeprefix("a ")
            return said if len(said) < _SHORT else "name, or keys as in a scenario"
    return ""


def _annotation(kind: Any) -> str:
    arguments = [each for each in typing.get_args(kind) if each is not type(None)]
    origin = typing.get_origin(kind)
    if origin is typing.Annotated and (described := _described(arguments[1:])):
        return described
    if origin is Literal:
        return _type(kind)
    if origin is list:
        return f"list of {_annotation(arguments[0])}"
    if origin is dict:
        return "keys and values"
    if origin is typing.Annotated or len(arguments) == 1:
        return _annotation(arguments[0])
    if arguments:
        return " or ".join(map(_annotation, arguments))
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return "keys, below"
    return _PLAIN.get(kind, getattr(kind, "__name__", "text"))


def campaign() -> str:
    """Every key of a campaign file."""
    phases = ", ".join(f"`{each}`" for each in PHASES)
    return "\n".join((
        "# Campaign keys",
        "[sweeps.md](../sweeps.md#campaigns) shows a whole file. Which software runs is left to the command line.\n",
        table(_HEAD, _model_rows(CampaignModel)),
        _section(
            "matrices",
            "Each entry is one matrix: every scenario, varied in each of the ways that are named. Phases by name: "
            f"{phases}; or one of your own, `{{name: ..., at: {{...}}}}`, with `at` as in a scenario. `as_is` stands for what "
            "the scenario says itself.\n\n",
            _model_rows(MatrixModel),
        ),
    ))  # fmt: skip


# ---------------------------------------------------------------- dialect files


def _parts() -> dict[str, type[BaseModel]]:
    """The keys of a dialect file that have keys of their own."""
    found = {}
    for name, field in dialects.DialectFile.model_fields.items():
        for each in typing.get_args(field.annotation):
            if isinstance(each, type) and issubclass(each, BaseModel):
                found[name] = each
    return found


def dialect_file() -> str:
    """Every key of a dialect file."""
    inner = _parts()
    parts = [
        "# Dialect keys",
        "[dialects.md](../dialects.md) shows a whole file, and what the keys mean to a terminal. Unknown keys are "
        "errors; `harness lint` tells them all.\n",
        table(_HEAD, (row for row in _model_rows(dialects.DialectFile) if row[0].strip("`") not in inner)),
    ]
    for name, model in inner.items():
        parts.append(_section(name, f"{(model.__doc__ or '').strip()}\n\n", _model_rows(model)))
    parts.append("## processing_codes\n")
    parts.append("A processing code (DE3) of six digits by transaction. These are the built-in ones:\n")
    for base, cls in DIALECTS.items():
        if cls.base_rules is not None:
            codes = ((f"`{name}`", f"`{code}`") for name, code in cls.base_rules.codes.items())
            parts.append(f"### {base}\n\n{table(('Transaction', 'Code'), codes)}")
    return "\n".join(parts)

"""The shape of a scenario file, in pydantic: all errors at once, and the JSON schema that editors complete from.

The models of parts that are dataclasses elsewhere (faults, triggers, habits of people, volumes) are made from them, field by
field, so that nothing is said twice. pydantic ends here: what leaves is plain validated values, by ``given``.
"""

from __future__ import annotations

import dataclasses
import typing
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, create_model

from harness.core.documents.source import Number
from harness.core.documents.values import found
from harness.faults.base import Fault, Trigger
from harness.scenario import kinds, quantities
from harness.scenario.fields import Field as Parameter
from harness.scenario.fields import fields_of
from harness.scenario.kinds import Clock, Day, Decimal, Devices, Duration, Flag, Percent, Text, Whole
from harness.scenario.plan import Budgets, DevicePlan, FundsPlan, HostPlan, VolumePlan
from harness.workload.arrivals import Surge
from harness.workload.behaviour import Behaviour
from harness.workload.script import Scripted


class Model(BaseModel):
    """Unknown keys are errors everywhere."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=False, protected_namespaces=())


# ---------------------------------------------------------------- models of dataclasses


@cache
def model_of(cls: type, without: tuple[str, ...] = ()) -> type[Model]:
    """The model of a dataclass: one key a field, named and typed by its unit."""
    members: dict[str, Any] = {}
    for parameter in fields_of(cls):
        if parameter.name not in without:
            members[parameter.key] = _member(parameter)
    made: type[Model] = create_model(cls.__name__, __base__=Model, **members)
    made.__doc__ = cls.__doc__
    return made


_UNITS: dict[str, Any] = {
    "duration": Duration,
    "shift": kinds.Shift,
    "size": kinds.Size,
    "percent": Percent,
    "clock": Clock,
}
_PLAIN: dict[Any, Any] = {str: Text, int: Whole, float: Decimal, bool: Flag, tuple[int, int]: kinds.Range}


def _member(parameter: Parameter) -> Any:
    if parameter.unit != "none":
        kind = _UNITS[parameter.unit]
    elif parameter.type in _PLAIN:
        kind = _PLAIN[parameter.type]
    elif dataclasses.is_dataclass(parameter.type):
        kind = model_of(typing.cast(type, parameter.type))
    elif typing.get_origin(parameter.type) is Literal:
        kind = parameter.type
    else:
        raise TypeError(f"{parameter.name}: {parameter.type} has no form in a scenario file")
    default: Any = ... if parameter.required else None
    # None never reaches the dataclass: only keys that were given do, and the dataclass has its own defaults.
    return (kind, default) if parameter.required else (kind | None, Field(default, description=parameter.description))


# ---------------------------------------------------------------- the file


def _shorthand(key: str, kinds_of_value: tuple[type, ...]) -> BeforeValidator:
    """``days: 3`` for ``days: {count: 3}``."""

    def expand(value: object) -> object:
        return {key: value} if isinstance(value, kinds_of_value) and not isinstance(value, bool) else value

    return BeforeValidator(expand)


class Terminals(Model):
    """How many terminals, and which shipped software they run unless the command line says otherwise."""

    count: Whole = Field(1, description="how many terminals")
    software: Annotated[Text, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")] = Field(
        "reference", description="name of a shipped terminal; the command line decides what runs"
    )
    release: Literal["current", "previous"] = Field(
        "current", description="previous: they begin with the release before it, which the software's manifest names"
    )
    trace_number: Whole | None = Field(
        None,
        description="the next trace number, keyed in at installation; 1 to 999999, for software with the action trace_number",
    )


class Days(Model):
    """Which days, and when the shops are open."""

    count: Whole = Field(1, description="trading days")
    start: Day | None = Field(None, description="date of the first day")
    open: Clock | None = Field(None, description="opening time; without it the merchant's")
    close: Clock | None = Field(None, description="closing time; without it the merchant's")


def _device_model() -> Any:
    volume: Any = model_of(VolumePlan, without=("name",))
    members: dict[str, Any] = {"volumes": (dict[str, volume] | None, Field(None, description="volumes by name"))}
    return create_model("Device", __base__=model_of(DevicePlan, without=("volumes",)), **members)


# Models made at run time are types to pydantic and values to mypy; Any says so once.
DeviceModel: Any = _device_model()
HostModel: Any = model_of(HostPlan)
FundsModel: Any = model_of(FundsPlan)
PeopleModel: Any = model_of(Behaviour)
SurgeModel: Any = model_of(Surge)
ScriptedModel: Any = model_of(Scripted)
BudgetsModel: Any = model_of(Budgets)


class AllBut(Model):
    """Every invariant but some."""

    excluded: list[Text] = Field(alias="except")


def _merchants(value: object) -> object:
    if isinstance(value, str):
        return {value: 1.0}
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value, 1.0)
    if isinstance(value, dict) and value:
        return value
    raise ValueError(f"expected a merchant, a list of them, or shares such as {{stall: 40%}}, found {found(value)}")


def _share(value: object) -> object:
    return value if isinstance(value, float) else quantities.percent(value)


Shares = Annotated[
    dict[str, Annotated[float, BeforeValidator(_share)]],
    BeforeValidator(_merchants),
    WithJsonSchema({
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "object", "additionalProperties": {"type": "string", "pattern": quantities.PERCENT_PATTERN}},
        ],
        "description": "kinds of merchant among the terminals",
    }),
]  # fmt: skip


def _chosen(value: object) -> object:
    if value == "all":
        return None
    if isinstance(value, list):
        return [name.written if isinstance(name, Number) else name for name in value]
    if isinstance(value, dict):
        return value
    raise ValueError(f"expected all, a list of invariants, or {{except: [...]}}, found {found(value)}")


class Scenario(Model):
    """One scenario file."""

    name: Text = Field(description="what reports call it")
    summary: Text = Field("", description="the field story in a sentence; `harness list` prints it")
    covers: list[Text] = Field([], description="rows of the trade that it stands for; `harness coverage` lists them")
    terminals: Annotated[Terminals, _shorthand("count", (int,))] = Field(
        default_factory=lambda: Terminals.model_validate({})
    )
    days: Annotated[Days, _shorthand("count", (int,))] = Field(default_factory=lambda: Days.model_validate({}))
    merchants: Shares = {"convenience": 1.0}
    sales_per_day: Decimal | None = Field(None, description="sales a terminal and day; without it the merchant's")
    surge: SurgeModel | None = Field(None, description="hours in which far more customers come")
    only_intents: list[Whole] | None = Field(None, description="the only customers who come (shrunk cases)")
    actions: list[ScriptedModel] | None = Field(
        None, description="what customers and operators do, one by one; when given, nobody else comes"
    )
    device: DeviceModel | None = Field(None, description="the hardware of every terminal")
    disk: Literal["vfs", "pyfakefs"] = Field("vfs", description="the virtual disk: the harness's own, or pyfakefs")
    profile: Text | None = Field(None, description="what the medium may lose at a power cut")
    host: HostModel | None = Field(None, description="the acquirer")
    funds: FundsModel | None = Field(None, description="how the merchants' money is paid out; without it nobody looks")
    people: PeopleModel | None = Field(None, description="habits of people")
    faults: list[dict[str, Any]] = Field([], description="what goes wrong, where and when")
    invariants: Annotated[AllBut | list[Text] | None, BeforeValidator(_chosen)] = Field(
        None, description="which invariants are judged: all, some, or all but some"
    )
    must_happen: list[Text] = Field([], description="probes that must be reached, or the run proves nothing")
    acceptance: Percent | None = Field(None, description="least share of the feasible sales that must be accepted")
    measures: dict[str, Decimal] | None = Field(
        None, description="bounds on measures by name, such as availability_percent: 99; a run beyond one fails"
    )
    budgets: BudgetsModel | None = Field(None, description="what a run may use")
    seed: Whole | None = Field(None, description="the seed, when the command line gives none")
    decisions: Text | None = Field(None, description="pinned decisions, one 'key value' a line: a resolved scenario")
    unpinned: Literal["neutral", "drawn"] = Field(
        "neutral", description="what a decision comes to that is not pinned: nothing happens, or what the seed gives"
    )


# ---------------------------------------------------------------- faults

TriggerModel: Any = model_of(Trigger)


@cache
def fault_model(kind: str, cls: type[Fault]) -> type[Model]:
    """The model of one kind of fault in a scenario: where and when, and its own parameters."""
    members: dict[str, Any] = {
        "type": (Literal[kind], ...),
        "name": (Text | None, Field(None, description="its name in reports; without it the type")),
        "devices": (Devices, Field("all")),
        "at": (TriggerModel | None, Field(None, description="when it strikes; without it at a drawn time")),
        "times": (Whole | None, Field(None, description="strikes a device")),
        "per_day": (Decimal | None, Field(None, description="mean strikes a device and day, at drawn times")),
        "lift_after": (Duration | None, Field(None, description="how long it lasts; without it until recovery")),
        "together": (Flag, Field(False, description="one strike hits all chosen devices at once")),
    }
    for parameter in fields_of(cls):
        if parameter.key in members:
            raise TypeError(f"fault {kind}: parameter {parameter.key!r} is a key that every fault has")
        members[parameter.key] = _member(parameter)
    made: type[Model] = create_model(f"fault_{kind}", __base__=Model, **members)
    made.__doc__ = (cls.__doc__ or "").strip().split("\n")[0]
    return made


def given(cls: type, model: BaseModel) -> dict[str, Any]:
    """Constructor arguments of ``cls`` for the keys that the file really gave."""
    arguments: dict[str, Any] = {}
    for parameter in fields_of(cls):
        if parameter.key not in model.model_fields_set:
            continue
        value = getattr(model, parameter.key)
        if value is None:
            continue
        if isinstance(value, BaseModel):
            value = parameter.type(**given(parameter.type, value))
        arguments[parameter.name] = value
    return arguments

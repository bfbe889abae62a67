"""A campaign's cells: each a scenario of its own, with how many seeds it is run.

Models: scenarios times faults, phases, profiles, device classes and merchants, in full or so that every pair of values meets. A
fault that is named alone strikes about once a device and day and, if it is a condition, lasts half an hour; a fault that is
written out strikes as it says. What cannot be (a family that the scenario has not, a device without the volume that a fault
strikes) is left out and told.
Does not model: weights of cells; matrices with more runs are what there is for that.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.contract import ActionKind
from harness.core.documents.source import Document
from harness.core.documents.source import Path as Place
from harness.core.errors import HarnessError, UsageError
from harness.core.registry import nearest
from harness.core.units import US_PER_MINUTE
from harness.faults.base import FaultPlan, MessageMatch, Trigger, families
from harness.scenario import find, registries
from harness.scenario.assemble import fault_of
from harness.scenario.campaign_file import AS_IS, MatrixModel, PhaseModel, Read, read_campaign
from harness.scenario.check import check
from harness.scenario.device import on_device
from harness.scenario.load import load_file
from harness.scenario.model import given
from harness.scenario.pairs import all_pairs, every_row
from harness.scenario.plan import MerchantShare, Plan
from harness.scenario.resolve import plan_text

NONE = "none"
CELLS_MAX = 10_000
_LASTS_US = 30 * US_PER_MINUTE
_DEEP = (1, 12)
"""A fault in an action strikes at one of its first storage operations, drawn anew each time."""
_AXES = ("scenarios", "faults", "phases", "profiles", "devices", "merchants")
_SCENARIO, _FAULT, _PHASE, _PROFILE, _DEVICE, _MERCHANT = range(len(_AXES))

PHASES: dict[str, Trigger] = {
    "any_time": Trigger(),
    "request": Trigger(message=MessageMatch(direction="up", moment="sent")),
    "reply": Trigger(message=MessageMatch(direction="down"), storage_operation=(1, 6)),
    "nearly_full": Trigger(fill_percent=90.0),
    **{str(action): Trigger(action=action, storage_operation=_DEEP) for action in typing.get_args(ActionKind)},
}
"""What ``phases`` may name, besides one that is written out."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One scenario of a campaign. ``varied``: what it changes in the scenario, by axis; empty: nothing."""

    label: str
    path: Path
    """The scenario's own file."""
    varied: tuple[tuple[str, str], ...]
    plan: Plan
    runs: int

    @property
    def text(self) -> str:
        """The cell as a scenario file of its own: what runs is what can be read."""
        return f"# {self.label}\n{plan_text(self.plan)}"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that has been read, every cell of it built once. ``source``: its shipped name, or its path."""

    source: str
    name: str
    summary: str
    first_seed: int
    swarm: bool
    cells: tuple[Cell, ...]
    left_out: tuple[str, ...]
    """Combinations that cannot be, each with its reason."""

    @property
    def runs(self) -> int:
        """All of them."""
        return sum(cell.runs for cell in self.cells)


def load_campaign(path: Path) -> Campaign:
    """The campaign in ``path``. Raises UsageError, or ScenarioErrors with everything that is wrong with it."""
    read = read_campaign(path)
    matrices = [_Matrix(read, number, each) for number, each in enumerate(read.model.matrices)]
    read.settle()
    cells: dict[str, Cell] = {}
    left_out: dict[str, None] = {}
    for matrix in matrices:
        for cell in matrix.cells():
            known = cells.get(cell.label)
            cells[cell.label] = cell if known is None else replace(known, runs=max(known.runs, cell.runs))
        left_out.update(dict.fromkeys(matrix.left_out))
    read.settle()
    if not cells:
        raise UsageError(f"{path}: no combination of it can be run: {'; '.join(list(left_out)[:3])}")
    model = read.model
    shipped = {each.absolute(): name for name, each in find.campaigns().items()}
    return Campaign(
        shipped.get(path.absolute(), str(path.absolute())),
        model.name,
        " ".join(model.summary.split()),
        model.first_seed,
        model.swarm,
        tuple(cells.values()),
        tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Added:
    """A value of the axis of faults: which of the scenario's own stay, and what is added."""

    name: str
    family: str | None = None
    """"" for none of them, None for all."""
    fault: FaultPlan | None = None


class _Matrix:
    """One matrix: its axes checked, then its rows, then a plan for each."""

    def __init__(self, read: Read, number: int, model: MatrixModel) -> None:
        self._document = read.document
        self._folder = read.path.parent
        self._place: Place = ("matrices", number)
        self._runs = model.runs or read.model.runs
        self._model = model
        self.left_out: list[str] = []
        self._scenarios = list(self._read_scenarios())
        self._faults = list(self._read_faults())
        self._phases = list(self._read_phases())
        self._profiles = self._named("profiles", "profile", model.profiles, registries.profile_names())
        self._devices = self._named("devices", "device class", model.devices, registries.device_class_names())
        self._merchants = self._named("merchants", "merchant", model.merchants, registries.merchant_names())

    # ------------------------------------------------------------ axes

    def _read_scenarios(self) -> Iterator[tuple[str, Path, Plan]]:
        labels = {path.absolute(): name for name, path in find.names().items()}
        seen: set[Path] = set()
        for number, name in enumerate(self._model.scenarios):
            here = self._folder / name
            try:
                paths = find.selected((str(here) if here.exists() else name,))
                for path in paths:
                    if path in seen:
                        continue
                    seen.add(path)
                    plan = self._adjusted(load_file(path))
                    if plan.decisions is not None:
                        raise UsageError(f"{name} has its decisions pinned: every seed gives the same run")
                    yield labels.get(path) or self._called(path), path, replace(plan, seed=None)
            except HarnessError as error:
                self._document.complain((*self._place, "scenarios", number), str(error))

    def _called(self, path: Path) -> str:
        """By where it is beside the campaign: the same on every machine."""
        folder = self._folder.absolute()
        return path.relative_to(folder).with_suffix("").as_posix() if path.is_relative_to(folder) else str(path)

    def _adjusted(self, plan: Plan) -> Plan:
        model = self._model
        if model.days is not None:
            plan = replace(plan, days=replace(plan.days, count=model.days))
        if model.terminals is not None:
            plan = replace(plan, terminals=model.terminals)
        return plan if model.sales_per_day is None else replace(plan, sales_per_day=model.sales_per_day)

    def _read_faults(self) -> Iterator[_Added]:
        known = registries.faults()
        for number, value in enumerate(self._model.faults):
            place = (*self._place, "faults", number)
            if value == AS_IS:
                yield _Added(AS_IS)
            elif value == NONE:
                yield _Added(NONE, "")
            elif isinstance(value, str) and value in families():
                yield _Added(value, value)
            elif isinstance(value, str) and value not in known:
                names = [AS_IS, NONE, *families(), *known.names()]
                self._document.complain(place, f"no fault or family named {value!r}; {nearest(value, names)}")
            elif isinstance(value, str):
                fault = fault_of(self._document, place, {"type": value})
                if fault is not None:
                    lasts = None if fault.fault.damage or fault.fault.instant else _LASTS_US
                    yield _Added(value, fault=replace(fault, per_day=1.0, lift_after_us=lasts, scheduled=False))
            else:
                fault = fault_of(self._document, place, value)
                if fault is not None:
                    yield _Added(fault.name, fault=fault)

    def _read_phases(self) -> Iterator[tuple[str, Trigger]]:
        added = any(each.fault is not None for each in self._faults)
        for number, value in enumerate(self._model.phases):
            place = (*self._place, "phases", number)
            if not added:
                self._document.complain(place, "phases say when the faults of 'faults' strike; name a fault there")
            if isinstance(value, PhaseModel):
                try:
                    yield value.name, Trigger(**given(Trigger, value.at))
                except ValueError as error:
                    self._document.complain((*place, "at"), str(error))
            elif value in PHASES:
                yield value, PHASES[value]
            else:
                self._document.complain(place, f"no phase named {value!r}; {nearest(value, list(PHASES))}")
        for number, entry in enumerate(self._model.faults if self._model.phases else ()):
            if isinstance(entry, dict) and "at" in entry:
                place = (*self._place, "faults", number, "at")
                self._document.complain(place, "expected either 'at' here or 'phases', found both")

    def _named(self, key: str, what: str, values: list[str], known: tuple[str, ...]) -> list[str]:
        for number, value in enumerate(values):
            if value != AS_IS and value not in known:
                place = (*self._place, key, number)
                self._document.complain(place, f"no {what} named {value!r}; {nearest(value, [AS_IS, *known])}")
        return list(dict.fromkeys(values))

    # ------------------------------------------------------------ rows

    @cached_property
    def _when(self) -> list[tuple[str, Trigger | None]]:
        """The axis of phases; None for a fault that is not placed by it."""
        placed: list[tuple[str, Trigger | None]] = [*self._phases]
        if not placed or any(each.fault is None for each in self._faults):
            placed.append(("", None))
        return placed

    def cells(self) -> Iterator[Cell]:
        """All cells of the matrix."""
        sizes = [len(each) for each in (
            self._scenarios, self._faults, self._when, self._profiles, self._devices, self._merchants,
        )]  # fmt: skip
        rows = all_pairs(sizes, self._allowed) if self._model.cover == "all_pairs" else every_row(sizes, self._allowed)
        for count, row in enumerate(rows):
            if count == CELLS_MAX:
                self._document.complain(self._place, f"more than {CELLS_MAX:,} combinations; use cover: all_pairs")
                return
            try:
                yield self._cell(row)
            except UsageError as error:
                self.left_out.append(f"{self._label(row)}: {error}")

    def _allowed(self, a: int, b: int, c: int, d: int) -> bool:
        """Whether the two may meet: in their scenario with nothing else changed, or in any of them."""
        chosen = {a: b, c: d}
        if chosen.keys() == {_FAULT, _PHASE}:
            placed = self._when[chosen[_PHASE]][1] is not None
            if self._phases and placed != (self._faults[chosen[_FAULT]].fault is not None):
                return False  # a fault that is added takes a phase, and nothing else does
            return self._can_be(chosen)
        if _SCENARIO in chosen or chosen.keys() == {_FAULT, _DEVICE}:
            return self._can_be(chosen)
        return True

    def _can_be(self, chosen: dict[int, int]) -> bool:
        places = [chosen[_SCENARIO]] if _SCENARIO in chosen else range(len(self._scenarios))
        why = ""
        for place in places:
            try:
                self._varied({**chosen, _SCENARIO: place})
            except UsageError as error:
                why = why or str(error)
            else:
                return True
        where = self._scenarios[chosen[_SCENARIO]][0] if _SCENARIO in chosen else "any scenario"
        what = ", ".join(told for axis, told in self._told(chosen) if axis != _SCENARIO)
        self.left_out.append(f"{where} with {what}: {why}")
        return False

    def _told(self, chosen: dict[int, int]) -> Iterator[tuple[int, str]]:
        for axis, place in sorted(chosen.items()):
            if axis == _SCENARIO:
                yield axis, self._scenarios[place][0]
            elif axis == _FAULT:
                yield axis, self._faults[place].name
            elif axis == _PHASE:
                yield axis, self._when[place][0]
            else:
                yield axis, {_PROFILE: self._profiles, _DEVICE: self._devices, _MERCHANT: self._merchants}[axis][place]

    def _label(self, row: tuple[int, ...]) -> str:
        scenario, fault, phase, *others = (told for _, told in self._told(dict(enumerate(row))))
        changes = [f"{key} {told}" for key, told in self._changes()]
        rest = [each for each in (f"{fault} at {phase}" if phase else fault, *others, *changes) if each != AS_IS]
        return f"{scenario}: {', '.join(rest)}" if rest else scenario

    def _changes(self) -> Iterator[tuple[str, str]]:
        """What the matrix changes in all of its scenarios."""
        for key in ("days", "terminals", "sales_per_day"):
            value = getattr(self._model, key)
            if value is not None:
                yield key, f"{value:g}"

    def _cell(self, row: tuple[int, ...]) -> Cell:
        _, path, plan = self._scenarios[row[_SCENARIO]]
        chosen = dict(enumerate(row))
        varied = tuple(
            (_AXES[axis], told) for axis, told in self._told(chosen) if axis != _SCENARIO and told not in ("", AS_IS)
        )
        varied = (*varied, *self._changes())
        label = self._label(row)
        if varied:
            plan = replace(self._varied(chosen), name=label)
        return Cell(label, path, varied, plan, self._runs)

    def _varied(self, chosen: dict[int, int]) -> Plan:
        """The scenario with everything that is not ``as_is``. UsageError when that is no scenario."""
        plan = self._scenarios[chosen[_SCENARIO]][2]
        if _FAULT in chosen:
            when = self._when[chosen[_PHASE]][1] if _PHASE in chosen else None
            plan = _with_fault(plan, self._faults[chosen[_FAULT]], when)
        device, profile, merchant = (
            names[chosen[axis]] if axis in chosen else AS_IS
            for axis, names in ((_DEVICE, self._devices), (_PROFILE, self._profiles), (_MERCHANT, self._merchants))
        )
        if device != AS_IS:
            plan = on_device(plan, device)
        if profile != AS_IS:
            volumes = tuple(replace(volume, profile=None) for volume in plan.device.volumes)
            plan = replace(plan, profile=profile, device=replace(plan.device, volumes=volumes))
        if merchant != AS_IS:
            plan = replace(plan, merchants=(MerchantShare(merchant),))
        document = Document()
        check(document, plan)
        if document.problems:
            raise UsageError("; ".join(problem.message for problem in document.problems))
        return plan


def _with_fault(plan: Plan, added: _Added, when: Trigger | None) -> Plan:
    if added.family is not None:
        if added.family and all(each.fault.family != added.family for each in plan.faults):
            raise UsageError(f"it has no fault of the family {added.family}")
        plan = plan.without_families(set(families()) - {added.family})
    if added.fault is not None:
        fault = replace(added.fault, name=_free(added.fault.name, plan))
        plan = replace(plan, faults=(*plan.faults, fault if when is None else replace(fault, trigger=when)))
    return plan


def _free(name: str, plan: Plan) -> str:
    taken = {fault.name for fault in plan.faults}
    return name if name not in taken else next(each for n in range(2, 1_000) if (each := f"{name}_{n}") not in taken)

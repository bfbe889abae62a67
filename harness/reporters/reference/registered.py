"""Faults, invariants, media and mutants as pages."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from harness.device.classes import DEVICE_CLASSES
from harness.faults.base import Fault, families
from harness.faults.catalogue import all_faults
from harness.invariants.catalogue import INVARIANTS
from harness.reporters.reference.files import by_keys, parameters
from harness.reporters.reference.tables import cell, table
from harness.storage.profiles import registry
from harness.terminals.catalogue import CATALOGUE, Shipped
from harness.workload.merchants import MERCHANTS


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


# ---------------------------------------------------------------- faults


def faults() -> str:
    """Every fault, by family."""
    found = all_faults()
    lines = [
        "# Faults",
        f"{len(found.names())} faults. Each is written in a scenario as `- {{type: NAME, ...}}`, with the keys that "
        "all have ([scenarios.md]"
        "(../scenarios.md#faults)) and its own, below, with their defaults. *Damage* stays; every other fault ends "
        "when it is lifted, or "
        "is over as soon as it struck (*at once*). `harness explain NAME` says what each models, what it does not, "
        "and where that comes from. "
        "Numbers after *excuses* are invariants that no software keeps on a device so struck "
        "([survivability.md](../survivability.md)).",
    ]
    for family in families():
        lines.append(f"\n## {family}\n")
        lines += [_fault(name, each) for name, each in found.items() if each.family == family]
    return "\n".join(lines)


def _fault(name: str, fault: type[Fault]) -> str:
    kind = [word for word, holds in (("damage", fault.damage), ("at once", fault.instant)) if holds]
    what = f"- **{name}**{f' (*{kind[0]}*)' if kind else ''}: {cell(by_keys(fault, _first_line(fault)))}"
    own = [*parameters(fault)]
    plain = "; ".join(f"`{key}: {default}`" for key, default, text in own if not text)
    lines = [what, *([f"  - {plain}"] if plain else [])]
    lines += [f"  - `{key}: {default}`: {cell(text)}" for key, default, text in own if text]
    if fault.survivability:
        lines.append(f"  - *excuses* {_numbers(fault.survivability)}")
    return "\n".join(lines)


def _numbers(excuses: Mapping[int, str]) -> str:
    return ", ".join(map(str, sorted(excuses)))


# ---------------------------------------------------------------- invariants


def invariants() -> str:
    """Every invariant, by number."""
    found = sorted(INVARIANTS.items(), key=lambda item: item[1].number)
    lines = [
        "# Invariants",
        f"{len(found)} invariants. Reports name them by number and name. *Safety* is judged over the whole history, "
        "*liveness* only after the faults "
        "are over. Where a run has nothing of what an invariant *needs*, it is listed as not checked, and never counts as held. "
        "`harness explain NAME` says what each models, what it does not, and which false alarms it avoids.\n",
    ]
    for name, each in found:
        lines.append(f"### {each.number} {name}\n")
        lines.append(f"{cell(each.sentence())}\n")
        needs = f" *Needs*: {cell(', '.join(each.requires))}." if each.requires else ""
        lines.append(f"*{each.kind.capitalize()}.* *Evidence*: {cell(each.evidence)}.{needs}\n")
    return "\n".join(lines)


# ---------------------------------------------------------------- media


def profiles() -> str:
    """Every profile, device class and kind of merchant."""
    lines = [
        "# Media, devices, merchants",
        "A profile says what a medium may lose when the power goes ([crash_model.md](../crash_model.md)). `harness "
        "explain NAME` has its whole text, with "
        "sources. *Excuses*: invariants that no software can keep there, in runs in which the medium did such a thing "
        "([survivability.md](../survivability.md)).\n",
        "## Profiles\n",
        table(("Profile", "What it may lose", "Excuses"), _profile_rows()),
        "## Habits that are safe elsewhere and not there\n",
        table(("Profile", "Habit", "What it loses"), _habits()),
        "## Device classes\n",
        "`--device CLASS`, or `device: {class: CLASS}` in a scenario.\n",
        table(("Class", "What it is"), ((f"`{name}`", each.summary) for name, each in DEVICE_CLASSES.items())),
        "## Merchants\n",
        "`merchants: NAME`, or shares: `merchants: {stall: 40%, hotel: 60%}`.\n",
        table(("Merchant", "What it is"), ((f"`{name}`", each.summary) for name, each in MERCHANTS.items())),
    ]
    return "\n".join(lines)


def _profile_rows() -> Iterator[tuple[object, ...]]:
    for name in registry.names():
        profile = registry.get(name)
        yield f"`{name}`", profile.summary, _numbers(profile.survivability) or "none"


def _habits() -> Iterator[tuple[object, ...]]:
    for name in registry.names():
        for habit, loss in registry.get(name).unsafe_practices.items():
            yield f"`{name}`", habit, loss


# ---------------------------------------------------------------- terminals


def mutants() -> str:
    """Every terminal that ships: correct, naive, with one defect."""
    correct = [each for each in CATALOGUE.values() if not each.caught_by]
    broken = [each for each in CATALOGUE.values() if each.caught_by]
    lines = [
        "# Terminals that ship",
        "`--terminal NAME` runs one. Those with a defect prove the checks: `harness assay` runs each until the "
        "invariants that must catch it do "
        "([assay.md](../assay.md)).\n",
        "## Correct, and naive\n",
        table(("Name", "What it does"), ((f"`{each.name}`", each.summary) for each in correct)),
        f"## With one defect: {len(broken)} mutants\n",
        "*At crash points*: it shows when every state of every instant is tried, not in a day.\n",
        table(("Name", "Its defect", "Caught by"), (_mutant(each) for each in broken)),
    ]
    return "\n".join(lines)


def _mutant(shipped: Shipped) -> tuple[Any, ...]:
    by = ", ".join(map(str, shipped.caught_by)) + (" at crash points" if shipped.at_crash_points else "")
    return f"`{shipped.name}`", shipped.summary, by

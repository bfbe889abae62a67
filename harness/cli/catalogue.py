"""``harness list`` and ``harness explain``: what there is, and what one thing of it means."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING

import click

from harness.core.errors import UsageError
from harness.core.registry import nearest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing of a kind: its name, one line about it, and where its whole text is."""

    name: str
    summary: str
    thing: object


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


def _faults() -> Iterator[Entry]:
    from harness.faults.catalogue import all_faults

    for name, fault in all_faults().items():
        yield Entry(name, f"[{fault.family}{', damage' if fault.damage else ''}] {_first_line(fault)}", fault)


def _invariants() -> Iterator[Entry]:
    from harness.invariants.catalogue import INVARIANTS

    for name, invariant in INVARIANTS.items():
        yield Entry(name, f"[{invariant.number}, {invariant.kind}] {invariant.sentence()}", invariant)


def _terminals() -> Iterator[Entry]:
    from harness.terminals.catalogue import CATALOGUE

    for name, shipped in CATALOGUE.items():
        yield Entry(name, shipped.summary, shipped)


def _scenarios() -> Iterator[Entry]:
    from harness.scenario.find import listed

    for scenario in listed():
        yield Entry(scenario.name, scenario.summary, scenario.path)


def _campaigns() -> Iterator[Entry]:
    from harness.scenario.find import campaigns, summary_of

    for name, path in campaigns().items():
        yield Entry(name, summary_of(path), path)


def _profiles() -> Iterator[Entry]:
    from harness.storage.profiles import registry

    for name in registry.names():
        profile = registry.get(name)
        yield Entry(name, profile.summary, profile)


def _devices() -> Iterator[Entry]:
    from harness.device.classes import DEVICE_CLASSES

    for name, found in DEVICE_CLASSES.items():
        yield Entry(name, found.summary, found)


def _merchants() -> Iterator[Entry]:
    from harness.workload.merchants import MERCHANTS

    for name, merchant in MERCHANTS.items():
        yield Entry(name, merchant.summary, merchant)


def _dialects() -> Iterator[Entry]:
    from harness.host.dialects import DIALECTS
    from harness.scenario.find import shipped_dialects, summary_of

    for name, dialect in DIALECTS.items():
        yield Entry(name, _first_line(sys.modules[dialect.__module__]), dialect)
    for name, path in shipped_dialects().items():
        yield Entry(name, summary_of(path), path)


_KINDS: dict[str, Callable[[], Iterator[Entry]]] = {
    "faults": _faults,
    "invariants": _invariants,
    "terminals": _terminals,
    "scenarios": _scenarios,
    "campaigns": _campaigns,
    "profiles": _profiles,
    "devices": _devices,
    "merchants": _merchants,
    "dialects": _dialects,
}


@click.command("list")
@click.argument("kind")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of {name, summary}.")
def list_command(kind: str, as_json: bool) -> None:
    """List what there is of a kind, one line each.

    KIND is one of faults, invariants, terminals, scenarios, campaigns, profiles, devices, merchants, dialects.
    """
    if kind not in _KINDS:
        raise UsageError(f"there are no {kind!r} to list; {nearest(kind, list(_KINDS))}")
    entries = list(_KINDS[kind]())
    if as_json:
        import json

        rows = [{"name": entry.name, "summary": entry.summary} for entry in entries]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    width = max((len(entry.name) for entry in entries), default=0)
    for entry in entries:
        click.echo(f"{entry.name:<{width}}  {entry.summary}")


@click.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def explain(name: str, as_json: bool) -> None:
    """Explain a fault, invariant, terminal, scenario, campaign, profile, device class, merchant or dialect by its name.

    A campaign may be a file of your own: how many runs it comes to, and of what.
    """
    known: list[str] = []
    found: list[tuple[str, Entry]] = []
    for kind, entries in _KINDS.items():
        for entry in entries():
            known.append(entry.name)
            if entry.name == name:
                found.append((kind[:-1], entry))
    if not found:
        found += _own_campaign(name)
    if not found:
        raise UsageError(f"nothing is called {name!r}; {nearest(name, known)}")
    for kind, entry in found:
        text = "\n".join(_explanation(entry)).strip("\n")
        if as_json:
            import json

            click.echo(
                json.dumps({"kind": kind, "name": name, "summary": entry.summary, "text": text}, ensure_ascii=False)
            )
        else:
            click.echo(f"{kind} {name}\n\n{text}\n")


def _own_campaign(name: str) -> list[tuple[str, Entry]]:
    from harness.scenario.find import campaign_file, summary_of

    path = campaign_file(name)
    return [] if path is None else [("campaign", Entry(name, summary_of(path), path))]


def _campaign(path: Path) -> Iterator[str]:
    """What a campaign comes to."""
    from harness.scenario.campaign import load_campaign

    campaign = load_campaign(path)
    yield campaign.summary
    yield ""
    yield f"{campaign.runs:,} runs: {len(campaign.cells):,} cells, seeds from {campaign.first_seed} on"
    for cell in campaign.cells:
        yield f"  {cell.runs:>6,}  {cell.label}"
    if campaign.left_out:
        yield f"left out, as they cannot be: {len(campaign.left_out):,} combinations"
        yield from (f"  {each}" for each in campaign.left_out)


def _explanation(entry: Entry) -> Iterator[str]:
    from pathlib import Path

    from harness.scenario.find import is_campaign

    thing = entry.thing
    if isinstance(thing, Path) and is_campaign(thing):
        yield from _campaign(thing)
        return
    if isinstance(thing, Path):
        yield thing.read_text("utf-8").rstrip()
        return
    kind = thing if inspect.isclass(thing) else type(thing)
    module = sys.modules.get(kind.__module__)
    if module is None or entry.summary != _first_line(module):
        yield entry.summary
    described = getattr(thing, "described", None)
    if callable(described):
        yield ""
        yield from described()
    documentation = inspect.getdoc(kind) if inspect.isclass(thing) else None
    if documentation and "\n" in documentation:
        yield documentation.split("\n", 1)[1].strip()
    if module is not None and module.__doc__:
        yield ""
        yield module.__doc__.strip()
    if inspect.isclass(thing) and is_dataclass(thing) and fields(thing):
        yield ""
        yield "parameters"
        for field in fields(thing):
            yield f"  {field.name}: {field.type} = {field.default!r}"
    practices = getattr(thing, "unsafe_practices", None)
    if practices:
        yield ""
        yield "habits that are safe elsewhere and not here"
        for practice, loss in practices.items():
            yield f"  {practice}: {loss}"
    survivability = getattr(thing, "survivability", None)
    if survivability:
        yield ""
        yield "no software can keep, and so not checked"
        for invariant, reason in survivability.items():
            yield f"  invariant {invariant}: {reason}"

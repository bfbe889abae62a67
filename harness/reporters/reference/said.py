"""Events, measures, symptoms and exit codes as pages."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec

from harness.core.errors import ExitCode
from harness.history import events as e
from harness.history.symptoms.words import FORMS
from harness.reporters.reference.tables import sentence, table
from harness.scenario.thresholds import MEASURES

_PLAIN = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def events() -> str:
    """Every event, in the order of the code."""
    kinds = [*typing.get_args(e.AnyEvent)]
    lines = [
        "# Events",
        "`history.jsonl` has one event a line, in order; the first is number 0. Each has `event` (its kind) and "
        "`at_us` (virtual time in microseconds, from "
        "midnight of the first day). `device` is the station's name, such as `T03`; `action` is the ordinal of an "
        "action at that device, or null between actions. Fields that "
        "have their usual value are left out. Card numbers are never here: a presentation is named by its `token`.\n",
    ]
    for heading, members in _headed(kinds):
        lines.append(f"## {heading}\n")
        lines.append(table(("Event", "Fields", "Meaning"), (_event(each) for each in members)))
    return "\n".join(lines)


_HEADINGS = {
    "run": "The run",
    "people": "People",
    "device": "The device and its software",
    "messages": "Messages",
    "host": "The host",
    "faults": "Faults",
    "inspection": "White box",
}
"""By the module that holds them."""


def _headed(kinds: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    """The headings, and the events under each."""
    for module, members in groupby(kinds, key=lambda kind: kind.__module__.rpartition(".")[2]):
        yield _HEADINGS[module], list(members)


def _event(kind: Any) -> tuple[str, str, str]:
    own = [each for each in msgspec.structs.fields(kind) if each.name != "at_us"]
    fields = ", ".join(f"`{each.name}`{'' if each.required else '?'}" for each in own)
    meaning = inspect.getdoc(kind) or ""
    return f"`{kind.__name__}`", fields, "" if meaning.startswith("What all events share") else meaning


def measures() -> str:
    """Every measure."""
    rows = ((f"`{name}`", sentence(each.meaning), each.bound) for name, each in MEASURES.items())
    return "\n".join((
        "# Measures",
        "What is measured in a run, where there is enough to measure. In a scenario `measures: {NAME: BOUND}` "
        "bounds one, and a run beyond it fails; of a gate, "
        "`--fail-if 'NAME > BOUND'` does. Units are the end of the name: percent, seconds, hours, bytes, yuan.\n",
        table(("Measure", "What it says", "A bound is"), rows),
    ))  # fmt: skip


def symptoms() -> str:
    """The words of symptoms."""
    rest = [each for each in FORMS if each.at_rest]
    way = [each for each in FORMS if not each.at_rest]
    return "\n".join((
        "# Symptoms",
        "The words of `harness hunt --symptom` ([symptoms.md](../symptoms.md)). Words in capitals are to be filled "
        "in, those in brackets may be left out; "
        "`harness hunt --list-symptoms` prints what each may be.\n",
        "## Seen on the way\n",
        table(("Words", "Meaning"), ((f"`{each.shown()}`", sentence(each.meaning)) for each in way)),
        "## Proven at rest\n",
        "They stand in the last step.\n",
        table(("Words", "Meaning"), ((f"`{each.shown()}`", sentence(each.meaning)) for each in rest)),
    ))  # fmt: skip


_CODES: dict[ExitCode, str] = {
    ExitCode.PASS: "pass: what could be checked held; what was asked for was done",
    ExitCode.VIOLATED: "at least one invariant was violated, or a bound missed; of `hunt`: found; of `diff`: they differ",
    ExitCode.INCONCLUSIVE: "inconclusive: nothing was found, but it does not prove enough, or was ended early; never a pass",
    ExitCode.HARNESS_ERROR: "an error of the harness itself, or of the machine",
    ExitCode.USAGE: "wrong usage, or a file with mistakes: the message names the place and the fix",
    ExitCode.NOTHING_SELECTED: "nothing was selected, so there is nothing to say",
}


def exit_codes() -> str:
    """Every exit code."""
    rows = ((str(int(code)), _CODES[code]) for code in ExitCode)
    return "\n".join((
        "# Exit codes",
        "Every command ends with one of these. Of several runs the gravest counts.\n",
        table(("Code", "Meaning"), rows),
    ))  # fmt: skip

"""The script of a log as a scenario file: ordinary syntax, one action a line, each with the log's line that it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.core.masking import mask_text
from harness.engine.fieldlog.infer import Noted, Script, script_of, shown_name
from harness.engine.fieldlog.model import LogError, Record
from harness.scenario.check import DAYS_MAX, TERMINALS_MAX
from harness.scenario.load import load_text
from harness.scenario.problems import ScenarioErrors
from harness.scenario.quantities import clock_text
from harness.scenario.resolve import Written

_ACTIONS_MAX = 2_000
_NAME = re.compile(r"[^A-Za-z0-9_ -]+")


def scenario_of(path: Path, records: Sequence[Record]) -> str:
    """The scenario as text, read back and checked. Raises LogError for a log that no scenario can hold."""
    if not records:
        raise LogError(str(path), 0, "nothing in it is an action of a terminal")
    script = script_of(records)
    for what, count, most in (
        ("terminals", len(script.terminals), TERMINALS_MAX),
        ("days", script.days, DAYS_MAX),
        ("actions", len(script.actions), _ACTIONS_MAX),
    ):
        if count > most:
            raise LogError(
                str(path),
                records[-1].line,
                f"{count:,} {what}; a scenario holds {most:,}: cut with --since and --until",
            )
    text = "".join(f"{line}\n" for line in _lines(path, script))
    try:
        load_text(text, str(path))
    except ScenarioErrors as errors:
        raise UsageError(f"{path}: what it says is no scenario: {errors.problems[0].message}") from None
    return text


def _lines(path: Path, script: Script) -> Iterator[str]:
    yield f"# Imported from {mask_text(path.name)}; lines named below are lines (of a capture: packets) of that file."
    yield "# Who paid is not in it: cards are test cards, and equal numbers are equal cards."
    if len(script.terminals) > 1 or next(iter(script.terminals)) != "the terminal":
        for there, here in script.terminals.items():
            yield f"# {here} is {shown_name(there)}"
    name = f"imported {_NAME.sub(' ', mask_text(path.stem)).strip()}"
    yield f"name: {json.dumps(name)}"
    yield f"terminals: {len(script.terminals)}"
    hours = f'open: "{_minutes(script.open_us)}", close: "{_minutes(script.close_us)}"'
    yield f"days: {{count: {script.days}, start: {script.start.isoformat()}, {hours}}}"
    yield "host: {no_reply: 0%, decline: 0%}"
    yield from _people(script)
    yield from _block("actions", script.actions)
    if script.faults:
        yield from _block("faults", script.faults)
    # What went wrong is in the log, and how many sales that cost.
    yield "acceptance: 0%"
    yield "seed: 1"


def _people(script: Script) -> Iterator[str]:
    attempts = 3 if script.tries_again else 1
    retries = "100%" if script.tries_again else "0%"
    settles = "0%" if script.settles else "100%"
    yield (
        f"people: {{settles_on_time: {settles}, settles_late: 0%, settlement_tries: 1, attempts: {attempts}, "
        f"retries_after_unknown: {retries}, tries_other_card: 0%,"
    )
    yield "  shows_card_again: 0%, presses_key_again: 0%, when_full_settles: 0%, when_full_clears_cache: 0%, daily_reboot: false}"


def _block(key: str, noted: Sequence[Noted]) -> Iterator[str]:
    if not noted:
        yield f"{key}: []"
        return
    yield f"{key}:"
    for each in noted:
        yield f"  - {_flow(each.values)}  # {each.why}"


def _flow(value: Written) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(member) for member in value) + "]"
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z_]*|T\d+", value) is None:
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _minutes(at_us: int) -> str:
    return clock_text(at_us)[:5]

"""From the line that replays a run to the run: what ``harness run`` would be asked to do.

Models: every option that a replay line has (``engine.request.replay_line``). Does not model: lines of other commands, and lines
with anything else in them; results are data, and a line in them is not carried out but read.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from harness.core.errors import UsageError
from harness.engine.crashpoints.request import IMAGES_LIMIT, STATES_LIMIT, CrashRequest
from harness.engine.request import RunRequest
from harness.scenario import find

_TEXTS = {
    "--terminal": "terminal",
    "--dialect": "dialect",
    "--device": "device",
    "--profile": "profile",
    "--disk": "disk",
}
_NUMBERS = {"--seed": "seed", "--days": "days", "--terminals": "terminals"}
_CRASH_TEXTS = dict.fromkeys(("--terminal", "--flow", "--dialect", "--device", "--profile", "--state"), "")
_CRASH_NUMBERS = {"--seed": "seed", "--images": "images_limit", "--states": "states_limit"}
_LISTS = {"--without": "without", "--image": "images"}
_CHARACTERS_MAX = 8_000
"""As much of a line as a page shows; what is longer is no line that anybody could copy."""
_DIGITS_MAX = 39
"""A seed has up to 127 bits."""


def crash_request_of(line: str) -> CrashRequest | None:
    """The one state of crash points that ``line`` judges again; None where it is no such line."""
    found = _options(line, "crashpoints", {**_CRASH_TEXTS, **dict.fromkeys(_CRASH_NUMBERS, "")})
    if found is None or not found[1].get("--state"):
        return None
    scenario, given = found
    numbers = {name: given[flag] for flag, name in _CRASH_NUMBERS.items() if flag in given}
    if not all(each.isascii() and each.isdecimal() and len(each) <= _DIGITS_MAX for each in numbers.values()):
        return None
    return CrashRequest(
        scenario=scenario,
        terminal=given.get("--terminal"),
        dialect=given.get("--dialect"),
        device=given.get("--device"),
        flows=(given["--flow"],) if "--flow" in given else (),
        profiles=(given["--profile"],) if "--profile" in given else (),
        depth=2 if "." in given["--state"] else 1,
        state=given["--state"],
        seed=int(numbers["seed"]) if "seed" in numbers else None,
        images_limit=int(numbers.get("images_limit", IMAGES_LIMIT)),
        states_limit=int(numbers.get("states_limit", STATES_LIMIT)),
    )


def _words(line: str, command: str) -> list[str] | None:
    """The words of a line of ``command`` with a scenario and pairs of option and value behind it."""
    if len(line) > _CHARACTERS_MAX:
        return None
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    return words if words[:2] == ["harness", command] and len(words) >= 3 and len(words) % 2 else None


def _options(line: str, command: str, known: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
    """The scenario's file and each option of a line of ``command`` that has no others than these, each once."""
    words = _words(line, command)
    if words is None:
        return None
    given = dict(zip(words[3::2], words[4::2], strict=True))
    if len(given) < len(words[3::2]) or not given.keys() <= known.keys():
        return None
    try:
        return str(find.scenario_file(words[2]).absolute()), given
    except UsageError:
        return None


def request_of(line: str) -> RunRequest | None:
    """The run that ``line`` does again; None where it is no line of ``harness run``, or its scenario is gone."""
    words = _words(line, "run")
    if words is None:
        return None
    texts: dict[str, str] = {}
    numbers: dict[str, int] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for flag, value in zip(words[3::2], words[4::2], strict=True):
        if flag in _TEXTS:
            texts[_TEXTS[flag]] = value
        elif flag in _NUMBERS and value.isascii() and value.isdecimal() and len(value) <= _DIGITS_MAX:
            numbers[_NUMBERS[flag]] = int(value)
        elif flag in _LISTS:
            name = _LISTS[flag]
            lists[name] = (*lists.get(name, ()), value if name == "without" or "=" in value else f"={value}")
        else:
            return None
    try:
        scenario = find.scenario_file(words[2]).absolute()
    except UsageError:
        return None
    return RunRequest(
        scenario=str(scenario),
        terminal=texts.get("terminal"),
        dialect=texts.get("dialect"),
        seed=numbers.get("seed"),
        days=numbers.get("days"),
        terminals=numbers.get("terminals"),
        device=texts.get("device"),
        profile=texts.get("profile"),
        disk=texts.get("disk"),
        without=lists.get("without", ()),
        images=lists.get("images", ()),
    )

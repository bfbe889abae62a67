"""Whole scenarios as Hypothesis draws them, and their parts: days, devices, merchants, profiles.

Models: one to a few terminals of any shipped kind of device at any kind of merchant, one to a few short days, people with
habits, some faults, and the seed of everything else. Does not model: campaigns, pinned decisions, hardware volume by volume.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import cast

from hypothesis import strategies as st

from harness.device.classes import DEVICE_CLASSES
from harness.scenario.plan import MIB, Plan
from harness.scenario.registries import device_class_names, merchant_names, profile_names
from harness.scenario.resolve import Written
from harness.strategies.faults import OPEN_HOUR, fault_plans
from harness.strategies.values import clocks, counts, one_of, written

_USUAL_MERCHANT, _USUAL_PROFILE = "convenience", "ext4-ordered"
_LONGEST_DAY_H = 8
_SEED_MAX = 2**16
_ACTIONS_MAX = 20
_TEXT_INDENT = "  "

_HABITS: tuple[dict[str, Written], ...] = (
    {},
    {"settles_on_time": "0%", "settles_late": "100%"},
    {"settles_on_time": "0%", "settles_late": "0%", "settles_twice": "100%"},
    {"retries_after_unknown": "100%"},
    {"shows_card_again": "100%"},
    {"presses_key_again": "100%"},
    {"pulls_plug": "50%"},
    {"voids": "20%", "refunds": "20%"},
    {"clears_cache_per_day": 4.0},
    {"restarts_per_day": 4.0},
)


class ScenarioText(str):
    """A scenario as its file holds it, shown so in a falsifying example: it can be kept as a file, or pasted into a test."""

    def __repr__(self) -> str:
        return f'ScenarioText("""\n{self}""")'

    @property
    def plan(self) -> Plan:
        """What it says, checked. Raises ``ScenarioErrors`` for a text that was changed and is none any more."""
        from harness.scenario.load import load_text

        return load_text(str(self))


def merchants() -> st.SearchStrategy[str]:
    """The name of a kind of merchant."""
    return st.sampled_from(_first(_USUAL_MERCHANT, merchant_names()))


def profiles() -> st.SearchStrategy[str]:
    """The name of a profile: what a medium may lose at a power cut."""
    return st.sampled_from(_first(_USUAL_PROFILE, profile_names()))


def devices(data_bytes_min: int = 2 * MIB) -> st.SearchStrategy[str]:
    """The name of a device class with so much room for data; software that needs more is refused on smaller ones."""
    fit = [
        name for name in device_class_names() if DEVICE_CLASSES.get(name).volume("data").total_bytes >= data_bytes_min
    ]
    return st.sampled_from(fit)


@st.composite
def trading_days(draw: st.DrawFn, *, days_max: int = 2, sales_max: int = 40) -> str:
    """Lines of a scenario: which days, which hours, how many sales each."""
    count, hours = draw(st.integers(1, days_max)), draw(st.integers(1, _LONGEST_DAY_H))
    day: dict[str, Written] = {"count": count, "open": f"{OPEN_HOUR:02d}:00", "close": f"{OPEN_HOUR + hours:02d}:00"}
    return f"days: {written(day)}\nsales_per_day: {draw(st.integers(1, sales_max))}\n"


@st.composite
def scenarios(
    draw: st.DrawFn,
    families: Collection[str] | None = None,
    *,
    faults_max: int = 3,
    days_max: int = 2,
    terminals_max: int = 3,
    sales_max: int = 40,
    scripted: bool = False,
    device: st.SearchStrategy[str] | None = None,
    merchant: st.SearchStrategy[str] | None = None,
    profile: st.SearchStrategy[str] | None = None,
) -> ScenarioText:
    """A whole scenario with up to ``faults_max`` faults of ``families`` (None: of all).

    ``scripted``: who comes and what operators do is drawn action by action, so that an example shrinks to the few that matter;
    else customers come as the seed says. ``device``, ``merchant`` and ``profile`` draw names; without them every one that ships.
    Each scenario has a seed, so the same text is the same run.
    """
    days = draw(st.integers(1, days_max))
    faults = draw(st.lists(fault_plans(families, days=days), max_size=faults_max))
    values: dict[str, Written] = {"name": "drawn", "terminals": draw(st.integers(1, terminals_max))}
    hours = draw(st.integers(1, _LONGEST_DAY_H))
    values["days"] = {"count": days, "open": f"{OPEN_HOUR:02d}:00", "close": f"{OPEN_HOUR + hours:02d}:00"}
    if not scripted:
        values["sales_per_day"] = draw(st.integers(1, sales_max))
    for key, strategy, usual in (
        ("merchants", merchants() if merchant is None else merchant, _USUAL_MERCHANT),
        ("profile", profiles() if profile is None else profile, _USUAL_PROFILE),
    ):
        if (name := draw(strategy)) != usual:
            values[key] = name
    if draw(st.booleans()):
        values["device"] = {"class": draw(devices() if device is None else device)}
    if habits := draw(st.sampled_from(_HABITS)):
        values["people"] = cast("Written", habits)
    values["seed"] = draw(st.integers(1, _SEED_MAX))
    lines = [f"{key}: {written(value)}" for key, value in values.items()]
    if scripted:
        actions = draw(st.lists(_actions(days, hours), min_size=1, max_size=min(sales_max, _ACTIONS_MAX)))
        lines += ["actions:", *(f"{_TEXT_INDENT}- {written(cast('Written', action))}" for action in actions)]
    lines += ["faults:", *(f"{_TEXT_INDENT}- {fault}" for fault in _named(faults))] if faults else []
    return ScenarioText("\n".join(lines) + "\n")


def _actions(days: int, hours: int) -> st.SearchStrategy[dict[str, Written]]:
    """An action of a script, within the hours of one of its days."""
    when: dict[str, st.SearchStrategy[Written]] = {"day": counts(days), "time": clocks(OPEN_HOUR, OPEN_HOUR + hours)}
    buys = st.fixed_dictionaries({"do": one_of("sale"), **when, "amount_fen": st.integers(1, 50_000)})
    others = one_of("settle", "void", "refund", "reprint", "restart", "clear_cache", "pull_plug", "sign_on")
    return st.one_of(buys, st.fixed_dictionaries({"do": others, **when}))


def _named(faults: list[str]) -> Iterator[str]:
    """The entries, with a name of its own for each of a kind that comes more than once."""
    seen: dict[str, int] = {}
    for fault in faults:
        values: dict[str, Written] = json.loads(fault)
        kind = str(values["type"])
        seen[kind] = seen.get(kind, 0) + 1
        yield fault if seen[kind] == 1 else written({**values, "name": f"{kind}-{seen[kind]}"})


def _first(usual: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return (usual, *(name for name in names if name != usual))

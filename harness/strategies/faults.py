"""Fault plans as Hypothesis draws them: a kind, its parameters, where and when it strikes.

Models: every registered kind of fault. Parameters are drawn where a table here says between which values they make sense; a
kind that has none, such as one that was added a minute ago, is drawn with its defaults. Placed at a time, or at the n-th
action or message of a kind, then perhaps at a storage operation.
Does not model: fill levels, phases after trading, strikes at a rate (``per_day``); a scenario of one's own has them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.faults.base import Fault
from harness.faults.base import families as all_families
from harness.scenario.check import NEEDS_FUNDS
from harness.scenario.fields import fields_of
from harness.scenario.registries import faults
from harness.scenario.resolve import Written
from harness.strategies.values import Values, clocks, counts, durations, one_of, shares, sizes, written

OPEN_HOUR, CLOSE_HOUR = 9, 17
"""Times are drawn between these hours, in which shops of every kind are open."""

_SIMPLE_FIRST = ("power_loss", "partition", "host_silent", "crash", "full_storage")
_MESSAGES = counts(3)
_NTH = counts(5)
_PARAMETERS_MAX = 2
"""How many parameters are drawn besides those that must be; the others are as usual."""

_PARAMETERS: dict[str, dict[str, Values]] = {
    "bad_contact": {"error": shares(1, 5, 20), "reset": shares(5, 20)},
    "card_unreadable": {"failure": shares(50, 100, 10)},
    "clock_jump": {"jump": durations("-1 d", "-1 h", "1 h", "1 d", "365 d"), "battery_dead": st.booleans()},
    "cloned_tid": {"every": durations("1 h", "10 min")},
    "congestion": {"latency": durations("3 s", "10 s"), "bandwidth": shares(10, 1), "loss": shares(10, 50)},
    "corrupt_file": {"how": one_of("bit", "zeros")},
    "corrupt_read": {"nth": _NTH},
    "dead_chip": {"replaced_after": durations("2 h", "10 min")},
    "device_lost": {"takes": durations("1 h", "10 min")},
    "device_swap": {"takes": durations("1 h", "10 min")},
    "fsync_failure": {"nth": _NTH},
    "full_storage": {
        "free": sizes("0 B", "512 B", "4 KiB", "64 KiB"),
        "cause": one_of("ballast", "cache", "update"),
        "clearable": st.booleans(),
    },
    "host_miscounts": {"messages": _MESSAGES},
    "host_overloaded": {"silent": st.booleans()},
    "host_responds": {"code": one_of("96", "91", "98", "68"), "messages": _MESSAGES},
    "host_silent": {"messages": _MESSAGES, "unread": st.booleans()},
    "inode_exhaustion": {"inodes": counts(3, 0)},
    "interference": {"garbled": shares(10, 50), "unread": shares(20, 50)},
    "issuer_declines": {"code": one_of("54", "51"), "messages": _MESSAGES},
    "late_confirmation": {"messages": _MESSAGES},
    "late_reply": {"messages": _MESSAGES, "requests": counts(3)},
    "latency_drift": {"more_per_day": shares(100, 10), "slower": one_of(20.0, 2.0)},
    "link_reset": {"nth": _NTH, "direction": one_of("down", "up"), "repeats": counts(3)},
    "lose_erase_block": {"reads": one_of("erased", "unreadable")},
    "maintenance": {
        "closed": durations("90 min", "10 min"),
        "code": one_of("in turn", "58", "96", "90"),
        "announced": st.booleans(),
    },
    "memory_leak": {"per_action": sizes("1 MiB", "256 KiB", "8 MiB")},
    "misdirected_write": {"nth": _NTH},
    "mismatched_reply": {
        "what": one_of("trace number", "amount", "terminal", "processing code", "message type"),
        "messages": _MESSAGES,
    },
    "misreported_space": {"free": sizes("1 GiB", "0 B")},
    "no_clean_block": {"free": sizes("0 B", "4 KiB")},
    "overheating": {"cuts_every": durations("2 h", "20 min")},
    "partition": {"cable_seen": st.booleans()},
    "power_loss": {"off_for": durations("60 s", "5 s", "10 min"), "repeats": counts(2, 0)},
    "quota": {"free": sizes("0 B", "4 KiB")},
    "settlement_error": {"messages": _MESSAGES},
    "shrink_capacity": {"remaining": shares(50, 10, 1)},
    "slow_reply": {"late": durations("75 s", "20 s"), "messages": _MESSAGES},
    "slow_with_fill": {"from_fill": shares(50, 0), "slower": one_of(50.0, 5.0)},
    "software_update": {
        "size": sizes("1 MiB", "256 KiB"),
        "patch": one_of("full", "incremental"),
        "leaves": one_of("nothing", "temp_files"),
    },
    "stale_backup": {"every": durations("4 h", "1 h")},
    "storage_error": {"on": one_of("write", "read", "fsync", "any"), "nth": _NTH, "until_lifted": st.booleans()},
    "truncate_file": {"remaining": shares(50, 0, 99)},
    "unreadable_sector": {"corrected_reads": counts(2, 0)},
    "wrong_address": {"wrong": one_of("address", "name", "header")},
    "wrong_mac": {"messages": _MESSAGES},
}
"""By kind: parameters and what they may be, the most telling value first."""


def kinds_of(families: Collection[str] | None = None, *, funds: bool = False) -> tuple[str, ...]:
    """Kinds of fault of these families (None: of all), the simplest first; UsageError for a family that is none.

    ``funds``: with those about payouts, which need the key ``funds`` in their scenario.
    """
    for each in families or ():
        if each not in all_families():
            raise UsageError(f"no family of faults named {each!r}; {nearest(each, list(all_families()))}")
    found = [
        kind
        for kind, fault in faults().items()
        if (families is None or fault.family in families) and (funds or kind not in NEEDS_FUNDS)
    ]
    if not found:
        raise UsageError("no kind of fault is left to draw from; name a family, or leave families out for all")
    return tuple(sorted(found, key=lambda kind: (_place(kind), kind)))


def parameters_of(kind: str) -> dict[str, Values]:
    """What is drawn of a kind's parameters; the others keep their defaults."""
    return _PARAMETERS.get(kind, {})


@st.composite
def fault_plans(
    draw: st.DrawFn,
    families: Collection[str] | None = None,
    *,
    kinds: Collection[str] | None = None,
    days: int = 1,
    funds: bool = False,
) -> str:
    """One entry of a scenario's ``faults``, as text on one line: ``{type: power_loss, at: {...}, ...}``.

    ``families`` or ``kinds``: only these. ``days``: how many days its scenario has. ``funds``: whether that has payouts, too.
    """
    kind = draw(st.sampled_from(tuple(kinds) if kinds is not None else kinds_of(families, funds=funds)))
    return written(draw(fault_values(kind, placements(days))))


@st.composite
def fault_values(draw: st.DrawFn, kind: str, placed: st.SearchStrategy[dict[str, Written]]) -> dict[str, Written]:
    """The keys of one entry of ``faults``, with ``at`` as ``placed`` draws it; parameters that are as usual are left out."""
    fault = faults().get(kind)
    values: dict[str, Written] = {"type": kind, "at": cast("Written", draw(placed))}
    parameters = parameters_of(kind)
    # As many draws for every kind: one with less to draw would be simpler, and every example shrink towards it.
    lasts = draw(durations("10 min", "1 min", "1 h", "4 h"))
    chosen = draw(st.lists(st.sampled_from(tuple(parameters) or ("",)), max_size=_PARAMETERS_MAX))
    if not fault.damage and not fault.instant:
        values["lift_after"] = lasts
    for key in (*required_parameters(fault), *filter(None, chosen)):
        values[key] = draw(parameters[key])
    return values


def placements(days: int = 1) -> st.SearchStrategy[dict[str, Written]]:
    """Where and when a fault strikes: at a time, at an action, at a message; within the first ``days`` days."""
    time: Values = clocks(OPEN_HOUR, CLOSE_HOUR)
    at_time = st.fixed_dictionaries({"day": counts(days), "time": time})
    return st.one_of(at_time, events())


def events() -> st.SearchStrategy[dict[str, Written]]:
    """At something that happens: an action begins, a message is sent or delivered; perhaps at a storage operation from there."""
    operation: Values = st.integers(1, 12).map(lambda nth: [nth, nth])
    at_action = st.fixed_dictionaries(
        {"action": one_of("sale", "settle", "void", "refund"), "occurrence": _NTH},
        optional={"storage_operation": operation},
    )
    mti: Values = one_of("0200", "0400", "0500", "0320")
    sent = st.fixed_dictionaries({"direction": one_of("up"), "mti": mti, "moment": one_of("sent")})
    answer: Values = one_of("0210", "0410", "0510", "0330")
    delivered = st.fixed_dictionaries({"direction": one_of("down"), "mti": answer})
    at_message = st.fixed_dictionaries(
        {"message": st.one_of(delivered, sent), "occurrence": _NTH}, optional={"storage_operation": operation}
    )
    return st.one_of(at_action, at_message)


def required_parameters(fault: type[Fault]) -> frozenset[str]:
    """Parameters that a scenario must give; a kind that has some needs its row in the table."""
    return frozenset(each.key for each in fields_of(fault) if each.required)


def _place(kind: str) -> int:
    return _SIMPLE_FIRST.index(kind) if kind in _SIMPLE_FIRST else len(_SIMPLE_FIRST)

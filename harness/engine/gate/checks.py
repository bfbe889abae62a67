"""The fixed part of the gate: small scenarios, each of which is known to show a defect, made fit for any software.

Models: the scenarios that catch the shipped mutants (``terminals.assays``), one quiet hour each, named for the first defect that
they show. What in them is only good for the reference's own files is made general: a named journal becomes any file, a certain
storage operation a range of them, and such a check is run with several seeds. Does not model: checks that some software has no
part for; ``needs`` names the part, and the gate says that it was not checked.

The cheapest come first: a bad release is to fail early.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from harness.terminals.assays import ASSAYS, is_shipped
from harness.terminals.beyond import BEYOND
from harness.terminals.catalogue import CATALOGUE
from harness.terminals.small_scenarios import hour

SEEDS = 3
"""How often what hangs on chance is tried."""
FLOWS = ("sale", "settle", "upload", "boot", "void", "refund", "preauth", "completion", "scan", "offline", "update")
"""Flows cut everywhere, in this order: what loses money first."""

_DAMAGED = "terminals: 8\nsales_per_day: 15\n"
"""Where what is stored goes bad at a place that is drawn: on so many terminals that some place will matter."""
_MOVED = "terminals: 4\n"
_GENERAL = (
    (re.compile(r"path: /data/journal\.0"), 'path: "/data/*"'),
    (re.compile(r" offset: \d+ B, bit_number: \d+,"), ""),
    (re.compile(r"storage_operation: (\d+)"), lambda found: f"storage_operation: [1, {int(found[1]) + 2}]"),
)
# Faults of the random runs that no defect has needed yet: each is to have struck before a gate passes, whatever its time.
_BESIDES = {
    "line_congested": "faults: [{type: congestion, at: {day: 1, time: '09:10'}, lift_after: 30 min}]",
    "fsync_fails": "faults: [{type: fsync_failure, at: {day: 1, time: '09:10'}, lift_after: 20 min}]",
    "storage_errors": "faults: [{type: storage_error, on: any, at: {day: 1, time: '09:10'}, lift_after: 20 min}]",
    "file_lost": "faults: [{type: lose_file, path: '/data/*', at: {day: 1, time: '09:54'}}]",
}
# What stands in a scenario -> what the software must have for it: an action, or another part of the manifest.
_NEEDS = (
    ("voids:", "void"), ("action: void", "void"), ("refunds:", "refund"), ("merchants: hotel", "preauth"),
    ("scans_codes:", "scan_sale"), ("scan_sale", "scan_sale"), ("signs_off:", "sign_off"), ("reads_log", "read_log"),
    ("\nfunds:", "account"), ("trace_number:", "trace_number"), ("reprints:", "reprint"),
    ("clears_cache_per_day:", "clear_cache"),
    ("release: previous", PREVIOUS := "a previous release"), ("to: previous", PREVIOUS), ("0220", OFFLINE := "offline sales"),
    ("calls_support:", "clear_reversal"), ("0320", UNIONPAY := "the unionpay dialect"), ("0330", UNIONPAY), ("0600", UNIONPAY),
    ("0400", UNIONPAY), ("action: settle", "settle"), ("charges_again:", GUARD := "a guard against double charges"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Check:
    """One scenario of the fixed part. ``shows`` are the defects that it is known to show."""

    name: str
    text: str
    shows: tuple[str, ...]
    seeds: int = 1
    needs: tuple[str, ...] = ()

    def lacking(self, parts: Collection[str]) -> tuple[str, ...]:
        """What software with these ``parts`` has not."""
        return tuple(each for each in self.needs if each not in parts)

    @property
    def file_text(self) -> str:
        """The scenario as a file that a person reads."""
        name, text = self.name.replace("_", " "), self.text.lstrip("\n")
        shown = [f"# {each}: {CATALOGUE[each].summary}" for each in self.shows if each in CATALOGUE]
        lines = ["# A check of harness gate, made of a scenario that shows:", *shown] if shown else []
        return "\n".join((*lines, text.replace("name: small", f"name: {name}", 1))) + "\n"


@cache
def checks() -> tuple[Check, ...]:
    """All checks, the cheapest first."""
    shown: dict[str, list[str]] = {}
    seeds: dict[str, int] = {}
    for row in ASSAYS:
        if is_shipped(row.scenario):
            continue
        text = _general(row.scenario)
        shown.setdefault(text, []).append(row.mutant)
        # On several terminals at once it is left to chance less.
        alone = not text.startswith((_DAMAGED, _MOVED))
        seeds[text] = SEEDS if alone and (text != row.scenario or row.seeds > 1) else 1
    for number, scenario in enumerate(BEYOND, 1):
        text = _general(scenario)
        shown.setdefault(text, []).append(f"occasion_{number}")
        seeds.setdefault(text, SEEDS if text != scenario else 1)
    for name, text in _BESIDES.items():
        shown.setdefault(text, []).append(name)
        seeds[text] = 1
    made = [Check(names[0], hour(text), tuple(names), seeds[text], _needs(text)) for text, names in shown.items()]
    return tuple(sorted(made, key=lambda each: cost(each.text)))


def _general(text: str) -> str:
    more = _DAMAGED if "journal.0" in text else _MOVED if "storage_operation: [" in text else ""
    for pattern, instead in _GENERAL:
        text = pattern.sub(instead, text)
    return more + text


def _needs(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for words, part in _NEEDS if words in f"\n{text}"))


def cost(text: str) -> float:
    """About how much a small scenario costs: the sales of all its days."""
    counts = [
        re.search(pattern, text, re.MULTILINE)
        for pattern in (r"^days: *{count: *(\d+)", r"^sales_per_day: *(\d+)", r"^terminals: (\d+)")
    ]
    days, sales, terminals = (float(found[1]) if found else None for found in counts)
    return (days or 1) * (8 if sales is None else sales) * (terminals or 1)

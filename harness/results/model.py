"""What a results file holds, as frozen dataclasses: what was declared beforehand, and one row a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal, TypeAlias

RunVerdict: TypeAlias = Literal["pass", "fail", "inconclusive", "error"]
VERDICTS: tuple[RunVerdict, ...] = ("pass", "fail", "inconclusive", "error")


@dataclass(frozen=True, slots=True)
class DeclaredScenario:
    """One scenario of a sweep: its name or path, and a digest of its text, by which a changed file is noticed.

    Of a campaign: one cell. ``varied``: by axis, what it changes in its scenario; ``runs``: its own number of seeds.
    """

    label: str
    digest: str
    varied: tuple[tuple[str, str], ...] = ()
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Declared:
    """What was to be run, written down before the first run: a bound counts only for runs that were not chosen afterwards.

    Seeds go from ``first_seed`` on, ``runs`` of them for each scenario that has no number of its own.
    """

    scenarios: tuple[DeclaredScenario, ...]
    runs: int
    terminal: str
    software_digest: str = ""
    """Of the file that holds the terminal software, where a file was named."""
    first_seed: int = 1
    swarm: bool = True
    days: int | None = None
    terminals: int | None = None
    device: str | None = None
    profile: str | None = None
    harness: str = ""
    """The version that wrote it."""
    dialect: str | None = None
    dialect_digest: str = ""
    """Of the dialect's file, where one was named."""

    campaign: str = ""
    """The campaign whose cells the scenarios are: its name or path."""
    shard: tuple[int, int] | None = None
    """(3, 8): of all runs the third of eight parts, whichever those are (``is_of_shard``)."""
    search: str = "random"
    """How runs are chosen; of any but random ones no rate is bounded, and numbers stand in place of seeds."""

    def seeds_of(self, scenario: DeclaredScenario) -> Iterator[int]:
        """The seeds of its runs, in order; of a shard, those that are the shard's."""
        for seed in range(self.first_seed, self.first_seed + (scenario.runs or self.runs)):
            if self.shard is None or is_of_shard(scenario.label, seed, self.shard):
                yield seed

    def runs_of(self, scenario: DeclaredScenario) -> int:
        """How many there are."""
        return (scenario.runs or self.runs) if self.shard is None else sum(1 for _ in self.seeds_of(scenario))

    @property
    def runs_in_all(self) -> int:
        """Over all scenarios."""
        return sum(self.runs_of(each) for each in self.scenarios)


def is_of_shard(label: str, seed: int, shard: tuple[int, int]) -> bool:
    """Whether a run belongs to a shard: by its scenario and seed alone, so that no shard need know of another."""
    number, count = shard
    return int.from_bytes(blake2b(f"{label} {seed}".encode(), digest_size=8).digest(), "big") % count == number - 1


@dataclass(frozen=True, slots=True)
class FindingRow:
    """Findings of one signature, fault and code point in one run. ``summary`` is the first one's, in full."""

    signature: str
    invariant: int
    name: str
    kind: str
    """The summary without what differs from run to run: devices, times, amounts."""
    count: int
    money_fen: int
    device: str
    at_us: int
    summary: str
    fault: str = ""
    """The kind of fault to look at first: what struck there between the deed and its discovery, or last before."""
    place: str = ""
    """Where in its code the software was then; empty where that is not known or says nothing."""


@dataclass(frozen=True, slots=True)
class FindingSum:
    """Findings of one invariant after one kind of fault, over all runs."""

    fault: str
    invariant: int
    name: str
    findings: int
    runs: int
    money_fen: int


@dataclass(frozen=True, slots=True)
class BiteRow:
    """How one planned fault fared in one run. What is switched off is not planned and has no row."""

    fault: str
    kind: str
    family: str
    struck: int
    bit: int


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured value of a run; its name ends with its unit."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class RunRow:
    """One finished run. ``off``: families of fault that were switched off; ``because``: why it is inconclusive or an error."""

    scenario: str
    seed: int
    off: tuple[str, ...]
    verdict: RunVerdict
    because: tuple[str, ...] = ()
    replay: str = ""
    history_sha256: str = ""
    measures: tuple[Measure, ...] = ()
    findings: tuple[FindingRow, ...] = ()
    bites: tuple[BiteRow, ...] = ()

    @property
    def key(self) -> tuple[str, int]:
        """A run is its scenario and its seed; everything else follows from them."""
        return self.scenario, self.seed


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """One invariant: whether any run could judge it, or why the first that could not, could not."""

    invariant: int
    name: str
    checked: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CanaryRow:
    """A planted defect: the invariants that must find it, and those of them that ``missed`` it. It counts for no bound."""

    terminal: str
    invariants: tuple[int, ...]
    missed: tuple[int, ...]
    why: str = ""
    """How its run ended, where it was missed."""
    replay: str = ""

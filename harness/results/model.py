"""What a results file holds, as frozen dataclasses: what was declared beforehand, and one row a finished run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

RunVerdict: TypeAlias = Literal["pass", "fail", "inconclusive", "error"]
VERDICTS: tuple[RunVerdict, ...] = ("pass", "fail", "inconclusive", "error")


@dataclass(frozen=True, slots=True)
class DeclaredScenario:
    """One scenario of a sweep: its name or path, and a digest of its text, by which a changed file is noticed."""

    label: str
    digest: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What was to be run, written down before the first run: a bound counts only for runs that were not chosen afterwards.

    Seeds go from ``first_seed`` on, ``runs`` of them for each scenario.
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

    @property
    def runs_in_all(self) -> int:
        """Over all scenarios."""
        return self.runs * len(self.scenarios)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """Findings of one signature in one run. ``summary`` is the first one's, in full."""

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

"""What the parts of a gate show, added up: runs, findings by signature, what was checked and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.core.words import several
from harness.engine.gate.baseline import Baseline
from harness.engine.gate.report import Because, GateFinding, Part, Unchecked
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict
from harness.invariants.catalogue import INVARIANTS
from harness.results.model import RunRow

_NO_LINES: Mapping[str, str] = {}
_UNSAID = "no run gave anything to judge it by"


@dataclass(slots=True)
class Tally:
    """Everything that is known by now. ``known`` are the baseline's signatures."""

    known: frozenset[str] = frozenset()
    shown: Callable[[str], str] = str
    """How a command is shown: with paths as the user gave them."""
    rows: dict[str, list[RunRow]] = field(default_factory=dict)
    """By part."""
    findings: dict[str, GateFinding] = field(default_factory=dict)
    requests: dict[str, RunRequest] = field(default_factory=dict)
    """By signature: the first run that showed it."""
    because: list[Because] = field(default_factory=list)
    unchecked: list[Unchecked] = field(default_factory=list)
    checked: set[str] = field(default_factory=set)
    """Invariants, as ``NUMBER NAME``."""
    bites: Counter[str] = field(default_factory=Counter)
    """By kind of fault: how often one bit, in all parts."""
    kinds: dict[str, str] = field(default_factory=dict)
    """By name of a planned fault: its kind."""
    _reasons: dict[str, str] = field(default_factory=dict)
    _asked: dict[tuple[str, int], RunRequest] = field(default_factory=dict)

    @property
    def has_new(self) -> bool:
        """Whether something was found that is not known."""
        return any(not each.known for each in self.findings.values())

    def heard(self, request: RunRequest, verdict: Verdict) -> None:
        """A run came to a verdict; its row follows."""
        self.checked.update(verdict.checked)
        for each in verdict.not_checked:
            self._reasons.setdefault(f"{each.invariant} {each.name}", each.reason)
        if verdict.findings or verdict.missed:
            self._asked[request.scenario, verdict.seed] = request

    def judged(self, checked: set[str], reasons: dict[str, str]) -> None:
        """What crash points could judge, and what not."""
        self.checked.update(checked)
        for name, why in reasons.items():
            self._reasons.setdefault(name, why)

    def add(self, part: Part, row: RunRow, scenario: str = "", again: Mapping[str, str] = _NO_LINES) -> None:
        """One finished run of a part. ``scenario`` is its file; ``again``: by signature, where the row's line shows not all."""
        self.rows.setdefault(part.name, []).append(row)
        counted = {"pass": "passed", "fail": "failed", "inconclusive": "inconclusive", "error": "errors"}[row.verdict]
        setattr(part, counted, getattr(part, counted) + 1)
        for bite in row.bites:
            self.bites[bite.kind] += bite.bit
            self.kinds[bite.fault] = bite.kind
        for each in row.findings:
            found = self.findings.get(each.signature)
            if found is None:
                found = self.findings[each.signature] = GateFinding(
                    each.signature, each.invariant, each.name, each.kind, each.summary, part.name, row.scenario,
                    self.shown(again.get(each.signature, row.replay)), known=each.signature in self.known,
                )  # fmt: skip
                request = self._asked.get((scenario, row.seed))
                if request is not None:
                    self.requests[each.signature] = request
            found.runs += 1
            found.findings += each.count
            found.money_fen += each.money_fen

    def vanished(self, baseline: Baseline | None) -> list[str]:
        """Of the baseline's findings those that were not found again."""
        if baseline is None:
            return []
        gone = [each for each in baseline.known if each.signature not in self.findings]
        return [f"{each.signature} invariant {each.invariant} {each.name}: {each.kind}" for each in gone]

    def not_checked(self) -> list[Unchecked]:
        """Invariants that nothing was judged by, then what else was left out."""
        names = [f"{each.number} {name}" for name, each in INVARIANTS.items()]
        open_ = [Unchecked(name, self._reasons.get(name, _UNSAID)) for name in names if name not in self.checked]
        return open_ + self.unchecked

    def errors(self) -> list[Because]:
        """Runs that the harness broke in, by reason: the first line and the last, where a traceback is between them."""
        broken = (row for rows in self.rows.values() for row in rows if row.verdict == "error")
        reasons = Counter(_brief(why) for row in broken for why in row.because)
        return [
            Because("errors", f"the harness broke in {several(count, 'run')}: {why}") for why, count in reasons.items()
        ]


def _brief(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " ... ".join(dict.fromkeys((lines[0], lines[-1])))[:400] if lines else "it did not say why"

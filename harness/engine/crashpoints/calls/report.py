"""What failing calls came to: plain data for the console, for JSON and for merging shares of the work."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from harness.core.errors import ExitCode

NO_FAILURE = "(with no call failing)"


class CallCount(msgspec.Struct):
    """One kind of failure in one flow.

    ``calls`` are those that the flow makes when none fails. Each is tried in every manner that makes sense for it: ``tried``
    in all, of which ``bit`` had an effect, and ``failing`` ended in a finding. ``silent``: those that had no effect.
    """

    failure: str
    calls: int = 0
    trials: int = 0
    tried: int = 0
    bit: int = 0
    failing: int = 0
    unsurvivable: int = 0
    silent: list[str] = []


class CallExample(msgspec.Struct, frozen=True):
    """One trial of a finding, told so that a person can follow it: the earliest call of all that were found."""

    failure: str
    call: int
    manner: str
    step: str
    summary: str
    story: tuple[str, ...]
    replay: str = ""

    @property
    def weight(self) -> tuple[int, str, str]:
        """Less is simpler to follow; the same order in every process."""
        return self.call, self.failure, self.manner


class CallFound(msgspec.Struct):
    """One kind of finding: an invariant, broken when calls fail that the same code makes."""

    invariant: int
    name: str
    severity: str
    place: str
    failures: list[str]
    manners: list[str]
    trials: int
    money_fen: int
    example: CallExample


class FlowCalls(msgspec.Struct):
    """One flow. ``skipped`` says why it was not played; ``left`` how many trials were not."""

    flow: str
    summary: str
    skipped: str = ""
    counts: list[CallCount] = []
    found: list[CallFound] = []
    left: int = 0
    because: list[str] = []
    """Why trials are left, or what else keeps this from proving something."""
    unsettled: int = 0
    """Trials with nothing found, and no settlement either: what became of approvals shows nowhere."""
    unsettled_trial: str = ""
    """One of them, the same in every process."""


class CallReport(msgspec.Struct):
    """All of it."""

    scenario: str
    terminal: str
    device: str
    profile: str
    seed: int
    flows: list[FlowCalls] = []

    @property
    def failing(self) -> bool:
        """Whether anything was found."""
        return any(flow.found for flow in self.flows)

    @property
    def exit_code(self) -> ExitCode:
        """Findings first; then whatever keeps the rest from proving something: a kind of failure that never bit, too."""
        if self.failing:
            return ExitCode.VIOLATED
        counts = [count for flow in self.flows for count in flow.counts]
        toothless = any(count.tried and not count.bit for count in counts) or not any(count.bit for count in counts)
        if toothless or any(flow.left or flow.because or flow.unsettled for flow in self.flows):
            return ExitCode.INCONCLUSIVE
        return ExitCode.PASS


def merged(shares: Iterable[CallReport]) -> CallReport:
    """One report of shares of the same work: what was counted is the same in all, what was tried adds up."""
    reports = list(shares)
    whole = reports[0]
    for report in reports[1:]:
        for flow, more in zip(whole.flows, report.flows, strict=True):
            _add(flow, more)
    for flow in whole.flows:
        flow.found.sort(key=lambda each: (each.invariant, each.place != NO_FAILURE, each.place))
        for count in flow.counts:
            count.silent.sort()
        for found in flow.found:
            found.failures.sort()
            found.manners.sort()
    return whole


def _add(flow: FlowCalls, more: FlowCalls) -> None:
    flow.left += more.left
    flow.unsettled += more.unsettled
    flow.unsettled_trial = min(filter(None, (flow.unsettled_trial, more.unsettled_trial)), default="")
    flow.because += [why for why in more.because if why not in flow.because]
    # Software that hangs may have stopped one share before it had counted every kind.
    counts = {count.failure: count for count in flow.counts}
    for count in more.counts:
        mine = counts.get(count.failure)
        if mine is None:
            flow.counts.append(count)
            continue
        mine.tried += count.tried
        mine.bit += count.bit
        mine.failing += count.failing
        mine.unsurvivable += count.unsurvivable
        mine.silent += count.silent
    for found in more.found:
        for each in flow.found:
            if (each.invariant, each.place) == (found.invariant, found.place):
                each.trials += found.trials
                each.money_fen = max(each.money_fen, found.money_fen)
                each.failures += [name for name in found.failures if name not in each.failures]
                each.manners += [name for name in found.manners if name not in each.manners]
                each.example = min(each.example, found.example, key=lambda example: example.weight)
                break
        else:
            flow.found.append(found)

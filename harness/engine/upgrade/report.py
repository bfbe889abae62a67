"""What an upgrade came to: each stage without a cut, and the crash points of its first boot; plain data."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from harness.core.errors import ExitCode
from harness.engine.crashpoints.report import CrashReport, FlowReport, merged


class StageFinding(msgspec.Struct, frozen=True):
    """One kind of finding of a stage without a cut: the first of its invariant, told so that a person can follow it."""

    invariant: int
    name: str
    summary: str
    count: int
    money_fen: int
    severity: str
    story: tuple[str, ...]


class Stage(msgspec.Struct):
    """One release on what another one left. ``verdict``: pass, fail, inconclusive, refused or skipped.

    *refused*: an older release came up on newer data, said that it does not work with it, and changed nothing that the newer one
    needed; whether that holds the stage after it shows.
    """

    data: str
    stage: str
    release: str
    verdict: str = "pass"
    because: str = ""
    sales: int = 0
    """Sales that the host booked in it."""
    findings: list[StageFinding] = []
    again: str = ""


class UpgradeReport(msgspec.Struct):
    """All of it. ``cuts``: one flow for each stage that was cut, named DATA/STAGE."""

    before: str
    after: str
    device: str
    seed: int
    stages: list[Stage]
    cuts: CrashReport

    @property
    def exit_code(self) -> ExitCode:
        """Findings first; then whatever keeps the rest from proving something."""
        if self.cuts.failing or any(stage.verdict == "fail" for stage in self.stages):
            return ExitCode.VIOLATED
        tried = [stage for stage in self.stages if stage.verdict != "skipped"]
        if not tried or any(stage.verdict == "inconclusive" for stage in tried):
            return ExitCode.INCONCLUSIVE
        if self.cuts.flows and self.cuts.exit_code != ExitCode.PASS:
            return ExitCode.INCONCLUSIVE
        return ExitCode.PASS

    def cut_of(self, stage: Stage) -> FlowReport | None:
        """The crash points of that stage's first boot."""
        return next((flow for flow in self.cuts.flows if flow.flow == f"{stage.data}/{stage.stage}"), None)


def merged_shares(shares: Sequence[UpgradeReport]) -> UpgradeReport:
    """One report of shares of the same work: stages were tried in one of them, states were divided."""
    whole = shares[0]
    whole.stages = max((share.stages for share in shares), key=len)
    if whole.cuts.flows:
        whole.cuts = merged([share.cuts for share in shares])
    return whole

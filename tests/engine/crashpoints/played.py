"""Failing calls in this process: a terminal by name or class, a flow, some kinds of failure."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from harness.engine.crashpoints.calls.child import on_profile
from harness.engine.crashpoints.calls.playing import Playing, Range
from harness.engine.crashpoints.calls.report import FlowCalls
from harness.engine.crashpoints.calls.trials import Played, Stage, Trial
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.scene import Setting
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from harness.terminals.catalogue import CATALOGUE

CARELESS = "tests.engine.crashpoints.careless_terminals:"


@functools.cache
def setting(terminal: str = "reference", profile: str = "") -> Setting:
    """One terminal on a plain counter; on a medium, or on the device's own."""
    shipped = {each.name: each.spec for each in CATALOGUE.values()}
    loaded = software.load(terminal, shipped, share_modules=terminal == "reference")
    return on_profile(Setting(Plan("plain counter"), loaded, 1), (profile,) if profile else ())


def played(
    terminal: str, flow: str, failures: Sequence[str], profile: str = "", extent: Range | None = None
) -> FlowCalls:
    """All trials of one flow."""
    chosen = Range(tuple(failures)) if extent is None else extent
    with interpreter.installed():
        playing = Playing(setting(terminal, profile), FLOWS.get(flow), chosen, lambda: "", lambda *_: None)
        return playing.play()


def one(terminal: str, flow: str, trial: Trial, profile: str = "") -> Played:
    """One trial."""
    with interpreter.installed():
        return Stage(setting(terminal, profile), FLOWS.get(flow)).play(trial)


def invariants(report: FlowCalls) -> set[int]:
    """The numbers of the invariants that some trial broke."""
    return {found.invariant for found in report.found}

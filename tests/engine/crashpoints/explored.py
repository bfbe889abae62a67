"""Explorations in this process: a shipped terminal by name, a flow, some profiles."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from harness.engine.child import SHARING
from harness.engine.crashpoints.child import media_of
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.medium import Medium
from harness.engine.crashpoints.record import Recorded, record_flow
from harness.engine.crashpoints.report import FlowReport
from harness.engine.crashpoints.scene import Setting
from harness.scenario.plan import Plan
from harness.sut import interpreter, software
from harness.terminals.catalogue import CATALOGUE


@functools.cache
def setting(terminal: str = "reference") -> Setting:
    """One terminal on a plain counter."""
    specs = {each.name: each.spec for each in CATALOGUE.values()}
    return Setting(Plan("plain counter"), software.load(terminal, specs, share_modules=specs[terminal] in SHARING), 1)


def media(*profiles: str) -> list[Medium]:
    """These profiles on all volumes."""
    return media_of(Plan("plain counter"), profiles)


def explored(terminal: str, flow: str, profiles: Sequence[str], extent: Extent = Extent()) -> FlowReport:  # noqa: B008
    """All crash points of one flow."""
    with interpreter.installed():
        exploration = Exploration(
            setting(terminal), FLOWS.get(flow), media(*profiles), extent, lambda: "", lambda *_: None
        )
        return exploration.explore()


@functools.cache
def recorded(terminal: str = "reference", flow: str = "sale") -> Recorded:
    """One flow as it goes without a cut."""
    with interpreter.installed():
        return record_flow(setting(terminal), FLOWS.get(flow))


def invariants(report: FlowReport) -> set[int]:
    """The numbers of the invariants that some state broke."""
    return {found.invariant for found in report.found}

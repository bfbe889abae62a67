"""What runs in one child process of an upgrade: load both releases, go through the stages, cut its share of states, answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.crashpoints.child import Stopper, Teller, media_of, plan_of
from harness.engine.crashpoints.report import CrashReport, FlowReport
from harness.engine.crashpoints.request import NotExplored
from harness.engine.upgrade.report import Stage, UpgradeReport
from harness.engine.upgrade.request import STAGES, Upgraded, UpgradeRequest, replay_line

if TYPE_CHECKING:
    from harness.engine.crashpoints.scene import Setting
    from harness.engine.upgrade.data import Holding, Left
    from harness.engine.upgrade.stages import Turn
    from harness.scenario.plan import Plan
    from harness.sut.software import Software

_FOREIGN = "it asked for data that a PIN pad in the field had sealed; that pad's key is in no copy of its files"


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One share, as ``sut.limits.run_limited`` calls it: an UpgradeRequest in, Upgraded or NotExplored out, as plain data."""
    request = msgspec.convert(argument, UpgradeRequest)
    try:
        return msgspec.to_builtins(Upgraded(_upgrade(request, send)), str_keys=True)
    except HarnessError as error:
        return msgspec.to_builtins(NotExplored(str(error), int(error.exit_code)))


def warm() -> None:
    """What every share needs, before its process is forked off (``sut.nest``)."""
    from harness.engine.crashpoints import child
    from harness.engine.upgrade import stages  # noqa: F401

    child.warm()


class _Work:
    """One share of the work, on a pair of releases."""

    def __init__(self, request: UpgradeRequest, send: Callable[[Any], None]) -> None:
        self.request = request
        self.stopper = Stopper(request.wall_limit_s, request.memory_limit_bytes)
        self.teller = Teller(send)
        self.foreign = False
        plan = plan_of(request)
        self.old, self.new = self._settings(plan)
        device = request.device or "the scenario's"
        cuts = CrashReport(plan.name, request.terminal or "", device, request.depth, self.new.seed)
        self.report = UpgradeReport(request.before, request.terminal or "", device, self.new.seed, [], cuts)
        self.media = media_of(plan, request.profiles)

    def _settings(self, plan: Plan) -> tuple[Setting, Setting]:
        from harness.engine.crashpoints.scene import Setting

        request = self.request
        seed = request.seed if request.seed is not None else (plan.seed if plan.seed is not None else 1)
        old, new = (_software(spec, request.dialect) for spec in (request.before, request.terminal or plan.software))
        if old.speaks.name != new.speaks.name:
            raise UsageError(
                f"{request.before} speaks {old.speaks.name} and {request.terminal} {new.speaks.name}: one host cannot serve both "
                f"on the same batch; name releases of one dialect, or give --dialect"
            )
        on_image = bool(request.image)
        old_setting, new_setting = (
            Setting(plan, each, seed, on_images=on_image, on_foreign=self._note_foreign if on_image else None)
            for each in (old, new)
        )
        return old_setting, new_setting

    def _note_foreign(self) -> None:
        self.foreign = True

    # ------------------------------------------------------------ what there is

    def go(self) -> UpgradeReport:
        """All data, all stages, as far as time allows."""
        from harness.engine.upgrade.data import HOLDINGS, IMAGE, from_the_field, lacks, loaded, traded

        request = self.request
        if request.image:
            data = loaded(request.image, self.new)
            self._begin_on(data)
            self._holding(IMAGE, None, from_the_field(self.old, data))
            return self.report
        for holding in HOLDINGS:
            if request.data and holding.name not in request.data:
                continue
            skipped = lacks(holding, (self.old, self.new))
            if skipped:
                self.report.stages.append(Stage(holding.name, "up", "", "skipped", skipped))
                continue
            left = traded(self.old, holding)
            if holding.reached(left.before):
                self._holding(holding.name, holding, left)
            else:
                why = f"the trade of {request.before} before it did not come to {holding.summary}"
                self.report.stages.append(Stage(holding.name, "up", "", "inconclusive", why))
        return self.report

    def _begin_on(self, data: Any) -> None:
        """The calendar goes on after a snapshot's."""
        from harness.engine.crashpoints.scene import DEVICE
        from harness.scenario.field_data import going_on

        plan = going_on(self.old.plan, {DEVICE: data})
        self.old, self.new = replace(self.old, plan=plan), replace(self.new, plan=plan)

    def _holding(self, name: str, holding: Holding | None, left: Left) -> None:
        from harness.engine.upgrade.stages import judged, turns

        why = self.stopper.why()
        if why:
            self.report.stages.append(Stage(name, "up", "", "inconclusive", why))
            return
        wish = None if holding is None else holding.wish
        wanted = list(self.request.stages or STAGES)
        for turn in turns(self.old, self.new, left):
            if not wanted:
                return
            if turn.name not in wanted:
                continue
            wanted.remove(turn.name)
            self.foreign = False
            stage = judged(turn, name, wish)
            works = stage.verdict != "refused"
            if self.foreign:
                excuse(stage)
            stage.again = replay_line(self.request, name, turn.name, "", "")
            self.report.stages.append(stage)
            if self.request.cuts:
                self.report.cuts.flows.append(self._cut(name, turn, living=turn.boots if works else self.new))

    # ------------------------------------------------------------ cuts

    def _cut(self, data: str, turn: Turn, living: Setting) -> FlowReport:
        from harness.engine.crashpoints.explore import Extent
        from harness.engine.crashpoints.flows import Flow
        from harness.engine.upgrade.stages import FirstBoot

        request = self.request
        name = f"{data}/{turn.name}"
        flow = Flow("update", f"first boot of {turn.boots.software.spec}", (), lambda _: None, None)
        extent = Extent(
            request.depth, request.images_limit, request.states_limit, request.share, request.shares, request.state
        )
        self.teller.flow = name
        self.foreign = False
        exploration = FirstBoot(living, flow, self.media, extent, self.stopper.why, self.teller.tell)
        exploration.turn = turn
        report = exploration.explore()
        report.flow = name
        if self.foreign:
            excuse_cuts(report)
        for found in report.found:
            example = found.example
            line = replay_line(request, data, turn.name, example.profile, example.state)
            found.example = msgspec.structs.replace(example, replay=line)
        return report


def excuse(stage: Stage) -> None:
    """A stage in which the software asked for what another pad had sealed: what it then loses says nothing about it."""
    if stage.verdict == "fail":
        stage.verdict, stage.because, stage.findings = "inconclusive", _FOREIGN, []


def excuse_cuts(report: FlowReport) -> None:
    """The same of its cuts."""
    if report.found:
        report.found, report.because = [], [*report.because, _FOREIGN]


def _upgrade(request: UpgradeRequest, send: Callable[[Any], None]) -> UpgradeReport:
    from harness.sut import interpreter

    assert all(each in STAGES for each in request.stages)
    work = _Work(request, send)
    with interpreter.installed():
        return work.go()


def _software(spec: str, dialect: str | None) -> Software:
    from harness.engine.child import SHARING, spoken_to
    from harness.sut import software
    from harness.terminals.catalogue import CATALOGUE

    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    return spoken_to(software.load(spec, shipped, share_modules=shipped.get(spec) in SHARING), dialect)

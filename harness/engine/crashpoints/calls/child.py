"""What runs in one child process: load, play its share of every flow, answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import HarnessError
from harness.engine.crashpoints.calls.report import CallReport, FlowCalls
from harness.engine.crashpoints.calls.request import CallRequest, CallsPlayed, replay_line
from harness.engine.crashpoints.child import Stopper, Teller, lacks, media_of, setting_of
from harness.engine.crashpoints.request import NotExplored

if TYPE_CHECKING:
    from harness.engine.crashpoints.scene import Setting
    from harness.scenario.plan import Plan


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One share, as ``sut.limits.run_limited`` calls it: a CallRequest in, CallsPlayed or NotExplored out, as plain data."""
    request = msgspec.convert(argument, CallRequest)
    try:
        return msgspec.to_builtins(_play(request, send), str_keys=True)
    except HarnessError as error:
        return msgspec.to_builtins(NotExplored(str(error), int(error.exit_code)))


def warm() -> None:
    """What every share needs, before its process is forked off (``sut.nest``)."""
    from harness.engine.crashpoints import child
    from harness.engine.crashpoints.calls import playing  # noqa: F401

    child.warm()


def _play(request: CallRequest, send: Callable[[Any], None]) -> CallsPlayed:
    from harness.engine.crashpoints.calls.playing import Playing, Range
    from harness.engine.crashpoints.flows import FLOWS
    from harness.sut import interpreter

    stopper = Stopper(request.wall_limit_s, request.memory_limit_bytes)
    setting = on_profile(setting_of(request), request.profiles)
    plan, spec = setting.plan, request.terminal or setting.plan.software
    (medium,) = media_of(plan, ())
    report = CallReport(plan.name, spec, request.device or "the scenario's", medium.name, setting.seed)
    extent = Range(request.failures, request.call, request.for_good, request.share, request.shares)
    teller = Teller(send)
    with interpreter.installed():
        for name in request.flows or FLOWS.names():
            flow = FLOWS.get(name)
            teller.flow = name
            skipped = lacks(setting, flow)
            if skipped:
                report.flows.append(FlowCalls(name, flow.summary, skipped=skipped))
                continue
            playing = Playing(setting, flow, extent, stopper.why, teller.tell)
            report.flows.append(playing.play())
    for done in report.flows:
        for found in done.found:
            line = replay_line(request, plan.source or plan.name, spec, done.flow, found.example)
            found.example = msgspec.structs.replace(found.example, replay=line)
    return CallsPlayed(report)


def on_profile(setting: Setting, profiles: tuple[str, ...]) -> Setting:
    """All volumes on the profile named; without one each on its own."""
    if not profiles:
        return setting
    plan: Plan = setting.plan
    (name,) = profiles
    volumes = tuple(replace(volume, profile=name) for volume in plan.device.volumes)
    return replace(setting, plan=replace(plan, profile=name, device=replace(plan.device, volumes=volumes)))

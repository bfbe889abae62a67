"""What runs in one child process of an exploration: load, explore its share of every flow, answer."""

from __future__ import annotations

import resource
import shutil
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import HarnessError
from harness.engine.child import ENDS_EARLY, SHARING, adjusted, spoken_to
from harness.engine.crashpoints.report import CrashReport, FlowReport
from harness.engine.crashpoints.request import CrashRequest, Explored, NotExplored, Told, replay_line
from harness.engine.request import RunRequest

if TYPE_CHECKING:
    from harness.engine.crashpoints.explore import Exploration
    from harness.engine.crashpoints.flows import Flow
    from harness.engine.crashpoints.medium import Medium
    from harness.engine.crashpoints.scene import Setting
    from harness.scenario.plan import Plan

_TELL_EVERY_S = 0.2
_MEMORY_SHARE = 0.8


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One share, as ``sut.limits.run_limited`` calls it: a CrashRequest in, Explored or NotExplored out, as plain data."""
    request = msgspec.convert(argument, CrashRequest)
    try:
        return msgspec.to_builtins(_explore(request, send), str_keys=True)
    except HarnessError as error:
        return msgspec.to_builtins(NotExplored(str(error), int(error.exit_code)))


def warm() -> None:
    """What every exploration needs, before the processes of single shares are forked off (``sut.nest``)."""
    from harness.engine import child
    from harness.engine.crashpoints import explore, flows, medium, scene  # noqa: F401

    child.warm()


def plan_of(request: CrashRequest) -> Plan:
    """The plan of the scenario, on one terminal, with the command line's device; its faults are left out."""
    from harness.scenario.load import load_file

    asked = RunRequest(scenario=request.scenario, device=request.device)
    plan = adjusted(load_file(Path(request.scenario)), asked)
    return replace(plan, terminals=1, faults=(), must_happen=(), decisions=None)


def media_of(plan: Plan, profiles: tuple[str, ...]) -> list[Medium]:
    """One medium for each profile named, on all volumes alike; without names the device's own."""
    from harness.engine.crashpoints.medium import Medium
    from harness.storage.profiles import registry

    volumes = {"system": plan.profile} | {volume.name: volume.profile or plan.profile for volume in plan.device.volumes}
    if not profiles:
        own = {name: registry.get(profile) for name, profile in volumes.items()}
        return [Medium("+".join(dict.fromkeys(own[each.name].name for each in plan.device.volumes)), own)]
    names = registry.names() if profiles == ("all",) else profiles
    return [Medium(name, dict.fromkeys(volumes, registry.get(name))) for name in names]


def setting_of(request: CrashRequest) -> Setting:
    """The scenario's plan with the software and the seed asked for."""
    from harness.engine.crashpoints.scene import Setting
    from harness.sut import software
    from harness.terminals.catalogue import CATALOGUE

    plan = plan_of(request)
    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    spec = request.terminal or plan.software
    loaded = software.load(spec, shipped, share_modules=shipped.get(spec) in SHARING)
    loaded = spoken_to(loaded, request.dialect)
    seed = request.seed if request.seed is not None else (plan.seed if plan.seed is not None else 1)
    return Setting(plan, loaded, seed)


def lacks(setting: Setting, flow: Flow) -> str:
    """Why the software cannot play the flow; empty when it can."""
    if flow.updates and not setting.software.manifest.previous:
        return f"{setting.software.spec} names no release before it (manifest.previous)"
    lacking = [each for each in flow.needs if each not in setting.software.manifest.actions]
    if flow.offline and setting.software.manifest.offline_floor_fen is None:
        lacking.append("offline sales")
    return f"{setting.software.spec} has no {', '.join(lacking)}" if lacking else ""


def _explore(request: CrashRequest, send: Callable[[Any], None]) -> Explored:
    from harness.engine.crashpoints.flows import FLOWS
    from harness.sut import interpreter

    stopper = Stopper(request.wall_limit_s, request.memory_limit_bytes)
    flows = [FLOWS.get(name) for name in request.flows or FLOWS.names()]
    setting = setting_of(request)
    plan, spec = setting.plan, request.terminal or setting.plan.software
    media = media_of(plan, request.profiles)
    report = CrashReport(plan.name, spec, request.device or "the scenario's", request.depth, setting.seed)
    teller = Teller(send)
    with interpreter.installed():
        for flow in flows:
            skipped = lacks(setting, flow)
            if skipped:
                report.flows.append(FlowReport(flow.name, flow.summary, skipped=skipped))
                continue
            report.flows.append(_one_flow(request, setting, flow, media, stopper, teller))
    for done in report.flows:
        _add_replays(request, plan.source or plan.name, spec, done)
    return Explored(report)


def _one_flow(
    request: CrashRequest, setting: Any, flow: Flow, media: list[Medium], stopper: Stopper, teller: Teller
) -> FlowReport:
    from harness.engine.crashpoints.explore import Exploration, Extent
    from harness.engine.crashpoints.histories import Historian
    from harness.engine.placing import PlacesOf
    from harness.engine.whereabouts import Whereabouts, own_files

    extent = Extent(
        request.depth, request.images_limit, request.states_limit, request.share, request.shares, request.state
    )
    teller.flow = flow.name
    keeper = None if request.out_dir is None else _Keeper(request.out_dir, flow.name)
    # The whole history is kept of a state that was asked for by its name, and of no other.
    historian = None
    if request.out_dir is not None and request.state:
        places = PlacesOf(Whereabouts(own_files(setting.software)))
        setting = replace(setting, places=places)
        historian = Historian(Path(request.out_dir), places).write
    exploration: Exploration = Exploration(
        setting, flow, media, extent, stopper.why, teller.tell, None if keeper is None else keeper.keep, historian
    )
    report = exploration.explore()
    if keeper is not None and keeper.trouble:
        report.notes.append(keeper.trouble)
    return report


class _Keeper:
    """Writes out the files of states that are told. A disk that takes no more costs the files, and no finding."""

    def __init__(self, out_dir: str, flow: str) -> None:
        self._top = Path(out_dir)
        self._flow = flow
        self.trouble = ""

    def keep(self, state: str, images: Mapping[str, Any]) -> str:
        """Where the state's files are, below the directory; empty when they could not be written."""
        directory = self._top / "states" / f"{self._flow}-{state}"
        try:
            for name, image in images.items():
                (directory / name).mkdir(parents=True, exist_ok=True)
                if not any((directory / name).iterdir()):
                    image.write_to(directory / name)
        except OSError as error:
            shutil.rmtree(directory, ignore_errors=True)
            self.trouble = self.trouble or f"files of states are missing: {directory.name}: {error.strerror}"
            return ""
        return str(directory.relative_to(self._top))


def _add_replays(request: CrashRequest, scenario: str, terminal: str, flow: FlowReport) -> None:
    for found in flow.found:
        example = found.example
        line = replay_line(request, scenario, terminal, flow.flow, example.profile, example.state)
        found.example = msgspec.structs.replace(example, replay=line)


class Stopper:
    """Why to stop: somebody asked, the time is over, or memory runs out. What was found by then is reported; a process that
    had to be killed has nothing to say.
    """

    def __init__(self, wall_limit_s: float, memory_limit_bytes: int) -> None:
        self._until_s = time.monotonic() + wall_limit_s
        self._limit_s = wall_limit_s
        self._memory_limit_bytes = memory_limit_bytes
        self._asked = False
        for each in ENDS_EARLY:
            signal.signal(each, self._ask)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS_EARLY)

    def _ask(self, *_: object) -> None:
        self._asked = True

    def why(self) -> str:
        """Empty to go on."""
        if self._asked:
            return "interrupted"
        if time.monotonic() > self._until_s:
            return f"the time limit of {self._limit_s:g} s was reached"
        if peak_memory_bytes() > _MEMORY_SHARE * self._memory_limit_bytes:
            return f"{_MEMORY_SHARE:.0%} of the memory that it may have ({self._memory_limit_bytes:,} bytes) was in use"
        return ""


def peak_memory_bytes() -> int:
    """The most that this process has had in memory. Somewhat less than what its limit counts (setrlimit(2), RLIMIT_AS), but
    to be had inside the fence, where there is no /proc.
    """
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Teller:
    """Tells the parent where the work is, now and then."""

    def __init__(self, send: Callable[[Any], None]) -> None:
        self._send = send
        self._told_s = 0.0
        self.flow = ""

    def tell(self, judged: int, known: int, found: int) -> None:
        """Progress within the present flow."""
        now_s = time.monotonic()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._send(msgspec.to_builtins(Told(self.flow, judged, known, found)))

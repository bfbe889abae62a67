"""One run, inside its child process: scenario to verdict.

Models: design section 4: trading, settling while full, recovery, quiescence, check. Budgets on events, virtual time and wall
time bound it. However trading ends, nothing strikes from then on, nobody comes any more and who stands at a till finishes or
gives up, and only then recovery begins: an interrupted run still recovers, checks and says what it has seen. When real time
is over before the terminals came to rest, what is proven until then is judged, and what was not reached is told.
Does not model: several runs; that is what sweeps are for.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from simpy.core import StopSimulation

from harness.core.errors import HarnessError, UsageError
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.engine.blame import Blames
from harness.engine.crashpoints.callsites import call_sites
from harness.engine.fullness import watch_fullness
from harness.engine.hunt.proof import Hunted
from harness.engine.images import excuse_what_cannot_be_opened
from harness.engine.judging import Course, assemble, new_judge
from harness.engine.measures import Meter
from harness.engine.phases import Steps, measure_space, recover, rest, settle_for_good, settle_while_full
from harness.engine.request import Progress, RunRequest
from harness.engine.search.behaviour import Behaviour, write_seen
from harness.engine.secrecy import Searches
from harness.engine.sink import Sink, make_directory
from harness.engine.snapshots import Camera
from harness.engine.verdict import Verdict, verdict_bytes
from harness.history.events import (
    FaultStruck,
    PhaseStarted,
    ProbeReached,
    RunStarted,
    SoftwareDied,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.history.recorder import Recorder
from harness.history.symptoms.parse import parse
from harness.scenario.build import Built, build
from harness.scenario.resolve import write_resolved
from harness.sut.deaths import LibraryNeedsProcess
from harness.sut.reports import died_of

if TYPE_CHECKING:
    from simpy.events import Event as SimEvent

    from harness.history.events import Event
    from harness.invariants.judge import Judge
    from harness.scenario.field_data import FieldData
    from harness.scenario.plan import Plan
    from harness.sut.software import Software

_CHUNK_US = 30 * US_PER_MINUTE
_REPORT_EVERY_S = 0.2
_AFTER_TRADING_MAX_US = 24 * US_PER_HOUR
"""Recovery, rest and last settlement take at most this much virtual time; what is not over by then is judged as it is."""

_SPINS_PER_TERMINAL_MAX = 3
_SPINS_MAX = 8
"""Software that hangs costs real time at each hang, on each terminal: when it has been shown often enough, the run ends."""

_STEPS: tuple[tuple[str, Callable[[Built], Steps]], ...] = (
    ("settle_while_full", settle_while_full),
    ("recovery", recover),
    ("quiescence", rest),
    ("final_settlement", settle_for_good),
)
"""What follows trading, by the phase that each step begins."""

Report = Callable[[Progress], None]


class Interrupted:
    """Set from a signal handler; looked at between chunks of virtual time."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        """Trading ends at the next chunk."""
        self.asked = True


class Run:
    """One run of ``plan`` with ``software``; ``directory`` takes history.jsonl and the decisions as they are made."""

    def __init__(
        self,
        plan: Plan,
        software: Software,
        request: RunRequest,
        directory: Path,
        report: Report,
        interrupted: Interrupted,
        images: Mapping[str, FieldData] = MappingProxyType({}),
        tap: Callable[[int, Event], None] | None = None,
    ) -> None:
        self.plan = plan
        self.tap = tap
        self.software = software
        self.request = request
        self.report = report
        self.interrupted = interrupted
        self.images = images
        self.seed = request.seed if request.seed is not None else (plan.seed if plan.seed is not None else 1)
        self.history_path = directory / "history.jsonl"
        self.decisions_path = directory / "decisions.tsv"
        self.probes: dict[str, None] = {}
        self.behaviour = None if request.behaviour_out is None else Behaviour()
        self.cut_short = ""
        self.broken_off = ""
        """Why the terminals were not given the time to come to rest, if they were not."""
        self.out_of_reach = ""
        """What the software asked for and in-process software cannot have, in the words of its death."""
        self._spins: dict[str, int] = {}
        self._sinks: list[Sink] = []
        self._started_s = time.monotonic()
        self._reported_s = 0.0

    def go(self) -> Verdict:
        """Everything, from the first event to the verdict."""
        with (
            io.BufferedWriter(self._sink(self.history_path)) as sink,
            io.TextIOWrapper(io.BufferedWriter(self._sink(self.decisions_path), 1 << 16), encoding="utf-8") as spill,
        ):
            recorder = Recorder(sink)
            recorder.emit(
                RunStarted(
                    0, self.plan.name, self.seed, self.software.spec, self.plan.terminals, self.plan.days.count,
                    self.plan.days.start.isoformat(), self.plan.disk, (self.plan.profile,),
                )
            )  # fmt: skip
            built = build(self.plan, self.software, self.seed, recorder, spill, self.images)
            recorder.tap = self.tap
            camera = None if self.request.snapshot is None else Camera(self.request.snapshot, built, self.seed)
            judge = new_judge(built)
            judge.attach(recorder)
            hunted = None if self.request.symptom is None else Hunted(parse(self.request.symptom), judge, recorder)
            blames = Blames({station.name: station for station in built.world.stations}, call_sites(self.software))
            blames.attach(recorder)
            meter = Meter(judge.books.terms.manifests, with_funds=self.plan.funds is not None)
            meter.attach(recorder)
            if self.behaviour is not None:
                self.behaviour.attach(recorder)
            self._watch(built, judge)
            searches = Searches(built)
            watch_fullness(built)
            excuse_what_cannot_be_opened(built, judge)
            self._trade(built, judge)
            self._refuse_what_needs_a_process()
            self._close_up(built, judge)
            self._refuse_what_needs_a_process()
            if camera is not None:
                camera.finish()
            _refuse_what_the_disk_lacked(built)
            built.injector.settle_accounts()
            searches.finish()
            built.world.phase = "check"
            recorder.emit(PhaseStarted(built.world.now_us, "check"))
            self._tell(built, judge, force=True)
            judgements = judge.conclude(built.world.now_us, self.broken_off)
            measured = meter.measures(built.world.now_us, built.floor.tally().accepted_percent)
            digest = recorder.close()
            spill.flush()
            self._check_sinks()
        course = Course(
            self.plan, self.request, self.software.spec, self.seed, self.history_path, recorder.count, digest,
            tuple(self.probes), measured, self.cut_short,
        )  # fmt: skip
        verdict = assemble(course, built, judgements, blames)
        return verdict if hunted is None else msgspec.structs.replace(verdict, symptom=hunted.reached(judgements))

    def _refuse_what_needs_a_process(self) -> None:
        if self.out_of_reach:
            what = self.out_of_reach.replace(f"{LibraryNeedsProcess.__name__}: ", "", 1)
            raise UsageError(f"{self.software.spec}: {what}")

    def pinned_plan(self) -> Plan:
        """The plan with what the request changed and the seed written down, for a resolved scenario."""
        return replace(self.plan, seed=self.seed)

    # ------------------------------------------------------------ steps

    def _sink(self, path: Path) -> Sink:
        self._sinks.append(Sink(path))
        return self._sinks[-1]

    def _check_sinks(self) -> None:
        for sink in self._sinks:
            sink.check()

    def _watch(self, built: Built, judge: Judge) -> None:
        recorder = built.world.recorder
        measured: set[str] = set()
        stations = {station.name: station for station in built.world.stations}

        def ready(_: int, event: SoftwareReady) -> None:
            # What a fresh terminal leaves free, once it has made the files that it always keeps.
            if event.device not in measured:
                measured.add(event.device)
                measure_space(built, stations[event.device], "installed")

        def struck(_: int, event: FaultStruck) -> None:
            fault = built.injector.fault_named(event.fault.rpartition("#")[0])
            for number, reason in () if fault is None else fault.survivability.items():
                for device in event.devices:
                    judge.excuse(
                        device,
                        number,
                        f"{event.kind}: {reason}",
                        event.at_us,
                        measured=fault is not None and fault.measured,
                    )

        def cut(_: int, event: StorageAfterPowerLoss) -> None:
            profile = stations[event.device].durability.profiles[event.volume]
            for number in event.unsurvivable:
                judge.excuse(event.device, number, f"{profile.name}: {profile.survivability[number]}", event.at_us)

        def died(_: int, event: SoftwareDied) -> None:
            if died_of(event.detail) == LibraryNeedsProcess.__name__:
                # It was judged on a device that lacks what the real one has: whatever comes of that is no finding.
                self.cut_short = self.out_of_reach = event.detail
                _stop(built)
            if event.reason == "spinning":
                self._spins[event.device] = self._spins.get(event.device, 0) + 1
                if self._hangs():
                    self.cut_short = f"{self._hangs()}, so the run was ended"
                    _stop(built)

        recorder.watch(SoftwareReady, ready)
        recorder.watch(SoftwareDied, died)
        recorder.watch(StorageAfterPowerLoss, cut)
        recorder.watch(FaultStruck, struck)
        recorder.watch(ProbeReached, lambda _, event: self.probes.setdefault(event.name))

    def _trade(self, built: Built, judge: Judge) -> None:
        world = built.world
        world.phase = "trading"
        world.recorder.emit(PhaseStarted(0, world.phase))
        built.open()
        end_us = built.days * US_PER_DAY
        while world.now_us < end_us:
            world.env.run(until=min(end_us, world.now_us + _CHUNK_US))
            self._tell(built, judge)
            if self._over(built):
                break
        # Nothing of trading strikes from here on, whatever ended it.
        built.injector.disarm()
        leaving = built.floor.close()
        if leaving is not None:
            self._until(built, judge, leaving)
        built.floor.emptied()
        built.injector.settle_accounts()

    def _close_up(self, built: Built, judge: Judge) -> None:
        """Everything between trading and the check, as far as real time and the software let it come."""
        world = built.world
        for place, (_, step) in enumerate(_STEPS):
            if self._hangs():
                return
            done: SimEvent | None = None
            if not self._time_is_over():
                done = world.env.process(step(built))
                self._until(built, judge, done, world.now_us + _AFTER_TRADING_MAX_US)
            if (done is not None and done.triggered) or self._hangs():
                continue
            if self._time_is_over():
                left = ", ".join(name for name, _ in _STEPS[place:])
                self._break_off(
                    f"{self.request.wall_limit_s:g} s of wall time were over in phase {world.phase}; not finished: {left}"
                )
                return
            self.cut_short = self.cut_short or f"phase {world.phase} did not end within a day of virtual time"

    def _break_off(self, why: str) -> None:
        self.broken_off = why
        self.cut_short = f"{self.cut_short}; then {why}" if self.cut_short else why

    def _until(self, built: Built, judge: Judge, done: SimEvent, limit_us: int | None = None) -> None:
        """Let virtual time pass until ``done``, the limit, the end of real time, or software that hangs too often."""
        world, env = built.world, built.world.env
        while not done.triggered and not self._hangs() and not self._time_is_over():
            if limit_us is not None and world.now_us >= limit_us:
                return
            env.run(until=env.any_of([done, env.timeout(_CHUNK_US)]))
            self._tell(built, judge)

    def _time_is_over(self) -> bool:
        return self._spent_s() > self.request.wall_limit_s

    def _hangs(self) -> str:
        """What has been seen when the software hung too often to go on; empty when it did not."""
        for device, spins in self._spins.items():
            if spins >= _SPINS_PER_TERMINAL_MAX:
                return f"the software of {device} hung {spins} times"
        total = sum(self._spins.values())
        return f"the software hung {total} times" if total >= _SPINS_MAX else ""

    def _over(self, built: Built) -> bool:
        """Whether trading must end now, and why, for the verdict."""
        day = built.world.now_us / US_PER_DAY
        if self._hangs():
            return True
        if self.interrupted.asked:
            self.cut_short = f"interrupted on day {day:.1f} of {built.days}"
        elif built.world.recorder.count > self.plan.budgets.events:
            self.cut_short = (
                f"the budget of {self.plan.budgets.events:,} events was over on day {day:.1f} of {built.days}"
            )
        elif self._spent_s() > 0.8 * min(self.request.wall_limit_s, self.plan.budgets.wall_us / US_PER_SECOND):
            self.cut_short = f"the time limit was near on day {day:.1f} of {built.days}"
        return bool(self.cut_short)

    def _spent_s(self) -> float:
        return time.monotonic() - self._started_s

    def _tell(self, built: Built, judge: Judge, *, force: bool = False) -> None:
        self._check_sinks()
        now_s = time.monotonic()
        if not force and now_s - self._reported_s < _REPORT_EVERY_S:
            return
        self._reported_s = now_s
        findings = sum(invariant.findings_total for invariant in judge.invariants)
        asked = built.floor.tally().asked
        self.report(Progress(built.world.phase, built.world.now_us, built.days * US_PER_DAY, asked, findings))


def _stop(built: Built) -> None:
    """Let ``env.run`` return at once, in the middle of its stretch of virtual time."""
    event = built.world.env.event()
    event.callbacks.append(StopSimulation.callback)
    event.succeed()


def _refuse_what_the_disk_lacked(built: Built) -> None:
    """The second disk has fewer calls than Linux: software that made one was judged on a disk that no device has."""
    lacked: dict[str, None] = {}
    for station in built.world.stations:
        for call in getattr(station.hardware.disk, "refused_calls", ()):
            lacked.setdefault(call)
    if lacked:
        raise UsageError(
            f"{built.software.spec} calls {', '.join(sorted(lacked))}, which --disk {built.plan.disk} does not have; "
            f"run it on the default disk"
        )


def run_plan(
    plan: Plan,
    software: Software,
    request: RunRequest,
    report: Report,
    interrupted: Interrupted | None = None,
    images: Mapping[str, FieldData] = MappingProxyType({}),
    tap: Callable[[int, Event], None] | None = None,
    make: Callable[..., Run] = Run,
) -> Verdict:
    """Run ``plan`` and write what ``request`` asks for; the verdict. ``images``: by device, what it begins on; ``tap``: is called
    for every event of the history."""
    with contextlib.ExitStack() as stack:
        if request.out_dir is not None:
            directory = Path(request.out_dir)
            make_directory(directory)
        else:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-")))
        run = make(plan, software, request, directory, report, interrupted or Interrupted(), images, tap)
        verdict = run.go()
        try:
            if run.behaviour is not None and request.behaviour_out is not None:
                write_seen(Path(request.behaviour_out), run.behaviour, run.decisions_path)
            decided = run.decisions_path, request.images, request.terminal
            if request.resolved_out is not None:
                write_resolved(run.pinned_plan(), Path(request.resolved_out), *decided)
            if request.out_dir is not None:
                if verdict.status == "fail":
                    write_resolved(run.pinned_plan(), directory / "resolved.yaml", *decided)
                run.decisions_path.unlink()
                write_verdict(verdict, directory)
        except OSError as error:
            raise HarnessError(f"cannot write {error.filename or directory}: {error.strerror}") from None
        return verdict


def write_verdict(verdict: Verdict, directory: Path) -> None:
    """``verdict.json`` in ``directory``."""
    (directory / "verdict.json").write_bytes(verdict_bytes(verdict))

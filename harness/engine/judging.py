"""From judgements to a verdict: what counts as proof, what does not, and what makes a run inconclusive."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine.blame import Blames
from harness.engine.keeping import kept_of
from harness.engine.request import RunRequest, replay_line
from harness.engine.story import tell_stories
from harness.engine.verdict import NO_SALE, FaultView, FindingView, MeasureView, NotChecked, Sales, Status, Verdict
from harness.history.query import times_of
from harness.invariants.base import Terms, when
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judge, Judgement
from harness.scenario.thresholds import MEASURES

if TYPE_CHECKING:
    from harness.device.text_map import Readable
    from harness.scenario.build import Built
    from harness.scenario.plan import Plan
    from harness.sut.software import Software
    from harness.sut.station import Station


@dataclass(frozen=True, slots=True)
class Course:
    """How a run went, as far as its verdict depends on it and the history does not tell it."""

    plan: Plan
    request: RunRequest
    spec: str
    """The terminal software, as it was asked for."""
    seed: int
    history: Path
    events: int
    digest: str
    probes: Collection[str] = ()
    measured: Mapping[str, float] = field(default_factory=dict)
    """Measures by name."""
    cut_short: str = ""
    """Why the run did not take its whole course; empty when it did."""


def new_judge(built: Built) -> Judge:
    """A judge for the run, with what the scenario chose. What a medium makes unsurvivable is told by each cut."""
    plan = built.plan
    manifests = {station.name: station.manifest for station in built.world.stations}
    terms = Terms(manifests, on_images=bool(built.images), undecided=undecided_by(built.software))
    chosen = [name for name in INVARIANTS.names() if plan.invariants.wants(name)]
    return Judge(terms, selected=chosen)


def undecided_by(software: Software) -> Callable[[frozenset[str]], frozenset[str]] | None:
    """What the dialect file has to say of response codes that decide nothing, if there is one."""
    rules = software.speaks.rules
    return None if rules is None else rules.undecided


def assemble(course: Course, built: Built, judgements: tuple[Judgement, ...], blames: Blames) -> Verdict:
    """The verdict of a run that came to an end of its own, early or not."""
    kept, more = kept_of(judgements)
    tally = built.floor.tally()
    sales = Sales(tally.asked, tally.feasible, tally.accepted)
    faults = tuple(
        FaultView(each.name, each.kind, each.family, each.struck, each.bit) for each in built.injector.tallies
    )
    reasons = _inconclusive(course, built, judgements, sales)
    measures = _measures(course)
    is_bad = kept or any(each.missed for each in measures)
    status: Status = "fail" if is_bad else "inconclusive" if reasons else "pass"
    stories = tell_stories(course.history, kept)
    times = times_of(course.history, {number for each in kept for number in each.events})
    plan = course.plan
    return Verdict(
        status=status,
        scenario=plan.name,
        terminal=course.spec,
        seed=course.seed,
        terminals=plan.terminals,
        days=plan.days.count,
        findings=tuple(
            FindingView(
                each.number, each.invariant, each.device, each.at_us, each.summary, each.money_fen, each.severity,
                each.events, stories.get(place, ()), blame.fault, blame.place, blame.follows, blame.cause,
            )
            for place, (each, blame) in enumerate(zip(kept, blames.of_all(kept, times), strict=True))
        ),
        inconclusive_because=tuple(reasons),
        checked=tuple(f"{each.number} {each.name}" for each in judgements if each.outcome in ("pass", "finding")),
        not_checked=tuple(
            NotChecked(each.number, each.name, reason)
            for each in judgements
            for reason in each.reasons
            if each.outcome == "not_checked" or "unsurvivable" in reason
        ),
        faults=faults,
        sales=sales,
        events=course.events,
        history_sha256=course.digest,
        diverged=built.world.decisions.divergences,
        probes=tuple(course.probes),
        replay=replay_line(course.request, plan.source or plan.name, course.spec, course.seed),
        measures=measures,
        more=more,
    )  # fmt: skip


def _measures(course: Course) -> tuple[MeasureView, ...]:
    """What was measured, each with the scenario's threshold where it has one."""
    thresholds = {each.measure: each for each in course.plan.thresholds}
    views = []
    for name, value in course.measured.items():
        threshold = thresholds.get(name)
        if threshold is None:
            views.append(MeasureView(name, value))
        else:
            missed = not threshold.holds(value)
            views.append(MeasureView(name, value, MEASURES[name].bound, threshold.value, missed))
    return tuple(views)


def _unread(stations: Collection[Station]) -> Iterator[str]:
    """What people saw on display and paper and no check could read."""
    for where, key in (("display", "screens"), ("printer", "receipts")):
        of = [(each, each.hardware.screens if key == "screens" else each.hardware.slips) for each in stations]
        garbled = [(station, texts) for station, texts in of if texts.garbled]
        if garbled:
            first, texts = garbled[0]
            yield (
                f"{sum(each.garbled for _, each in garbled):,} texts that {_names(garbled)} wrote to the {where} are not in the "
                f"encoding that the manifest declares ({first.manifest.encoding}), the first of {first.name} at "
                f"{when(texts.garbled_at_us)}"
            )
        unlike = [
            (station, texts)
            for station, texts in of
            if getattr(station.manifest, key) and texts.written and not texts.fitted
        ]
        if unlike:
            count = sum(each.written for _, each in unlike)
            yield f"none of the {count:,} texts that {_names(unlike)} wrote to the {where} fits a pattern of manifest.{key}"


def _names(of: Collection[tuple[Station, Readable]]) -> str:
    names = [station.name for station, _ in of]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _inconclusive(course: Course, built: Built, judgements: tuple[Judgement, ...], sales: Sales) -> list[str]:
    """Everything that keeps the run from proving something."""
    reasons = [course.cut_short] if course.cut_short else []
    for judgement in judgements:
        if judgement.outcome == "inconclusive":
            last_line = judgement.trace.strip().rsplit("\n", 1)[-1]
            reasons.append(f"the checker of invariant {judgement.number} {judgement.name} failed: {last_line}")
    for tally in built.injector.tallies:
        if tally.scheduled and not tally.bit:
            how = "never struck" if not tally.struck else f"struck {tally.struck} times and never bit"
            reasons.append(f"fault {tally.name!r} {how}")
    for probe in course.plan.must_happen:
        if probe not in course.probes:
            reasons.append(f"probe {probe!r} was never reached")
    for name, till in built.floor.tills.items():
        if till.trace_number is not None:
            reasons.append(f"{name} did not take trace number {till.trace_number:06d}, which was to be keyed in")
    for threshold in course.plan.thresholds:
        if threshold.measure not in course.measured:
            reasons.append(f"nothing was measured for {threshold.measure}, for which there is a threshold")
    reasons.extend(_unread(built.world.stations))
    links = [station.hardware.link for station in built.world.stations]
    if any(link.unread for link in links) and not any(link.read for link in links):
        count, why = sum(link.unread for link in links), next(link.unread_why for link in links if link.unread)
        reasons.append(f"the host could read none of the {count:,} messages that it was sent; with the first: {why}")
    if not sales.feasible:
        reasons.append(NO_SALE)
    elif sales.acceptance_percent < course.plan.acceptance_percent:
        needed = f"{course.plan.acceptance_percent:g} %"
        reasons.append(
            f"only {sales.accepted:,} of {sales.feasible:,} feasible sales ({sales.acceptance_percent:.1f} %) were accepted; "
            f"at least {needed} are needed"
        )
    return reasons

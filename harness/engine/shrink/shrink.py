"""Shrinking: from a run that found something to the smallest scenario that finds the same.

Models: greedy delta debugging over the plan by edits of its own (``edits``, ``script``). Each candidate is written as it would be
kept and run from that file alone; only one that shows a finding of the same signature, after the same kind of fault where one is
blamed, is taken, and only if it is smaller (``size``). Whatever ends the search, what was taken last stands.
Does not model: the smallest case there is. Edits are tried one after the other, and the result is smallest for them.
Source: Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input" (2002).

The order matters more than cleverness. Pinned decisions go first, as a case without them is one that people can read. Then the
drawn customers become a script: a few equal sales where they do, else who came in the run, one by one. From there on leaving
out and rounding are edits of a short text.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import msgspec

from harness.core.errors import ExitCode, HarnessError, UsageError
from harness.core.units import US_PER_DAY
from harness.engine.child import adjusted
from harness.engine.request import RunRequest
from harness.engine.shrink import edits
from harness.engine.shrink.page import headed, page_of, told
from harness.engine.shrink.script import Seen, alone, on_days, seen_at, templates
from harness.engine.shrink.size import Size, size_of
from harness.engine.shrink.trials import THE_FIRST, Stopped, Trials, Which, rows_of
from harness.engine.sink import make_directory
from harness.engine.verdict import Verdict
from harness.history.codec import read_history
from harness.results.model import FindingRow
from harness.scenario.brief import brief_text
from harness.scenario.load import load_file
from harness.scenario.plan import NO_REPLY, Plan
from harness.terminals.catalogue import CATALOGUE

BUDGET_S = 60.0
_OTHER_SEEDS = 5
_TO_SEARCH = 0.9
"""Of the budget, at most; the rest is for running the file that is kept, which takes as long as the case does."""
_SLOWER_AT_MOST = 4.0
_LEAST_WALL_S = 20.0
_LAST = (1, 2, 4, 8)
_UNANSWERED_PERCENT = (50.0, 20.0)
_INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What came of it. ``steps``: what was done, in order, and after how many runs."""

    path: Path
    signature: str
    finding: FindingRow
    before: Size
    after: Size
    customers: int
    """How many came in the first run."""
    runs: int
    wall_s: float
    steps: tuple[tuple[str, int], ...]
    stopped: str
    """Why it ended before there was nothing left to try; empty when it did not."""
    replay: str


def shrink(
    request: RunRequest,
    signature: str | None,
    *,
    which: Which = THE_FIRST,
    budget_s: float = BUDGET_S,
    out: Path,
    jobs: int = 2,
    on_step: Callable[[str, int], None] = lambda *_: None,
) -> Shrunk:
    """The smallest scenario found that still gives a finding of ``signature`` (None: the first one's), written to ``out``.

    ``which``: of several of that signature; what is kept has the fault that is blamed for this one.
    Raises UsageError when the run shows no such finding. Ctrl-C (KeyboardInterrupt) ends the search and keeps what it has.
    """
    started_s = time.monotonic()
    plan = adjusted(load_file(Path(request.scenario)), request)
    plan = replace(plan, seed=request.seed if request.seed is not None else plan.seed)
    base = _bare_request(request)
    if base.terminal in CATALOGUE:
        # The file alone then says what runs.
        plan = replace(plan, software=str(base.terminal))
        base = msgspec.structs.replace(base, terminal=None)
    make_directory(out.parent)
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        which = replace(which, signature=signature or which.signature)
        trials = Trials(base, which, Path(scratch), jobs, started_s + budget_s)
        try:
            shrinker = _begun(trials, plan, on_step, budget_s)
            try:
                shrinker.go()
            except KeyboardInterrupt:
                trials.stop(_INTERRUPTED)
            except Stopped:
                pass
            return shrinker.keep(out, started_s)
        finally:
            trials.stop("it is over")
            trials.close()


def _begun(trials: Trials, plan: Plan, on_step: Callable[[str, int], None], budget_s: float) -> Shrinker:
    """The case as it came, seen once. UsageError where that alone takes too long."""
    try:
        return Shrinker(trials, plan, on_step)
    except Stopped:
        raise UsageError(
            f"{plan.source or plan.name}: the budget of {budget_s:g} s was over before the run had ended once; "
            "give a larger --budget"
        ) from None
    except KeyboardInterrupt:
        raise Interrupted(
            f"{plan.source or plan.name}: interrupted before the run had ended once; nothing is written"
        ) from None


class Interrupted(HarnessError):
    """Somebody asked to stop before there was anything to keep."""

    exit_code = ExitCode.INCONCLUSIVE


def _bare_request(request: RunRequest) -> RunRequest:
    """The request without what the plan says from now on, and without anything to be kept."""
    return msgspec.structs.replace(
        request, seed=None, days=None, terminals=None, device=None, profile=None, disk=None, without=(), out_dir=None,
        resolved_out=None, snapshot=None,
    )  # fmt: skip


class Shrinker:
    """One case on its way down."""

    def __init__(self, trials: Trials, plan: Plan, on_step: Callable[[str, int], None]) -> None:
        self._trials = trials
        self._on_step = on_step
        self._steps: list[tuple[str, int]] = []
        self._began_s, self._ends_s = time.monotonic(), trials.deadline_s
        self.customers = 0
        self.seen, self.finding = self._begin(plan)
        trials.which = Which(self.finding.signature, self.finding.fault)
        kinds = {each.fault.kind for each in plan.faults}
        self._must = self.finding.fault if self.finding.fault in kinds else ""
        self.plan = replace(plan, name=_name(plan.name), summary=self._summary())
        self._came = self.customers
        self.before = size_of(self.plan)
        self.size = self.before

    def _begin(self, plan: Plan) -> tuple[Seen, FindingRow]:
        """The run that is to be made small, and what it found."""
        trials = self._trials
        began_s = time.monotonic()
        request, verdict, history = self._run(plan)
        took_s = time.monotonic() - began_s
        self._leave_time_for(took_s)  # the file that is kept is run once more
        limit_s = max(_LEAST_WALL_S, _SLOWER_AT_MOST * took_s)
        trials.base = msgspec.structs.replace(trials.base, wall_limit_s=min(trials.base.wall_limit_s, limit_s))
        found = rows_of(request, verdict)
        if not found:
            raise UsageError(f"{plan.source or plan.name}: the run finds nothing, so there is nothing to shrink")
        finding = trials.which.of(request, verdict)
        if finding is None:
            raise _not_there(trials.which, found)
        return self._seen(finding, plan, history), finding

    def _leave_time_for(self, seconds: float) -> None:
        """The search ends so long before the budget does."""
        search_s = _TO_SEARCH * (self._ends_s - self._began_s)
        self._trials.deadline_s = min(self._ends_s - seconds, self._began_s + search_s)

    def _look(self) -> Seen:
        """The case as it is now, seen once more, and its finding as it is there."""
        request, verdict, history = self._run(self.plan)
        self.finding = self._trials.which.of(request, verdict) or self.finding
        return self._seen(self.finding, self.plan, history)

    def _run(self, plan: Plan) -> tuple[RunRequest, Verdict, Path]:
        """One run with its history."""
        trials = self._trials
        file = trials.scratch / "seen.yaml"
        file.write_text(brief_text(plan), encoding="utf-8")
        directory = trials.scratch / "seen"
        request = msgspec.structs.replace(trials.base, scenario=str(file), out_dir=str(directory))
        with trials.ended_in_time():
            verdict = trials.verdict(request)
        trials.runs += 1
        self.customers = verdict.sales.asked
        return request, verdict, directory / "history.jsonl"

    @staticmethod
    def _seen(finding: FindingRow, plan: Plan, history: Path) -> Seen:
        names = plan.station_names()
        device = finding.device if finding.device in names else names[0]
        return seen_at(device, (event for _, event in read_history(history)))

    def _summary(self) -> str:
        return " ".join(self.finding.summary.split())

    # ------------------------------------------------------------ the search

    def go(self) -> None:
        """All edits, again and again until none makes it smaller."""
        self._once("its pinned decisions are left out", edits.unpinned)
        if self.size.drawn and self.plan.terminals > 1:
            # Each run of all of them may take as long as everything that follows.
            self._script()
            if self.size.drawn and self._once("its last customers", self._last_customers):
                self.seen = self._look()
            elif self.size.drawn:
                self._once("what leads up to it", self._leading_up)
        self._greedily("what only judges is left out", edits.bare)
        self._script()
        if self.size.drawn:
            self._greedily("fewer terminals", edits.fewer_terminals)
            self._greedily("fewer days", edits.fewer_days)
            self._fewer_faults()
            self.seen = self._look()
            self._script()
        self._greedily("decisions of a kind are left out", edits.fewer_pins)
        if self.size.drawn and self.plan.only_intents is None:
            self._once("who came is named", lambda plan: [replace(plan, only_intents=self.seen.intents)])
        while True:
            before = self.size
            self._greedily("fewer days", edits.fewer_days)
            self._fewer_faults()
            self._fewer_customers()
            self._fewer_of("fewer decisions", self.size.pins, edits.without_pins)
            if self.size.drawn and self.size < before:
                # Of few customers a script is soon tried, and who stays drawn needs all terminals up to their own.
                self.seen = self._look()
                self._script()
            self._greedily("like actions are one", edits.merged)
            self._greedily("simpler actions", edits.simpler_actions)
            self._greedily("simpler faults", edits.simpler_faults)
            self._greedily("usual surroundings", edits.usual)
            self._greedily("a small seed", edits.seeds)
            if self.size == before:
                return

    def _smaller(self, plans: Iterable[Plan]) -> Iterator[Plan]:
        return (plan for plan in plans if size_of(plan) < self.size and self._may_show(plan))

    def _may_show(self, plan: Plan) -> bool:
        """Without the fault that is blamed it is another defect, and no run of it is worth its time."""
        return not self._must or any(each.fault.kind == self._must for each in plan.faults)

    def _once(self, what: str, candidates: Callable[[Plan], Iterable[Plan]]) -> bool:
        found = self._trials.first(self._smaller(candidates(self.plan)))
        if found is None:
            return False
        self._take(what, found)
        return True

    def _greedily(self, what: str, candidates: Callable[[Plan], Iterable[Plan]]) -> None:
        while self._once(what, candidates):
            pass

    def _take(self, what: str, plan: Plan) -> None:
        self.plan, self.size = plan, size_of(plan)
        # What is kept after a step is run twice: its words may be other ones.
        self._leave_time_for(2 * self._trials.seconds_of(plan))
        self._steps.append((what, self._trials.runs))
        self._on_step(what, self._trials.runs)

    def _script(self) -> None:
        """Customers who are written down instead of drawn ones."""
        if self.plan.actions is not None:
            return
        variants = self._alone()
        faithful = variants[0]
        sales = sum(each.do == "sale" for each in self.seen.steps)

        def few(_: Plan) -> Iterator[Plan]:
            for each in variants[:2]:
                yield from templates(each, sales)

        def whole(_: Plan) -> Iterator[Plan]:
            yield from variants

        def under_other_seeds(plan: Plan) -> Iterator[Plan]:
            seeded = [replace(faithful, seed=seed) for seed in range(1, _OTHER_SEEDS + 1)]
            yield from seeded
            for each in seeded:
                yield from templates(each, sales)

        def persistent(plan: Plan) -> Iterator[Plan]:
            if plan.only_intents is not None and len(self.seen.own) <= _LAST[-1]:
                people = replace(plan.people, retries_after_unknown_percent=100.0, tries_other_card_percent=100.0)
                yield from (replace(each, people=people) for each in variants)

        def rarely_answered(_: Plan) -> Iterator[Plan]:
            # Which answer fails to come hangs on all that went before; of few sales it must happen more often.
            for percent, seed in product(_UNANSWERED_PERCENT, range(1, _OTHER_SEEDS + 1)):
                host = replace(faithful.host, no_reply_percent=percent)
                yield from templates(replace(faithful, host=host, faults=(), seed=seed), 1)

        if self._once("equal sales instead of drawn customers", few):
            return
        if self.finding.fault == NO_REPLY and self._once("a host that answers less", rarely_answered):
            return
        if self._once("who came is written down", whole):
            return
        if self._once("customers who always try again", persistent):
            return
        if self.plan.decisions is None:
            self._once("a script under another seed", under_other_seeds)

    def _alone(self) -> list[Plan]:
        """The terminal of the finding by itself: with the fault that is blamed, with all that struck last before it, or first."""
        until = alone(self.plan, self.seen, self.finding.at_us)
        blamed = tuple(each for each in until.faults if each.fault.kind == self.finding.fault)
        found = [replace(until, faults=blamed)] if blamed else []
        for each in (until, alone(self.plan, self.seen)):
            if each not in found:
                found.append(each)
        return found

    def _last_customers(self, plan: Plan) -> Iterator[Plan]:
        """Of what leads up to it the last few who came to its terminal; mostly it is about one of these."""
        bold = next(self._leading_up(plan), None)
        if bold is not None and bold.only_intents is not None:
            for few in dict.fromkeys(self.seen.last_before(self.finding.at_us, most) for most in _LAST):
                yield replace(bold, only_intents=few)

    def _leading_up(self, plan: Plan) -> Iterator[Plan]:
        """Drawn as it was, and less of it: the days until the finding, the terminals up to its own, its own customers alone."""
        place, day = int(self.seen.device[1:]), self.finding.at_us // US_PER_DAY + 1
        days = on_days(plan, day) if day < plan.days.count else plan
        fewer = edits.on_terminals(days, place) if place < plan.terminals else days
        own = self.seen.own if plan.only_intents is None else None
        yield from (replace(each, only_intents=own) for each in (fewer, days) if own is not None)
        yield from (each for each in (fewer, days) if each != plan)

    def _fewer_faults(self) -> None:
        def fewer(plan: Plan) -> Iterator[Plan]:
            if plan.faults:
                yield replace(plan, faults=())
            if len(plan.faults) > 2:
                # The one that is blamed first.
                for each in sorted(plan.faults, key=lambda each: each.fault.kind != self.finding.fault):
                    yield replace(plan, faults=(each,))

        self._greedily("fewer faults", fewer)
        self._fewer_of("fewer faults", len(self.plan.faults), edits.without_faults)

    def _fewer_customers(self) -> None:
        if self.plan.actions is not None:
            self._fewer_of("fewer actions", len(self.plan.actions), edits.without_actions)
        elif self.plan.only_intents is not None:
            self._fewer_of("fewer customers", len(self.plan.only_intents), edits.without_intents)

    def _fewer_of(self, what: str, count: int, without: Callable[[Plan, int, int], Plan]) -> None:
        """Leave out stretches of a list: the first half, the second, quarters, down to single ones."""
        stretch = count
        while stretch >= 1:
            place = 0
            while place < count:
                small = [(at, without(self.plan, at, stretch)) for at in range(place, count, stretch)]
                found = self._trials.first(each for _, each in small)
                if found is None:
                    break
                place = next(at for at, each in small if each is found)
                self._take(what, found)
                count -= min(stretch, count - place)
            stretch //= 2

    # ------------------------------------------------------------ what is kept

    def keep(self, out: Path, started_s: float) -> Shrunk:
        """The case as its file, run once more from that file alone."""
        trials, stopped = self._trials, self._trials.stopped
        trials.stopped = ""
        # Twice, where it has become another case: the file tells the finding as it is there, and is then held to it.
        for _ in range(2 if self._steps else 1):
            replay = self._write(out)
            again = msgspec.structs.replace(trials.base, scenario=str(out.absolute()))
            trials.runs += 1
            finding = trials.which.of(again, trials.verdict(again))
            if finding is None:
                out.unlink(missing_ok=True)
                raise HarnessError(
                    f"{out}: run from its file alone the case does not show what it showed before; "
                    "if the software is the same each time, please report this"
                )
            self.finding = finding
            self.plan = replace(self.plan, summary=self._summary())
        return Shrunk(
            out, self.finding.signature, self.finding, self.before, self.size, self._came, trials.runs,
            round(time.monotonic() - started_s, 1), tuple(self._steps), stopped, replay,
        )  # fmt: skip

    def _write(self, out: Path) -> str:
        came = self._came if self.before.drawn else None
        base = self._trials.base
        text, replay = page_of(self.plan, self.finding, base, out, told(self.before, came), told(self.size))
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise HarnessError(f"cannot write {out}: {error.strerror}") from None
        return replay


def _not_there(which: Which, found: Iterable[FindingRow]) -> UsageError:
    """What was asked for, and everything that there is."""
    asked = [
        f"of signature {which.signature}" if which.signature else "",
        f"after {which.fault}" if which.fault else "",
        f"on {which.device}" if which.device else "",
    ]
    shown = dict.fromkeys(
        f"\n  {each.signature} {each.invariant} {headed(each)}, on {each.device or 'no terminal'}: {each.kind}"
        for each in found
    )
    return UsageError(f"the run shows no finding {' '.join(filter(None, asked))}; it shows{''.join(shown)}")


def _name(name: str) -> str:
    return name if name.endswith(", shrunk") else f"{name}, shrunk"

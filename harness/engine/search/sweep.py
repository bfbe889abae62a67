"""``harness sweep --search coverage``: a sweep whose runs are chosen by what those before them did.

Models: everything that a sweep is (rows kept as runs finish, a canary, limits), with one search for each scenario, each in its
turn. A run's number stands in place of a seed; those that found something leave their scenario file in DIR/guided, which runs
them again. Does not model: resuming and sharding, as what was learned is in no file; a bound, as runs that were chosen for their
behaviour are no sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.child import adjusted
from harness.engine.request import RunRequest
from harness.engine.search.driver import LAG, Search
from harness.engine.sink import make_directory
from harness.engine.sweep.swarm import profile_of
from harness.engine.sweep.work import EVERY_PROFILE, Planned, Sweep
from harness.engine.verdict import Verdict
from harness.results.model import Declared, RunRow
from harness.scenario.load import load_file

DIRECTORY = "guided"


@dataclass(slots=True)
class GuidedSweep(Sweep):
    """As ``Sweep``; ``out_dir`` takes the scenario files of runs."""

    out_dir: Path = field(default_factory=Path)
    _searches: dict[str, Search] = field(default_factory=dict)
    """By label."""
    _turn: int = 0

    def __post_init__(self) -> None:
        """One search for each scenario."""
        declared = {each.label: each for each in self.declared.scenarios}
        for number, each in enumerate(self.scenarios, 1):
            directory = (self.out_dir / DIRECTORY / f"{number:04d}").absolute()
            make_directory(directory)
            runs = self.declared.runs_of(declared[each.label])
            self._searches[each.label] = _search(each, self.declared, directory, runs, max(LAG, self.jobs))

    @property
    def left(self) -> int:
        """How many runs have not begun."""
        return len(self._left) + sum(each.left for each in self._searches.values())

    def stop(self) -> None:
        """No other run begins, and those under way are ended; none of them counts."""
        for each in self._searches.values():
            each.stopped = True
        # Slots make another class of this one, which ``super()`` without arguments does not know.
        Sweep.stop(self)

    def next_request(self) -> RunRequest | None:
        """The canary, what is to be tried again, then a run of each search in turn."""
        request = Sweep.next_request(self)
        if request is not None or self.stopped:
            return request
        searches = list(self._searches.items())
        for _ in searches:
            label, search = searches[self._turn % len(searches)]
            self._turn += 1
            if not self.has_time_for(label):
                self.out_of_time = self.out_of_time or search.left > 0
                continue
            found = next(search, None)
            if found is not None:
                return self._of(label, search, found)
        return None

    def _of(self, label: str, search: Search, request: RunRequest) -> RunRequest:
        self._labels[request.scenario] = label
        if self.declared.profile != EVERY_PROFILE:
            return request
        number = search.trial_of(request).number
        return msgspec.structs.replace(request, profile=profile_of(self.declared.first_seed + number))

    def _row(self, request: RunRequest, ended: Verdict | HarnessError) -> RunRow | None:
        row = Sweep._row(self, request, ended)
        if row is None or request is self._canary_run:
            return row
        search = self._searches[row.scenario]
        trial = search.trial_of(request)
        search.ended(request, ended, keep=row.verdict != "pass")
        return replace(row, seed=self.declared.first_seed + trial.number, off=trial.without)


def _search(planned: Planned, declared: Declared, directory: Path, runs: int, lag: int) -> Search:
    base = planned.base
    named = msgspec.structs.replace(base, profile=None) if base.profile == EVERY_PROFILE else base
    plan = adjusted(load_file(Path(base.scenario)), named)
    own = RunRequest(
        scenario="", terminal=base.terminal, dialect=base.dialect, wall_limit_s=base.wall_limit_s, spin_s=base.spin_s
    )
    return Search(plan, own, directory, declared.first_seed, runs, swarm=declared.swarm, lag=lag)


def refuse_what_it_cannot(search: str | None, *, resume: bool, shard: Sequence[int] | None) -> None:
    """UsageError for what a guided search has no sense of."""
    if search == "coverage" and (resume or shard is not None):
        what = "--resume" if resume else "--shard"
        raise UsageError(
            f"{what}: a guided search chooses each run by those before it, and does not go on from a file or in parts; "
            f"give another --out, or leave out --search"
        )

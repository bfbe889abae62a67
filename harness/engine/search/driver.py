"""A search at work: trials handed to workers one by one, what they showed learned in the order of their numbers.

Models: a trial is drawn when all but the last few before it have been learned, and no others, so that the same search goes the
same way for any number of workers up to ``LAG``, and none of them waits for another. Each trial is a scenario file, by which it
runs again.
Does not model: several machines; a search that goes on after it was ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec

from harness.core.errors import HarnessError
from harness.engine.request import RunRequest
from harness.engine.search.behaviour import Seen, read_seen
from harness.engine.search.corpus import Corpus, Trial
from harness.engine.sweep.swarm import switched_off
from harness.engine.verdict import Verdict
from harness.scenario.plan import Plan
from harness.scenario.resolve import write_resolved

LAG = 4

Strategy = Literal["coverage", "random"]


@dataclass(slots=True)
class Search(Iterator[RunRequest]):
    """Trials of ``plan`` as ``engine.campaign.run_each`` takes them; ``ended`` is to be told of each.

    ``base``: the software and limits. ``directory`` takes a scenario file a trial; those of no further use go again.
    """

    plan: Plan
    base: RunRequest
    directory: Path
    seed: int = 1
    runs: int | None = None
    swarm: bool = True
    lag: int = LAG
    stopped: bool = False
    corpus: Corpus = field(init=False)
    _trials: dict[str, Trial] = field(default_factory=dict)
    """By scenario file: what runs at the moment."""
    _shown: dict[int, tuple[Trial, Seen | None]] = field(default_factory=dict)
    """By number: ended, and not learned yet, as one before it has not ended."""
    _drawn: int = 0
    _learned: int = 0

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        families = tuple(sorted({fault.fault.family for fault in self.plan.faults}))
        excusing = [fault.name for fault in self.plan.faults if fault.fault.survivability]
        self.corpus = Corpus(self.seed, families, swarm=self.swarm, first_seed=self.seed, excusing=excusing)

    def __next__(self) -> RunRequest:
        if self.stopped or (self.runs is not None and self._drawn >= self.runs):
            raise StopIteration
        # No more than this, however much has ended: what is drawn next must not hang on who was quicker.
        while self._learned <= self._drawn - self.lag:
            if self._learned not in self._shown:
                raise StopIteration
            self.corpus.learn(*self._shown.pop(self._learned))
            self._learned += 1
        self._drawn += 1
        return self._request(self.corpus.next())

    @property
    def left(self) -> int:
        """How many trials have not been drawn."""
        return 0 if self.stopped or self.runs is None else self.runs - self._drawn

    def trial_of(self, request: RunRequest) -> Trial:
        """What a request was made for."""
        return self._trials[request.scenario]

    def ended(self, request: RunRequest, ended: Verdict | HarnessError, *, keep: bool = False) -> bool:
        """A trial has ended; whether its file stays: for ``keep``, that is, where it found something."""
        trial = self._trials.pop(request.scenario)
        place = Path(request.behaviour_out or "")
        seen = None if isinstance(ended, HarnessError) else read_seen(place)
        place.unlink(missing_ok=True)
        if not keep:
            Path(request.scenario).unlink(missing_ok=True)
        self._shown[trial.number] = trial, seen
        return keep

    def _request(self, trial: Trial) -> RunRequest:
        path = self.directory / f"trial-{trial.number:06d}.yaml"
        write_trial(self.plan, trial, path)
        self._trials[str(path)] = trial
        return msgspec.structs.replace(
            self.base, scenario=str(path), seed=trial.seed, behaviour_out=str(path.with_suffix(".seen"))
        )


def write_trial(plan: Plan, trial: Trial, path: Path) -> None:
    """The trial as a scenario file: what is pinned, and the rest drawn from its seed."""
    changed = replace(plan.without_families(trial.without), name=f"{plan.name}, trial {trial.number}", seed=trial.seed)
    if trial.overrides:
        changed = replace(changed, decisions=dict(trial.overrides), unpinned="drawn")
    try:
        write_resolved(changed, path)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None


def random_trials(plan: Plan, base: RunRequest, first_seed: int, *, swarm: bool = True) -> Iterator[RunRequest]:
    """What a random sweep runs: one seed after the other, families of fault switched off by it."""
    families = tuple(sorted({fault.fault.family for fault in plan.faults}))
    seed = first_seed
    while True:
        off = switched_off(seed, families) if swarm else ()
        yield msgspec.structs.replace(base, seed=seed, without=off)
        seed += 1

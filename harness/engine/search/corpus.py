"""The corpus: runs that reached something new, and what is tried next.

Models: an entry is a seed (customers, replies, latencies), the families that are off, and decisions about faults that differ from
what the seed would draw; entries whose features few runs have, and that were picked seldom, come up more often. A third of all
runs stays random, lest the search circles about what it found first. Everything is drawn from the search's own stream.
Does not model: entries that are dropped; a search is over before there are too many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from random import Random

from harness.core.decisions import Value
from harness.core.streams import Streams
from harness.engine.search.behaviour import Seen
from harness.engine.search.change import Changer
from harness.engine.sweep.swarm import switched_off

_RANDOM_SHARE = 0.33
_REDRAWN_SHARE = 0.4
"""Of changed runs, that have other families off than the run that they were made from."""
_BEGIN_WITH = 4
"""So many runs are random before anything is changed."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One run to try: of a random one there is nothing but the seed, and what swarm switches off with it."""

    number: int
    seed: int
    without: tuple[str, ...] = ()
    overrides: Mapping[str, Value] = field(default_factory=dict)
    parent: int | None = None
    """The trial that it was made from; None for a random one."""


@dataclass(slots=True)
class _Entry:
    trial: Trial
    faults: Mapping[str, Value]
    new: tuple[int, ...]
    """The features that nobody had before it."""
    picked: int = 0


class Corpus:
    """Draws trials, and learns from what they show."""

    def __init__(
        self,
        seed: int,
        families: tuple[str, ...],
        *,
        swarm: bool = True,
        first_seed: int = 1,
        excusing: Collection[str] = (),
    ) -> None:
        self._random: Random = Streams(seed).generator("guided search")
        self._families = families
        self._swarm = swarm
        self._next_seed = first_seed
        self._changer = Changer(self._random, excusing)
        self._entries: list[_Entry] = []
        self._hits: dict[int, int] = {}
        """By feature: how many runs have it."""
        self._drawn = 0

    @property
    def features(self) -> int:
        """How many different ones were seen."""
        return len(self._hits)

    @property
    def kept(self) -> int:
        """How many runs reached something new."""
        return len(self._entries)

    def next(self) -> Trial:
        """What to try next."""
        number = self._drawn
        self._drawn += 1
        if len(self._entries) == 0 or number < _BEGIN_WITH or self._random.random() < _RANDOM_SHARE:
            return self._fresh(number)
        entry = self._pick()
        entry.picked += 1
        other = self._random.choice(self._entries)
        without = entry.trial.without
        if self._swarm and self._random.random() < _REDRAWN_SHARE:
            without = switched_off(self._random.getrandbits(32), self._families)
        seed, overrides = self._changer.changed(entry.trial.seed, entry.trial.overrides, entry.faults, other.faults)
        return Trial(number, seed, without, overrides, entry.trial.number)

    def learn(self, trial: Trial, seen: Seen | None) -> bool:
        """What a trial showed; whether anything of it was new. Trials are told in the order of their numbers."""
        if seen is None:
            return False
        self._changer.learn(seen.faults)
        new = tuple(each for each in seen.features if each not in self._hits)
        for each in seen.features:
            self._hits[each] = self._hits.get(each, 0) + 1
        if new:
            self._entries.append(_Entry(trial, seen.faults, new))
        return bool(new)

    def _fresh(self, number: int) -> Trial:
        seed = self._next_seed
        self._next_seed += 1
        return Trial(number, seed, switched_off(seed, self._families) if self._swarm else ())

    def _pick(self) -> _Entry:
        weights = [sum(1.0 / self._hits[each] for each in entry.new) / (1.0 + entry.picked) for entry in self._entries]
        return self._random.choices(self._entries, weights)[0]

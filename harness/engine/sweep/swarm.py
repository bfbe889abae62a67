"""Swarm: which families of fault a seed switches off, and on which medium it runs.

Models: each family that a scenario plans is off with probability one half, by the seed and its name alone (Groce and others,
"Swarm testing", 2012: a fault that strikes in every run can hide what another one would show). If all were off, none is.
Does not model: weights of families, or of pairs that have not met yet.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.streams import Streams
from harness.storage.profiles import registry as profiles

_OFF = 0.5


def switched_off(seed: int, families: Iterable[str]) -> tuple[str, ...]:
    """Of ``families`` those that are off in the run with this seed, in order of their names."""
    known = sorted(set(families))
    streams = Streams(seed)
    off = tuple(family for family in known if streams.uniform(f"sweep/off/{family}") < _OFF)
    return () if len(off) == len(known) else off


def profile_of(seed: int) -> str:
    """The profile of the run with this seed where every profile is to have its turn."""
    names = profiles.names()
    return names[seed % len(names)]

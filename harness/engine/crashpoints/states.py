"""The legal states of each instant of a recorded flow under one profile, with an account of every loss.

Models: each volume's legal images at the instant, as ``storage.profiles`` lists them, times the messages under way that may still
arrive; what the kernel had written back by itself by then is durable where the profile has such a timer.
Exhaustive as long as a volume has at most ``limit`` images at an instant and all volumes together too; beyond that the
adversarial images (all kept, all lost, one kept, one lost, each prefix) and a sample drawn from a fixed seed, and the point is
counted as sampled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import product
from math import prod
from typing import NamedTuple

from harness.engine.crashpoints.outside import Outside, Underway, hardware_key
from harness.engine.crashpoints.scene import Remains
from harness.engine.crashpoints.timeline import Point, Timeline
from harness.storage.image import Image
from harness.storage.oplog import Op, Returned, SyncVolume
from harness.storage.profiles.base import CrashState, Profile

Key = tuple[object, ...]
"""What two states share when the world goes on alike from both."""


@dataclass(frozen=True, slots=True)
class State:
    """One state that a cut may leave: ``volumes`` in the order of the timeline's, ``arrived`` the requests that got through."""

    point: Point
    volumes: tuple[CrashState, ...]
    arrived: tuple[Underway, ...]
    key: Key

    def images(self, names: Sequence[str]) -> dict[str, Image]:
        """Volume name to image."""
        return {name: volume.image for name, volume in zip(names, self.volumes, strict=True)}

    def remains(self, names: Sequence[str]) -> Remains:
        """What the next power-on finds."""
        outside = self.point.outside
        frames = tuple(each.frame for each in self.arrived)
        return Remains(self.images(names), outside.hardware, outside.host, outside.host_digest, frames)


@dataclass(slots=True)
class Count:
    """How much was listed. ``states`` counts each state once for each instant at which it is legal."""

    points: int = 0
    states: int = 0
    sampled_points: int = 0
    thinned_points: int = 0


@dataclass(slots=True)
class _Prefix:
    """One volume's log up to the last instant: what no cut can undo is in ``base``."""

    base: Image
    pending: list[Op]
    done: int = 0
    written_back: int = 0
    returned: int = 0


class _Listed(NamedTuple):
    """One volume's images at an instant: whether all were listed, and whether a long operation was cut at some places only."""

    images: tuple[CrashState, ...]
    whole: bool
    thinned: bool


class StateLister:
    """Lists the states of one timeline under one profile for each volume."""

    def __init__(self, timeline: Timeline, profiles: Sequence[Profile], limit: int) -> None:
        self._timeline = timeline
        self._profiles = profiles
        self._limit = limit
        self._prefixes = [_Prefix(base, []) for base in timeline.bases]
        self._listed: dict[tuple[int, int, int, int], _Listed] = {}
        self.count = Count()

    def __iter__(self) -> Iterator[State]:
        for point in self._timeline.points():
            for instant in self._instants(point):
                self.count.points += 1
                yield from self._at(instant)

    def _instants(self, point: Point) -> Iterator[Point]:
        """The point; and the beginning of its stretch, if the kernel has written something back since."""
        begun = replace(point, lengths=point.returned, at_us=point.since_us)
        places = range(len(self._profiles))
        if any(self._written_back(place, point) > self._written_back(place, begun) for place in places):
            yield begun
        yield point

    def _written_back(self, place: int, point: Point) -> int:
        """How much of a volume's log the kernel had written back by itself."""
        after_us = self._profiles[place].writes_back_after_us
        if after_us is None:
            return 0
        return min(point.lengths[place], self._timeline.written_back(place, point.at_us, after_us))

    def _at(self, point: Point) -> Iterator[State]:
        listed = [self._volume(place, point) for place in range(len(self._timeline.volumes))]
        complete = all(each.whole for each in listed)
        combinations: Iterator[tuple[CrashState, ...]] = product(*(each.images for each in listed))
        if prod(len(each.images) for each in listed) > self._limit:
            complete = False
            combinations = self._sampled(point, [each.images for each in listed])
        self.count.sampled_points += not complete
        self.count.thinned_points += any(each.thinned for each in listed)
        for volumes in combinations:
            for arrived in point.outside.arrivals():
                self.count.states += 1
                yield State(point, volumes, arrived, state_key(point.outside, volumes, arrived))

    def _volume(self, place: int, point: Point) -> _Listed:
        """The legal images of one volume."""
        profile, length = self._profiles[place], point.lengths[place]
        back = self._written_back(place, point)
        returned = point.returned[place] if profile.synchronous else 0
        known = self._listed.get((place, length, back, returned))
        if known is None:
            prefix = self._advanced(place, profile, length, back, returned)
            # A fixed seed for each instant: the sample does not depend on what else was listed.
            rng = random.Random(f"{profile.name}/{place}/{length}")
            images = profile.legal_images(prefix.base, prefix.pending, self._limit, rng)
            known = self._listed[place, length, back, returned] = _Listed(
                tuple(images), images.exhaustive, profile.thins(prefix.pending)
            )
        return known

    def _sampled(self, point: Point, volumes: Sequence[Sequence[CrashState]]) -> Iterator[tuple[CrashState, ...]]:
        """Of more combinations than are wanted: every state of each volume beside the first of the others, and a draw."""
        firsts = tuple(states[0] for states in volumes)
        yield firsts
        left = self._limit - 1
        for place, states in enumerate(volumes):
            for state in states[1 : left + 1]:
                yield (*firsts[:place], state, *firsts[place + 1 :])
            left = max(0, left - (len(states) - 1))
        rng = random.Random(f"together/{point.number}/{point.lengths}")
        for _ in range(left):
            yield tuple(rng.choice(states) for states in volumes)

    def _advanced(self, place: int, profile: Profile, length: int, back: int, returned: int) -> _Prefix:
        """The prefix at ``length``: what is older than ``back`` was written back, calls up to ``returned`` had returned."""
        log = self._timeline.logs[place]
        prefix = self._prefixes[place]
        if length < prefix.done or back != prefix.written_back or returned < prefix.returned:
            # What was written back lies before what is pending already: begin again.
            prefix = _Prefix(self._timeline.bases[place], [])
        inserted: list[tuple[int, Op]] = []
        if back > prefix.written_back:
            inserted.append((back, SyncVolume(written_back=True)))
        if returned > prefix.returned:
            inserted.append((returned, Returned()))
        steps: list[Op] = []
        at = prefix.done
        for index, op in sorted(inserted, key=lambda each: each[0]):
            steps += [*log[at:index], op]
            at = max(at, index)
        steps += log[at:length]
        prefix.base, prefix.pending = profile.durable_prefix(prefix.base, [*prefix.pending, *steps])
        prefix.done, prefix.written_back, prefix.returned = length, back, returned
        self._prefixes[place] = prefix
        return prefix


def state_key(outside: Outside, volumes: Sequence[CrashState], arrived: Sequence[Underway]) -> Key:
    """Equal for states from which the same will come."""
    images = tuple((volume.image.digest(), volume.image.lost_bytes) for volume in volumes)
    return images, hardware_key(outside.hardware), outside.host_digest, tuple(each.frame for each in arrived)


def state_id(key: Key) -> str:
    """A short name of a state, the same in every process."""
    return blake2b(repr(key).encode(), digest_size=6).hexdigest()

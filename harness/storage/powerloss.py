"""Power loss: from the volumes of a device and a seed to what the next boot will mount, with an account of every loss.

Models: one cut through all volumes of a device at one instant, each losing what its own profile lets it lose; a cut
inside the operation in flight, of which any part that the profile allows has landed; every crash point of a log.
Does not model: damage to data that nobody wrote (an eMMC profile's matter), or what the peripherals had in memory.
Everything here is a function of base image, log, profile and seed: nothing is read from or written to the volumes.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.core.streams import Streams
from harness.storage.image import Image
from harness.storage.oplog import BARRIERS, Op, Returned
from harness.storage.profiles.base import CrashState, Profile


@dataclass(frozen=True, slots=True)
class VolumeAtCut:
    """One volume as the cut finds it: what is surely durable, and what happened since."""

    name: str
    profile: Profile
    base: Image
    log: Sequence[Op]


@dataclass(frozen=True, slots=True)
class VolumeLoss:
    """What the cut did to one volume."""

    name: str
    profile_name: str
    state: CrashState

    @property
    def image(self) -> Image:
        return self.state.image

    @property
    def description(self) -> str:
        return f"{self.name} ({self.profile_name}): {self.state.description}"


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """What the cut did to a device."""

    volumes: tuple[VolumeLoss, ...]

    @property
    def images(self) -> dict[str, Image]:
        """Volume name to the image its next mount finds."""
        return {volume.name: volume.image for volume in self.volumes}

    @property
    def bites(self) -> bool:
        """True when some volume came out different from what the software last saw."""
        return any(volume.state.bites for volume in self.volumes)

    @property
    def description(self) -> str:
        return "; ".join(volume.description for volume in self.volumes)


def cut_power(volumes: Sequence[VolumeAtCut], seed: int, *, in_flight: str | None = None) -> PowerLoss:
    """Cut all volumes at once. ``in_flight`` names the volume whose last operation had not returned.

    Each volume draws from a stream of its own name, so that a volume more or less changes no other.
    """
    streams = Streams(seed)
    losses = []
    for volume in volumes:
        log = at_the_cut(volume.profile, volume.log, under_way=volume.name == in_flight)
        state = volume.profile.draw(volume.base, log, streams.generator("power loss", volume.name))
        losses.append(VolumeLoss(volume.name, volume.profile.name, state))
    return PowerLoss(tuple(losses))


def unreturned(log: Sequence[Op]) -> Sequence[Op]:
    """The log when its last operation was under way: a barrier that did not return promises nothing.

    Other operations need no change: before a barrier covers it, a profile may apply any part of an operation or none.
    """
    return log[:-1] if log and isinstance(log[-1], BARRIERS) else log


def at_the_cut(profile: Profile, log: Sequence[Op], *, under_way: bool) -> Sequence[Op]:
    """The log as the profile has to see it when it is known which calls had returned: all, or all but the last.

    Only a medium that holds each change by the time its call returns makes something of that.
    """
    if under_way:
        returned = unreturned(log)
        place = len(log) - 1  # without its barrier, or before the operation that was under way
    else:
        returned, place = log, len(log)
    if not profile.synchronous or place <= 0:
        return returned
    return [*returned[:place], Returned(), *returned[place:]]


def crash_points(log: Sequence[Op]) -> list[int]:
    """Lengths of the log at which to cut to see every legal image of every moment: before each barrier, and at the end.

    Up to the next barrier, what a cut may leave only grows with the log, so that the moments between add nothing.
    """
    return [index for index, op in enumerate(log) if isinstance(op, BARRIERS)] + [len(log)]


def every_cut(
    profile: Profile, base: Image, log: Sequence[Op], *, limit: int, rng: random.Random
) -> Iterator[tuple[int, CrashState]]:
    """Distinct legal images at each crash point, with the length of the log there; at most ``limit`` a point.

    An image is given once for each point at which it is legal: what software had promised by then may differ.
    """
    pending: list[Op] = []
    done = 0
    for point in crash_points(log):
        base, pending = profile.durable_prefix(base, [*pending, *log[done:point]])
        done = point
        for state in profile.legal_images(base, pending, limit, rng):
            yield point, state

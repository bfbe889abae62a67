"""What a power cut leaves of an engine's records: every legal state at every instant, read by the engine itself.

Models: one program that stores numbered records and says of each when the engine had promised it; power cut before each barrier
and at the end, into each image that the profile allows; the same engine, unmodified, opens the image, reads it and stores
one record more. A state violates when an acknowledged record is missing, a record is there with other content than was
stored, the store cannot be read, or it will not go on. Does not model: a second cut during the engine's own recovery.
Source: ALICE (Pillai et al., OSDI'14), whose workloads and checkers these are in small.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.engine.field.engines import Engine
from harness.engine.field.running import command_of
from harness.storage.contents import export_volume, load_image
from harness.storage.image import Image
from harness.storage.oplog import Op, Returned
from harness.storage.powerloss import crash_points
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.volume import Volume
from harness.sut.supervisor.alone import Ended, run_to_end

VOLUME_BYTES = 4 << 20
STATES = 150
"""How many states of one workload under one profile are wanted; with more they are sampled at each instant."""
_INSTANT_MIN = 6
"""Images listed at one instant at least: all kept, all lost, and some between."""
KINDS = ("unreadable", "torn", "lost", "stuck", "unborn")
"""What can be wrong with a state, worst first."""
_BATCH = 64
"""Images that one run of a checker is given."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A workload that came to its end: the log, and for each record the length of the log when it was acknowledged."""

    base: Image
    log: tuple[Op, ...]
    acknowledged: tuple[int, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """One state and how many records had been acknowledged by then (0, 1, ... in order)."""

    image: Image
    acknowledged: int
    state: CrashState


@dataclass(frozen=True, slots=True)
class Found:
    """What the checker said of one image."""

    whole: frozenset[int] = frozenset()
    torn: frozenset[int] = frozenset()
    trouble: str = ""

    def violation(self, acknowledged: int) -> str:
        """What is wrong, worst first; "" for nothing."""
        if self.trouble.startswith("unreadable"):
            return "unreadable" if acknowledged else "unborn"
        if self.torn:
            return "torn"
        if not self.whole.issuperset(range(acknowledged)):
            return "lost"
        return "stuck" if self.trouble else ""


@dataclass(slots=True)
class Outcome:
    """Violating states by kind, of all distinct ones; ``exhaustive`` when no instant had too many to list."""

    profile: str
    distinct: int = 0
    exhaustive: bool = True
    kinds: dict[str, int] = field(default_factory=dict)
    example: str = ""
    """One state of the worst kind, in words."""

    @property
    def violating(self) -> int:
        return sum(self.kinds.values())

    def __str__(self) -> str:
        return f"{'' if self.exhaustive else '~'}{self.violating}/{self.distinct}"


def record(engine: Engine, counts: Sequence[int] = (3,)) -> Recorded:
    """Run the workload on an empty volume. RuntimeError when it does not end well: then there is nothing to judge."""
    volume = Volume("data", "/data", VOLUME_BYTES)
    contents = export_volume(volume)
    acknowledged: list[int] = []
    printed = bytearray()

    def take(data: bytes) -> None:
        printed.extend(data)
        for _ in range(printed.count(b"ack\t") - len(acknowledged)):
            acknowledged.append(len(volume.log))

    ended = run_to_end(command_of(engine, "write", ["/data", *map(str, counts)]), [_root(), volume], take)
    if ended.words or len(acknowledged) != sum(counts):
        raise RuntimeError(f"{engine.name}: {ended.words or 'not every record was acknowledged'} ({ended.said})")
    base = Image(contents.files, contents.directories, contents.modes, contents.links)
    return Recorded(base, tuple(volume.log), tuple(acknowledged), ended.refused)


def promises(run: Recorded, profile: Profile, states: int = STATES) -> Iterator[tuple[Promise, bool]]:
    """Each legal state of each instant, and whether that instant's list is whole."""
    log, acknowledged = list(run.log), list(run.acknowledged)
    if profile.synchronous:
        for place in reversed(range(len(acknowledged))):
            log.insert(acknowledged[place], Returned())
        acknowledged = [length + place + 1 for place, length in enumerate(acknowledged)]
    base, pending, done, rng = run.base, list[Op](), 0, random.Random(1)
    points = crash_points(log)
    limit = max(_INSTANT_MIN, states // len(points))
    for point in points:
        base, pending = profile.durable_prefix(base, [*pending, *log[done:point]])
        done = point
        promised = sum(length <= point for length in acknowledged)
        legal = profile.legal_images(base, pending, limit, rng)
        for state in list(legal):
            yield Promise(state.image, promised, state), legal.exhaustive


class Reader:
    """One engine as a reader of images: each is read once, whatever workloads and profiles it is a state of."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: dict[str, Found] = {}

    def read(self, images: Iterable[Image]) -> list[Found]:
        """What the engine finds in each."""
        asked = {image.digest(): image for image in images}
        fresh = {digest: image for digest, image in asked.items() if digest not in self._found}
        self._found.update(zip(fresh, check(self._engine, list(fresh.values())), strict=True))
        return [self._found[digest] for digest in asked]


def judge(run: Recorded, profile: Profile, reader: Reader, states: int = STATES) -> Outcome:
    """Every distinct state of one workload under one profile, read by the engine."""
    outcome = Outcome(profile.name)
    distinct: dict[tuple[str, int], Promise] = {}
    for promise, whole in promises(run, profile, states):
        outcome.exhaustive = outcome.exhaustive and whole
        distinct.setdefault((promise.image.digest(), promise.acknowledged), promise)
    images = {digest: promise.image for (digest, _), promise in distinct.items()}
    found = dict(zip(images, reader.read(images.values()), strict=True))
    outcome.distinct = len(distinct)
    examples: dict[str, tuple[Promise, Found]] = {}
    for (digest, acknowledged), promise in distinct.items():
        kind = found[digest].violation(acknowledged)
        if kind:
            outcome.kinds[kind] = outcome.kinds.get(kind, 0) + 1
            examples.setdefault(kind, (promise, found[digest]))
    for kind in KINDS:
        if kind in examples:
            outcome.example = _told(kind, *examples[kind])
            break
    return outcome


def _told(kind: str, promise: Promise, found: Found) -> str:
    records = ", ".join(map(str, sorted(found.whole))) or "none"
    what = found.trouble if kind in ("unreadable", "unborn", "stuck") else f"{kind}: found {records}"
    return f"{promise.acknowledged} acknowledged; {promise.state.description}; {what}"


def check(engine: Engine, images: Sequence[Image]) -> list[Found]:
    """What the engine finds in each image. One program looks at many; one that it dies of is looked at by what is left."""
    found: list[Found] = []
    while len(found) < len(images):
        batch = images[len(found) : len(found) + _BATCH]
        results, ended = _checked(engine, batch)
        found += results
        if len(results) < len(batch):
            words = ended.words or "it ended without a word"
            found.append(Found(trouble=f"unreadable: the program that reads it: {words}"))
    return found


def _checked(engine: Engine, batch: Sequence[Image]) -> tuple[list[Found], Ended]:
    places = [f"/state{number:03}" for number in range(len(batch))]
    volumes = [Volume(place[1:], place, VOLUME_BYTES) for place in places]
    for volume, image in zip(volumes, batch, strict=True):
        _load(volume, image)
    output = bytearray()
    ended = run_to_end(command_of(engine, "check", places), [_root(), *volumes], output.extend)
    results = []
    for line in output.decode("utf-8", "replace").splitlines():
        _, whole, torn, trouble = line.split("\t")
        results.append(Found(frozenset(map(int, whole.split())), frozenset(map(int, torn.split())), trouble))
    return results, ended


def _root() -> Volume:
    return Volume("system", "/", 1 << 20)


def _load(volume: Volume, image: Image) -> None:
    load_image(volume, image)

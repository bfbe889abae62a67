"""The timeline of a recorded flow: every instant at which something outside the volumes changed, with the op logs beside.

Models: which pairs (what has been promised, how far the logs are) a cut can find. Between two changes of the outside the legal
images only grow with the log, until a barrier takes some away; so the instants that matter are the last one
before each change and before each barrier (as in ``storage.powerloss.crash_points``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.engine.crashpoints.callsites import NO_STEP, CallSites, Step
from harness.engine.crashpoints.outside import Outside, OutsideEye
from harness.engine.crashpoints.scene import Scene
from harness.history.events import Event, MessageDelivered, MessageSent
from harness.network.connection import Connection
from harness.network.lane import Lane
from harness.storage.calls import BeforeOperation, StorageCall
from harness.storage.image import Image
from harness.storage.oplog import BARRIERS, Op

Lengths = tuple[int, ...]
"""How long each volume's log is, in the order of the disk's volumes."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The outside changed to ``outside`` when the logs were this long."""

    at_us: int
    lengths: Lengths
    outside: Outside


@dataclass(frozen=True, slots=True)
class Point:
    """An instant at which power may go. ``number`` counts from 1 within its timeline.

    ``returned``: how long the logs were when something outside was last seen, at ``since_us``; the calls of all that had
    returned by then.
    """

    number: int
    at_us: int
    lengths: Lengths
    returned: Lengths
    since_us: int
    outside: Outside


@dataclass(frozen=True, slots=True)
class Begun:
    """A storage call began at ``at_us``, when its volume's log was this long."""

    at_us: int
    length: int
    ordinal: int
    step: Step


@dataclass(frozen=True, slots=True)
class Timeline:
    """A recorded flow. ``logs`` begin at each volume's base image, long before the flow's first mark."""

    events: Sequence[Event]
    volumes: tuple[str, ...]
    bases: tuple[Image, ...]
    logs: tuple[Sequence[Op], ...]
    marks: tuple[Mark, ...]
    times: tuple[tuple[int, Lengths], ...]
    """When the logs were how long, from the beginning: for what the kernel writes back by itself."""
    steps: tuple[tuple[Begun, ...], ...]
    """By volume, the storage calls in order."""

    def step_of(self, volume: int, index: int) -> Step:
        """Which call made operation ``index`` of a volume's log."""
        steps = self.steps[volume]
        place = bisect_right(steps, index, key=lambda each: each.length)
        return steps[place - 1].step if place else NO_STEP

    def last_step(self, lengths: Lengths) -> Step:
        """The storage call made last before the logs were this long."""
        last = self._last_begun(lengths)
        return NO_STEP if last is None else last.step

    def _last_begun(self, lengths: Lengths) -> Begun | None:
        last: Begun | None = None
        for volume, length in enumerate(lengths):
            steps = self.steps[volume]
            place = bisect_right(steps, length - 1, key=lambda each: each.length)
            if place and (last is None or steps[place - 1].ordinal > last.ordinal):
                last = steps[place - 1]
        return last

    def points(self) -> Iterator[Point]:
        """Every instant worth a cut, in order, each as early as it came: what a kernel writes back in time it has not yet."""
        number = 0
        for mark, following in zip(self.marks, [*self.marks[1:], None], strict=True):
            end = mark.lengths if following is None else following.lengths
            for lengths in self._stops(mark.lengths, end):
                number += 1
                last = self._last_begun(lengths)
                at_us = mark.at_us if last is None else max(mark.at_us, last.at_us)
                yield Point(number, at_us, lengths, mark.lengths, mark.at_us, mark.outside)

    def _stops(self, begin: Lengths, end: Lengths) -> Iterator[Lengths]:
        """Where to cut in a stretch without a change outside: before each barrier, and at its end."""
        for volume, log in enumerate(self.logs):
            for index in range(begin[volume], end[volume]):
                if isinstance(log[index], BARRIERS):
                    yield (*end[:volume], index, *end[volume + 1 :])
        yield end

    def written_back(self, volume: int, at_us: int, after_us: int) -> int:
        """How much of a volume's log is older than ``after_us`` at ``at_us``."""
        place = bisect_right(self.times, at_us - after_us, key=lambda each: each[0])
        return self.times[place - 1][1][volume] if place else 0


@dataclass(slots=True)
class Recording:
    """Watches a scene from its beginning; marks count from ``begin`` on."""

    scene: Scene
    callsites: CallSites
    _eye: OutsideEye = field(init=False)
    _marks: list[Mark] = field(default_factory=list)
    _times: list[tuple[int, Lengths]] = field(default_factory=list)
    _steps: list[list[Begun]] = field(default_factory=list)
    _bases: tuple[Image, ...] = ()
    _requests: set[int] = field(default_factory=set)
    _marking: bool = False
    _hooked: BeforeOperation | None = None

    def __post_init__(self) -> None:
        scene = self.scene
        self._eye = OutsideEye(scene)
        volumes = scene.hardware.disk.volumes
        self._steps = [[] for _ in volumes]
        self._bases = tuple(scene.station.durability.base(volume) for volume in volumes)
        # Nothing may leave the logs while they are recorded.
        scene.station.durability.folds = False
        scene.tape.after = self._told
        scene.site.on_handled = self._changed
        self.follow_disk()
        self._follow_link()
        self._follow_pad()

    def follow_disk(self) -> None:
        """Hear of storage calls; a restarted process has a disk of its own, which inherits the hook."""
        self._hooked = self._before
        self.scene.hardware.disk.before_operation = self._hooked

    def _follow_link(self) -> None:
        """A message is under way only when the link has told of it and taken it: that is an instant of its own."""
        link = self.scene.hardware.link
        transmit = link.transmit

        def sent(connection: Connection, lane: Lane, frame: bytes) -> None:
            transmit(connection, lane, frame)
            self._changed()

        link.transmit = sent  # type: ignore[method-assign]

    def _follow_pad(self) -> None:
        """A key that is loaded is there at once and no event tells of it: power may go between two of them."""
        pad = self.scene.hardware.pin_pad
        load_key = pad.load_key

        def loaded(slot: str, encrypted_key: bytes, check: bytes) -> None:
            load_key(slot, encrypted_key, check)
            self._changed()

        pad.load_key = loaded  # type: ignore[method-assign]

    def begin(self) -> None:
        """From here on every change of the outside is a mark."""
        self._marking = True
        nvram = self.scene.hardware.nvram
        nvram.on_bytes = self._half_written  # type: ignore[attr-defined]
        self._changed()

    def end(self) -> Timeline:
        """What was recorded."""
        self._changed()
        scene = self.scene
        scene.tape.after = None
        scene.site.on_handled = None
        scene.hardware.disk.before_operation = None
        volumes = scene.hardware.disk.volumes
        return Timeline(
            tuple(scene.tape.events),
            tuple(volume.name for volume in volumes),
            self._bases,
            tuple(tuple(volume.log) for volume in volumes),
            tuple(self._marks),
            tuple(self._times),
            tuple(tuple(steps) for steps in self._steps),
        )

    def _lengths(self) -> Lengths:
        return tuple(len(volume.log) for volume in self.scene.hardware.disk.volumes)

    def _told(self) -> None:
        """An event was emitted. A request that has arrived is carried out at once: there is no instant in between."""
        event = self.scene.tape.events[-1]
        if isinstance(event, MessageSent) and event.direction == "up":
            self._requests.add(event.message)
        arrived = isinstance(event, MessageDelivered) and event.message in self._requests
        if not arrived and not self.scene.site.busy:
            self._changed()

    def _changed(self) -> None:
        at_us = self.scene.now_us
        lengths = self._lengths()
        if not self._times or self._times[-1][1] != lengths:
            self._times.append((at_us, lengths))
        if self._marking:
            self._mark(at_us, lengths, self._eye.look())

    def _mark(self, at_us: int, lengths: Lengths, outside: Outside) -> None:
        self._marks.append(Mark(at_us, lengths, outside))

    def _half_written(self, content: bytes) -> None:
        self._mark(self.scene.now_us, self._lengths(), self._eye.look(content))

    def _before(self, call: StorageCall) -> None:
        scene = self.scene
        for place, volume in enumerate(scene.hardware.disk.volumes):
            if volume is call.volume:
                step = self.callsites.step(call.kind, call.path)
                self._steps[place].append(Begun(scene.now_us, len(volume.log), call.ordinal, step))
        if self._marking:
            # The pad or the NVRAM may have changed without an event.
            last = self._marks[-1].outside
            if scene.hardware.snapshot() != last.hardware or scene.tape.count != last.events:
                self._changed()

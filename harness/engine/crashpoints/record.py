"""Recording: a flow played once, or a boot after a cut, with everything that a cut into it needs to know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.engine.crashpoints.callsites import call_sites
from harness.engine.crashpoints.cut import Situation, cut_events, situation
from harness.engine.crashpoints.flows import REST_US, SETTLED_US, Flow, start
from harness.engine.crashpoints.outside import OutsideEye
from harness.engine.crashpoints.scene import Remains, Scene, Setting
from harness.engine.crashpoints.timeline import Recording, Timeline
from harness.history.events import Event
from harness.storage.draft import Draft
from harness.storage.image import Image
from harness.storage.oplog import Op
from harness.sut.software import previous_release


@dataclass(frozen=True, slots=True)
class Recorded:
    """One chapter as it went without a cut. ``before`` is the history of the chapters before it, cuts included."""

    chapter: int
    before: tuple[Event, ...]
    timeline: Timeline
    _situations: dict[int, Situation] = field(default_factory=dict, init=False, compare=False, repr=False)
    """By length of the tape, as many states have one history; begun anew with ``replace``."""

    def history(self, events: int) -> tuple[Event, ...]:
        """Everything that had happened when this chapter's tape was so long."""
        return (*self.before, *self.timeline.events[:events])

    def situation(self, events: int) -> Situation:
        """Who and what was in the middle of something then."""
        found = self._situations.get(events)
        if found is None:
            found = self._situations[events] = situation(self.history(events))
        return found


def record_flow(setting: Setting, flow: Flow) -> Recorded:
    """Play ``flow`` from a fresh device to its end."""
    if flow.act is None:
        remains, before = before_boot(setting, flow)
        return record_boot(setting, 1, remains, before)
    scene = Scene(setting)
    recording = Recording(scene, call_sites(setting.software))
    flow.prepare(scene)
    scene.run_for(SETTLED_US)
    recording.begin()
    flow.act(scene)
    scene.run_for(REST_US)
    recorded = Recorded(0, (), recording.end())
    scene.close()
    return recorded


def before_boot(setting: Setting, flow: Flow) -> tuple[Remains, tuple[Event, ...]]:
    """What a flow that is a boot finds, and the history up to the power cut before it.

    The power goes with everything written: what the boot makes of a record is this flow's matter, losing it another's.
    """
    if flow.updates:
        setting = replace(setting, software=previous_release(setting.software))
    scene = Scene(setting)
    recording = Recording(scene, call_sites(setting.software))
    flow.prepare(scene)
    return left_behind(scene, recording)


def left_behind(scene: Scene, recording: Recording, before: Sequence[Event] = ()) -> tuple[Remains, tuple[Event, ...]]:
    """Power goes with everything written: what is left of the scene, and the history up to then, after ``before``."""
    recording.begin()
    timeline = recording.end()
    outside = OutsideEye(scene).look()
    images = {
        name: everything(base, log)
        for name, base, log in zip(timeline.volumes, timeline.bases, timeline.logs, strict=True)
    }
    history = (*before, *timeline.events)
    cut = cut_events(situation(history), scene.now_us, (), stays=False)
    scene.close()
    return Remains(images, outside.hardware, outside.host, outside.host_digest), (*history, *cut)


def record_boot(setting: Setting, chapter: int, remains: Remains, before: Sequence[Event]) -> Recorded:
    """Power comes back on ``remains``: the boot, until the terminal is at rest."""
    scene = Scene(setting, chapter, remains)
    recording = Recording(scene, call_sites(setting.software))
    scene.deliver(remains.frames)
    recording.begin()
    start(scene)
    scene.run_for(REST_US)
    recorded = Recorded(chapter, tuple(before), recording.end())
    scene.close()
    return recorded


def everything(base: Image, log: Sequence[Op]) -> Image:
    """The image when all of the log has landed."""
    draft = Draft(base)
    for op in log:
        draft.apply(op)
    return draft.mount()

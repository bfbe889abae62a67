"""Which terminal begins on which directory, and reading them: ``--image DIR`` for all, ``--image T02=DIR`` for one.

Models: the command line's side of ``scenario.field_data``. Does not model: what is in a directory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.registry import nearest

if TYPE_CHECKING:
    from harness.invariants.judge import Judge
    from harness.scenario.build import Built
    from harness.scenario.field_data import FieldData
    from harness.scenario.plan import Plan
    from harness.sut.station import Station

_FOREIGN = (
    "it asked for data that a PIN pad in the field had sealed; that pad's key is in no copy of its files, so what it did from "
    "then on says nothing (a snapshot of this harness has no such limit)"
)
_NAMED = re.compile(r"^(T\d{2,6})=(.+)$", re.DOTALL)


def absolute(images: Sequence[str]) -> tuple[str, ...]:
    """``--image`` as given, as ``RunRequest.images`` has it: ``DEVICE=DIR`` with an absolute directory."""
    found: list[str] = []
    for each in images:
        named = _NAMED.match(each)
        device, place = (named[1], named[2]) if named is not None else ("", each)
        if not place.strip():
            raise UsageError("--image is empty; expected a directory, or a terminal and a directory as in T02=DIR")
        if any(other.startswith(f"{device}=") for other in found):
            raise UsageError(f"--image: {device or 'all terminals'} can begin on one directory only")
        directory = Path(place).absolute()
        if not directory.is_dir():
            raise UsageError(f"--image {each}: there is no directory {directory}")
        refuse_a_run(directory)
        found.append(f"{device}={directory}")
    return tuple(found)


def refuse_a_run(directory: Path) -> None:
    """UsageError for what a run leaves: it holds no terminal's data, and what is said of none is worth nothing."""
    for name in ("history.jsonl", "verdict.json", "finding.zip", "results.sqlite"):
        if (directory / name).is_file():
            raise UsageError(
                f"--image {directory}: it holds {name}, so it is what `harness run --out` leaves and no terminal's data; "
                f"`harness snapshot` and `harness replay --disk-out` write that"
            )


def begun_on(plan: Plan, images: Sequence[str]) -> tuple[Plan, dict[str, FieldData]]:
    """What each device begins with, and the plan with a calendar that goes on from there."""
    if not images:
        return plan, {}
    # The command line needs only what is above; a world is built in the child process.
    from harness.scenario.build import device_spec
    from harness.scenario.field_data import going_on, load_images

    if plan.disk != "vfs":
        raise UsageError(f"--image: loads data on the default disk only, not on --disk {plan.disk}")
    names = plan.station_names()
    wanted = {device: place for device, _, place in (each.partition("=") for each in images)}
    for device in wanted:
        if device and device not in names:
            raise UsageError(f"--image {device}=...: no terminal has that name; {nearest(device, list(names))}")
    loaded: dict[str, FieldData] = {}
    read: dict[str, FieldData] = {}
    for place, name in enumerate(names):
        directory = wanted.get(name, wanted.get(""))
        if directory is None:
            continue
        # All devices of a plan have the same volumes, and an image is never changed: one reading does for all.
        if directory not in read:
            read[directory] = load_images(Path(directory), device_spec(plan, name, place))
        loaded[name] = read[directory]
    return going_on(plan, loaded), loaded


def excuse_what_cannot_be_opened(built: Built, judge: Judge) -> None:
    """Files from the field may hold data sealed by their own pad. Software that needs it here is not judged any more."""
    from harness.history.events import SoftwareLogged

    excused: set[str] = set()
    for station in built.world.stations:
        data = built.images.get(station.name)
        if data is not None and (data.record is None or data.record.sealed is None):

            def told(station: Station = station) -> None:
                world = built.world
                if station.name not in excused:
                    excused.add(station.name)
                    for invariant in judge.invariants:
                        judge.excuse(station.name, invariant.number, _FOREIGN, world.now_us)
                    world.recorder.emit(SoftwareLogged(world.now_us, station.name, f"(harness) {_FOREIGN}"))

            station.hardware.pin_pad.on_foreign = told

"""What a release leaves behind for the next: an open batch with a sale in doubt, an offline queue, a hold, a settled batch.

Models: trade by the flows of ``engine.crashpoints``, then power that goes with everything written, so that what the next release
makes of a record is judged apart from losing it; or data from before (``--image``), with the host as ``scenario.in_service`` has
it. Does not model: a settlement in the middle, during which no loader restarts a terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.device.chip import Chip
from harness.engine.crashpoints.callsites import call_sites
from harness.engine.crashpoints.flows import AMOUNT_FEN, FLOWS, Wish, buy, leave_in_doubt, start
from harness.engine.crashpoints.record import left_behind
from harness.engine.crashpoints.scene import Remains, Scene, Setting
from harness.engine.crashpoints.timeline import Recording
from harness.history.events import BatchSettled, CardDecided, Event, LedgerChanged, PhaseStarted
from harness.network.conditions import Partition
from harness.scenario.build import master_key
from harness.scenario.in_service import put_in_service

if TYPE_CHECKING:
    from harness.scenario.field_data import FieldData

_OFFLINE_VISIT = 5
_VISITS_A_CHAPTER = 100
IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Left:
    """What is left when a chapter ends, and the history up to then."""

    chapter: int
    remains: Remains
    before: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of data. ``needs``: actions of both releases. ``reached``: whether trade came to it. ``wish``: what a customer
    comes back for, if one does."""

    name: str
    summary: str
    needs: tuple[str, ...]
    prepare: Callable[[Scene], None]
    reached: Callable[[Sequence[Event]], bool]
    wish: Wish | None = None
    offline: bool = False


def _offline_queue(scene: Scene) -> None:
    """A small sale that its card approved while the line was down; the host has not been told."""
    FLOWS.get("offline").prepare(scene)
    scene.hardware.link.conditions.add(Partition())
    buy(scene, _OFFLINE_VISIT, AMOUNT_FEN, chip=Chip("", approves_offline=True))


def _booked(kind: str, count: int = 1) -> Callable[[Sequence[Event]], bool]:
    def reached(events: Sequence[Event]) -> bool:
        booked = [each for each in events if isinstance(each, LedgerChanged) and each.kind == kind]
        return sum(each.state == "APPROVED" for each in booked) >= count

    return reached


def _approved_by_card(events: Sequence[Event]) -> bool:
    return any(isinstance(each, CardDecided) and each.step == "first" and each.answer == "TC" for each in events)


def _settled(events: Sequence[Event]) -> bool:
    return any(isinstance(each, BatchSettled) and bool(each.settled) for each in events)


HOLDINGS: tuple[Holding, ...] = (
    Holding(
        "doubt", "an open batch, and a sale whose answer was lost", ("sale",), FLOWS.get("update").prepare,
        _booked("sale", 3),
    ),
    Holding(
        "offline", "an open batch, and an offline sale that the host has not been told", ("sale",), _offline_queue,
        _approved_by_card, offline=True,
    ),
    Holding(
        "hold", "a pre-authorisation of an older batch, which is completed afterwards",
        ("sale", "settle", "preauth", "completion"), FLOWS.get("completion").prepare, _booked("preauth"), "completion",
    ),
    Holding("settled", "a settled batch, and one sale since", ("sale", "settle"), FLOWS.get("refund").prepare, _settled),
)  # fmt: skip


def lacks(holding: Holding, settings: tuple[Setting, Setting]) -> str:
    """Why there can be no such data; empty when there can."""
    for setting in settings:
        manifest = setting.software.manifest
        lacking = [each for each in holding.needs if each not in manifest.actions]
        if holding.offline and manifest.offline_floor_fen is None:
            lacking.append("offline sales")
        if lacking:
            return f"{setting.software.spec} has no {', '.join(lacking)}"
    return ""


def traded(setting: Setting, holding: Holding) -> Left:
    """What the release leaves of ``holding``."""
    scene = Scene(setting)
    recording = Recording(scene, call_sites(setting.software))
    holding.prepare(scene)
    return Left(0, *left_behind(scene, recording))


def from_the_field(setting: Setting, data: FieldData) -> Left:
    """A terminal put in service on data from before, not powered on yet."""
    new = Scene(setting)
    new.tape.emit(PhaseStarted(0, "trading"))
    remains = Remains(data.images, new.hardware.snapshot(), new.acquirer.image(), b"")
    scene = Scene(setting, 0, remains)
    recording = Recording(scene, call_sites(setting.software))
    key = master_key(setting.seed, scene.hardware.tid)
    for event in put_in_service(scene.station, data, setting.seed, key):
        scene.tape.emit(event)
    left = Left(0, *left_behind(scene, recording, new.tape.events))
    new.close()
    return left


def worked_on(setting: Setting, left: Left) -> Left:
    """The release comes up on what is left, people sell with it, and power goes again in the middle of a sale.

    What does not work does not happen: a release that refuses to sell leaves what it found.
    """
    chapter = left.chapter + 1
    scene = Scene(setting, chapter, left.remains)
    recording = Recording(scene, call_sites(setting.software))
    scene.deliver(left.remains.frames)
    if start(scene):
        number = _VISITS_A_CHAPTER * chapter
        buy(scene, number + 1, 2_100)
        buy(scene, number + 2, 870)
        leave_in_doubt(scene, number + 3)
    return Left(chapter, *left_behind(scene, recording, left.before))


def loaded(directory: str, setting: Setting) -> FieldData:
    """The directory as the setting's device has it."""
    from harness.scenario.field_data import load_images

    return load_images(Path(directory), setting.worked_out.device(setting.plan))

"""The phases of a run after trading: settle while full, recover, come to rest, settle for good.

Models: design section 4. Before capacity is given back a settlement is tried with link, host and paper good. Lifting ends
conditions, never damage. Recovery is tried first without a restart; if the terminal needs one, that is recorded and judged.
Does not model: a technician who replaces the terminal.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from simpy.events import Event as SimEvent

from harness.core.units import US_PER_MINUTE, US_PER_SECOND, seconds
from harness.history.events import OperatorDid, PhaseStarted, SpaceMeasured
from harness.storage.conditions import ForeignBallast
from harness.workload.trading import one_sale, one_settlement

if TYPE_CHECKING:
    from harness.scenario.build import Built
    from harness.sut.station import Station
    from harness.workload.till import Till

RECOVERY_SALE_FEN = 100
"""The amount of the sale that shows that a terminal is back: one yuan, as support staff do it."""
_FIRST_FREE_VISIT = 9_000
_REST_US = 5 * US_PER_MINUTE

Steps = Generator[SimEvent, object, None]


def settle_while_full(built: Built) -> Steps:
    """Link, host and paper are good, the store is still full: the settlement must work and free what it can."""
    world = built.world
    full = built.injector.filled()
    world.phase = "settle_while_full"
    world.recorder.emit(PhaseStarted(world.now_us, world.phase))
    built.injector.lift_all(keep_full=True)
    yield world.env.all_of(
        [world.env.process(_settle_full(built, station, place)) for place, station in enumerate(full)]
    )


def recover(built: Built) -> Steps:
    """Every condition is over; each terminal must trade again, with a restart by support if it has to be."""
    world = built.world
    world.phase = "recovery"
    world.recorder.emit(PhaseStarted(world.now_us, world.phase))
    built.injector.lift_all()
    yield world.env.all_of([world.env.process(_recover(built, station)) for station in world.stations])


def rest(built: Built) -> Steps:
    """Nothing is in flight any more; the terminals' own records are read."""
    world = built.world
    yield world.env.timeout(_REST_US)
    world.phase = "quiescence"
    world.recorder.emit(PhaseStarted(world.now_us, world.phase))
    for station in world.stations:
        station.inspect("quiescence")


def settle_for_good(built: Built) -> Steps:
    """The last settlement of the run, from which lost records show."""
    world = built.world
    world.phase = "final_settlement"
    world.recorder.emit(PhaseStarted(world.now_us, world.phase))
    yield world.env.all_of([world.env.process(_settle_at_last(built, station)) for station in world.stations])
    yield world.env.timeout(_REST_US)
    for station in world.stations:
        station.inspect("after_settlement")


def measure_space(built: Built, station: Station, when: str) -> None:
    """Record each volume's free space as it would be without foreign bytes, so that the terminal's own use shows."""
    world = built.world
    if not station.hardware.disk.volumes and not station.hardware.disk.dead:
        # The second disk knows one quota and no foreign bytes.
        space = station.hardware.disk.statvfs("/")
        free_bytes, total_bytes = space.f_bavail * space.f_frsize, space.f_blocks * space.f_frsize
        world.recorder.emit(SpaceMeasured(world.now_us, station.name, "data", free_bytes, total_bytes, when))
    for volume in station.hardware.disk.volumes:
        foreign_blocks = 0
        if volume.media is not None:
            for condition in volume.media.conditions:
                # A smaller volume shows in its total: added to what is free as well, it would be counted twice.
                if isinstance(condition, ForeignBallast):
                    foreign_blocks += condition.taken_blocks
        free_bytes = (volume.free_blocks + foreign_blocks) * volume.block_size_bytes
        total_bytes = volume.total_blocks * volume.block_size_bytes
        world.recorder.emit(SpaceMeasured(world.now_us, station.name, volume.name, free_bytes, total_bytes, when))


# ---------------------------------------------------------------- one station


def _settle_full(built: Built, station: Station, place: int) -> Steps:
    till = built.floor.tills[station.name]
    if not (yield from _up(built, station)):
        return
    measure_space(built, station, "before_settlement")
    yield one_settlement(till)
    measure_space(built, station, "after_settlement")
    yield _sale(built, till, 0)


def _recover(built: Built, station: Station) -> Steps:
    till = built.floor.tills[station.name]
    if not (yield from _up(built, station)):
        return
    accepted = yield _sale(built, till, 10)
    if accepted:
        return
    yield built.world.env.timeout(US_PER_MINUTE)
    accepted = yield _sale(built, till, 20)
    if accepted:
        return
    # Full by its own records is no fault any more: people settle, and only then is a restart called for.
    yield one_settlement(till)
    accepted = yield _sale(built, till, 30)
    if accepted:
        return
    _restart(built, station, "support restarted it: no sale was accepted")
    if (yield from _up(built, station)):
        yield _sale(built, till, 40)


def _settle_at_last(built: Built, station: Station) -> Steps:
    till = built.floor.tills[station.name]
    if not (yield from _up(built, station)):
        return
    measure_space(built, station, "before_settlement")
    settled = yield one_settlement(till)
    if not settled and "settle" in station.manifest.actions:
        _restart(built, station, "support restarted it: settlement failed")
        if (yield from _up(built, station)):
            yield one_settlement(till)
    measure_space(built, station, "after_settlement")


def _up(built: Built, station: Station) -> Generator[SimEvent, object, bool]:
    """Wait until the terminal is ready; power it on, and restart it once if it does not come up by itself."""
    timeout_us = seconds(station.manifest.recovery_timeout_s)
    if not station.powered:
        station.power_on()
    if (yield from _ready_within(built, station, timeout_us)):
        return True
    _restart(built, station, "support restarted it: it did not come back")
    return (yield from _ready_within(built, station, timeout_us))


def _ready_within(built: Built, station: Station, timeout_us: int) -> Generator[SimEvent, object, bool]:
    deadline_us = built.world.now_us + timeout_us
    while not station.ready:
        if built.world.now_us >= deadline_us:
            return False
        yield built.world.env.timeout(US_PER_SECOND)
    return True


def _restart(built: Built, station: Station, why: str) -> None:
    built.world.recorder.emit(OperatorDid(built.world.now_us, station.name, why))
    station.restart(why)


def _sale(built: Built, till: Till, step: int) -> SimEvent:
    return one_sale(till, built.days, _FIRST_FREE_VISIT + step, RECOVERY_SALE_FEN)

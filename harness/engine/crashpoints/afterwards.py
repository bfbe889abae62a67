"""After the cut: power comes back, the terminal recovers, a customer pays again, three sales, the daily reboot, rest, settlement.

Models: the phases that end every run (design section 4), by the same code: recovery with support's help if it must be, rest,
inspection, the last settlement. Does not model: a second fault; a second cut is a scene of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.units import US_PER_HOUR
from harness.engine.crashpoints.flows import (
    AMOUNT_FEN,
    FLOW_MAX_US,
    FLOW_VISIT,
    REST_US,
    Wish,
    check_out,
    slip_of_hold,
    start,
    visit,
    wait_ready,
)
from harness.engine.crashpoints.scene import DEVICE, Remains, Scene, Setting
from harness.engine.phases import recover, rest, settle_for_good
from harness.history.events import Event, Inspected, IntentClosed, OperatorDid, PhaseStarted
from harness.workload.customers import Customer
from harness.workload.trading import one_sale

_LAST_PHASES_MAX_US = 4 * US_PER_HOUR
_SALES = ((9_101, 700), (9_102, 1_900))
"""Two sales more beside the one that shows that the terminal is back."""


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What came after one state: the history, what the recovered terminal's records were, and whether it came up."""

    events: tuple[Event, ...]
    recovered: Inspected | None
    came_up: bool
    at_us: int


def live_on(
    setting: Setting, chapter: int, remains: Remains, *, customer_stays: bool, wish: Wish = "sale"
) -> Afterwards:
    """Boot the terminal on what remains and see what becomes of it, to the last settlement.

    ``customer_stays``: whoever the flow was for is still there, and came for ``wish``.
    """
    scene = Scene(setting, chapter, remains)
    scene.deliver(remains.frames)
    tape = scene.tape
    tape.emit(PhaseStarted(scene.now_us, "recovery"))
    came_up = start(scene)
    if not came_up:
        tape.emit(OperatorDid(scene.now_us, DEVICE, "support restarted it: it did not come back"))
        scene.station.restart("support restarted it: it did not come back")
        came_up = start(scene)
    scene.run_for(REST_US)
    scene.station.inspect("after_power_loss")
    recovered = _last_inspected(tape.events)
    if customer_stays:
        _come_back(scene, wish)
    to_the_last_settlement(scene)
    scene.close()
    return Afterwards(tuple(tape.events), recovered, came_up, scene.now_us)


def to_the_last_settlement(scene: Scene) -> None:
    """The phases that end every run, with two sales more and the daily reboot: recovery, trade, rest, settlement.

    What software still knows in RAM hides what it can no longer read: records behind a torn one, for one thing.
    """
    built = scene.built
    scene.run_until(scene.env.process(recover(built)), _LAST_PHASES_MAX_US)
    for number, amount_fen in _SALES:
        if scene.station.ready:
            scene.run_until(one_sale(scene.till, 0, number, amount_fen), FLOW_MAX_US)
    if scene.station.ready:
        scene.station.restart("daily reboot")
        wait_ready(scene)
    for step in (rest, settle_for_good):
        scene.run_until(scene.env.process(step(built)), _LAST_PHASES_MAX_US)
    scene.tape.emit(PhaseStarted(scene.now_us, "check"))


def _come_back(scene: Scene, kind: Wish) -> None:
    """The customer who did not know how it ended: has it come to light meanwhile? If not, they pay again."""
    wish = visit(scene, kind, FLOW_VISIT, AMOUNT_FEN)
    if scene.till.witness.late_approval(DEVICE, AMOUNT_FEN, 0) is not None:
        scene.tape.emit(IntentClosed(scene.now_us, DEVICE, scene.till.intent_of(wish), "paid"))
        return
    if kind == "completion":
        check_out(scene, slip_of_hold(scene), returns=True)
        return
    customer = Customer(scene.till, wish, counts=False, returns=True)
    scene.run_until(scene.env.process(customer.at_the_till()), FLOW_MAX_US)


def _last_inspected(events: Sequence[Event]) -> Inspected | None:
    for event in reversed(events):
        if isinstance(event, Inspected):
            return event
    return None

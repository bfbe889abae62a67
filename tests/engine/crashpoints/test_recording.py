"""What a recorded flow knows: instants, messages under way, half-written NVRAM, the code behind each operation."""

import sys
from collections.abc import Callable
from typing import cast

from harness.engine.crashpoints.callsites import NO_STEP, CallSite, CallSites
from harness.engine.crashpoints.cut import cut_events, situation
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.outside import Underway
from harness.engine.crashpoints.record import record_flow
from harness.engine.crashpoints.states import StateLister
from harness.engine.crashpoints.timeline import Begun
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    IntentClosed,
    IntentOpened,
    LedgerChanged,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    PowerLost,
    Presented,
    ReceiptPrinted,
    ScreenShown,
)
from harness.storage.oplog import BARRIERS
from harness.storage.profiles import registry
from harness.sut import interpreter
from tests.engine.crashpoints.explored import recorded, setting
from tests.engine.crashpoints.test_instants import created, timeline


def test_a_flow_recorded_twice_is_the_same():
    with interpreter.installed():
        first, second = (record_flow(setting(), FLOWS.get("settle")) for _ in range(2))
    assert first.timeline.events == second.timeline.events
    assert first.timeline.logs == second.timeline.logs
    assert [point.lengths for point in first.timeline.points()] == [point.lengths for point in second.timeline.points()]


def test_power_can_go_before_each_barrier_and_before_and_after_each_change_of_the_world():
    timeline = recorded().timeline
    points = list(timeline.points())
    data = timeline.volumes.index("data")
    barriers = [place for place, op in enumerate(timeline.logs[data]) if isinstance(op, BARRIERS)]
    begun = timeline.marks[0].lengths[data]
    lengths = {point.lengths[data] for point in points}
    assert {place for place in barriers if place >= begun} <= lengths
    assert len(timeline.logs[data]) in lengths
    # Every length of the tape from the flow's first event on, but in the middle of what the host carries out at once.
    told = {point.outside.events for point in points}
    for number, event in enumerate(timeline.events):
        if isinstance(event, ScreenShown) and number >= min(told):
            assert number in told and number + 1 in told


def test_no_instant_lies_between_the_arrival_of_a_request_and_its_effect():
    timeline = recorded().timeline
    effects = {number for number, event in enumerate(timeline.events) if isinstance(event, LedgerChanged)}
    first = timeline.marks[0].outside.events
    inside = {number for number in effects if number > first}
    assert inside and not inside & {point.outside.events for point in timeline.points()}


def test_a_request_under_way_is_delivered_in_one_state_and_lost_in_another():
    states = list(StateLister(recorded().timeline, [registry.get("ext4-ordered")] * 2, 100))
    under_way = [state for state in states if state.point.outside.underway]
    assert {len(state.arrived) for state in under_way} == {0, 1}
    assert len({state.key for state in under_way}) >= 2


def test_nvram_is_seen_after_every_byte():
    contents = {point.outside.hardware.nvram for point in recorded().timeline.points()}
    changes = sorted(
        sum(a != b for a, b in zip(one, other, strict=True)) for one in contents for other in contents if one != other
    )
    assert changes[0] == 1 and len(contents) > 8


def test_the_host_is_the_same_object_as_long_as_it_was_asked_nothing():
    points = list(recorded().timeline.points())
    hosts = {point.outside.host_digest: point.outside.host for point in points}
    assert len(hosts) == 2  # before and after the sale
    for point in points:
        assert point.outside.host is hosts[point.outside.host_digest]


def test_each_operation_names_the_terminals_own_code():
    timeline = recorded().timeline
    data = timeline.volumes.index("data")
    for index in range(timeline.marks[0].lengths[data], len(timeline.logs[data])):
        step = timeline.step_of(data, index)
        assert step.kind in ("write", "fsync") and step.path.startswith("/data/journal.")
        assert all(each.startswith(("journal", "store", "terminal")) for each in step.site.functions), step


def test_nothing_is_legal_that_no_prefix_of_the_log_explains():
    """With every choice answered "kept", the state at each instant is what the software saw."""
    from harness.engine.crashpoints.record import everything

    timeline = recorded("tinydb").timeline
    data = timeline.volumes.index("data")
    lister = StateLister(timeline, [registry.get("posix-weak")] * 2, 500)
    kept = {point.lengths for point in timeline.points()}
    seen = {state.point.lengths for state in lister if state.volumes[data].intact}
    assert seen == kept
    for state in lister:
        if state.volumes[data].intact:
            whole = everything(timeline.bases[data], timeline.logs[data][: state.point.lengths[data]])
            assert state.volumes[data].image.digest() == whole.digest()


# ---------------------------------------------------------------- the customer at the cut

OPENED = IntentOpened(0, "T01", 9, "sale", 100)
SHOWN = Presented(1, "T01", 9, "00000000001", 3)
APPROVED = ScreenShown(2, "T01", 3, "approved", "ok", 100)
LATE = ScreenShown(2, "T01", None, "approved", "ok", 100)
OTHER = ScreenShown(2, "T01", None, "approved", "ok", 250)
DECLINED = ScreenShown(2, "T01", 3, "declined", "no")


def test_a_customer_believes_what_the_terminal_last_said():
    assert situation([OPENED]).belief == "not_paid"
    assert situation([OPENED, SHOWN]).belief == "unknown" and situation([OPENED, SHOWN]).in_doubt
    assert situation([OPENED, SHOWN, APPROVED]).belief == "paid"
    assert situation([OPENED, SHOWN, DECLINED]).belief == "not_paid"
    assert situation([OPENED, SHOWN, LATE]).belief == "paid"
    assert situation([OPENED, SHOWN, OTHER]).belief == "unknown"
    assert not situation([OPENED, SHOWN, IntentClosed(3, "T01", 9, "unknown")]).in_doubt


def test_the_cut_ends_what_was_under_way_and_lets_through_what_arrives():
    sent = [MessageSent(1, "T01", number, "up") for number in (4, 5)]
    found = situation([OPENED, SHOWN, *sent])
    lost = cut_events(found, 9, (), stays=True)
    assert [type(event) for event in lost] == [PowerLost, MessageDropped, MessageDropped]
    arrived = cut_events(found, 9, (Underway(4, b""),), stays=False)
    assert [type(event) for event in arrived] == [PowerLost, MessageDropped, IntentClosed, MessageDelivered]
    assert not [event for event in arrived if isinstance(event, ActionEnded)]


def test_a_reprint_is_no_answer_and_what_one_customer_saw_is_none_for_the_next():
    def slip(kind: str, *, duplicate: bool = False) -> ReceiptPrinted:
        return ReceiptPrinted(2, "T01", 3, kind, "text", 100, duplicate=duplicate)

    assert situation([OPENED, SHOWN, slip("sale")]).belief == "paid"
    for other in (slip("sale", duplicate=True), slip("settlement")):
        assert situation([OPENED, SHOWN, other]).belief == "unknown"
    closed, second = IntentClosed(3, "T01", 9, "paid"), IntentOpened(4, "T01", 10, "sale", 100)
    assert situation([OPENED, SHOWN, APPROVED, closed, second]).belief == "not_paid"
    assert situation([OPENED, SHOWN, APPROVED, closed, second, SHOWN]).belief == "unknown"
    assert situation([OPENED, SHOWN, DECLINED, closed, second, SHOWN]).in_doubt
    assert situation([SHOWN, closed, slip("sale")]).intent is None


def test_an_action_under_way_is_interrupted_and_a_customer_who_does_not_stay_has_walked_away():
    started = [ActionStarted(1, "T01", number, "sale", 100, 9) for number in (3, 4)]
    found = situation([OPENED, SHOWN, *started, ActionEnded(2, "T01", 3, "approved")])
    cut = cut_events(found, 9, (), stays=False)
    assert cut == [
        PowerLost(9, "T01", "crash point"),
        ActionEnded(9, "T01", 4, "interrupted"),
        IntentClosed(9, "T01", 9, "unknown", walked_away=True),
    ]
    assert cut_events(found, 9, (), stays=True) == cut[:2]


def test_the_instant_of_a_cut_is_never_before_the_last_call_that_it_comes_after():
    """Time goes by between two events: what was written in it had not been at the first."""
    steps = tuple(Begun(at_us, length, ordinal, NO_STEP) for at_us, length, ordinal in ((5, 0, 1), (40, 2, 3)))
    other = (Begun(30, 0, 2, NO_STEP),)
    line = timeline(
        ([*created(0), *created(1)], created(2)), [(0, (0, 0), 1), (10, (2, 0), 2), (90, (4, 2), 3)], (steps, other)
    )
    assert [(point.at_us, point.since_us) for point in line.points()] == [(5, 0), (40, 10), (90, 90)]


def test_the_harness_s_own_loop_is_no_place_in_the_software() -> None:
    def seen(*files: str) -> CallSite:
        """Where a call is made that came through code of these files, outermost first."""
        call: Callable[[], object] = lambda: sites.site(sys._getframe(1))  # noqa: E731
        for file in reversed(files):
            names: dict[str, object] = {"call": call}
            exec(compile("def step():\n    return call()\n", file, "exec"), names)
            call = cast("Callable[[], object]", names["step"])
        return cast(CallSite, call())

    sites, loop = CallSites(("/x/till/",)), "/x/lib/harness/contract/terminal.py"
    assert seen(loop, "/x/till/app.py", "<string>").functions == ("app.py:2 step",)
    # Between two actions, and with nothing of its own on the stack but a library, the loop is not taken for it either.
    assert all("terminal.py" not in each for each in seen(loop).functions)
    assert seen("/x/lib/queue.py", loop).functions[0] == "queue.py:2 step"

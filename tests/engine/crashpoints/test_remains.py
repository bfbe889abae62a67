"""What a cut leaves is what the next power-on finds: hardware, host, images, requests that still got through; and who is told."""

import pytest

from harness.engine.crashpoints.afterwards import live_on
from harness.engine.crashpoints.explore import Extent
from harness.engine.crashpoints.record import record_boot
from harness.engine.crashpoints.scene import Scene
from harness.engine.crashpoints.states import State, StateLister
from harness.history.events import (
    ActionEnded,
    Booted,
    Inspected,
    IntentOpened,
    LedgerChanged,
    OperatorDid,
    PhaseStarted,
)
from harness.invariants.settlement_frees_space import SettlementFreesSpace
from harness.storage.oplog import SyncFile
from harness.storage.profiles import registry
from harness.sut import interpreter
from tests.engine.crashpoints.explored import explored, recorded, setting
from tests.engine.crashpoints.test_instants import created, timeline

MEDIUM = "battery-ram"


def states(flow: str = "sale") -> list[State]:
    return list(StateLister(recorded("reference", flow).timeline, [registry.get(MEDIUM)] * 2, 64))


def volumes() -> tuple[str, ...]:
    return recorded().timeline.volumes


def test_a_scene_begins_with_all_that_outlived_the_power():
    found = states()
    assert len({state.point.outside.hardware.nvram for state in found}) > 8
    for state in found[:: len(found) // 6]:
        remains, outside = state.remains(volumes()), state.point.outside
        with interpreter.installed():
            scene = Scene(setting(), 1, remains)
        assert scene.hardware.snapshot() == outside.hardware
        assert scene.acquirer.image() == outside.host and scene.site.digest == outside.host_digest
        disk = scene.hardware.disk
        assert {volume.name: scene.station.durability.base(volume).digest() for volume in disk.volumes} == {
            name: volume.image.digest() for name, volume in zip(volumes(), state.volumes, strict=True)
        }
        assert scene.now_us > state.point.at_us


def test_a_request_that_gets_through_is_carried_out_before_power_is_back():
    lost, arrived = (next(s for s in states() if s.point.outside.underway and len(s.arrived) == n) for n in (0, 1))
    for state, booked in ((lost, []), (arrived, ["APPROVED"])):
        remains = state.remains(volumes())
        with interpreter.installed():
            lived = live_on(setting(), 1, remains, customer_stays=False).events
            again = record_boot(setting(), 1, remains, ()).timeline
        for events in (lived, again.events):
            boot = next(place for place, event in enumerate(events) if isinstance(event, Booted))
            assert [event.state for event in events[:boot] if isinstance(event, LedgerChanged)] == booked
        assert all(mark.outside.events >= len(booked) for mark in again.marks), "no instant before it"


def test_after_the_cut_come_recovery_a_look_three_sales_and_a_settlement():
    state = next(state for state in states() if state.point.outside.underway)
    with interpreter.installed():
        alone, stays = (live_on(setting(), 1, state.remains(volumes()), customer_stays=each) for each in (False, True))
    # The customer who stayed pays again for what they came for: one approval more, and no new wish.
    for lived, approved in ((alone, 3), (stays, 4)):
        assert lived.came_up and lived.recovered is not None and lived.recovered.when == "after_power_loss"
        phases = [event.phase for event in lived.events if isinstance(event, PhaseStarted)]
        assert phases == ["recovery", "recovery", "quiescence", "final_settlement", "check"]
        intents = [event for event in lived.events if isinstance(event, IntentOpened)]
        ended = [event.outcome for event in lived.events if isinstance(event, ActionEnded)]
        assert len(intents) == 3 and ended.count("approved") == approved and "done" in ended
        assert {event.when for event in lived.events if isinstance(event, Inspected)} >= {
            "after_power_loss",
            "quiescence",
        }
        assert not any(isinstance(event, OperatorDid) and "support" in event.what for event in lived.events)


def test_on_a_medium_without_a_cache_the_calls_that_had_returned_are_whole():
    timeline = recorded().timeline
    data = timeline.volumes.index("data")
    for state in states():
        volume = state.volumes[data]
        if state.point.returned == state.point.lengths:
            assert volume.intact, "nothing was under way"
    assert any(not state.volumes[data].intact for state in states())


@pytest.mark.parametrize("name", ["raw-slots", "battery-ram"])
def test_what_had_returned_when_something_was_seen_outside_is_there_without_a_barrier(name: str):
    line = timeline((created(0) + created(1),), [(0, (0,), 1), (1, (2,), 2), (2, (4,), 3), (3, (4,), 4)])
    names: dict[int, set[str]] = {}
    for state in StateLister(line, [registry.get(name)], 500):
        names.setdefault(state.point.outside.events, set()).add("".join(sorted(state.volumes[0].image.tree())))
    assert names == {1: {"", "/f0"}, 2: {"/f0", "/f0/f1"}, 3: {"/f0/f1"}, 4: {"/f0/f1"}}


def test_before_a_barrier_of_one_volume_the_others_may_be_as_far_as_they_ever_were_then():
    line = timeline(([*created(0), SyncFile(2)], created(1)), [(0, (0, 0), 1), (1, (3, 2), 2)])
    assert [point.lengths for point in line.points() if point.outside.events == 1] == [(2, 2), (3, 2)]


def test_second_cuts_that_were_sampled_are_counted():
    report = explored("no_fsync", "sale", ("posix-weak",), Extent(depth=2, images_limit=3, states_limit=2))
    assert report.profiles[0].again_sampled_points > 0


def test_a_checker_that_fails_is_told_and_is_no_pass(monkeypatch: pytest.MonkeyPatch):
    def fail(self: object, at_us: int) -> object:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(SettlementFreesSpace, "conclude", fail)
    report = explored("reference", "sale", (MEDIUM,), Extent(states_limit=2))
    assert any("the checker of invariant 15" in why and "by zero" in why for why in report.because)

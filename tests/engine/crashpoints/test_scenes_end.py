"""Scenes by the thousand: none stays in memory, and an exploration that runs out of memory still says what it found."""

import gc
import signal
from collections.abc import Iterator

import pytest

from harness.engine.child import ENDS_EARLY
from harness.engine.crashpoints.afterwards import live_on
from harness.engine.crashpoints.calls.trials import Stage, trials_of
from harness.engine.crashpoints.child import Stopper, peak_memory_bytes
from harness.engine.crashpoints.explore import Exploration, Extent
from harness.engine.crashpoints.flows import FLOWS
from harness.engine.crashpoints.states import StateLister
from harness.history.events import BatchSettled, Booted, IntentClosed
from harness.storage.profiles import registry
from harness.sut import interpreter
from harness.sut.station import Station
from tests.engine.crashpoints.explored import explored, media, recorded, setting


def stations() -> int:
    gc.collect()
    return sum(isinstance(each, Station) for each in gc.get_objects())


@pytest.mark.parametrize(("flow", "depth"), [("sale", 2), ("boot", 1)])
def test_no_scene_of_an_exploration_stays_in_memory(flow: str, depth: int) -> None:
    before = stations()
    report = explored("no_fsync", flow, ("jffs2",), Extent(depth=depth, states_limit=4))
    assert report.judged >= 4 and stations() == before


def test_garbage_of_scenes_does_not_pile_up() -> None:
    alive = []

    def tell(judged: int, _known: int, _found: int) -> None:
        alive.append(sum(isinstance(each, Station) for each in gc.get_objects()))

    with interpreter.installed():
        report = Exploration(
            setting("reference"), FLOWS.get("sale"), media("all"), Extent(states_limit=100), lambda: "", tell
        ).explore()
    assert report.judged == len(alive) == 100 and max(alive) <= 50
    assert gc.get_freeze_count() == 0


def test_no_scene_of_failing_calls_stays_in_memory() -> None:
    before = stations()
    with interpreter.installed():
        stage = Stage(setting("reference"), FLOWS.get("sale"))
        stage.control()
        trials = list(trials_of("eio", stage.calls("eio")))[:6]
        played = [stage.play(each) for each in trials]
    assert any(each.trial.manner.power_loss for each in played) and stations() == before


@pytest.fixture
def handlers() -> Iterator[None]:
    known = {each: signal.getsignal(each) for each in ENDS_EARLY}
    yield
    for each, handler in known.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("handlers")
def test_an_exploration_stops_before_its_memory_limit() -> None:
    used = peak_memory_bytes()
    assert Stopper(60, 2 * used).why() == ""
    assert "of the memory that it may have" in Stopper(60, used + (used >> 4)).why()


def test_it_looks_whether_to_stop_while_it_lists() -> None:
    asked = []

    def stop() -> str:
        asked.append(None)
        return "interrupted" if len(asked) > 1 else ""

    with interpreter.installed():
        done = Exploration(
            setting("no_fsync"), FLOWS.get("sale"), media("posix-weak"), Extent(), stop, lambda *_: None
        ).explore()
    assert len(asked) == 2 and done.because == ["interrupted"] and done.judged == 0
    assert done.profiles[0].states < 512


def test_ram_is_lost_once_more_between_the_last_sale_and_the_last_settlement() -> None:
    """What software still knows hides what it can no longer read; the settlement is to see what is on the medium."""
    known = recorded()
    state = list(StateLister(known.timeline, [registry.get("fat")] * 2, 64))[-1]
    with interpreter.installed():
        lived = live_on(setting(), 1, state.remains(known.timeline.volumes), customer_stays=False)
    told = [type(each).__name__ for each in lived.events if isinstance(each, Booted | IntentClosed | BatchSettled)]
    assert told == ["Booted", *["IntentClosed"] * told.count("IntentClosed"), "Booted", "BatchSettled"]
    assert told.count("IntentClosed") >= 2

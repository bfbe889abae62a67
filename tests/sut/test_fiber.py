"""Waiting in virtual time: exact to the microsecond, cheap in what it leaves behind, and in the order of a simple model."""

import random
from pathlib import Path

import pytest
import simpy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.storage.disk import Disk
from harness.storage.volume import Volume
from harness.sut import interpreter
from harness.sut.console import Console
from harness.sut.deaths import ProcessEnded
from harness.sut.process import Process
from tests.sut.rig import Rig


def process_in(env: simpy.Environment) -> Process:
    disk = Disk([Volume("data", "/", 1 << 20)], now_us=lambda: int(env.now))
    return Process(
        env,
        name="T01",
        pid=1,
        disk=disk,
        network=None,
        wall_clock=lambda now_us: now_us,
        entropy=random.Random(1),
        console=Console(lambda _: None),
        environ={},
    )


Wait = tuple[str, int, int]
WAITS = st.lists(
    st.one_of(
        st.tuples(st.just("sleep"), st.integers(0, 50), st.just(0)),
        st.tuples(st.just("event"), st.integers(1, 50), st.integers(1, 50)),
        # Few instants, so that ties are common.
        st.tuples(st.just("event"), st.integers(1, 4), st.integers(1, 4)),
        st.tuples(st.just("never"), st.just(0), st.integers(1, 80)),
        st.tuples(st.just("spend"), st.integers(0, 20), st.just(0)),
    ),
    max_size=12,
)


def expected(waits: list[Wait]) -> list[tuple[int, bool]]:
    """When each wait ends and what it answers, worked out by hand. Ties go to whichever was armed first: the event."""
    now, owed, out = 0, 0, []
    for kind, duration, timeout in waits:
        if kind == "spend":
            owed += duration
            continue
        start = now + owed
        if kind == "sleep":
            now, owed = start + duration, 0
            out.append((now, True))
        elif kind == "event":
            # The event was scheduled when the call was made, before the debt was paid.
            happens = now + duration
            if happens <= start:
                now, owed = start, 0
                out.append((now, True))
            elif happens <= start + timeout:
                now, owed = happens, 0
                out.append((now, True))
            else:
                now, owed = start + timeout, 0
                out.append((now, False))
        else:
            now, owed = start + timeout, 0
            out.append((now, False))
    return out


@settings(max_examples=200, deadline=None)
@example([[("event", 7, 8), ("event", 1, 1)]])
@example([[("event", 2, 5), ("event", 3, 3)]])
@given(st.lists(WAITS, min_size=1, max_size=4))
def test_waits_end_when_they_should(plans: list[list[Wait]]) -> None:
    for waits in plans:
        env = simpy.Environment()
        process = process_in(env)
        seen: list[tuple[int, bool]] = []

        def body(waits: list[Wait] = waits, process: Process = process, seen: list[tuple[int, bool]] = seen) -> None:
            for kind, duration, timeout in waits:
                if kind == "spend":
                    process.spend(duration)
                    continue
                if kind == "sleep":
                    process.sleep(duration)
                    happened = True
                elif kind == "event":
                    happened = process.wait(process.env.timeout(duration), timeout)
                else:
                    happened = process.wait(process.env.event(), timeout)
                seen.append((int(process.env.now), happened))

        process.spawn(body)
        env.run()
        assert seen == expected(waits)


def test_a_thousand_timeouts_that_never_fire_leave_one_timer(tmp_path: Path) -> None:
    env = simpy.Environment()
    process = process_in(env)
    most = []

    def body() -> None:
        for _ in range(1000):
            process.wait(env.timeout(100), 60_000_000)
            most.append(len(env._queue))

    process.spawn(body)
    env.run()
    assert max(most) <= 3


def test_waiting_again_for_the_same_event_leaves_one_callback() -> None:
    env = simpy.Environment()
    process = process_in(env)
    event = env.event()

    def body() -> None:
        for _ in range(100):
            assert not process.wait(event, 1000)
            assert event.callbacks == []
        env.timeout(10).callbacks.append(lambda _: event.succeed())
        assert process.wait(event, 1000)
        assert process.wait(event), "an event that has happened is over at once"

    process.spawn(body)
    env.run()
    assert event.processed


def test_a_failed_event_raises_in_the_software_and_nowhere_else() -> None:
    env = simpy.Environment()
    process = process_in(env)
    seen: list[str] = []

    def body() -> None:
        event = env.event()
        env.timeout(5).callbacks.append(lambda _: event.fail(ConnectionRefusedError("no")))
        try:
            process.wait(event, 100)
        except ConnectionRefusedError as error:
            seen.append(str(error))

    process.spawn(body)
    env.run()
    assert seen == ["no"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6), st.integers(0, 60))
def test_nothing_runs_after_death_whenever_it_comes(plan: list[tuple[int, int]], at: int) -> None:
    env = simpy.Environment()
    process = process_in(env)
    steps: list[int] = []

    def worker(first: int, second: int) -> None:
        for duration in (first, second, first, second):
            process.sleep(duration)
            steps.append(int(env.now))

    with interpreter.installed():
        for first, second in plan:
            process.spawn(lambda first=first, second=second: worker(first, second))  # type: ignore[misc]
        if at:
            env.run(until=at)
        process.die(ProcessEnded, power=True)
        before = list(steps)
        process.reap()
        env.run()
    assert steps == before
    assert all(fiber.finished for fiber in process.fibers)


def test_two_stations_interleave_and_keep_their_own_world(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import os, time
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                self.seen = []
                for n in range(50):
                    open("/data/mine", "a").write(self.device.tid); time.sleep(0.1)
                    assert os.uname().nodename == "t" + self.device.tid[-2:], os.uname()
                assert open("/data/mine").read() == self.device.tid * 50
                print("own")
        """,
        terminals=4,
    ).start(20)
    assert [rig.printed(f"T{n:02d}") for n in (1, 2, 3, 4)] == [["own"]] * 4


def test_waiting_outside_software_is_an_error_of_the_harness() -> None:
    env = simpy.Environment()
    process = process_in(env)
    with pytest.raises(RuntimeError, match="outside its own process"):
        process.wait(env.event(), 5)

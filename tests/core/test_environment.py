"""The faster environment does what SimPy's does, in the same order, to the last callback."""

from __future__ import annotations

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st
from simpy.core import StopSimulation

from harness.core.environment import Call, Environment

STEPS = st.lists(
    st.tuples(st.sampled_from(["wait", "tell", "call", "join", "stop"]), st.integers(0, 3)), min_size=1, max_size=8
)


def told(env: simpy.Environment, people: list[list[tuple[str, int]]], pieces: list[int]) -> list[object]:
    """What happens when these people act at once, in several stretches of time."""
    log: list[object] = []
    bells = [env.event() for _ in range(4)]

    def call_later(name: int, delay: int) -> None:
        if isinstance(env, Environment):
            Call(env, delay, lambda _: log.append((env.now, name, "called")))
        else:
            env.timeout(delay).callbacks.append(lambda _: log.append((env.now, name, "called")))

    def person(name: int, steps: list[tuple[str, int]]):
        for what, number in steps:
            if what == "wait":
                yield env.timeout(number)
            elif what == "tell" and not bells[number].triggered:
                bells[number].succeed(number)
            elif what == "call":
                call_later(name, number)
            elif what == "join":
                yield env.any_of([bells[number], env.timeout(5)])
            elif what == "stop":
                end = env.event()
                end.callbacks.append(lambda _, name=name: log.append((env.now, name, "before the end")))
                end.callbacks.append(StopSimulation.callback)
                end.callbacks.append(lambda _, name=name: log.append((env.now, name, "after the end")))
                end.succeed()
            log.append((env.now, name, what, number))

    for name, steps in enumerate(people):
        env.process(person(name, steps))
    for piece in pieces:
        env.run(until=env.now + piece)
        log.append(("stretch", env.now))
    log.append(("value", env.run(until=env.timeout(50, "over"))))
    env.run()
    return [*log, env.now]


@given(st.lists(STEPS, min_size=1, max_size=4), st.lists(st.integers(1, 4), max_size=4))
def test_everything_happens_in_the_same_order(people, pieces):
    # The last ``run`` may be ended by somebody's "stop": then so is the other's.
    assert told(Environment(), people, pieces) == told(simpy.Environment(), people, pieces)


@pytest.mark.parametrize("make", [Environment, simpy.Environment])
def test_the_ends_of_a_run(make):
    env = make()
    with pytest.raises(ValueError, match="greater than the current"):
        env.run(until=0)
    never = env.event()
    with pytest.raises(RuntimeError, match=r"events left|events are left"):
        env.run(until=never)
    done = env.event()
    assert done.succeed(7) is done
    with pytest.raises(RuntimeError, match="already"):
        done.succeed(8)
    assert env.run(until=done) == 7 == env.run(until=done)
    failed = env.event()
    failed.fail(KeyError("gone"))
    with pytest.raises(KeyError, match="gone"):
        env.run()
    spared = env.event()
    spared.defused = True
    spared.fail(KeyError("gone"))
    env.run()


def test_nothing_is_called_in_the_past():
    with pytest.raises(ValueError, match="negative"):
        Call(Environment(), -1, print)

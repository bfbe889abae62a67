"""A pause that nothing else falls into is a jump of the clock: nobody can tell it from a round through the hub."""

import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sut.test_fiber import process_in

Log = list[tuple[int, str]]


def _follow(env: simpy.Environment, plans: list[list[int]], log: Log) -> None:
    """Software that pauses as planned, and beside each a plain SimPy process with the same pauses."""
    for number, pauses in enumerate(plans):
        process = process_in(env)

        def body(process=process, number=number, pauses=pauses) -> None:
            for pause_us in pauses:
                process.sleep(pause_us)
                log.append((int(env.now), f"software {number}"))

        process.spawn(body)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(1, 40), max_size=8), min_size=1, max_size=4), st.lists(st.integers(1, 60), max_size=8)
)
def test_everything_happens_at_its_time_and_in_order(plans: list[list[int]], ticks: list[int]) -> None:
    env, log = simpy.Environment(), []
    _follow(env, plans, log)
    for at_us in ticks:
        timer = env.timeout(at_us)
        timer.callbacks.append(lambda _: log.append((int(env.now), "world")))
    env.run(until=1_000)
    times = [at_us for at_us, _ in log]
    assert times == sorted(times), log
    for number, pauses in enumerate(plans):
        due = [sum(pauses[: place + 1]) for place in range(len(pauses))]
        assert [at_us for at_us, who in log if who == f"software {number}"] == due
    assert [at_us for at_us, who in log if who == "world"] == sorted(ticks)


def test_whoever_waits_for_the_same_event_hears_of_it_at_its_time() -> None:
    """The trap: the software hears first, and its clock must not run on before the others have heard."""
    env, log = simpy.Environment(), []
    process = process_in(env)
    event = env.timeout(10)

    def body() -> None:
        process.wait(event)
        process.sleep(500)
        log.append((int(env.now), "software"))

    process.spawn(body)
    env.run(until=5)
    event.callbacks.append(lambda _: log.append((int(env.now), "the other")))
    env.run(until=1_000)
    assert log == [(10, "the other"), (510, "software")]


def test_what_is_due_at_the_end_of_a_pause_comes_first() -> None:
    env, log = simpy.Environment(), []
    process = process_in(env)

    def body() -> None:
        process.sleep(100)
        log.append("software")

    env.timeout(100).callbacks.append(lambda _: log.append("due before"))
    process.spawn(body)
    env.run(until=1_000)
    assert log == ["due before", "software"]


def test_a_jump_makes_no_event_and_no_switch() -> None:
    """Why it is there: a thousand pauses of software that is alone cost one round, not a thousand."""
    env = simpy.Environment()
    process = process_in(env)
    switched: list[int] = []

    def body() -> None:
        for _ in range(1_000):
            process.sleep(1)

    process.spawn(body)
    end = env.timeout(5_000)
    while not end.processed:
        env.step()
        switched.append(int(env.now))
    assert len(switched) < 10
    assert process.switches > 1_000  # each is a sign of life for the watchdog

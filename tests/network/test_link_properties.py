"""Message accounting: whatever happens, each message that was sent is delivered or dropped exactly once."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.network import (
    CableUnplugged,
    Congestion,
    HalfOpen,
    NameFailure,
    Partition,
    ResetMidMessage,
    UpLoss,
    WrongAddress,
)

CONDITIONS = {
    "partition": Partition,
    "cable": CableUnplugged,
    "half_open": HalfOpen,
    "up_loss": lambda: UpLoss(0.5),
    "reset_up": lambda: ResetMidMessage(nth=2, times=3),
    "reset_down": lambda: ResetMidMessage(nth=1, direction="down", times=2),
    "congestion": lambda: Congestion(30_000, 0.5, 0.4),
    "wrong_address": WrongAddress,
    "name": NameFailure,
}

steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(
            st.sampled_from(["close", "abort", "host_close", "host_reset", "read"]), st.integers(0, 3), st.just(0)
        ),
        st.tuples(
            st.sampled_from(["connect", "power_cut", "process_died", "host_off", "host_on"]), st.just(0), st.just(0)
        ),
        st.tuples(st.sampled_from(["strike", "lift"]), st.sampled_from(sorted(CONDITIONS)), st.just(0)),
        st.tuples(st.just("wait"), st.sampled_from([1, 3_000, 12_000, 400_000, 90_000_000]), st.just(0)),
    ),
    max_size=40,
)


def play(world, frame_of, schedule) -> None:
    world.host.service_us = 2_000
    active, connections = {}, [world.connect()]

    def collect(event) -> None:
        if event.ok:
            connections.append(event.value)

    for number, (what, which, count) in enumerate(schedule):
        connection = connections[which % len(connections)] if isinstance(which, int) else connections[0]
        try:
            if what == "send":
                connection.send(b"".join(frame_of(f"{number:04d}.{copy}") for copy in range(count)))
            elif what == "read":
                connection.receive(10)
            elif what == "close":
                connection.close()
            elif what == "abort":
                connection.reset()
            elif what == "host_close":
                connection.host_close()
            elif what == "host_reset":
                connection.host_reset()
            elif what == "connect":
                world.link.connect().callbacks.append(collect)
            elif what == "power_cut":
                world.link.power_lost()
                world.run(1_000)
                world.link.power_on()
            elif what == "process_died":
                world.link.process_died()
            elif what in ("host_off", "host_on"):
                world.host.listening = what == "host_on"
            elif what == "strike" and which not in active:
                active[which] = CONDITIONS[which]()
                world.link.conditions.add(active[which])
            elif what == "lift" and which in active:
                world.link.conditions.remove(active.pop(which))
            elif what == "wait":
                world.run(which)
        except OSError:
            pass
        world.scope = f"T01/a{number}"


@settings(max_examples=250, deadline=None)
@given(steps, st.sampled_from(["ethernet", "gprs"]), st.integers(0, 9))
def test_each_message_is_delivered_or_dropped_exactly_once(bench, frame_of, schedule, kind, seed) -> None:
    world = bench(kind, seed)
    play(world, frame_of, schedule)
    fates = world.fates()
    assert sorted(fates.delivered + [message for message, _ in fates.dropped]) == fates.sent
    assert fates.sent == sorted(set(fates.sent))
    assert {"", "unknown"}.isdisjoint(fates.reasons)
    for connection in world.link.connections:
        assert connection.state == "open" and not connection.up.flights and not connection.down.flights


@settings(max_examples=100, deadline=None)
@given(steps, st.integers(0, 9))
def test_what_arrives_on_a_connection_is_a_prefix_of_what_was_sent(bench, frame_of, schedule, seed) -> None:
    """TCP delivers nothing behind a gap, in either direction."""
    world = bench("gprs", seed)
    sent: dict[int, list[bytes]] = {}
    arrived: dict[int, list[bytes]] = {}
    transmit, receive = world.link.transmit, world.host.receive

    def watch_transmit(connection, lane, frame) -> None:
        if lane.direction == "up":
            sent.setdefault(connection.number, []).append(frame)
        transmit(connection, lane, frame)

    def watch_receive(connection, frame, message) -> None:
        arrived.setdefault(connection.number, []).append(frame)
        receive(connection, frame, message)

    world.link.transmit, world.host.receive = watch_transmit, watch_receive
    play(world, frame_of, schedule)
    world.env.run()
    for number, frames in arrived.items():
        assert frames == sent[number][: len(frames)]


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(0, 9))
def test_the_same_seed_gives_the_same_bytes_and_pins_replay_them(bench, frame_of, schedule, seed) -> None:
    from harness.core.decisions import read_pins

    first, again = bench("4g", seed), bench("4g", seed)
    play(first, frame_of, schedule)
    play(again, frame_of, schedule)
    history = first.history()
    assert history == again.history()
    replayed = bench("4g", seed + 1, pinned=read_pins(first.spill.getvalue().splitlines()))
    play(replayed, frame_of, schedule)
    assert replayed.history() == history
    assert replayed.decisions.divergences == 0

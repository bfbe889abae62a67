"""Every condition bites when it has an effect, only then, and lifts cleanly."""

import errno
import socket

import pytest

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
from harness.network.conditions import Garbled, LateReplies, LooseConnection

ALL = [
    Partition,
    CableUnplugged,
    HalfOpen,
    UpLoss,
    ResetMidMessage,
    lambda: Congestion(50_000),
    WrongAddress,
    NameFailure,
    Garbled,
    LooseConnection,
    lambda: LateReplies(50_000),
]


@pytest.mark.parametrize("make", ALL)
def test_a_condition_that_meets_nothing_does_not_bite(bench, frame_of, make) -> None:
    world = bench()
    world.exchange(world.connect())
    condition = make()
    world.link.conditions.add(condition)
    world.run(60_000_000)
    world.link.conditions.remove(condition)
    assert condition.bites == 0
    assert world.exchange(world.connect(), "0400") == frame_of("0400")
    assert world.fates().dropped == []


@pytest.mark.parametrize("make", ALL)
def test_after_lifting_the_history_goes_on_as_if_nothing_had_been(bench, frame_of, make) -> None:
    """The same later action draws the same values, with and without the condition in an earlier one."""

    def later(with_condition: bool) -> list[str]:
        world = bench()
        if with_condition:
            condition = make()
            seen = []
            condition.on_bite = lambda device, evidence: seen.append((device, evidence))
            world.link.conditions.add(condition)
            try:
                world.exchange(world.connect())
            except OSError:
                pass
            assert condition.bites == len(seen) > 0
            world.link.conditions.remove(condition)
        else:
            world.exchange(world.connect())
        world.scope = "T01/a2"
        bites = condition.bites if with_condition else 0
        assert world.exchange(world.connect(), "0400") == frame_of("0400")
        assert not with_condition or condition.bites == bites
        return [line for line in world.spill.getvalue().splitlines() if "/a2/" in line]

    assert later(True) == later(False)


def test_a_partition_lets_connects_time_out_after_127_seconds(bench) -> None:
    world = bench()
    partition = Partition()
    world.link.conditions.add(partition)
    with pytest.raises(TimeoutError):
        world.connect()
    assert world.env.now == 127_000_000
    assert partition.bites == 7


def test_a_connect_survives_a_partition_shorter_than_its_patience(bench) -> None:
    world = bench()
    partition = Partition()
    world.link.conditions.add(partition)
    attempt = world.link.connect()
    world.run(20_000_000)
    world.link.conditions.remove(partition)
    connection = world.env.run(until=attempt)
    assert 31_000_000 < world.env.now < 32_000_000
    assert connection.state == "open"


def test_a_partition_that_strikes_during_the_handshake_delays_it(bench) -> None:
    world = bench(pinned={"T01/a1/link.connect/0": 10_000})
    attempt = world.link.connect()
    world.run(5_000)
    partition = Partition()
    world.link.conditions.add(partition)
    world.run(500_000)
    assert partition.bites == 1 and not attempt.triggered
    world.link.conditions.remove(partition)
    world.env.run(until=attempt)
    assert 1_000_000 < world.env.now < 1_100_000


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_partition_loses_what_is_in_flight_either_way(bench, frame_of, direction) -> None:
    pins = {"T01/a1/link.connect/0": 10_000, "T01/a1/link.up/0": 10_000, "T01/a1/link.down/0": 10_000}
    world = bench(pinned=pins)
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(5_000 if direction == "up" else 15_000)
    partition = Partition()
    world.link.conditions.add(partition)
    world.env.run()
    assert partition.bites == 1
    assert world.fates().reasons == ["partition"]
    assert connection.receive(100) is None


def test_a_connection_that_lost_something_is_reset_after_the_partition(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    partition = Partition()
    world.link.conditions.add(partition)
    connection.send(frame_of("0200"))
    world.link.conditions.remove(partition)
    connection.send(frame_of("0400"))
    world.env.run(until=connection.readable)
    with pytest.raises(ConnectionResetError):
        connection.receive(1)
    assert world.host.received == []
    assert world.fates().reasons == ["partition", "reset"]


def test_half_open_delivers_the_request_and_loses_the_answer(bench, frame_of) -> None:
    world = bench()
    half_open = HalfOpen()
    world.link.conditions.add(half_open)
    assert world.exchange(world.connect()) is None
    assert world.host.received == [frame_of("0200")]
    assert half_open.bites == 1
    assert world.fates().reasons == ["half_open"]


def test_half_open_does_not_bite_on_an_answer_nobody_waits_for(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    half_open = HalfOpen()
    world.link.conditions.add(half_open)
    connection.send(frame_of("0200"))
    connection.close()
    world.env.run()
    assert half_open.bites == 0
    assert world.fates().reasons == ["closed"]


def test_up_loss_loses_requests_and_not_answers(bench, frame_of) -> None:
    world = bench()
    loss = UpLoss(0.5)
    world.host.answer = lambda frame: None
    connections = [world.connect() for _ in range(100)]
    world.link.conditions.add(loss)
    for connection in connections:
        connection.send(frame_of("0200"))
    world.env.run()
    assert 30 < loss.bites < 70
    assert len(world.host.received) == 100 - loss.bites
    answering = bench()
    answering.link.conditions.add(UpLoss(0.0))
    assert answering.exchange(answering.connect()) == frame_of("0200")


def test_the_nth_message_is_cut_off_in_the_middle(bench, frame_of) -> None:
    world = bench()
    reset = ResetMidMessage(nth=2)
    world.link.conditions.add(reset)
    connection = world.connect()
    assert world.exchange(connection) == frame_of("0200")
    assert connection.send(frame_of("0400")) == len(frame_of("0400"))
    world.env.run(until=connection.readable)
    with pytest.raises(ConnectionResetError):
        connection.receive(1)
    assert reset.bites == 1
    assert world.host.received == [frame_of("0200")]
    assert world.exchange(world.connect(), "0500") == frame_of("0500")
    assert world.fates().dropped == [(2, "reset")]


def test_an_answer_can_be_cut_off_too(bench, frame_of) -> None:
    world = bench()
    world.link.conditions.add(ResetMidMessage(direction="down"))
    connection = world.connect()
    with pytest.raises(ConnectionResetError):
        world.exchange(connection)
    assert world.host.received == [frame_of("0200")]
    assert world.fates().dropped == [(1, "reset")]
    assert world.link.connections == () or not connection.down.flights


def test_congestion_is_slower_by_what_it_says(bench, frame_of) -> None:
    def finished(conditions: list[Congestion]) -> int:
        world = bench()
        connection = world.connect()
        for condition in conditions:
            world.link.conditions.add(condition)
        world.exchange(connection)
        return world.env.now

    free = finished([])
    assert finished([Congestion(latency_us=100_000)]) == free + 200_000
    assert finished([Congestion(latency_us=100_000), Congestion(latency_us=50_000)]) == free + 300_000
    narrow = Congestion(bandwidth_share=0.0001)
    assert finished([narrow]) > free + 50_000
    assert narrow.bites == 2


def test_congestion_that_loses_nearly_everything_resets_the_connection(bench, frame_of) -> None:
    world = bench()
    congestion = Congestion(loss=0.9999)
    connection = world.connect()
    world.link.conditions.add(congestion)
    connection.send(frame_of("0200"))
    world.env.run(until=connection.readable)
    with pytest.raises(ConnectionResetError):
        connection.receive(1)
    assert congestion.bites == 1


def test_handshakes_suffer_from_congestion_too(bench) -> None:
    def connected_us(condition: Congestion | None) -> int:
        world = bench()
        if condition is not None:
            world.link.conditions.add(condition)
        world.connect()
        return world.env.now

    free = connected_us(None)
    slow, lossy = Congestion(latency_us=40_000), Congestion(loss=0.9)
    assert connected_us(slow) == free + 80_000
    assert connected_us(lossy) - free in {1_000_000, 3_000_000, 7_000_000, 15_000_000, 31_000_000, 63_000_000}
    assert (slow.bites, lossy.bites) == (1, 1)


def test_loss_on_tcp_is_delay(bench, frame_of) -> None:
    world = bench()
    congestion = Congestion(loss=0.6)
    connection = world.connect()
    world.link.conditions.add(congestion)
    sent = [frame_of(f"{number:04d}") for number in range(20)]
    for frame in sent:
        connection.send(frame)
    world.env.run()
    assert world.host.received == sent
    assert congestion.bites > 10


def test_an_unplugged_cable_is_seen_by_the_device_and_a_far_partition_is_not(bench) -> None:
    world = bench()
    seen: list[bool] = []
    world.link.on_cable = seen.append
    for condition in (Partition(), HalfOpen()):
        world.link.conditions.add(condition)
        world.link.conditions.remove(condition)
    assert seen == []
    first, second = CableUnplugged(), CableUnplugged()
    world.link.conditions.add(first)
    world.link.conditions.add(second)
    world.link.conditions.remove(first)
    assert seen == [False, False]
    with pytest.raises(OSError) as caught:
        world.connect()
    assert caught.value.errno == errno.ENETUNREACH
    world.link.conditions.remove(second)
    assert seen == [False, False, True]


def test_a_wrong_address_is_refused_and_an_unknown_name_not_resolved(bench) -> None:
    world = bench()
    wrong, nameless = WrongAddress(), NameFailure()
    world.link.conditions.add(wrong)
    with pytest.raises(ConnectionRefusedError):
        world.connect()
    world.link.conditions.remove(wrong)
    world.link.conditions.add(nameless)
    before = world.env.now
    with pytest.raises(socket.gaierror):
        world.connect()
    assert world.env.now == before + 5_000_000
    assert (wrong.bites, nameless.bites) == (1, 1)


def test_of_two_conditions_that_lose_a_message_the_first_bites(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    partition, half_open = Partition(), HalfOpen()
    connection.send(frame_of("0200"))
    world.run(1)
    world.link.conditions.add(partition)
    world.link.conditions.add(half_open)
    world.env.run()
    assert (partition.bites, half_open.bites) == (1, 0)


def test_of_two_conditions_that_would_lose_what_is_sent_the_first_bites(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    conditions = [UpLoss(), Partition(), ResetMidMessage()]
    for condition in conditions:
        world.link.conditions.add(condition)
    connection.send(frame_of("0200"))
    assert [condition.bites for condition in conditions] == [1, 0, 0]


def test_an_answer_in_flight_to_a_closed_connection_gives_no_bite(bench, frame_of) -> None:
    pins = {"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": 5000, "T01/a1/link.down/0": 60_000}
    world = bench(pinned=pins)
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(10_000)
    connection.close()
    partition = Partition()
    world.link.conditions.add(partition)
    world.env.run()
    assert partition.bites == 0
    assert world.fates().reasons == ["closed"]


def test_a_loss_in_flight_breaks_the_connection_too(bench, frame_of) -> None:
    pins = {"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": 5000, "T01/a1/link.up/1": 5000}
    world = bench(pinned=pins)
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(1_000)
    partition = Partition()
    world.link.conditions.add(partition)
    world.link.conditions.remove(partition)
    connection.send(frame_of("0400"))
    world.env.run()
    assert world.host.received == [] and connection.state == "reset"


def test_the_hosts_close_is_lost_in_a_partition(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    assert world.exchange(connection) == frame_of("0200")
    connection.host_close()
    world.link.conditions.add(Partition())
    world.env.run()
    assert not connection.eof and connection.receive(1) is None


def test_a_reset_strikes_as_often_as_it_was_asked_to(bench, frame_of) -> None:
    world = bench()
    reset = ResetMidMessage(nth=1, times=2)
    world.link.conditions.add(reset)
    answers = []
    for _ in range(4):
        try:
            answers.append(world.exchange(world.connect()))
        except ConnectionResetError:
            answers.append(None)
    assert answers == [None, None, frame_of("0200"), frame_of("0200")]
    assert reset.bites == 2


def test_a_condition_that_was_not_there_cannot_be_lifted(bench) -> None:
    world = bench()
    world.link.conditions.add(Partition())
    with pytest.raises(ValueError):
        world.link.conditions.remove(Partition())


def test_congestion_refuses_nonsense() -> None:
    for bad in ({"latency_us": -1}, {"bandwidth_share": 0.0}, {"loss": 1.0}):
        with pytest.raises(ValueError):
            Congestion(**bad)


def test_a_late_reply_is_overtaken_and_the_line_stays_free(bench, frame_of) -> None:
    """Only the first reply is late: what is asked after it on another connection is answered before it."""
    world = bench()
    condition = LateReplies(5_000_000, times=1)
    world.link.conditions.add(condition)
    first, second = world.connect(), world.connect()
    first.send(frame_of("0200"))
    world.run(1_000_000)
    assert condition.bites == 1 and not first.inbox
    assert world.exchange(second, "0400") == frame_of("0400") and not first.inbox
    world.run(10_000_000)
    assert first.inbox and condition.bites == 1

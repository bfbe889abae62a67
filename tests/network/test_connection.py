"""A connection behaves as TCP does, as seen through a socket."""

import errno

import pytest

from harness.history.events import MessageDelivered, MessageSent


def test_a_message_goes_up_and_its_answer_comes_down(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    assert world.exchange(connection, "0200 hello") == frame_of("0200 hello")
    events = world.events()
    assert [type(event).__name__ for event in events] == [
        "MessageSent", "MessageDelivered", "MessageSent", "MessageDelivered",
    ]  # fmt: skip
    assert [event.message for event in events] == [0, 0, 1, 1]
    assert events[0].direction == "up" and events[2].direction == "down"
    assert events[0].mti == "0200" and events[0].size_bytes == 12
    assert 0 < events[0].at_us < events[1].at_us <= events[2].at_us < events[3].at_us


def test_a_message_sent_in_pieces_is_one_message_when_it_is_whole(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    frame = frame_of("0200") + frame_of("0400")
    for at in range(len(frame)):
        assert connection.send(frame[at : at + 1]) == 1
    world.env.run()
    assert world.host.received == [frame_of("0200"), frame_of("0400")]
    assert len(world.fates().sent) == 4


def test_messages_arrive_in_the_order_in_which_they_were_sent(bench, frame_of) -> None:
    world = bench("gprs")
    connection = world.connect()
    sent = [frame_of(f"{number:04d}") for number in range(60)]
    for frame in sent:
        connection.send(frame)
    world.env.run()
    assert world.host.received == sent
    assert bytes(connection.inbox) == b"".join(sent)


def test_a_long_message_takes_as_long_as_the_line_is_slow(bench, frame_of) -> None:
    pins = {"T01/a1/link.connect/0": 1000, "T01/a1/link.up/0": 1000, "T01/a1/link.down/0": 1000}
    world = bench("gprs", pinned=pins)
    world.host.answer = lambda frame: None
    world.connect().send(frame_of("x" * 998))
    sent, delivered = world.events()
    assert isinstance(sent, MessageSent) and isinstance(delivered, MessageDelivered)
    assert delivered.at_us - sent.at_us == 1000 + 1040 * 8 * 1_000_000 // 40_000


def test_bytes_that_no_host_can_frame_are_one_message_each(bench) -> None:
    world = bench()
    connection = world.connect()
    connection.send(b"\xff\xff garbage")
    connection.send(b"more")
    world.env.run()
    assert world.host.received == [b"\xff\xff garbage", b"more"]


def test_an_answer_after_close_is_dropped_but_the_request_still_arrives(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    connection.send(frame_of("0200"))
    connection.close()
    world.env.run()
    assert world.host.received == [frame_of("0200")]
    assert world.fates().reasons == ["closed"]
    with pytest.raises(OSError) as caught:
        connection.send(b"x")
    assert caught.value.errno == errno.EBADF
    assert world.link.connections == ()


def test_an_abort_throws_away_what_has_not_left_yet(bench, frame_of) -> None:
    world = bench("gprs")
    connection = world.connect()
    connection.send(frame_of("0200" * 100))
    connection.reset()
    world.env.run()
    assert world.host.received == []
    assert world.fates().reasons == ["reset"]


def test_an_abort_does_not_call_back_what_has_left(bench, frame_of) -> None:
    world = bench(pinned={"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": 50_000})
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(10_000)
    connection.reset()
    world.env.run()
    assert world.host.received == [frame_of("0200")]
    assert world.fates().reasons == ["closed"]


def test_a_host_that_closes_gives_end_of_file_after_its_answer(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.env.run()
    world.host.connections[0].host_close()
    assert connection.receive(100) == frame_of("0200")
    assert connection.receive(100) is None
    world.env.run(until=connection.readable)
    assert connection.receive(100) == b""
    assert connection.receive(100) == b""


def test_a_reset_is_told_once_and_after_what_had_arrived(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    assert world.exchange(connection) == frame_of("0200")
    connection.send(frame_of("0400"))
    world.env.run()
    connection.host_reset()
    world.env.run()
    assert connection.receive(100) == frame_of("0400")
    with pytest.raises(ConnectionResetError):
        connection.receive(100)
    assert connection.receive(100) == b""
    with pytest.raises(BrokenPipeError):
        connection.send(b"x")


def test_a_host_that_does_not_listen_refuses_after_a_round_trip(bench) -> None:
    world = bench()
    world.host.listening = False
    with pytest.raises(ConnectionRefusedError):
        world.connect()
    assert 0 < world.env.now < 1_000_000


def test_a_refusal_that_nobody_waits_for_is_no_error(bench) -> None:
    world = bench()
    world.host.listening = False
    world.link.connect()
    world.env.run()


def test_readable_happens_at_once_when_there_is_something_to_read(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    waiting = connection.readable
    connection.send(frame_of("0200"))
    world.env.run(until=waiting)
    before = world.env.now
    world.env.run(until=connection.readable)
    assert world.env.now == before


def test_power_loss_takes_what_comes_down_and_leaves_what_has_gone_up(bench, frame_of) -> None:
    pins = {f"T01/a1/link.{way}/{n}": 5000 for way in ("up", "down") for n in range(3)} | {
        "T01/a1/link.connect/0": 9000
    }
    world = bench(pinned=pins)
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(5_500)  # the answer is on its way down
    connection.send(frame_of("0400"))
    world.run(1_000)  # the second request has left
    world.link.power_lost()
    assert connection.dead
    world.env.run()
    assert world.host.received == [frame_of("0200"), frame_of("0400")]
    fates = world.fates()
    assert fates.delivered == [0, 2] and fates.dropped == [(1, "power"), (3, "power")]


def test_power_loss_takes_along_what_has_not_left_the_device(bench, frame_of) -> None:
    world = bench("gprs")
    connection = world.connect()
    connection.send(frame_of("0200" * 100))
    connection.send(frame_of("0400"))
    world.run(20_000)
    world.link.power_lost()
    world.env.run()
    assert world.host.received == []
    assert world.fates().reasons == ["power", "power"]


def test_a_retransmission_that_power_loss_forestalls_never_arrives(bench, frame_of) -> None:
    world = bench(pinned={"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": 204_000})
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(100_000)
    world.link.power_lost()
    world.env.run()
    assert world.fates().dropped == [(0, "power")]


def test_nothing_arrives_behind_a_gap_that_power_loss_made(bench, frame_of) -> None:
    pins = {"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": 204_000, "T01/a1/link.up/1": 5_000}
    world = bench(pinned=pins)
    connection = world.connect()
    connection.send(frame_of("0200"))
    connection.send(frame_of("0400"))
    world.run(100_000)
    world.link.power_lost()
    world.env.run()
    assert world.host.received == []
    assert world.fates().dropped == [(0, "power"), (1, "power")]


@pytest.mark.parametrize("first_kept", [0, 1, 2, 3])
def test_every_possible_fate_of_what_is_in_flight_at_a_power_cut_can_be_had(bench, frame_of, first_kept) -> None:
    world = bench("gprs")
    connection = world.connect()
    for text in ("0200", "0400", "0500"):
        connection.send(frame_of(text))
    assert world.link.in_flight("up") == (0, 1, 2) and world.link.in_flight("down") == ()
    world.link.power_lost(lambda message: message < first_kept)
    world.env.run()
    fates = world.fates()
    assert fates.delivered == list(range(first_kept))
    assert fates.dropped[: 3 - first_kept] == [(message, "power") for message in range(first_kept, 3)]


def test_what_comes_down_is_lost_at_the_instant_of_the_power_cut(bench, frame_of) -> None:
    world = bench(pinned={"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": 5000, "T01/a1/link.down/0": 60_000})
    world.connect().send(frame_of("0200"))
    world.run(10_000)
    cut_us = world.env.now
    world.link.power_lost()
    dropped = world.events()[-1]
    assert (dropped.at_us, dropped.reason) == (cut_us, "power")


def test_a_handshake_under_way_dies_with_the_power(bench) -> None:
    world = bench()
    attempt = world.link.connect()
    world.run(1)
    world.link.power_lost()
    world.link.power_on()
    world.env.run()
    assert not attempt.triggered and world.link.connections == ()


def test_an_abandoned_handshake_never_happens(bench) -> None:
    world = bench()
    attempt = world.link.connect()
    attempt.abandon()
    world.env.run()
    assert not attempt.triggered and world.link.connections == ()


def test_connections_share_the_line(bench, frame_of) -> None:
    pins = {f"T01/a1/link.up/{n}": 1000 for n in range(2)} | {f"T01/a1/link.connect/{n}": 1000 for n in range(2)}
    world = bench("gprs", pinned=pins)
    world.host.answer = lambda frame: None
    first, second = world.connect(), world.connect()
    first.send(frame_of("x" * 998))
    second.send(frame_of("x" * 998))
    arrivals = [event.at_us for event in world.events() if isinstance(event, MessageDelivered)]
    assert arrivals[1] - arrivals[0] == 1040 * 8 * 1_000_000 // 40_000


class Dark(BaseException):
    pass


def test_every_call_of_a_device_without_power_raises_the_runners_error(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    attempt = world.link.connect()
    waiting = connection.readable
    connection.send(frame_of("0200"))
    world.run(30_000_000)
    world.link.dead_error = Dark
    world.link.power_lost()
    for call in (lambda: connection.send(b"x"), lambda: connection.receive(1), world.link.connect):
        with pytest.raises(Dark):
            call()
    later = connection.readable
    world.env.run()
    assert not later.triggered and waiting.triggered and attempt.triggered
    world.link.power_on()
    assert world.exchange(world.connect()) == frame_of("0200")
    with pytest.raises(Dark):
        connection.send(b"x")


def test_software_that_dies_closes_its_sockets_and_forgets_its_handshakes(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    connection.send(frame_of("0200"))
    attempt = world.link.connect()
    world.link.process_died()
    world.env.run()
    assert not attempt.triggered
    assert world.host.received == [frame_of("0200")]
    assert world.fates().reasons == ["closed"]


def test_keys_are_causal(bench, frame_of) -> None:
    world = bench()
    world.host.service_us = 5_000_000
    connection = world.connect()
    connection.send(frame_of("0200"))
    world.run(1_000_000)
    world.scope = "T01/idle1"  # the action ended before the answer came: it is still the action's answer
    world.env.run()
    world.scope = "T01/a2"
    connection.send(frame_of("0400"))
    world.env.run()
    keys = [line.split("\t")[0] for line in world.spill.getvalue().splitlines()]
    assert keys == [
        "T01/a1/link.connect/0", "T01/a1/link.up/0", "T01/a1/link.down/0", "T01/a2/link.up/0", "T01/a2/link.down/0",
    ]  # fmt: skip


def test_a_pinned_give_up_resets_the_connection(bench, frame_of) -> None:
    world = bench(pinned={"T01/a1/link.connect/0": 9000, "T01/a1/link.up/0": -1})
    connection = world.connect()
    connection.send(frame_of("0200"))
    connection.send(frame_of("0400"))
    world.env.run(until=connection.readable)
    assert world.env.now > 100_000_000
    with pytest.raises(ConnectionResetError):
        connection.receive(1)
    assert world.host.received == []
    assert world.fates().reasons == ["reset", "reset"]


def test_power_that_goes_while_a_message_is_being_sent_takes_the_message_along(bench, frame_of) -> None:
    world = bench()
    connection = world.connect()
    world.recorder.watch(MessageSent, lambda _, event: world.link.power_lost())
    connection.send(frame_of("0200"))
    fates = world.fates()
    assert (fates.sent, fates.delivered, fates.dropped) == ([0], [], [(0, "power")])
    assert world.host.received == []

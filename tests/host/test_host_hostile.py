"""Hostile frames: the host never raises, stays silent or says what is wrong, and books nothing it was not asked."""

import random

from hypothesis import given
from hypothesis import strategies as st

from harness.iso8583 import DecodeError, unionpay
from tests.host.host_client import PAN, TID, Client, make_host


def corpus(client):
    """One good frame of every kind of request."""
    client.sign_on("004")
    client.sale(1500, stan="000042")
    client.void("000042", 1500)
    client.reverse("000042", 1500)
    client.refund("000001", "000042", 100)
    client.settle(3, 700)
    client.upload([("000042", PAN, 1500)])
    client.end_upload(1)
    client.exchange(client.message("0820", {60: "00000001301"}))
    return list(client.sent)


def mutate(rng, frame):
    data = bytearray(frame)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(2, len(data))
        what = rng.randrange(4)
        if what == 0:
            data[at] = rng.randrange(256)
        elif what == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 2 and len(data) > 20:
            del data[at : at + rng.randrange(1, 6)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 6))
    if rng.random() < 0.9:  # mostly keep the length true, so that the message itself is reached
        data[:2] = (len(data) - 2).to_bytes(2, "big")
    return bytes(data)


def test_five_thousand_mutated_frames_get_silence_or_a_proper_answer():
    acquirer, _, _ = make_host()
    client = Client(acquirer)
    frames = corpus(client)
    rng = random.Random(5000)
    silent, codes = 0, set()
    for step in range(5000):
        frame = mutate(rng, rng.choice(frames))
        header = acquirer.describe(frame)
        reply = acquirer.handle(frame, step * 1000)
        assert reply.request == header
        if reply.frame is None:
            silent += 1
            continue
        answer = unionpay.unpack(reply.frame).message
        assert header.error == "" and answer.mti[:2] == header.mti[:2] and len(answer.text(39)) == 2
        codes.add(answer.text(39))
    assert 1000 < silent < 4900
    assert {"30", "97", "A0", "77"} <= codes


def test_frames_with_good_macs_around_bad_contents_are_format_errors_not_crashes():
    """A terminal that is broken and not hostile: what it sends is signed."""
    acquirer, _, _ = make_host()
    client = Client(acquirer)
    rng = random.Random(1)
    client.sign_on()
    codes = set()
    for _ in range(1500):
        request = client.sale_message(rng.randrange(1, 10_000))
        for _ in range(rng.randrange(1, 3)):
            spec = rng.choice(unionpay.SPEC.fields)
            if spec.number in (41, 42, 64) or rng.random() < 0.2:
                continue
            if spec.kind == "b":
                request[spec.number] = rng.randbytes(8)
            else:
                length = rng.randrange(spec.length + 1) if spec.is_variable else spec.length
                request[spec.number] = "".join(rng.choice("0123456789") for _ in range(length))
        request.mti = rng.choice(["0200", "0220", "0400", "0200"])
        reply = client.exchange(request)
        codes.add(reply.text(39))
    assert {"00", "30", "12", "25", "77"} <= codes


@given(st.binary(max_size=120))
def test_noise_is_described_and_not_answered(frame):
    acquirer, changes, _ = make_host()
    reply = acquirer.handle(frame, 0)
    if reply.frame is None:
        assert reply.header is None
    assert acquirer.describe(frame) is reply.request and changes == []


def test_no_event_holds_a_card_number():
    acquirer, changes, settlements = make_host()
    client = Client(acquirer)
    frames = corpus(client)
    told = repr(changes) + repr(settlements) + repr([acquirer.describe(frame) for frame in frames])
    told += repr(list(acquirer.entries())) + repr(acquirer.batches(TID))
    assert PAN not in told and len(changes) > 3


def test_two_hosts_given_the_same_frames_answer_byte_for_byte_alike():
    def replies():
        client = Client(make_host()[0])
        frames = corpus(client)
        fresh, _, _ = make_host()
        return [fresh.handle(frame, at_us).frame for at_us, frame in enumerate(frames)]

    assert replies() == replies()
    for frame in replies():
        try:
            unionpay.unpack(frame)
        except DecodeError as error:
            raise AssertionError(error) from error

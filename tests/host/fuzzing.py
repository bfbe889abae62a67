"""Damaged messages by the ten thousand, both ways and in both dialects: how they are made, and what must hold of each.

Damage is what lines, gateways and broken terminals do: bytes changed, lost, doubled, put in, a bitmap that lies, a length that
lies, a MAC that is wrong, two messages run together; and contents that are wrong under a MAC that is right.
"""

import random
from collections import Counter

from harness.contract import PinPadError
from harness.iso8583 import DecodeError, Message
from harness.iso8583.frame import split_frames
from harness.terminals.reference.link import Connection
from tests.host import host_client, international_client, test_host_hostile
from tests.host.host_client import PAN, TID

DIALECTS = ("unionpay", "international")
_SIGNED = ("0200", "0220", "0400")


def talk(dialect):
    """A host, a client that has spoken with it of everything, and the frames that went up and down."""
    if dialect == "unionpay":
        acquirer, changes, settlements = host_client.make_host()
        client = host_client.Client(acquirer)
        sent = test_host_hostile.corpus(client)
    else:
        acquirer, changes, settlements = international_client.make_host()
        client = international_client.Client(acquirer)
        sent = international_client.corpus(client)
    return acquirer, client, sent, list(client.received), (changes, settlements)


def damaged(rng, frames):
    """One frame with one to five kinds of damage; mostly with a length that fits, so that the message itself is reached."""
    data = bytearray(rng.choice(frames))
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at = rng.randrange(2, max(3, len(data)))
        what = rng.randrange(9)
        if what == 0:
            data[at : at + 1] = rng.randbytes(1)
        elif what == 1 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            del data[at : at + rng.randrange(1, 9)]
        elif what == 3:
            data[at:at] = rng.randbytes(rng.randrange(1, 9))
        elif what == 4:
            data[at:at] = data[at : at + rng.randrange(1, 40)]
        elif what == 5:
            del data[at:]
        elif what == 6:
            data += rng.choice(frames)[rng.randrange(40) :]
        elif what == 7:
            data[-8:] = rng.randbytes(8)  # where a MAC is
        else:
            data[9:17] = rng.randbytes(8)  # about where a bitmap is
    if rng.random() < 0.85:
        data[:2] = min(len(data) - 2, 0xFFFF).to_bytes(2, "big")
    elif rng.random() < 0.5:
        data[:2] = rng.randbytes(2)
    return bytes(data)


def resigned(rng, wire, mac, frames):
    """A request of the corpus with one or two fields of something else, signed as it should be."""
    message = wire.unpack(rng.choice(frames)).message.copy()
    for _ in range(rng.choice((1, 2))):
        spec = rng.choice(wire.codec.spec.fields)
        if spec.number in (41, 42, 64):
            continue
        size = rng.randrange(spec.length + 1) if spec.is_variable else spec.length
        what = rng.randrange(3)
        if what == 0:
            message.fields.pop(spec.number, None)
        elif spec.kind == "b":
            message[spec.number] = rng.randbytes(size)
        else:
            message[spec.number] = "".join(rng.choice("0123456789") for _ in range(size))
    message.mti = rng.choice((message.mti, message.mti, "0200", "0220", "0400", "0320", "0500"))
    message.fields.pop(64, None)
    return wire.pack(
        Message(message.mti, message.fields), mac if message.mti in _SIGNED or message.mti == "0100" else None
    )


def fresh(rng, dialect, client, acquirer, frames):
    """The same requests for money under numbers that were not used, in the batch that is open: what would be booked."""
    wire, batch, made = acquirer.dialect.wire, acquirer.batch_number(TID), []
    for frame in frames:
        message = wire.unpack(frame).message.copy()
        if message.mti in _SIGNED:
            text = message.text(60)
            message[60] = text[:2] + batch + text[8:] if dialect == "unionpay" else batch + text[6:]
            message[11] = f"{rng.randrange(100_000, 999_999):06d}"
            del message[64]
            made.append(wire.pack(message, client.mac))
    return made


def fuzz_host(dialect, count, seed):
    """``count`` damaged requests; what they were answered, counted. AssertionError for the first that is not as it must be."""
    acquirer, client, frames, _, heard = talk(dialect)
    if dialect == "unionpay":
        client.sign_on()
    else:
        client.logon()
    wire, rng = acquirer.dialect.wire, random.Random(seed)
    money = [frame for frame in frames if wire.unpack(frame).message.mti in _SIGNED]
    answers = Counter()
    for step in range(count):
        kind = rng.random()
        if kind < 0.2:
            frame = resigned(rng, wire, client.mac, frames)
        elif kind < 0.5:
            frame = damaged(rng, fresh(rng, dialect, client, acquirer, [rng.choice(money), rng.choice(money)]))
        else:
            frame = damaged(rng, frames)
        if rng.random() < 0.001:  # else the batch soon is one that nothing more can be done with
            acquirer.session(TID).batches[acquirer.batch_number(TID)].phase = "open"
        known = [len(each) for each in heard]
        header = acquirer.describe(frame)
        reply = acquirer.handle(frame, 40_000_000_000 + step * 1_000)
        assert reply.request == header and PAN not in repr(header), frame.hex()
        has_changed = known != [len(each) for each in heard]
        if header.error:
            assert reply.frame is None and not has_changed, frame.hex()
            answers["unreadable"] += 1
            continue
        if len(heard[0]) != known[0] and header.mti in ("0100", *_SIGNED):
            assert wire.unpack(frame).mac_is_good(client.mac), f"booked with a wrong MAC: {frame.hex()}"
        if reply.frame is None:
            assert not has_changed, frame.hex()
            answers["silence"] += 1
            continue
        answer = wire.unpack(reply.frame).message
        assert answer.mti == f"{header.mti[:2]}{int(header.mti[2]) + 1}{header.mti[3]}", frame.hex()
        assert len(answer.text(39)) == 2 and not reply.header.error, frame.hex()
        answers[answer.text(39)] += 1
    assert sum(len(each) for each in heard) < count
    return answers


class _PinPad:
    """What the reference's line asks of a device."""

    def __init__(self, mac):
        self._mac = mac

    def mac(self, data):
        if self._mac is None:
            raise PinPadError("no key")
        return self._mac(data)

    @property
    def pin_pad(self):
        return self


class _Line:
    """A socket on which one stream of bytes arrives, in pieces."""

    def __init__(self, rng, stream):
        self._pieces = [stream]
        if len(stream) > 1 and rng.random() < 0.3:
            at = rng.randrange(1, len(stream))
            self._pieces = [stream[:at], stream[at:]]

    def settimeout(self, _timeout):
        pass

    def sendall(self, _data):
        pass

    def recv(self, _size):
        return self._pieces.pop(0) if self._pieces else b""

    def close(self):
        pass


def fuzz_terminal(dialect, count, seed):
    """``count`` damaged answers to the reference's line: an approval is believed only when it is the host's own."""
    acquirer, client, _, frames, _ = talk(dialect)
    wire, rng = acquirer.dialect.wire, random.Random(seed)
    pairs = [(wire.unpack(up).message, down) for up, down in zip(client.sent, client.received, strict=True)]
    pairs = [(request, reply) for request, reply in pairs if 11 in request]
    genuine = {wire.unpack(frame).envelope.payload for frame in frames}
    answers = Counter()
    for _ in range(count):
        request, reply = rng.choice(pairs)
        stream = damaged(rng, [reply]) if rng.random() < 0.8 else damaged(rng, frames) + reply
        header = acquirer.describe(stream)
        assert PAN not in repr(header), stream.hex()
        answer = Connection(_PinPad(client.mac), _Line(rng, stream), wire).exchange(b"", request, 10.0)
        answers[answer.status] += 1
        if answer.status != "answered" or answer.code != "00" or request.mti not in _SIGNED:
            continue
        # What is around a message, its MAC does not cover.
        assert genuine & {_payload(wire, each) for each in _frames(stream)}, f"believed: {stream.hex()}"
    return answers


def _payload(wire, frame):
    try:
        return wire.unpack(frame).envelope.payload
    except DecodeError:
        return b""


def _frames(stream):
    try:
        return split_frames(stream)[0]
    except DecodeError:
        return []

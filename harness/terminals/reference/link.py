"""The line to the acquirer: one connection a transaction, one request, the one reply that belongs to it.

A reply counts only if it repeats what was asked: message type, processing code, amount, trace number, terminal and merchant.
Anything else on the line is a late reply of an earlier time, or meant for somebody else, and is thrown away. An approval
counts only with a good MAC. An approval in part (10) repeats all but the amount, which is the part.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import Literal

from harness.contract import Device, PinPadError
from harness.contract.making import quick
from harness.iso8583 import CodecError, Message, unionpay
from harness.iso8583.wire import MAC_FIELD, Received, Wire

CONNECT_TIMEOUT_S = 15.0
# What a reply must repeat if it carries it at all (MTI apart): processing code, amount, STAN, terminal, merchant.
_ECHOED = (3, 4, 11, 41, 42)
_RECEIVE_BYTES = 4096
MAC_REQUESTS = frozenset({"0100", "0200", "0220", "0400", "0600"})
"""Requests that move money carry a MAC, and so do their answers."""

PARTLY = "10"
APPROVALS = frozenset({"00", PARTLY})

Status = Literal["answered", "bad_mac", "no_answer"]


@quick
@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``no_answer``: nothing that belongs to the request, so what happened there is unknown."""

    status: Status
    message: Message | None = None

    @property
    def code(self) -> str:
        """DE39 of an answer that can be trusted, or nothing."""
        return self.message.text(39, "") if self.message is not None and self.status == "answered" else ""

    @property
    def amount_fen(self) -> int:
        """DE4: what was approved."""
        return int(self.text(4) or 0)

    def text(self, number: int) -> str:
        """A text field of the answer, or nothing."""
        return self.message.text(number, "") if self.message is not None else ""


NO_ANSWER = Answer("no_answer")


class Connection:
    """One TCP connection; closed after one exchange, or with ``with``."""

    def __init__(self, device: Device, raw: socket.socket, wire: Wire = unionpay.WIRE) -> None:
        self._device = device
        self._raw = raw
        self._wire = wire

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        try:
            self._raw.close()
        except OSError:
            pass

    def exchange(self, frame: bytes, request: Message, timeout_s: float) -> Answer:
        """Send and wait for the reply. From the first byte on the host may have acted."""
        deadline_s = time.monotonic() + timeout_s
        buffer = b""
        try:
            self._raw.settimeout(timeout_s)
            self._raw.sendall(frame)
            while (left_s := deadline_s - time.monotonic()) > 0:
                self._raw.settimeout(left_s)
                data = self._raw.recv(_RECEIVE_BYTES)
                if not data:
                    return NO_ANSWER
                frames, buffer = self._wire.split_frames(buffer + data)
                for received in frames:
                    answer = self._understand(received, request)
                    if answer is not None:
                        return answer
        except (OSError, CodecError):
            return NO_ANSWER
        return NO_ANSWER

    def _understand(self, frame: bytes, request: Message) -> Answer | None:
        try:
            received = self._wire.unpack(frame)
        except CodecError:
            return None
        message = received.message
        asked = request.fields
        if message.mti != f"{int(request.mti) + 10:04d}":
            return None
        is_part = message.text(39, "") == PARTLY and message.text(4, "") < request.text(4, "")
        for number in _ECHOED:
            if number == 4 and is_part:
                continue
            if number in message and number in asked and message[number] != asked[number]:
                return None
        if message.text(11, "") != asked[11]:
            return None
        needs_mac = request.mti in MAC_REQUESTS or MAC_FIELD in message
        if message.text(39, "") in APPROVALS and needs_mac and not self._has_good_mac(received):
            return Answer("bad_mac", message)
        return Answer("answered", message)

    def _has_good_mac(self, received: Received) -> bool:
        try:
            return received.mac_is_good(self._device.pin_pad.mac)
        except PinPadError:
            return False


def connect(device: Device, wire: Wire = unionpay.WIRE) -> Connection | None:
    """A connection to the acquirer, or None: then nothing was sent and nothing can have happened."""
    try:
        return Connection(device, socket.create_connection(device.host_address, timeout=CONNECT_TIMEOUT_S), wire)
    except OSError:
        return None

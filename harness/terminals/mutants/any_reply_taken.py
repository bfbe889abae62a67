"""Defect: the first answer on the line is taken, whoever it is for: trace number, amount and terminal are not compared (R4).

A late answer on the next connection, or one of another customer, approves the sale. Must be caught by I9 (sound answers).
"""

import time

from harness.iso8583 import CodecError, Message, unionpay
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import MAC_REQUESTS, NO_ANSWER, Answer, Connection


class TrustingConnection(Connection):
    """Looks at the message type and the MAC, as the first tests did."""

    def exchange(self, frame: bytes, request: Message, timeout_s: float) -> Answer:
        deadline_s, buffer = time.monotonic() + timeout_s, b""
        try:
            self._raw.settimeout(timeout_s)
            self._raw.sendall(frame)
            while (left_s := deadline_s - time.monotonic()) > 0:
                self._raw.settimeout(left_s)
                data = self._raw.recv(4096)
                if not data:
                    return NO_ANSWER
                frames, buffer = unionpay.split_frames(buffer + data)
                if frames:
                    return self.first(frames[0], request)
        except (OSError, CodecError):
            pass
        return NO_ANSWER

    def first(self, frame: bytes, request: Message) -> Answer:
        """What came first."""
        received = unionpay.unpack(frame)
        if request.mti in MAC_REQUESTS and received.message.text(39, "") == "00" and not self._has_good_mac(received):
            return Answer("bad_mac", received.message)
        return Answer("answered", received.message)


class AnyReplyTaken(ReferenceTerminal):
    """See the module's first lines."""

    def open_line(self) -> Connection | None:
        opened = super().open_line()
        return None if opened is None else TrustingConnection(opened._device, opened._raw)

"""Defect: a request whose answer had a bad MAC is kept as it was sent, for support to look at.

The file holds the whole card number, track 2 and the PIN block. Shows only when an answer came with a wrong MAC: a garbled line,
a key that the host has changed.
"""

from __future__ import annotations

import os

from harness.iso8583 import Message
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer, Connection, connect


class _Line(Connection):
    def exchange(self, frame: bytes, request: Message, timeout_s: float) -> Answer:
        answer = super().exchange(frame, request, timeout_s)
        if answer.status == "bad_mac":
            volumes = self._device.volumes
            directory = volumes["cache"] if "cache" in volumes else next(iter(volumes.values()))
            try:
                with open(os.path.join(directory, "badmac.bin"), "wb") as file:
                    file.write(frame)
            except OSError:
                pass
        return answer


class FrameKept(ReferenceTerminal):
    """See the module's first lines."""

    def open_line(self) -> Connection | None:
        line = connect(self.device)
        return None if line is None else _Line(line._device, line._raw)

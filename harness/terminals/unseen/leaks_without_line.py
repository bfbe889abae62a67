"""Defect: the buffer of a call that did not get through is never given back.

Memory is used up call by call until the software dies. Shows after an outage long enough for some dozens of calls; on a good
line never.
"""

from __future__ import annotations

from harness.contract import Device
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Connection

_BUFFER_BYTES = 16_384


class LeaksWithoutLine(ReferenceTerminal):
    """See the module's first lines."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._buffers: list[bytearray] = []

    def open_line(self) -> Connection | None:
        self._buffers.append(bytearray(_BUFFER_BYTES))
        line = super().open_line()
        if line is not None:
            self._buffers.pop()
        return line

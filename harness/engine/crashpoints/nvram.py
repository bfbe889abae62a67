"""The battery-backed memory of a scene: every byte of a write is an instant at which power may go.

Models and sources: ``device.nvram``; this only tells of each byte as it lands.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.device.nvram import Nvram, _Write


class WatchedNvram(Nvram):
    """``on_bytes`` is called with the content after each byte of a write that changes it, then the write completes."""

    def __init__(self) -> None:
        super().__init__()
        self.on_bytes: Callable[[bytes], None] | None = None

    def complete(self, write: _Write) -> None:
        """All bytes of the write have landed, one after another."""
        if self.on_bytes is not None:
            partly = bytearray(self.content)
            for place in range(len(write.data)):
                at = write.offset + place
                if partly[at] != write.data[place]:
                    partly[at] = write.data[place]
                    self.on_bytes(bytes(partly))
        super().complete(write)

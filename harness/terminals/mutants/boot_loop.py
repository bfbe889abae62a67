"""Defect: a torn record at the journal's end, which every power cut may leave, is taken for a reason not to start.

Must be caught by I24 (back to idle after any fault, no boot loop).
"""

import os

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES, MAGIC, RecordFormat


class BootLoop(ReferenceTerminal):
    """See the module's first lines."""

    def boot(self) -> None:
        for name in FILE_NAMES:
            path = os.path.join(self.device.volumes["data"], name)
            if os.path.exists(path):
                with open(path, "rb") as file:
                    self.check(file.read())
        super().boot()

    def check(self, data: bytes) -> None:
        """Raise when the newest record is followed by a piece of another."""
        entries = RecordFormat().scan(data)
        newest = max((entry.generation for entry in entries), default=0)
        end = max((entry.end for entry in entries if entry.generation == newest), default=0)
        if data[end : end + len(MAGIC)] == MAGIC and end not in {entry.offset for entry in entries}:
            raise RuntimeError("journal corrupt")

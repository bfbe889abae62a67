"""Defect: a temporary file found at start is taken for a rewrite that a cut left unfinished, and put in place unread.

Whoever left it there, the journal is gone. Must be caught by I1 (lost approval).
"""

import os

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import FILE_NAMES
from harness.terminals.reference.store import Store


class LeftoverTaken(ReferenceTerminal):
    """See the module's first lines."""

    def make_store(self) -> Store:
        directory = self.device.volumes["data"]
        for name in FILE_NAMES:
            path = os.path.join(directory, name)
            if os.path.exists(f"{path}.tmp"):
                os.replace(f"{path}.tmp", path)
        return super().make_store()

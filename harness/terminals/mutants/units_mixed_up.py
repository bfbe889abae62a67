"""Defect: free space is read in kilobytes and compared with a threshold in bytes.

A volume with megabytes free is called full, and people settle in vain: "storage full, please settle" all day. Must be caught by
I14 (the full message is true).
"""

import os

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.store import Store

_THRESHOLD_BYTES = 65_536


class UnitsMixedUp(ReferenceTerminal):
    """See the module's first lines."""

    def is_full(self, store: Store) -> bool:
        space = os.statvfs(self.device.volumes["data"])
        free_kilobytes = space.f_bavail * space.f_frsize // 1024
        return super().is_full(store) or free_kilobytes < _THRESHOLD_BYTES

"""A terminal that asks how much space is free before each sale, as most in the field do; the reference reserves its space."""

import os

from harness.contract import Action, Outcome, Refused, Screen
from harness.terminals.reference.terminal import ReferenceTerminal

_NEEDED_BYTES = 64 * 1024


class AskingTerminal(ReferenceTerminal):
    """Refuses a sale when the file system says that there is too little room for it."""

    def sale(self, action: Action) -> Outcome:
        space = os.statvfs(self.device.volumes["data"])
        if space.f_bavail * space.f_frsize < _NEEDED_BYTES:
            self.device.display.show(Screen("storage_full", "存储满,请结算 STORAGE FULL"))
            return Refused("storage_full", "存储满,请结算 STORAGE FULL")
        return super().sale(action)

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


class DraftingTerminal(ReferenceTerminal):
    """Drafts each slip in a file of its own that it removes again; does without when there can be none."""

    def sale(self, action: Action) -> Outcome:
        path = f"{self.device.volumes['data']}/slip.tmp"
        try:
            with open(path, "w") as file:
                file.write(f"{action.amount_fen}\n")
            os.unlink(path)
        except OSError:
            pass
        return super().sale(action)

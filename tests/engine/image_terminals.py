"""Software written to show what happens to a terminal that begins on an image."""

from __future__ import annotations

import os

from harness.contract import Action, Outcome
from harness.terminals.jsonfile_terminal import JsonFileTerminal
from harness.terminals.reference.terminal import ReferenceTerminal


class Blind(ReferenceTerminal):
    """Nobody but itself can read its files."""

    inspect = None  # type: ignore[assignment]


class BlindJson(JsonFileTerminal):
    """The same, of a terminal without any use for the NVRAM."""

    inspect = None  # type: ignore[assignment]


class Forgetful(JsonFileTerminal):
    """Drops the records that it finds when it is first started, as a bad migration does."""

    def boot(self) -> None:
        super().boot()
        marker = os.path.join(self.device.volumes["data"], "migrated")
        if not os.path.exists(marker):
            self.clear_log()
            open(marker, "w").close()


class Seals(ReferenceTerminal):
    """Marks each refund of a sale whose card number it could open again."""

    def settle(self, action: Action) -> Outcome:
        self.device.probe("pad_opened" if self._opens() else "pad_did_not_open")
        return super().settle(action)

    def _opens(self) -> bool:
        sealed = self.device.volumes["data"] + "/sealed"
        if not os.path.exists(sealed):
            with open(sealed, "wb") as file:
                file.write(self.device.pin_pad.encrypt(b"told"))
                os.fsync(file.fileno())
        with open(sealed, "rb") as file:
            try:
                return self.device.pin_pad.decrypt(file.read()) == b"told"
            except Exception:
                return False

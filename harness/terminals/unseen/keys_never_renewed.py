"""Defect: the host's word that the terminal must sign on again (77, A0) is not followed while there are keys.

What is in doubt stays in doubt and no settlement ends until somebody signs on by hand. Shows when the host changes or loses its
keys during the day.
"""

from __future__ import annotations

from harness.terminals.reference import ReferenceTerminal


class KeysNeverRenewed(ReferenceTerminal):
    """See the module's first lines."""

    def ensure_session(self) -> bool:
        return self.device.pin_pad.has_key("mac") or self.sign_on_to_host()

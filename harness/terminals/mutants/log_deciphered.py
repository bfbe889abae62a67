"""Defect: the event log keeps the card as the PIN pad's ciphertext, and whoever has it printed gets it in clear.

At rest everything is as it should be; the help that is meant for support leaves the shop with every card of the day on it. Must
be caught by I29 (card numbers are kept, printed and shown truncated or encrypted).
"""

from __future__ import annotations

from dataclasses import replace

from harness.contract import DeviceError, Outcome
from harness.terminals.reference.records import Transaction
from harness.terminals.variants.keeps_log import KeepsLog

_MARK = " sealed="


class LogDeciphered(KeepsLog):
    """See the module's first lines."""

    manifest = replace(KeepsLog.manifest, name="log_deciphered")

    def note_outcome(self, transaction: Transaction, outcome: Outcome) -> None:
        self.note(f"{transaction.kind} {transaction.stan} {outcome.kind}{_MARK}{transaction.sealed_pan}")

    def lines(self) -> list[str]:
        return [self._readable(line) for line in super().lines()]

    def _readable(self, line: str) -> str:
        text, _, sealed = line.partition(_MARK)
        try:
            return f"{text} {self.device.pin_pad.decrypt(bytes.fromhex(sealed)).decode()}" if sealed else text
        except (DeviceError, ValueError):
            return text

"""The reference with an event log that support can have printed: what was asked, how it ended, what refused to work.

Models: two files of bounded size, the older of which is overwritten; a log that cannot be written stops no sale; card numbers
only truncated, in the file and on the slip alike. Does not model: a log sent over the line, levels, times of its own. Source: the
field articles ("keep records, read the log, remote help") and PCI DSS 3.4, 3.5.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

from harness.contract import Action, CardData, DeviceError, Done, Failed, Outcome, Receipt
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction

_FILE_BYTES_MAX = 4_096
_LINES_PRINTED = 30


class KeepsLog(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(
        ReferenceTerminal.manifest, name="keeps_log", actions=ReferenceTerminal.manifest.actions | {"read_log"}
    )

    def boot(self) -> None:
        self.note("boot")
        super().boot()

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        outcome = super().conduct(transaction, card, pan)
        self.note_outcome(transaction, outcome)
        return outcome

    def admission(self, action: Action) -> Outcome | None:
        refusal = super().admission(action)
        if refusal is not None:
            self.note(f"{action.kind} refused {refusal.reason}")
        return refusal

    def settle(self, action: Action) -> Outcome:
        outcome = super().settle(action)
        self.note(f"settle {outcome.kind} {outcome.reason}")
        return outcome

    def read_log(self, action: Action) -> Outcome:
        """The latest lines on a slip, for whoever is on the telephone."""
        try:
            self.device.printer.print(Receipt("other", "\n".join(("日志 EVENT LOG", *self.lines()[-_LINES_PRINTED:]))))
        except DeviceError:
            return Failed("paper_out", "缺纸 NO PAPER")
        return Done("日志已打印 LOG PRINTED")

    # ------------------------------------------------------------ the files

    def note_outcome(self, transaction: Transaction, outcome: Outcome) -> None:
        """One request and how it ended."""
        self.note(f"{transaction.kind} {transaction.stan} {transaction.card} {outcome.kind} {outcome.reason}")

    def note(self, what: str) -> None:
        """One more line; nothing is lost but a line when it cannot be written."""
        now = time.localtime()
        line = f"{now.tm_mon:02d}{now.tm_mday:02d} {now.tm_hour:02d}{now.tm_min:02d}{now.tm_sec:02d} {what.strip()}\n"
        newer, older = self._paths()
        try:
            if os.path.exists(newer) and os.path.getsize(newer) + len(line) > _FILE_BYTES_MAX:
                os.replace(newer, older)
            with open(newer, "a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            pass

    def lines(self) -> list[str]:
        """All that is kept, oldest first."""
        found: list[str] = []
        for path in reversed(self._paths()):
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    found += file.read().splitlines()
            except OSError:
                pass
        return found

    def _paths(self) -> tuple[str, str]:
        volumes = self.device.volumes
        directory = volumes["data"] if "data" in volumes else next(iter(volumes.values()))
        return os.path.join(directory, "events.log"), os.path.join(directory, "events.old")

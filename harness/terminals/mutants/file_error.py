"""Defect D14: when the approval cannot be written, "file error" is shown, and nobody takes the money back.

Seen in public terminal code (``SaveLogFile``). Must be caught by I31 (no silent charge) and I2 (host and log agree).
"""

from harness.contract import Approved, Failed, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Kind, Transaction
from harness.terminals.reference.store import StorageFault


class FileError(ReferenceTerminal):
    """See the module's first lines."""

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        store = self.store
        assert store is not None
        logged = transaction.answered(answer.text(37), answer.text(38), answer.text(13), answer.text(12))
        try:
            store.append(Kind.APPROVED, logged.pack())
        except StorageFault:
            # The reversal goes with the answer: "it has been approved, after all".
            store.clear(transaction.stan, "approved")
            return Failed("file_error", "文件错误 FILE ERROR")
        self.surface(logged)
        return Approved(logged.stan, logged.batch, logged.rrn)

"""Defect: a line for support is added to a file after each transaction, and the file is never trimmed.

It takes the room of the log: a settlement frees less each time, until the volume is full with an empty batch. Shows after some
hundreds of transactions.
"""

from __future__ import annotations

import os

from harness.contract import Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Transaction


class SupportLogGrows(ReferenceTerminal):
    """See the module's first lines."""

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        outcome = super().conclude(transaction, answer)
        line = (
            f"{transaction.date} {transaction.time} tid={self.device.tid} mid={self.device.mid} kind={transaction.kind} "
            f"batch={transaction.batch} stan={transaction.stan} amount={transaction.amount_fen} card={transaction.card} "
            f"status={answer.status} code={answer.code or '--'} outcome={outcome.kind} reason={outcome.reason or '--'}\n"
        )
        volumes = self.device.volumes
        directory = volumes["data"] if "data" in volumes else next(iter(volumes.values()))
        try:
            with open(os.path.join(directory, "support.log"), "a", encoding="utf-8") as file:
                file.write(line)
        except OSError:
            pass
        return outcome

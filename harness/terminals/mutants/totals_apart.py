"""Defect: the batch totals are kept in a file of their own, brought up to date after the record is durable.

Seen in public terminal code that saves the transaction count separately from the record. Power that goes between the two leaves
totals that no log adds up to. Must be caught by I10 (totals are the fold of the log).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import replace

from harness.contract import Inspection, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import BatchTotals, Kind, Settlement, Transaction, join
from harness.terminals.reference.store import Store

_NAME = "totals.json"


class TotalsApart(ReferenceTerminal):
    """See the module's first lines."""

    def kept_totals(self) -> BatchTotals:
        """As the file has them."""
        path = os.path.join(self.device.volumes["data"], _NAME)
        if not os.path.exists(path):
            return BatchTotals()
        with open(path) as file:
            return BatchTotals(*json.load(file))

    def keep_totals(self, totals: BatchTotals) -> None:
        """Durable, and whole: only too late."""
        path = os.path.join(self.device.volumes["data"], _NAME)
        with open(path + ".new", "w") as file:
            json.dump([int(text) for text in totals.texts()], file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        outcome = super().approve(transaction, answer)
        if outcome.kind == "approved":
            totals = self.kept_totals()
            voided = self.find(transaction.original_stan) if transaction.kind == "void" else None
            self.keep_totals(totals.plus(transaction) if voided is None else totals.plus(voided, -1))
        return outcome

    def start_settlement(self, store: Store) -> Settlement:
        store.append(Kind.SETTLE_STARTED, join(self.take_stan(), *self.kept_totals().texts()))
        return self._progress()

    def close_batch(self, store: Store, settlement: Settlement) -> None:
        super().close_batch(store, settlement)
        self.keep_totals(BatchTotals())

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        found = super().inspect(image)
        kept = next((content for path, content in image.items() if path.endswith("/" + _NAME)), b"[0, 0, 0, 0]")
        debits, debit_fen, credits, credit_fen = json.loads(kept)
        return None if found is None else replace(found, totals=(debits, debit_fen, credits, credit_fen))

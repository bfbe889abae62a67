"""Defect: approvals are collected in a module global and written to the journal only when a settlement begins.

Also shows that nothing in memory may survive a power cut in a simulation: a module is memory. Must be caught by I1 (lost
approval) and I2 (host and terminal disagree).
"""

from harness.contract import Approved, Outcome
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Kind, Transaction

LOG: list[Transaction] = []


class LogInRam(ReferenceTerminal):
    """See the module's first lines."""

    def approve(self, transaction: Transaction, answer: Answer) -> Outcome:
        assert self.store is not None
        logged = transaction.answered(answer.text(37), answer.text(38), answer.text(13), answer.text(12))
        LOG.append(logged)
        self.store.clear(transaction.stan, "00")
        self.surface(logged)
        return Approved(logged.stan, logged.batch, logged.rrn)

    def run_settlement(self) -> Outcome:
        assert self.store is not None
        while LOG and self.books.settlement is None:
            self.store.append(Kind.APPROVED, LOG[0].pack())
            del LOG[0]
        return super().run_settlement()

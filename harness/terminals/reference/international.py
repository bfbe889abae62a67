"""The reference terminal where the acquirer speaks the international dialect: the same care, another settlement.

A settlement request is answered 00, and the batch is closed, or 95: then every record goes up by itself and a second request
(960000) ends the batch. A second 95 says that the host and what it was sent still differ: nothing is given up, the settlement
begins anew with its totals and all its uploads. Chips' certificates stay where they are: the dialect has no message for them.
Source: domain notes, section 1.2; the second 95 taken for a closed batch is a defect of public terminal source (D9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.terminals.reference.messages_international import InternationalMessages
from harness.terminals.reference.records import Kind, Settlement, join
from harness.terminals.reference.settling import DELIVERED_CODES, UPLOADED
from harness.terminals.reference.store import Store
from harness.terminals.reference.terminal import ReferenceTerminal

DIFFERS = "95"


class InternationalReference(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(
        ReferenceTerminal.manifest,
        name="reference_international",
        dialect="international",
        previous="",
        # Its host knows no advice of a sale that a card approved while the line was down.
        offline_floor_fen=None,
        actions=frozenset(
            {
                "sale",
                "void",
                "refund",
                "settle",
                "sign_on",
                "reprint",
                "clear_cache",
                "reboot",
                "totals",
                "trace_number",
            }
        ),
    )
    messages_class = InternationalMessages

    @property
    def international(self) -> InternationalMessages:
        """The requests of this dialect."""
        assert isinstance(self.messages, InternationalMessages)
        return self.messages

    def request_settlement(self, store: Store, settlement: Settlement) -> Settlement:
        answer = self.ask(self.messages.settlement(settlement.stan, self.books.batch, settlement.totals))
        if answer.code != DIFFERS:
            self._accepted(answer)
        store.append(Kind.SETTLE_ANSWERED, join("unbalanced" if answer.code == DIFFERS else "balanced"))
        return self._progress()

    def upload_part(self, store: Store, part: int, offsets: Sequence[int]) -> None:
        transaction = store.read(offsets[0])
        stan, answer = self.take_stan(), None
        if transaction is not None and transaction.kind in UPLOADED:
            answer = self.ask(self.international.upload_record(stan, transaction, self.unseal(transaction)))
        if answer is None or answer.code in DELIVERED_CODES:
            store.append(Kind.SETTLE_UPLOADED, join(stan, str(part)))
        elif answer.code:
            self._accepted(answer)

    def upload_certificates(self, store: Store) -> None:
        """This dialect has no message for them: a chip sale is one record among the others (domain notes, section 1.2)."""

    def end_upload(self, *, balanced: bool) -> None:
        if balanced:
            return  # the host has closed the batch with its answer to the request
        totals = self._progress().totals
        answer = self.ask(self.international.settlement_end(self.take_stan(), self.books.batch, totals))
        if answer.code == DIFFERS:
            self.differs_again()
        else:
            self._accepted(answer)

    def differs_again(self) -> None:
        """Nothing is closed: begin anew, with every record still to be uploaded."""
        store = self.store
        assert store is not None
        store.append(Kind.SETTLE_STARTED, join(self.take_stan(), *self._progress().totals.texts()))
        self.device.probe("reference.differs_again")
        self.require(False, "host_95", "结算不平,请重新结算 TOTALS DIFFER, SETTLE AGAIN")

"""Offline sales: while the line is down a card's chip may approve a small amount, and the host is told later.

Models: store and forward. The record of the approval is durable before it is shown, and is the queue as well: the host is told by
an advice (0220, DE60.1 36) under the sale's own trace number, again and again, until it answers 00 or 94. Both say that it has
the sale; the queue then forgets it by a record of its own. The queue is worked off in the background and before a
settlement (R12). While a request is in doubt nothing is sold offline either: one thing at a time is unresolved.
Does not model: offline sales without a chip, black lists, limits of a card over several sales.
Source: domain notes 1.1 (脱机消费) and 1.5, R12; EMV Book 3, 9.3; amounts and counts are assumptions.
"""

from __future__ import annotations

from dataclasses import replace

from harness.contract import Action, Approved, CardData, Declined, DeviceError, Outcome, Refused
from harness.iso8583 import CodecError
from harness.terminals.reference.doubts import SIGN_ON_CODES
from harness.terminals.reference.holds import HoldingTerminal
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import OFFLINE_APPROVED, Kind, Transaction, join
from harness.terminals.reference.settling import DELIVERED_CODES
from harness.terminals.reference.store import StorageFault

OFFLINE_SALES_MAX = 50
NO_CONNECTION = Refused("no_connection", "通讯失败 NO CONNECTION")


class ForwardingTerminal(HoldingTerminal):
    """Sells offline, and forwards."""

    def sell_offline(self, transaction: Transaction, card: CardData) -> Outcome:
        """There is no line: the card may approve, if the amount is small and the queue short."""
        assert self.store is not None
        if not self.may_sell_offline(transaction, card):
            return NO_CONNECTION
        try:
            answer = self.device.card.first_cryptogram(transaction.amount_fen, offline=True)
        except DeviceError:
            return Refused("card_removed", "卡片已移开 CARD REMOVED")
        if answer.kind == "AAC":
            return Declined("card_declined", "卡片拒绝 DECLINED BY CARD")
        if answer.kind != "TC":
            return NO_CONNECTION
        sold = replace(transaction, authorisation=OFFLINE_APPROVED, certificate=answer.data.hex())
        try:
            self.keep_offline(sold)
        except StorageFault:
            return Refused("storage_error", "存储故障,不能交易 STORAGE FAULT")
        self.device.probe("reference.sold_offline")
        self.wait_a_while()
        self.surface(sold)
        return Approved(sold.stan, sold.batch)

    def may_sell_offline(self, transaction: Transaction, card: CardData) -> bool:
        """What the terminal decides before it asks the card. Without keys the batch was never agreed with the host."""
        floor_fen = self.manifest.offline_floor_fen
        is_small = floor_fen is not None and transaction.amount_fen <= floor_fen
        agreed = self.device.pin_pad.has_key("mac") and not self.must_sign_on
        return card.chip and is_small and agreed and len(self.books.unsent) < OFFLINE_SALES_MAX

    def keep_offline(self, transaction: Transaction) -> None:
        """Log entry and place in the queue, in one record: from now on the customer may be told."""
        assert self.store is not None
        self.store.append(Kind.APPROVED, transaction.pack())

    # ------------------------------------------------------------ forwarding

    def work_due(self) -> bool:
        return super().work_due() or bool(self.books.unsent)

    def work(self) -> bool:
        return super().work() and self.drain()

    def drain(self) -> bool:
        """Tell the host of all offline sales, oldest first; True when it has them all."""
        return all(self.forward(f"{stan:06d}") for stan in list(self.books.unsent))

    def forward(self, stan: str) -> bool:
        """Tell the host of one offline sale; whether it has it now."""
        transaction = self.find(stan)
        if transaction is None:
            # Its record is damaged, which has been told; a queue that waits for it would keep the batch open for ever.
            self.books.damaged += 1
            return self.note_forwarded(stan, "damaged")
        if not self.ensure_session():
            return False
        try:
            answer = self.tell(transaction)
        except (DeviceError, CodecError, ValueError):
            return False
        if answer.code in SIGN_ON_CODES:
            self.must_sign_on = True
        return answer.code in DELIVERED_CODES and self.note_forwarded(stan, answer.code)

    def tell(self, transaction: Transaction) -> Answer:
        """The advice, once."""
        return self.ask(self.messages.advice(transaction, self.unseal(transaction)))

    def note_forwarded(self, stan: str, code: str) -> bool:
        """The host has it. Losing this record is harmless: the host is told once more and answers 94."""
        assert self.store is not None
        self.device.probe("reference.offline_forwarded")
        try:
            self.store.append(Kind.FORWARDED, join(stan, code))
        except StorageFault:
            self.books.apply(Kind.FORWARDED, join(stan, code), 0)
        return True

    def host_knows(self, transaction: Transaction) -> bool:
        """Whether the host can be asked to undo it: an offline sale is forwarded first."""
        return int(transaction.stan) not in self.books.unsent or self.forward(transaction.stan)

    # ------------------------------------------------------------ a sale by chip

    def sell_by_chip(self, action: Action, card: CardData) -> Outcome:
        """A sale whose card speaks for itself."""
        raise NotImplementedError

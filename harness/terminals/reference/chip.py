"""Sales with a chip that speaks twice: before the host is asked, and after it has answered, and then it has the last word.

Models: the first cryptogram goes to the host in DE55; after the host's approval the card is asked for its second. A card that
declines then, or has been taken out, ends the sale: the reversal that was written ahead stands and is sent at once, and the
customer is told that no money moved, or that it is not known yet. Its certificate (TC) is kept with the record, and is sent to
the acquirer with the settlement, one by one (0320, 203), also when the totals agree. Does not model: cards without an approval in
part; issuer scripts; offline PIN. Source: domain notes 1.1 (批上送) and 1.2 (ONLINE_CARD_DENIED); EMV Book 3, 10.11.
"""

from __future__ import annotations

from dataclasses import replace

from harness.contract import Action, CardData, Declined, DeviceError, Outcome, Refused, Screen
from harness.iso8583 import CodecError, Message
from harness.terminals.reference.link import Connection
from harness.terminals.reference.offline import ForwardingTerminal
from harness.terminals.reference.records import Kind, Transaction, join
from harness.terminals.reference.settling import DELIVERED_CODES, UPLOAD_ROUNDS
from harness.terminals.reference.store import Store

CERTIFICATE_PART = 1_000_000
"""Certificates are acknowledged one by one: each is a part of the upload of its own, by its trace number above this."""
CARD_REFUSED = "卡片拒绝,已冲正 DECLINED BY CARD, REVERSED"


class ChipTerminal(ForwardingTerminal):
    """Asks the card before and after the host."""

    def sell_by_chip(self, action: Action, card: CardData) -> Outcome:
        self.device.display.show(Screen("processing", "处理中 PROCESSING"))
        transaction = self.compose("sale", action, card.pan, card)
        connection = self.open_line()
        if connection is None:
            return self.sell_offline(transaction, card)
        try:
            asked = self.device.card.first_cryptogram(transaction.amount_fen)
            transaction = replace(transaction, certificate=asked.data.hex())
            request = self.messages.financial(transaction, replace(card, emv_data=asked.data), card.pan)
            frame = self.messages.frame(request)
        except (DeviceError, CodecError):
            connection.close()
            return Refused("not_sendable", "不能发送 CANNOT SEND")
        if asked.kind != "ARQC":
            connection.close()
            return Declined("card_declined", "卡片拒绝 DECLINED BY CARD")
        return self.converse(connection, transaction, frame, request)

    def last_word(self, transaction: Transaction) -> Transaction | Outcome:
        """The host has approved: what the card makes of it. Nothing is logged before it has agreed."""
        try:
            answer = self.device.card.second_cryptogram("00")
        except DeviceError:
            return self.refused_by_card(transaction)
        if answer.kind != "TC":
            return self.refused_by_card(transaction)
        return replace(transaction, certificate=answer.data.hex())

    def refused_by_card(self, transaction: Transaction) -> Outcome:
        """The host has approved what will not be: the reversal is due, and is tried while the customer is still here."""
        assert self.store is not None
        self.device.probe("reference.refused_by_card")
        self.store.note_reason(transaction.stan, "06")
        if self.resolve_doubt(1):
            return Declined("card_refused", CARD_REFUSED, transaction.stan)
        return self.in_doubt(transaction, "06")

    # ------------------------------------------------------------ settlement

    def upload_certificates(self, store: Store) -> None:
        """Each certificate that the host has not acknowledged; round by round, as the rest of an upload."""
        stans = [stan for stan in self.books.certified if not self.books.is_voided(f"{stan:06d}")]
        for _ in range(UPLOAD_ROUNDS):
            left = self._unacknowledged(stans)
            if not left:
                return
            for stan in left:
                self.upload_certificate(store, f"{stan:06d}")
        self.require(not self._unacknowledged(stans), "upload", "批上送未完成 UPLOAD INCOMPLETE")

    def _unacknowledged(self, stans: list[int]) -> list[int]:
        uploaded = self._progress().uploaded
        return [stan for stan in stans if CERTIFICATE_PART + stan not in uploaded]

    def upload_certificate(self, store: Store, stan: str) -> None:
        """One certificate; recorded once the host has it. A record that cannot be read has none to send."""
        sale = self.find(stan)
        code = "00"
        if sale is not None:
            answer = self.ask(self.messages.certificate(sale, self.unseal(sale)))
            code = answer.code
            if code and code not in DELIVERED_CODES:
                self._accepted(answer)
        if code in DELIVERED_CODES:
            store.append(Kind.SETTLE_UPLOADED, join(stan, str(CERTIFICATE_PART + int(stan))))

    # ------------------------------------------------------------ what every transaction goes through

    def converse(self, connection: Connection, transaction: Transaction, frame: bytes, request: Message) -> Outcome:
        """Send the request on a line that is open, and conclude."""
        raise NotImplementedError

    def in_doubt(self, transaction: Transaction, reason: str) -> Outcome:
        """Leave it to the reversal."""
        raise NotImplementedError

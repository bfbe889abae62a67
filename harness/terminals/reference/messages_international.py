"""The requests this terminal sends where the acquirer speaks the international dialect.

Field use follows public EDC terminals: DE60 names the batch (and in an upload what is uploaded), DE62 of a void the number of
the sale it takes back, DE63 of a settlement 90 digits of totals; 920000 asks for a settlement, 960000 ends it after an upload.
Pre-authorisations are not offered. As in the other dialect tracks and PIN block exist only in the first request.
"""

from __future__ import annotations

from harness.contract import CardData
from harness.iso8583 import Message, international
from harness.iso8583.international import Reserved60, Totals63
from harness.iso8583.message import FieldValue
from harness.terminals.reference.messages import Messages
from harness.terminals.reference.records import BatchTotals, Transaction

_NETWORK = "001"
_CURRENCY = "156"
_KINDS = {"sale": ("0200", "000000"), "void": ("0200", "020000"), "refund": ("0220", "200000")}
_LOGON, _TEST, _SETTLE, _SETTLE_END = "920000", "990000", "920000", "960000"


class InternationalMessages(Messages):
    """Builds requests for one device."""

    wire = international.WIRE
    upload_size = 1

    def batch_of(self, reserved: str) -> str:
        return Reserved60.parse(reserved).batch

    def financial(self, transaction: Transaction, card: CardData | None, pan: str) -> Message:
        """A sale, void or refund."""
        fields = self._common(transaction, pan) | self._presented(transaction, card)
        if transaction.original_rrn:
            fields[37] = transaction.original_rrn
        if transaction.kind == "void":
            fields[62] = transaction.original_stan.encode()
        return Message(_KINDS[transaction.kind][0], fields)

    def _pin(self, pan: str) -> dict[int, FieldValue]:
        """The PIN block alone: this interface has no fields about how it was made."""
        return {number: value for number, value in super()._pin(pan).items() if number == 52}

    def _common(self, transaction: Transaction, pan: str) -> dict[int, FieldValue]:
        fields: dict[int, FieldValue] = {
            3: _KINDS[transaction.kind][1],
            4: f"{transaction.amount_fen:012d}",
            11: transaction.stan,
            24: _NETWORK,
            25: "00",
            **self._place,
            49: _CURRENCY,
            60: transaction.batch,
        }
        if pan:
            fields[2] = pan
        return fields

    def sign_on(self, stan: str, batch: str) -> Message:
        """Ask for working keys and the batch number."""
        return self._other("0800", _LOGON, stan, batch)

    def sign_off(self, stan: str, batch: str) -> Message:
        """There is no end of a session in this dialect; a test message says that the line is good."""
        return self._other("0800", _TEST, stan, batch)

    def settlement(self, stan: str, batch: str, totals: BatchTotals) -> Message:
        """The settlement request with the terminal's totals."""
        return self._other("0500", _SETTLE, stan, batch, {63: _text(totals)})

    def settlement_end(self, stan: str, batch: str, totals: BatchTotals) -> Message:
        """The settlement request after every record has been uploaded."""
        return self._other("0500", _SETTLE_END, stan, batch, {63: _text(totals)})

    def upload_record(self, stan: str, transaction: Transaction, pan: str) -> Message:
        """One record of the batch."""
        mti, code = _KINDS[transaction.kind]
        fields: dict[int, FieldValue] = {2: pan, 4: f"{transaction.amount_fen:012d}"}
        if transaction.rrn:
            fields[37] = transaction.rrn
        if transaction.authorisation:
            fields[38] = transaction.authorisation
        return self._other("0320", code, stan, str(Reserved60(transaction.batch, mti, transaction.stan)), fields)

    def _other(
        self, mti: str, code: str, stan: str, reserved: str, more: dict[int, FieldValue] | None = None
    ) -> Message:
        return Message(mti, {3: code, 11: stan, 24: _NETWORK, **self._place, 60: reserved, **(more or {})})


def _text(totals: BatchTotals) -> str:
    return str(Totals63(totals.debit_count, totals.debit_fen, totals.credit_count, totals.credit_fen))

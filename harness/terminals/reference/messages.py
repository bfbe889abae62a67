"""The requests this terminal sends, as UnionPay messages.

Field use follows the public UnionPay terminals: MTI, processing code and DE60.1 say what is asked, DE61 and DE37 name the
original, DE62 brings keys, DE48 totals and uploads. A reversal carries the original's trace number and DE60 and no card data
beyond the PAN; tracks and PIN block exist only in the first request and are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from harness.contract import CardData, Device, PinPadError
from harness.iso8583 import Message, unionpay
from harness.iso8583.message import FieldValue
from harness.iso8583.unionpay import (
    UPLOAD_ITEMS_MAX,
    Order59,
    Original61,
    Reserved60,
    Settlement48,
    SettlementTotals,
    UploadItem,
)
from harness.iso8583.wire import Wire
from harness.terminals.reference.link import MAC_REQUESTS
from harness.terminals.reference.records import SCAN_SALE, BatchTotals, Transaction

_CURRENCY = "156"
_TYPE_CODES = {
    "sale": "22", "void": "23", "refund": "25", "preauth": "10", "preauth_void": "11", "completion": "20",
    "completion_void": "21", SCAN_SALE: "22",
}  # fmt: skip
_PROCESSING_CODES = {
    "sale": "000000", "void": "200000", "refund": "200000", "preauth": "030000", "preauth_void": "200000",
    "completion": "000000", "completion_void": "200000", SCAN_SALE: "000000",
}  # fmt: skip
_MESSAGE_TYPES = {"refund": "0220", "preauth": "0100", "preauth_void": "0100"}
_CONDITIONS = dict.fromkeys(("preauth", "preauth_void", "completion", "completion_void"), "06")
_WITH_PIN = frozenset({"sale", "preauth"})
_SETTLE_CODE, _UPLOAD_CODE, _END_BALANCED_CODE, _END_UNBALANCED_CODE = "201", "201", "207", "202"
_CERTIFICATE_CODE, _OFFLINE_TYPE_CODE = "203", "36"
_QUERY, _REVOKE = "310000", "200000"
_SIGN_ON_CODE, _SIGN_OFF_CODE = "003", "002"


class Messages:
    """Builds requests for one device. Another dialect is a subclass, with another line."""

    wire: ClassVar[Wire] = unionpay.WIRE
    upload_size: ClassVar[int] = UPLOAD_ITEMS_MAX
    """How many records go into one upload."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._place: dict[int, FieldValue] = {41: device.tid, 42: device.mid}

    def frame(self, request: Message) -> bytes:
        """The bytes to send. Raises PinPadError when there is no MAC key."""
        is_about_money = request.mti == "0800" and 63 in request
        is_signed = request.mti in MAC_REQUESTS or is_about_money
        return self.wire.pack(request, self._device.pin_pad.mac if is_signed else None)

    def batch_of(self, reserved: str) -> str:
        """The batch number in an answer's DE60; DecodeError when there is none."""
        return Reserved60.parse(reserved).batch

    def financial(self, transaction: Transaction, card: CardData | None, pan: str) -> Message:
        """A sale, void, refund, or anything about a pre-authorisation."""
        fields = self._common(transaction, pan) | self._presented(transaction, card)
        if transaction.original_rrn:
            fields[37] = transaction.original_rrn
        if transaction.original_stan:
            fields[61] = str(
                Original61(transaction.original_batch, transaction.original_stan, transaction.original_date)
            )
        return Message(_MESSAGE_TYPES.get(transaction.kind, "0200"), fields)

    def advice(self, transaction: Transaction, pan: str) -> Message:
        """An offline sale, as it is told to the host until it has it: same trace number each time, and no track."""
        fields = self._common(transaction, pan)
        fields[22] = transaction.entry_mode
        fields[23] = transaction.sequence_number
        fields[55] = bytes.fromhex(transaction.certificate)
        fields[60] = _OFFLINE_TYPE_CODE + transaction.batch
        return Message("0220", fields)

    def certificate(self, transaction: Transaction, pan: str) -> Message:
        """The chip's certificate for one sale of the batch that is being settled, under the sale's own trace number."""
        fields = self._common(transaction, pan)
        fields[55] = bytes.fromhex(transaction.certificate)
        fields[60] = "00" + transaction.batch + _CERTIFICATE_CODE
        return Message("0320", fields)

    def reversal(self, transaction: Transaction, reason: str, pan: str) -> Message:
        """The reversal of a request in doubt: same trace number, same DE60."""
        fields = self._common(transaction, pan)
        fields[22] = transaction.entry_mode
        fields[39] = reason
        return Message("0400", fields)

    def order(self, order: Transaction, number: str, code: str) -> Message:
        """Create an order and charge the customer's payment code."""
        return Message("0600", self._common(order, "") | {22: "031", 59: str(Order59(number, code))})

    def order_query(self, order: Transaction, number: str, stan: str) -> Message:
        """How does it stand?"""
        return self._about_order(order, number, stan, _QUERY)

    def order_revocation(self, order: Transaction, number: str, stan: str) -> Message:
        """Make sure that it takes nothing."""
        return self._about_order(order, number, stan, _REVOKE)

    def _about_order(self, order: Transaction, number: str, stan: str, what: str) -> Message:
        return Message("0600", self._common(order, "") | {3: what, 11: stan, 59: str(Order59(number))})

    def _presented(self, transaction: Transaction, card: CardData | None) -> dict[int, FieldValue]:
        """How the card was shown, and what was on it where it is at hand; the PIN where one is asked for."""
        fields: dict[int, FieldValue] = {22: transaction.entry_mode}
        if transaction.sequence_number:
            fields[23] = transaction.sequence_number
        if card is not None:
            fields[14] = card.expiry
            fields[35] = card.track2
            if card.emv_data:
                fields[55] = card.emv_data
            if transaction.kind in _WITH_PIN and transaction.entry_mode.endswith("1"):
                fields |= self._pin(card.pan)
        return fields

    def _common(self, transaction: Transaction, pan: str) -> dict[int, FieldValue]:
        fields: dict[int, FieldValue] = {
            3: _PROCESSING_CODES[transaction.kind],
            4: f"{transaction.amount_fen:012d}",
            11: transaction.stan,
            25: _CONDITIONS.get(transaction.kind, "00"),
            **self._place,
            49: _CURRENCY,
            60: _TYPE_CODES[transaction.kind] + transaction.batch,
        }
        if pan:
            fields[2] = pan
        return fields

    def _pin(self, pan: str) -> dict[int, FieldValue]:
        try:
            return {26: "12", 52: self._device.pin_pad.pin_block(pan), 53: "2600000000000000"}
        except PinPadError:
            return {}

    def sign_on(self, stan: str, batch: str) -> Message:
        """Ask for working keys (double length) and the batch number."""
        return Message("0800", {11: stan, **self._place, 60: "00" + batch + _SIGN_ON_CODE})

    def about_money(self, stan: str, batch: str, code: str, text: str) -> Message:
        """Set the merchant's account and cycle, or ask for a batch's payout."""
        return Message("0800", {11: stan, **self._place, 60: "00" + batch + code, 63: text})

    def sign_off(self, stan: str, batch: str) -> Message:
        """End the session."""
        return Message("0820", {11: stan, **self._place, 60: "00" + batch + _SIGN_OFF_CODE})

    def settlement(self, stan: str, batch: str, totals: BatchTotals) -> Message:
        """The settlement request with the terminal's totals."""
        sides = Settlement48(
            SettlementTotals(totals.debit_fen, totals.debit_count, totals.credit_fen, totals.credit_count)
        )
        return Message(
            "0500", {11: stan, **self._place, 48: str(sides), 49: _CURRENCY, 60: "00" + batch + _SETTLE_CODE}
        )

    def upload(self, stan: str, batch: str, items: Sequence[UploadItem]) -> Message:
        """Up to eight records of the batch."""
        text = unionpay.upload_text(list(items))
        return Message("0320", {11: stan, **self._place, 48: text, 60: "00" + batch + _UPLOAD_CODE})

    def upload_end(self, stan: str, batch: str, count: int, *, balanced: bool) -> Message:
        """The end packet: all records have been delivered."""
        code = _END_BALANCED_CODE if balanced else _END_UNBALANCED_CODE
        return Message("0320", {11: stan, **self._place, 48: f"{count:04d}", 60: "00" + batch + code})

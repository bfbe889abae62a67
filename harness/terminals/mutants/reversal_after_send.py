"""Defect D1: the request is sent first, and its reversal is saved while the terminal waits for the answer.

Seen in public terminal code, where the save was moved behind the send to win half a second. Must be caught by I4 (write-ahead): a
cut between the two leaves nothing to ask from.
"""

from harness.contract import CardData, DeviceError, Outcome, Refused, Screen
from harness.iso8583 import CodecError, Message
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import NO_ANSWER, Answer, Connection, connect
from harness.terminals.reference.records import Transaction
from harness.terminals.reference.store import StorageFault


class SavingConnection(Connection):
    """A connection that saves the reversal behind the first byte."""

    def __init__(self, terminal: ReferenceTerminal, transaction: Transaction, opened: Connection) -> None:
        super().__init__(opened._device, opened._raw)
        self._terminal = terminal
        self._transaction = transaction

    def exchange(self, frame: bytes, request: Message, timeout_s: float) -> Answer:
        try:
            self._raw.settimeout(timeout_s)
            self._raw.sendall(frame)
        except OSError:
            return NO_ANSWER
        self._terminal.write_ahead(self._transaction)
        return super().exchange(b"", request, timeout_s)


class ReversalAfterSend(ReferenceTerminal):
    """See the module's first lines."""

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        self.device.display.show(Screen("processing", "处理中 PROCESSING"))
        try:
            request = self.messages.financial(transaction, card, pan)
            frame = self.messages.frame(request)
        except (DeviceError, CodecError):
            return Refused("not_sendable", "不能发送 CANNOT SEND")
        opened = connect(self.device)
        if opened is None:
            return Refused("no_connection", "通讯失败 NO CONNECTION")
        with SavingConnection(self, transaction, opened) as connection:
            try:
                answer = connection.exchange(frame, request, self.manifest.reply_timeout_s)
            except StorageFault:
                answer = NO_ANSWER
        return self.conclude(transaction, answer)

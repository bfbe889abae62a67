"""Defect: while it asks for a reversal, the terminal also takes the late answer to the sale itself for good (R7).

The reversal has gone out: what is shown as approved was undone. Must be caught by I9 (sound answers).
"""

from harness.iso8583 import CodecError, Message, unionpay
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer, Connection
from harness.terminals.reference.records import Transaction


class PatientConnection(Connection):
    """Knows an answer that is late."""

    def _understand(self, frame: bytes, request: Message) -> Answer | None:
        if request.mti == "0400":
            try:
                received = unionpay.unpack(frame)
            except CodecError:
                return None
            late = received.message
            if late.mti == "0210" and late.text(11, "") == request.text(11) and self._has_good_mac(received):
                return Answer("answered", late)
        return super()._understand(frame, request)


class LateReplyTaken(ReferenceTerminal):
    """See the module's first lines."""

    def open_line(self) -> Connection | None:
        opened = super().open_line()
        return None if opened is None else PatientConnection(opened._device, opened._raw)

    def reversal_answered(self, pending: Transaction, answer: Answer) -> None:
        if answer.message is not None and answer.message.mti == "0210" and answer.code == "00":
            self.approve(pending, answer)
            return
        super().reversal_answered(pending, answer)

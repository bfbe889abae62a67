"""Defect: when the line ends before the time for the answer is up, the sale "was not sent": its reversal is thrown away.

A host that had the request keeps the charge, and nobody is told. Shows when the line breaks, or is closed, after the request
arrived; silence until the time is up is handled well.
"""

from __future__ import annotations

import time

from harness.contract import Declined, Outcome
from harness.iso8583 import Message
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer, Connection, connect
from harness.terminals.reference.records import Transaction


class _Line(Connection):
    was_hung_up = False

    def exchange(self, frame: bytes, request: Message, timeout_s: float) -> Answer:
        deadline_s = time.monotonic() + timeout_s
        answer = super().exchange(frame, request, timeout_s)
        self.was_hung_up = answer.status == "no_answer" and time.monotonic() < deadline_s
        return answer


class HangUpIsNo(ReferenceTerminal):
    """See the module's first lines."""

    _line: _Line | None = None

    def open_line(self) -> Connection | None:
        line = connect(self.device)
        self._line = None if line is None else _Line(line._device, line._raw)
        return self._line

    def conclude(self, transaction: Transaction, answer: Answer) -> Outcome:
        if self._line is None or not self._line.was_hung_up:
            return super().conclude(transaction, answer)
        assert self.store is not None
        self.store.clear(transaction.stan, "line lost")
        return Declined("line_lost", "通讯中断,请重做 LINE LOST, TRY AGAIN", transaction.stan)

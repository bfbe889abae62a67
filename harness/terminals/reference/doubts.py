"""Requests in doubt: a sale or void whose answer did not come is reversed, a refund is repeated, until the host says.

One request at most is in doubt, for nothing new is sent before it is resolved. A reversal keeps the original's trace number
and is answered 00 (undone), 25 (never arrived; a late original will be declined) or 12 (nothing left to undo): each ends it.
"""

from __future__ import annotations

from harness.contract import DeviceError
from harness.iso8583 import Message
from harness.terminals.reference.core import TerminalCore
from harness.terminals.reference.link import Answer
from harness.terminals.reference.records import Kind, Transaction
from harness.terminals.reference.store import StorageFault

REVERSED_CODES = frozenset({"00", "12", "25"})
# The host says that it did not act on the request, and never will. Anything else leaves it in doubt.
DEFINITIVE_CODES = frozenset(
    {
        "01", "03", "04", "05", "07", "12", "13", "14", "15", "20", "21", "25", "30", "33", "34", "36", "38", "40", "41", "42",
        "43", "51", "52", "53", "54", "55", "56", "57", "58", "59", "61", "62", "63", "64", "65", "66", "67", "75", "77", "79",
        "90", "93", "94", "95", "97", "99", "A0",
    }
)  # fmt: skip
SIGN_ON_CODES = frozenset({"77", "A0"})
ATTEMPTS = 3


class DoubtResolver(TerminalCore):
    """Resolves the pending request."""

    def work_due(self) -> bool:
        return super().work_due() or self.books.pending is not None

    def work(self) -> bool:
        return super().work() and self.resolve_doubt(1)

    def resolve_doubt(self, attempts: int = ATTEMPTS) -> bool:
        """Ask the host about the pending request; True when none is left."""
        for _ in range(attempts):
            pending = self.books.pending
            if pending is None:
                return True
            if not self.ensure_session():
                return False
            answer = self.ask(self.request_about(pending))
            if answer.code in SIGN_ON_CODES:
                self.must_sign_on = True
            elif pending.is_reversible:
                self.reversal_answered(pending, answer)
            else:
                self.repeat_answered(pending, answer)
        return self.books.pending is None

    def request_about(self, pending: Transaction) -> Message:
        """The reversal, or for a refund the same request again."""
        pan = self.unseal(pending)
        if pending.is_reversible:
            return self.messages.reversal(pending, self.books.pending_reason, pan)
        return self.messages.financial(pending, None, pan)

    def reversal_answered(self, pending: Transaction, answer: Answer) -> None:
        """Only an answer that the host has nothing left to undo ends the doubt."""
        assert self.store is not None
        if answer.code in REVERSED_CODES:
            self.device.probe("reference.reversal_answered")
            self.store.clear(pending.stan, f"reversed {answer.code}")

    def repeat_answered(self, pending: Transaction, answer: Answer) -> None:
        """00 or 94: the refund has reached the host. A definite no: it never will."""
        assert self.store is not None
        if answer.code in ("00", "94"):
            logged = pending.answered(answer.text(37), answer.text(38), answer.text(13), answer.text(12))
            try:
                self.store.append(Kind.APPROVED, logged.pack())
            except StorageFault:
                return
            self.surface(logged)
        elif answer.code in DEFINITIVE_CODES:
            self.store.clear(pending.stan, answer.code)

    def surface(self, transaction: Transaction) -> None:
        """Tell people of an approval that is logged."""
        raise NotImplementedError

    def unseal(self, transaction: Transaction) -> str:
        """The card number, from the PIN pad's ciphertext; empty when it cannot be had."""
        try:
            return self.device.pin_pad.decrypt(bytes.fromhex(transaction.sealed_pan)).decode()
        except (DeviceError, ValueError):
            return ""

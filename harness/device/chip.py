"""The chip of a customer's card: it speaks twice in a sale, and its last word counts.

Models: GENERATE AC, first and second: an online request (ARQC) by default, an approval without the host (TC) where terminal and
card both allow it, a refusal (AAC) after the host has approved, and a card that is taken out before its last word.
Does not model: keys (a cryptogram is eight bytes that depend on all that it should depend on), card risk management beyond
a yes or no, PIN by chip, issuer scripts. Source: EMV Book 3, 6.5.5 and 9.3; domain notes 1.2 (ONLINE_CARD_DENIED).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from harness.contract import Cryptogram, CryptogramKind
from harness.iso8583.icc import icc_data

_APPROVED = frozenset({"00", "10"})


@dataclass(frozen=True, slots=True)
class Chip:
    """One card's chip in one presentation, which ``token`` names. All else is what it will do, and nobody knows beforehand."""

    token: str
    approves_offline: bool = False
    refuses: bool = False
    """Declines at its last word, whatever the host said."""
    taken_out: bool = False
    """The customer takes the card out before its last word."""

    def first(self, amount_fen: int, *, offline: bool) -> Cryptogram:
        """Before the host is asked."""
        return self._answer("TC" if offline and self.approves_offline else "ARQC", amount_fen, "")

    def second(self, amount_fen: int, response_code: str) -> Cryptogram | None:
        """After the host has answered; None when the card is gone."""
        if self.taken_out:
            return None
        approves = response_code in _APPROVED and not self.refuses
        return self._answer("TC" if approves else "AAC", amount_fen, response_code)

    def _answer(self, kind: CryptogramKind, amount_fen: int, response_code: str) -> Cryptogram:
        asked = f"{self.token}/{kind}/{amount_fen}/{response_code}".encode()
        return Cryptogram(kind, icc_data(kind, blake2b(asked, digest_size=8).digest(), self.token))

"""Pre-authorisations at the host: what is held for how long, and what may become of it.

Models: a hold of an amount on a card, which one completion of up to 115 % uses up, a void or reversal releases, and time ends.
The hold that a reversed or voided completion had used up is there again. Does not model: extending a hold, completing it in
parts, issuers' own terms. Source: domain notes 1.1; the 115 % is knowledge of the rules, the rest is assumption, marked [A]:

- A hold that has ended is declined with 12, one that never was with 25, too large an amount with 64, another card with 14 [A].
- A hold lasts 30 days [A]. That it has ended is noted when somebody asks for it: nothing happens at the host by itself.
- Holds belong to the merchant: a completion or void may come from another of its terminals, in any batch [A].
- Some acquirers clear completions without asking anybody (``completions_trusted``) [A]: there the terminal's own care
  is all there is.
"""

from dataclasses import dataclass

from harness.core.units import US_PER_DAY
from harness.host.ledger import Entry, Ledger, same_card

COMPLETION_PERCENT_MAX = 115


@dataclass(frozen=True, slots=True)
class Rules:
    """What acquirers differ in."""

    hold_us: int = 30 * US_PER_DAY
    """How long a pre-authorisation holds its amount."""
    amount_limit_fen: int | None = None
    """The most that one sale or pre-authorisation may be: above it 61."""
    count_limit: int | None = None
    """How many sales and pre-authorisations of one terminal are approved a day: from then on 65."""
    completions_trusted: bool = False
    """Completions are booked as the terminal sends them, whatever their pre-authorisation says."""
    codes_trusted: bool = False
    """A payment code that has been used is charged again, in an order of another number."""


class Holds:
    """The rules about pre-authorisations, over the ledger's entries of that kind."""

    def __init__(self, ledger: Ledger, rules: Rules) -> None:
        self._ledger = ledger
        self.rules = rules

    def lapse(self, hold: Entry, at_us: int) -> None:
        """Note that time has ended the hold, if it has."""
        if hold.kind == "preauth" and hold.state == "APPROVED" and at_us - hold.since_us >= self.rules.hold_us:
            self._ledger.move(hold, "EXPIRED", at_us, "the hold has expired")

    def void_code(self, hold: Entry | None, amount_fen: int, pan: str) -> str:
        """What a void of the hold is answered."""
        return self._fit(hold, pan) or ("00" if hold is not None and hold.amount_fen == amount_fen else "64")

    def completion_code(self, hold: Entry | None, amount_fen: int, pan: str) -> str:
        """What a completion of the hold is answered."""
        if self.rules.completions_trusted and hold is not None and hold.kind == "preauth":
            return "00"
        unfit = self._fit(hold, pan)
        if unfit or hold is None:
            return unfit
        return "00" if amount_fen * 100 <= hold.amount_fen * COMPLETION_PERCENT_MAX else "64"

    def _fit(self, hold: Entry | None, pan: str) -> str:
        """Why nothing can be done with the hold; empty when something can."""
        if hold is None or hold.kind != "preauth" or hold.state in ("REVERSED", "DECLINED"):
            return "25"
        if hold.state != "APPROVED":
            return "12"
        return "14" if pan and not same_card(hold.pan, pan) else ""

    def use(self, hold: Entry, at_us: int, reason: str) -> None:
        """A completion of it stands."""
        hold.completions += 1
        if hold.state == "APPROVED":
            self._ledger.move(hold, "COMPLETED", at_us, reason)

    def give_back(self, hold: Entry, at_us: int, reason: str) -> None:
        """A completion of it stands no longer."""
        hold.completions = max(0, hold.completions - 1)
        if hold.state == "COMPLETED" and not hold.completions:
            self._ledger.move(hold, "APPROVED", at_us, reason)

    def can_be_used_again(self, hold: Entry) -> bool:
        """Whether a completion whose void is undone can stand again."""
        return hold.state == "APPROVED" or self.rules.completions_trusted

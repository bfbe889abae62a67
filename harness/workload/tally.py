"""Was the trade accepted? The measure that keeps a terminal that refuses everything from passing.

Models: every purchase that was asked for, sorted by how it ended and whose doing that was. A sale is *feasible* unless the
card or the host declined it for a good reason, power, link or host were down, or the people had not settled a full
terminal. Does not model: lost turnover in money. Source: a decision of this project: 90 % of the feasible sales for any
terminal, 99 % for the reference.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class TradeTally:
    """Counts of sales by how they ended. Each sale that was asked for is in exactly one other count."""

    asked: int = 0
    accepted: int = 0
    declined: int = 0
    """The host declined the card: a good reason."""
    infeasible: int = 0
    """Power, link or host were down, a storage condition was on, the paper was out, people restarted the terminal under the
    sale, nobody settled a full terminal, or the shop closed before the customer would have given up."""
    left_queue: int = 0
    """The customer gave up before their turn, with nothing in the way: the terminal was too slow."""
    refused_full: int = 0
    """Refused as full although settlement was possible, or after it."""
    refused: int = 0
    """Refused, or declined by the terminal on its own, with nothing in the way."""
    unanswered: int = 0
    """No answer, an unknown end, or a dead terminal, with nothing in the way."""

    @property
    def feasible(self) -> int:
        """Sales that good software would have made."""
        return self.asked - self.declined - self.infeasible

    @property
    def accepted_percent(self) -> float | None:
        """How many of the feasible sales were accepted; None when there was none, which proves nothing."""
        return 100.0 * self.accepted / self.feasible if self.feasible else None

    def add(self, other: TradeTally) -> None:
        """Count ``other``'s sales too."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

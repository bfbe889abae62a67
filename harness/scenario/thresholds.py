"""What is measured in a run and may be bounded by a scenario (``measures:``): names with their units last, and which way is good.

Models: figures that break no rule of money or records, and that people feel all the same. Does not model: how they are measured
(``engine.measures`` does). Source: articles on late funds and slow terminals; design section 8 (measures with thresholds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Bound = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Known:
    """A measure: what it says, and whether a threshold is a floor or a ceiling."""

    meaning: str
    bound: Bound


MEASURES: dict[str, Known] = {
    "acceptance_percent": Known("accepted of the feasible sales", "at least"),
    "availability_percent": Known("share of the trading days in which terminals were up", "at least"),
    "recovery_s_p95": Known("from power lost or software dead to ready again, 95 of 100 times", "at most"),
    "recovery_s_max": Known("the longest of these", "at most"),
    "sale_s_p95": Known("from the card to the end of a sale, 95 of 100 times", "at most"),
    "sale_s_p95_from_10_percent_full": Known("the same while 10 to 50 percent full", "at most"),
    "sale_s_p95_from_50_percent_full": Known("the same while 50 to 90 percent full", "at most"),
    "sale_s_p95_from_90_percent_full": Known("the same while 90 to 99 percent full", "at most"),
    "sale_s_p95_from_99_percent_full": Known("the same while at least 99 percent full", "at most"),
    "leak_bytes_per_sale": Known("by how much memory grows with each sale between two starts", "at most"),
    "dies_on_day": Known("when memory would be over at that rate if nobody restarted it", "at least"),
    "value_at_risk_yuan": Known("the most that one terminal had approved and not settled", "at most"),
    "to_account_h_p95": Known("from the sale to the money in the account, 95 of 100 times", "at most"),
    "late_payouts": Known("payouts that were made after they were due, or were due and did not arrive", "at most"),
    "late_payout_h_max": Known("how much too late the latest payout was made", "at most"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """A bound on one measure."""

    measure: str
    value: float

    def holds(self, measured: float) -> bool:
        """Whether a measured value is within it."""
        return measured >= self.value if MEASURES[self.measure].bound == "at least" else measured <= self.value

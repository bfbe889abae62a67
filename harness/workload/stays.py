"""A hotel guest's stay: an amount is held at check-in, and what is due is taken at check-out, by whoever is at the desk then.

Models: how long guests stay (0 to 2 nights), what they owe in the end (mostly less than was held, at times up to 15 percent
more), that some pay otherwise and have the hold voided; and three habits of a hotel desk that the scenario may switch on: the
bill is beyond what a hold allows and is keyed in whole first, a slip is completed once more by somebody who did not see it
done, and the slip of a voided hold is completed.
Does not model: several holds for one stay, extending a hold, guests who leave without checking out.
Source: domain notes, section 3 (hotel: out from 7 to 10, pre-authorisations half of the trade); all other numbers are
assumptions.

All of a stay hangs on one decision, named after the check-in's intent: other guests come and go as they would have.
"""

from __future__ import annotations

import random
from bisect import insort
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE
from harness.workload.arrivals import Visit

if TYPE_CHECKING:
    from harness.workload.till import SaleReceipt, Till

COMPLETION_PERCENT_MAX = 115
CHECK_OUTS = frozenset({"completion", "preauth_void"})
"""What a guest comes for at the end of a stay."""
CHECK_INS_A_DAY_MAX = 1_000
"""A check-in with a higher number in its day is an ordinary sale: check-outs are numbered after their check-in."""
_FIRST_CHECK_OUT = 5_000
_LAST_HALF_HOUR_US = 30 * US_PER_MINUTE


@dataclass(frozen=True, slots=True)
class Stay:
    """One guest from check-in to check-out."""

    check_in: int
    """The intent of the check-in."""
    check_out: Visit
    slip: SaleReceipt
    """The pre-authorisation's."""

    @property
    def held_fen(self) -> int:
        """What was held."""
        return self.slip.amount_fen

    @property
    def most_fen(self) -> int:
        """What can be taken from the hold."""
        return self.held_fen * COMPLETION_PERCENT_MAX // 100


def begin(till: Till, visit: Visit, slip: SaleReceipt) -> None:
    """The guest of ``visit`` has checked in with ``slip``: they will come to check out."""
    intent = till.intent_of(visit)
    generator = random.Random(till.world.decisions.seed(f"{till.station.name}/i{intent}/stay"))
    draw = generator.random
    nights = 0 if (u := draw()) < 0.2 else 1 if u < 0.7 else 2
    out_u, share, kind_u = draw(), draw(), draw()
    at_us = _check_out_us(till, nights, out_u)
    day = at_us // US_PER_DAY
    kind: Literal["completion", "preauth_void"] = "preauth_void" if kind_u < 0.08 else "completion"
    due_fen = slip.amount_fen
    if kind == "completion":
        due_fen = max(1, int(slip.amount_fen * (1.0 + 0.15 * share if kind_u >= 0.8 else 0.5 + 0.5 * share)))
        if till.happens(till.behaviour.bills_above_hold_percent, f"i{intent}/bill_above_hold"):
            due_fen = int(slip.amount_fen * (1.2 + 0.3 * share))
    check_out = Visit(
        day=day,
        number=_FIRST_CHECK_OUT + (day - visit.day) * CHECK_INS_A_DAY_MAX + visit.number,
        at_us=at_us,
        kind=kind,
        amount_fen=due_fen,
        pays_by_code=False,
        keying_us=visit.keying_us,
        reaching_us=visit.reaching_us,
        patience=visit.patience,
        card_choice=slip.card_choice,
    )
    insort(till.stays, Stay(intent, check_out, slip), key=lambda stay: (stay.check_out.at_us, stay.check_in))


def _check_out_us(till: Till, nights: int, u: float) -> int:
    """Between 7 and 10 in the morning, or some hours after check-in; while the desk is open."""
    now_us, hours = till.world.now_us, till.hours
    today_us = now_us // US_PER_DAY * US_PER_DAY
    if not nights:
        at_us = now_us + int((2.0 + 4.0 * u) * US_PER_HOUR)
        if at_us < today_us + hours.close_us - _LAST_HALF_HOUR_US:
            return at_us
        nights = 1
    open_us = max(7 * US_PER_HOUR, hours.open_us)
    last_us = max(open_us, min(open_us + 3 * US_PER_HOUR, hours.close_us - _LAST_HALF_HOUR_US))
    return today_us + nights * US_PER_DAY + open_us + int(u * (last_us - open_us))


def check_out_now(till: Till, visit: Visit, due_fen: int | None) -> Stay | None:
    """The guest who checked in first comes for what ``visit`` says (a script's); None when no guest is there."""
    if not till.stays:
        return None
    stay = min(till.stays, key=lambda each: each.check_in)
    till.stays.remove(stay)
    due = replace(
        visit,
        amount_fen=stay.held_fen if due_fen is None else due_fen,
        card_choice=stay.slip.card_choice,
        pays_by_code=False,
    )
    return replace(stay, check_out=due)


def next_due(till: Till, before_us: int) -> Stay | None:
    """The next guest who checks out before then; they are on the list no longer."""
    if till.stays and till.stays[0].check_out.at_us < before_us:
        return till.stays.pop(0)
    return None

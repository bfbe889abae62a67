"""Until when a lost record is known to have been there: the terminal's own totals counted it, or its own log listed it."""

from __future__ import annotations

import pytest

from harness.core.units import US_PER_MINUTE, US_PER_SECOND
from harness.history.events import AnyEvent
from harness.invariants.casebook import at, inspected, paid_sale, phase, record, settled
from harness.invariants.judge import Judge

SETTLED_S, LISTED_S = 36_000, 20_000
LOST = at(SETTLED_S, settled(host_only=(1,), claimed=(0, 0)))
COUNTED = at(SETTLED_S, settled(host_only=(1,), claimed=(1, 1000)))
LISTED = at(LISTED_S, inspected(record()))


@pytest.mark.parametrize(
    ("events", "until_us"),
    [
        ((LOST,), 0),
        ((COUNTED,), SETTLED_S * US_PER_SECOND - 10 * US_PER_MINUTE),
        ((LISTED, LOST), LISTED_S * US_PER_SECOND),
        ((at(LISTED_S, inspected(record("000002"))), LOST), 0),
    ],
)
def test_a_lost_record_was_there_while_the_terminal_counted_or_listed_it(
    events: tuple[AnyEvent, ...], until_us: int
) -> None:
    judge = Judge(selected=["no_lost_approval"])
    history = (*paid_sale(), *events, at(SETTLED_S + 60, phase("quiescence")))
    for number, event in enumerate(history):
        judge.observe(number, event)
    (judgement,) = judge.conclude(history[-1].at_us)
    (found,) = judgement.findings
    assert found.kept_until_us == until_us

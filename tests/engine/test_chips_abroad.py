"""Sales by chip where the dialect has no message for a certificate: settled as others are, with totals that agree or not."""

from __future__ import annotations

import pytest

from tests.engine.small_runs import run, small, told

AGREED = "people: {chip: 100%, settles_on_time: 100%, settles_late: 0%, daily_reboot: false}\nsales_per_day: 8\n"
DIFFERED = AGREED + "faults: [{type: host_miscounts, at: {action: settle}}]\n"
# Cards that would approve a sale by themselves: its host could not be told of it.
LINE_DOWN = AGREED + "faults: [{type: partition, at: {day: 1, time: '09:15'}, lift_after: 25 min}]\n"


@pytest.mark.parametrize("text", [AGREED, DIFFERED, LINE_DOWN], ids=["agreed", "differed", "line down"])
def test_the_international_reference_settles_sales_by_chip(text: str) -> None:
    verdict = run(small(text), "reference_international")
    assert verdict.status == "pass", told(verdict)
    assert all(fault.bit for fault in verdict.faults)

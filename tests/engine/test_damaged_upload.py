"""A record goes bad in the middle of a batch upload: every other one reaches the host all the same."""

from __future__ import annotations

from tests.engine.small_runs import run, small, told

# The power goes when the host has acknowledged the second message, and before the third is sent.
BETWEEN_TWO_MESSAGES = """
sales_per_day: 30
faults:
  - {type: host_miscounts, at: {action: settle}}
  - type: corrupt_file
    path: /data/journal.0
    offset: 653 B
    bit_number: 0
    at: {message: {direction: up, mti: "0320", moment: sent}, occurrence: 2}
  - {type: power_loss, off_for: 30 s, at: {message: {direction: down, mti: "0330"}, occurrence: 2, delay: 10 ms}}
"""


def test_parts_of_an_upload_stay_what_they_were_when_a_record_before_them_is_lost() -> None:
    verdict = run(small(BETWEEN_TWO_MESSAGES), "reference")
    assert verdict.status == "pass", told(verdict)
    assert all(fault.bit for fault in verdict.faults)

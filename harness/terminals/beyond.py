"""What happens in shops and is in no row of ``assays``, because no mutant has needed it: tried for every mutant without rows.

Each is a few lines over the quiet hour, as a row's scenario is. They were written when defects that nobody had made a check for
went through the harness unseen (``unseen/README.md``): most of them for want of an occasion.
"""

from __future__ import annotations

_ONE_TRY = "people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}"

BEYOND: tuple[str, ...] = (
    # A slip asked for once more after a sale that was not to be.
    """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1, reprints: 100%}
host: {no_reply: 0%, decline: 30%}
faults: [{type: host_silent, at: {action: sale, occurrence: 3}}]
""",
    "faults: [{type: paper_out, at: {day: 1, time: '09:10'}, lift_after: 30 min}]",
    # The line breaks when the host has carried the request out.
    _ONE_TRY + "\nfaults: [{type: link_reset, at: {action: sale, occurrence: 3}}]",
    "merchants: hotel\nfaults: [{type: host_silent, at: {action: preauth, occurrence: 2}}]",
    """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, refunds: 40%}
sales_per_day: 20
faults: [{type: host_silent, at: {action: refund}}]
""",
    "faults: [{type: day_cut_over, at: {action: settle}, lift_after: 30 min}]",
    "faults: [{type: cloned_tid, at: {day: 1, time: '09:20'}, lift_after: 20 min}]",
    # They settle in the morning, and the power goes when the host has closed the batch.
    """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 0%, settles_late: 100%, daily_reboot: false}
faults:
  - {type: power_loss, at: {day: 2, message: {direction: down, mti: "0510"}, storage_operation: 3}, off_for: 14 min}
""",
    # The host closes the batch while power goes for the night, and names the next one when the terminal signs on.
    """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, settlement_tries: 1}
faults:
  - {type: power_loss, at: {day: 1, message: {direction: down, mti: "0510"}}, off_for: 1379 min}
  - {type: host_silent, at: {day: 2, message: {direction: up, mti: "0500", moment: sent}}}
""",
    # A new device that knows nothing: its trace numbers have been used.
    """
days: {count: 1, open: "09:00", close: "12:00"}
sales_per_day: 30
faults: [{type: device_lost, at: {day: 1, time: "10:00"}, takes: 10 min}]
""",
    # Something in doubt, a clock that is set back meanwhile, an empty roll, and nobody who comes for a while.
    """
days: {count: 1, open: "09:00", close: "15:00"}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - {type: half_open, at: {action: sale, occurrence: 3}, lift_after: 6 min}
  - {type: clock_jump, jump: -1 d, at: {action: sale, occurrence: 3, delay: 5 min}}
  - {type: paper_out, at: {action: sale, occurrence: 3, delay: 310 s}, lift_after: 6 h}
""",
    # Uploads of all lengths.
    """
days: {count: 12, open: "09:00", close: "10:00"}
sales_per_day: 12
faults: [{type: host_miscounts, messages: 12, at: {action: settle}}]
""",
    # Hours without a line, with something in doubt.
    """
days: {count: 2, open: "09:00", close: "18:00"}
sales_per_day: 60
faults: [{type: partition, at: {day: 1, time: "09:50", action: sale}, lift_after: 6 h}]
""",
)

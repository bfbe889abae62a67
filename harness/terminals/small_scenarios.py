"""One quiet hour, and the lines over it that mutants are tried with (``assays``): each the smallest that shows a defect.

Models: what stands beside the quiet hour, key by key, as a scenario file would say it.
Does not model: whole scenarios of the trade; those ship as files (scenarios/).
"""

from __future__ import annotations

_QUIET = """
name: small
terminals: 1
days: {count: 1, open: "09:00", close: "10:00"}
sales_per_day: 8
host: {no_reply: 0%, decline: 0%}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false}
"""


def hour(text: str = "") -> str:
    """One terminal, one quiet hour, settled at its end; ``text`` says what is otherwise, key by key."""
    keys = [line.partition(":")[0] for line in text.splitlines() if line and line[0].isalpha()]
    if "actions" in keys:
        keys.append("sales_per_day")  # actions name everybody who comes
    kept = [line for line in _QUIET.splitlines() if line.partition(":")[0] not in keys]
    return "\n".join((*kept, text))


NOBODY_PAYS_TWICE = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
"""
ANSWER_LOST = """
faults:
  - {type: host_silent, at: {action: sale, occurrence: 3}}
"""
REVERSAL_LOST_TOO = (
    NOBODY_PAYS_TWICE
    + ANSWER_LOST
    + "  - {type: host_silent, name: reversal_lost, unread: true, at: {message: {direction: up, mti: '0400', moment: sent}}}"
)
CUT_IN_A_SALE = """
faults:
  - {type: power_loss, at: {action: sale, occurrence: 4, storage_operation: 1}, off_for: 30 s}
"""
CUT_IN_THE_COMMIT = """
profile: posix-weak
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 2}
    off_for: 30 s
"""
# The fifth approval's successor crosses a sector boundary, so its record can be torn in two.
TORN_RECORD = """
profile: posix-weak
sales_per_day: 15
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 5, storage_operation: 4}
    off_for: 30 s
"""
CRASH = "faults: [{type: crash, at: {action: sale, occurrence: 4}}]"
# Signing on takes 999997, and the third sale 000001.
WRAPS = "terminals: {count: 1, trace_number: 999997}\n"
LOG_CUT_OFF = "faults: [{type: truncate_file, path: /data/journal.0, remaining: 5%, at: {day: 1, time: '09:55'}}]"
SETTLEMENT_UNREAD = "faults: [{type: host_silent, unread: true, messages: 2, at: {action: settle}}]"
SETTLEMENT_ANSWER_LOST = "faults: [{type: host_silent, at: {action: settle}}]"
FULL_AT_NOON = """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 25
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, free: 0 B, at: {day: 1, time: "10:00"}}]
"""
# Every fourth action takes the last of the memory.
KILLED_AGAIN_AND_AGAIN = """
device: {ram: 32 MiB}
sales_per_day: 40
faults: [{type: memory_leak, per_action: 8 MiB, at: {day: 1, time: "09:05"}}]
"""
MANY_SALES = 'days: {count: 2, open: "09:00", close: "12:00"}\nsales_per_day: 300'


def people(habits: str) -> str:
    """The quiet hour's people, with these habits besides, and more of them."""
    return f"people: {{settles_on_time: 100%, settles_late: 0%, daily_reboot: false, {habits}}}\nsales_per_day: 20\n"


# A hotel desk whose acquirer books completions as they come.
DESK = """
merchants: hotel
days: {count: 2, open: "07:00", close: "21:00"}
sales_per_day: 20
host: {no_reply: 0%, decline: 0%, trusts_completions: true}
"""
CUT_IN_FLIGHT = """
faults:
  - {type: power_loss, at: {message: {direction: up, mti: "0200", moment: sent}, occurrence: 3}, off_for: 30 s}
"""
CUT_BEFORE_THE_RECORD = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 3}
    off_for: 30 s
"""
NO_ANSWERS = """
faults:
  - {type: half_open, at: {action: sale, occurrence: 3}, lift_after: 20 min}
"""
ANSWERED_96 = (
    ANSWER_LOST
    + """
  - {type: host_responds, messages: 1, at: {message: {direction: up, mti: "0400", moment: sent}}}
"""
)
CACHE_CLEARED = (
    """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1, clears_cache_per_day: 30}
"""
    + NO_ANSWERS
)
NO_ANSWERS_AT_CLOSING = """
sales_per_day: 30
faults:
  - {type: half_open, at: {day: 1, time: "09:45"}, lift_after: 25 min}
"""
OF_OTHERS = """
faults:
  - {type: mismatched_reply, at: {action: sale, occurrence: 3}}
  - {type: late_reply, requests: 2, at: {action: sale, occurrence: 6}}
"""
CUT_BEHIND_THE_CLOSING = """
days: {count: 2, open: "09:00", close: "10:00"}
faults:
  - type: power_loss
    at: {day: 1, action: settle, message: {direction: down, mti: "0330"}, storage_operation: 6}
    off_for: 30 s
"""

FULL_IN_THE_MORNING = """
sales_per_day: 90
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, free: 0 B, at: {day: 1, time: "09:05"}}]
"""
TWO_DAYS = 'days: {count: 2, open: "09:00", close: "10:00"}\n'
FROM_BEFORE = "terminals: {count: 1, release: previous}\n"
UPDATED = """
faults:
  - {type: software_update, size: 256 KiB, download: 1 min, at: {action: sale, occurrence: 4, delay: 2 min}}
"""
IN_DOUBT_ACROSS_IT = (
    NOBODY_PAYS_TWICE
    + UPDATED.replace("occurrence: 4", "occurrence: 3")
    + """
  - {type: host_silent, at: {action: sale, occurrence: 3}}
  - {type: host_silent, name: unread, unread: true, messages: 5, at: {message: {direction: up, mti: '0400', moment: sent}}}
"""
)
CUT_IN_THE_MIGRATION = (
    FROM_BEFORE
    + UPDATED
    + """
  - {type: power_loss, at: {day: 1, time: "09:20", storage_operation: [10, 14]}, off_for: 30 s}
"""
)
BACK_AND_FORTH = """
  - {type: software_update, name: back, to: previous, size: 256 KiB, download: 1 min, at: {day: 1, time: "09:40"}}
  - {type: software_update, name: forth, size: 256 KiB, download: 1 min, at: {day: 1, time: "09:45"}}
"""
# The last digit of the second approval's amount, 16.48 yuan with seed 1: 8 and 9 differ in their last bit.
BIT_IN_AN_AMOUNT = """
faults:
  - {type: corrupt_file, path: /data/journal.0, offset: 653 B, bit_number: 0, at: {day: 1, time: "09:54"}}
"""
# An early record goes bad, later ones are whole, and the terminal reads them all anew.
BIT_AND_A_RESTART = """
faults:
  - {type: corrupt_file, path: /data/journal.0, offset: 653 B, bit_number: 0, at: {day: 1, time: "09:40"}}
  - {type: crash, at: {day: 1, time: "09:41", action: sale, delay: 3 s}}
"""
CUT_AFTER_THE_COMMIT = """
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 4}
    off_for: 30 s
"""
UPLOAD_UNANSWERED = """
faults:
  - {type: host_miscounts, at: {action: settle}}
  - {type: host_silent, unread: true, at: {message: {direction: up, mti: "0320", moment: sent}}}
"""
LOST_AND_REPLACED = """
sales_per_day: 20
faults: [{type: device_lost, takes: 1 min, at: {day: 1, time: "09:40"}}]
"""
READ_ONLY_AT_THE_REPLY = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults: [{type: read_only, at: {message: {direction: down, mti: "0210"}, occurrence: 3}, lift_after: 10 min}]
"""

BY_CODE = (
    "sales_per_day: 20\npeople: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, scans_codes: 100%, "
)
CREATION = "{message: {direction: up, mti: '0600', moment: sent}, occurrence: 3}"
ORDER_UNANSWERED = f"faults: [{{type: half_open, at: {CREATION}, lift_after: 5 min}}]"
ORDER_CUT = f"faults: [{{type: power_loss, at: {CREATION}, off_for: 30 s}}]"
CHARGED_IN_THE_DARK = ORDER_CUT.replace("up, mti: '0600'", "down, mti: '0610'")
ORDER_UNREAD = "faults: [{type: host_silent, unread: true, at: {action: scan_sale, occurrence: 3}}]"
TRUSTING = "\nhost: {no_reply: 0%, decline: 0%, trusts_codes: true}"

SUPPORT_IN_A_SETTLEMENT = """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 30
people: {settles_on_time: 0%, settles_late: 100%, daily_reboot: false, calls_support: 100%, support_after: 20 min}
faults:
  - {type: half_open, at: {day: 2, action: settle}, lift_after: 2 h}
"""

# Of 25 approved sales the 25th begins with a move of the older ones, and the 45th with the next.
CUT_IN_A_MOVE = """
days: {count: 1, open: "09:00", close: "11:00"}
sales_per_day: 60
profile: posix-weak
faults:
  - {type: power_loss, at: {action: sale, occurrence: 25, storage_operation: [6, 9]}, off_for: 30 s}
"""
CUT_IN_A_PACKING = CUT_IN_A_MOVE.replace(
    "occurrence: 25, storage_operation: [6, 9]", "occurrence: 45, storage_operation: [2, 4]"
)

CHIPS = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, chip: 100%}
sales_per_day: 20
"""
LINE_DOWN = (
    CHIPS
    + """
faults:
  - {type: partition, at: {day: 1, time: "09:15"}, lift_after: 25 min}
"""
)
ADVICE_ANSWERS_LOST = (
    LINE_DOWN
    + """
  - {type: host_silent, at: {message: {direction: up, mti: "0220", moment: sent}}}
"""
)
ADVICES_LOST = (
    LINE_DOWN
    + """
  - {type: host_silent, unread: true, times: 40, at: {message: {direction: up, mti: "0220", moment: sent}}}
"""
)
CUT_WITH_A_QUEUE = (
    LINE_DOWN
    + """
  - {type: power_loss, at: {day: 1, time: "09:25", action: sale, storage_operation: 1}, off_for: 30 s}
"""
)
CUT_IN_THE_UPLOAD = """
sales_per_day: 30
faults:
  - {type: host_miscounts, at: {action: settle}}
  - {type: power_loss, at: {message: {direction: up, mti: "0320", moment: sent}, occurrence: 3}, off_for: 30 s}
"""
CRASH_IN_THE_SETTLEMENT = """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, settlement_tries: 1}
faults:
  - {type: crash, at: {day: 1, action: settle, message: {direction: up, mti: "0500", moment: sent}}}
"""

# They settle in the morning; the host counts otherwise, and then refuses uploads until the shop is open.
UPLOAD_UNTIL_OPENING = """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 0%, settles_late: 100%, daily_reboot: false}
faults:
  - {type: host_miscounts, at: {day: 2, action: settle}}
  - {type: host_responds, messages: 30, at: {message: {direction: up, mti: "0320", moment: sent}}}
"""

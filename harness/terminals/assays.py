"""Which scenario is tried for which mutant (``harness assay``), as plain data: a new mutant adds one row here.

A row names the smallest scenario in which the invariants that must catch the mutant do so while the reference passes. What is
not caught by its own rows, and a mutant without any, goes through ``GENERAL``: the scenarios of all rows, the cheapest first. A
scenario is a few lines over one quiet hour (``hour``), or the name of a shipped one.

Does not model: a proof that no cheaper scenario kills. Rows are written by people, who begin with the smallest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from harness.terminals.beyond import BEYOND

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


@dataclass(frozen=True, slots=True)
class Assay:
    """Runs of one scenario that catch a mutant, by these invariants."""

    mutant: str
    caught_by: tuple[int, ...]
    scenario: str
    """Lines over the quiet hour, or the name of a shipped scenario when it is one word with a slash."""
    seeds: int = 1
    """How many seeds are tried. More than one where the harm hangs on what a power cut leaves on the flash."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Crash points of one flow on a few media that catch a mutant; ``states`` distinct states are judged at most."""

    mutant: str
    caught_by: tuple[int, ...]
    flow: str
    profiles: tuple[str, ...]
    states: int = 40


Trial: TypeAlias = Assay | Cuts


def is_shipped(scenario: str) -> bool:
    """Whether that is the name of a shipped scenario and not the text of one."""
    return "/" in scenario and len(scenario.split()) == 1


_NOBODY_PAYS_TWICE = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
"""
_ANSWER_LOST = """
faults:
  - {type: host_silent, at: {action: sale, occurrence: 3}}
"""
_REVERSAL_LOST_TOO = (
    _NOBODY_PAYS_TWICE
    + _ANSWER_LOST
    + "  - {type: host_silent, name: reversal_lost, unread: true, at: {message: {direction: up, mti: '0400', moment: sent}}}"
)
_CUT_IN_A_SALE = """
faults:
  - {type: power_loss, at: {action: sale, occurrence: 4, storage_operation: 1}, off_for: 30 s}
"""
_CUT_IN_THE_COMMIT = """
profile: posix-weak
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 2}
    off_for: 30 s
"""
# The fifth approval's successor crosses a sector boundary, so its record can be torn in two.
_TORN_RECORD = """
profile: posix-weak
sales_per_day: 15
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 5, storage_operation: 4}
    off_for: 30 s
"""
_CRASH = "faults: [{type: crash, at: {action: sale, occurrence: 4}}]"
# Signing on takes 999997, and the third sale 000001.
_WRAPS = "terminals: {count: 1, trace_number: 999997}\n"
_LOG_CUT_OFF = "faults: [{type: truncate_file, path: /data/journal.0, remaining: 5%, at: {day: 1, time: '09:55'}}]"
_SETTLEMENT_UNREAD = "faults: [{type: host_silent, unread: true, messages: 2, at: {action: settle}}]"
_SETTLEMENT_ANSWER_LOST = "faults: [{type: host_silent, at: {action: settle}}]"
_FULL_AT_NOON = """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 25
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, free: 0 B, at: {day: 1, time: "10:00"}}]
"""
# Every fourth action takes the last of the memory.
_KILLED_AGAIN_AND_AGAIN = """
device: {ram: 32 MiB}
sales_per_day: 40
faults: [{type: memory_leak, per_action: 8 MiB, at: {day: 1, time: "09:05"}}]
"""
_MANY_SALES = 'days: {count: 2, open: "09:00", close: "12:00"}\nsales_per_day: 300'


def _people(habits: str) -> str:
    """The quiet hour's people, with these habits besides, and more of them."""
    return f"people: {{settles_on_time: 100%, settles_late: 0%, daily_reboot: false, {habits}}}\nsales_per_day: 20\n"


# A hotel desk whose acquirer books completions as they come.
_DESK = """
merchants: hotel
days: {count: 2, open: "07:00", close: "21:00"}
sales_per_day: 20
host: {no_reply: 0%, decline: 0%, trusts_completions: true}
"""
_CUT_IN_FLIGHT = """
faults:
  - {type: power_loss, at: {message: {direction: up, mti: "0200", moment: sent}, occurrence: 3}, off_for: 30 s}
"""
_CUT_BEFORE_THE_RECORD = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 3}
    off_for: 30 s
"""
_NO_ANSWERS = """
faults:
  - {type: half_open, at: {action: sale, occurrence: 3}, lift_after: 20 min}
"""
_ANSWERED_96 = (
    _ANSWER_LOST
    + """
  - {type: host_responds, messages: 1, at: {message: {direction: up, mti: "0400", moment: sent}}}
"""
)
_CACHE_CLEARED = (
    """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1, clears_cache_per_day: 30}
"""
    + _NO_ANSWERS
)
_NO_ANSWERS_AT_CLOSING = """
sales_per_day: 30
faults:
  - {type: half_open, at: {day: 1, time: "09:45"}, lift_after: 25 min}
"""
_OF_OTHERS = """
faults:
  - {type: mismatched_reply, at: {action: sale, occurrence: 3}}
  - {type: late_reply, requests: 2, at: {action: sale, occurrence: 6}}
"""
_CUT_BEHIND_THE_CLOSING = """
days: {count: 2, open: "09:00", close: "10:00"}
faults:
  - type: power_loss
    at: {day: 1, action: settle, message: {direction: down, mti: "0330"}, storage_operation: 6}
    off_for: 30 s
"""

_FULL_IN_THE_MORNING = """
sales_per_day: 90
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, free: 0 B, at: {day: 1, time: "09:05"}}]
"""
_TWO_DAYS = 'days: {count: 2, open: "09:00", close: "10:00"}\n'
_FROM_BEFORE = "terminals: {count: 1, release: previous}\n"
_UPDATED = """
faults:
  - {type: software_update, size: 256 KiB, download: 1 min, at: {action: sale, occurrence: 4, delay: 2 min}}
"""
_IN_DOUBT_ACROSS_IT = (
    _NOBODY_PAYS_TWICE
    + _UPDATED.replace("occurrence: 4", "occurrence: 3")
    + """
  - {type: host_silent, at: {action: sale, occurrence: 3}}
  - {type: host_silent, name: unread, unread: true, messages: 5, at: {message: {direction: up, mti: '0400', moment: sent}}}
"""
)
_CUT_IN_THE_MIGRATION = (
    _FROM_BEFORE
    + _UPDATED
    + """
  - {type: power_loss, at: {day: 1, time: "09:20", storage_operation: [10, 14]}, off_for: 30 s}
"""
)
_BACK_AND_FORTH = """
  - {type: software_update, name: back, to: previous, size: 256 KiB, download: 1 min, at: {day: 1, time: "09:40"}}
  - {type: software_update, name: forth, size: 256 KiB, download: 1 min, at: {day: 1, time: "09:45"}}
"""
# The last digit of the second approval's amount, 16.48 yuan with seed 1: 8 and 9 differ in their last bit.
_BIT_IN_AN_AMOUNT = """
faults:
  - {type: corrupt_file, path: /data/journal.0, offset: 653 B, bit_number: 0, at: {day: 1, time: "09:54"}}
"""
# An early record goes bad, later ones are whole, and the terminal reads them all anew.
_BIT_AND_A_RESTART = """
faults:
  - {type: corrupt_file, path: /data/journal.0, offset: 653 B, bit_number: 0, at: {day: 1, time: "09:40"}}
  - {type: crash, at: {day: 1, time: "09:41", action: sale, delay: 3 s}}
"""
_CUT_AFTER_THE_COMMIT = """
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 4}
    off_for: 30 s
"""
_UPLOAD_UNANSWERED = """
faults:
  - {type: host_miscounts, at: {action: settle}}
  - {type: host_silent, unread: true, at: {message: {direction: up, mti: "0320", moment: sent}}}
"""
_LOST_AND_REPLACED = """
sales_per_day: 20
faults: [{type: device_lost, takes: 1 min, at: {day: 1, time: "09:40"}}]
"""
_READ_ONLY_AT_THE_REPLY = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
faults: [{type: read_only, at: {message: {direction: down, mti: "0210"}, occurrence: 3}, lift_after: 10 min}]
"""

_BY_CODE = (
    "sales_per_day: 20\npeople: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, scans_codes: 100%, "
)
_CREATION = "{message: {direction: up, mti: '0600', moment: sent}, occurrence: 3}"
_ORDER_UNANSWERED = f"faults: [{{type: half_open, at: {_CREATION}, lift_after: 5 min}}]"
_ORDER_CUT = f"faults: [{{type: power_loss, at: {_CREATION}, off_for: 30 s}}]"
_CHARGED_IN_THE_DARK = _ORDER_CUT.replace("up, mti: '0600'", "down, mti: '0610'")
_ORDER_UNREAD = "faults: [{type: host_silent, unread: true, at: {action: scan_sale, occurrence: 3}}]"
_TRUSTING = "\nhost: {no_reply: 0%, decline: 0%, trusts_codes: true}"

_SUPPORT_IN_A_SETTLEMENT = """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 30
people: {settles_on_time: 0%, settles_late: 100%, daily_reboot: false, calls_support: 100%, support_after: 20 min}
faults:
  - {type: half_open, at: {day: 2, action: settle}, lift_after: 2 h}
"""

# Of 25 approved sales the 25th begins with a move of the older ones, and the 45th with the next.
_CUT_IN_A_MOVE = """
days: {count: 1, open: "09:00", close: "11:00"}
sales_per_day: 60
profile: posix-weak
faults:
  - {type: power_loss, at: {action: sale, occurrence: 25, storage_operation: [6, 9]}, off_for: 30 s}
"""
_CUT_IN_A_PACKING = _CUT_IN_A_MOVE.replace(
    "occurrence: 25, storage_operation: [6, 9]", "occurrence: 45, storage_operation: [2, 4]"
)

_CHIPS = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, chip: 100%}
sales_per_day: 20
"""
_LINE_DOWN = (
    _CHIPS
    + """
faults:
  - {type: partition, at: {day: 1, time: "09:15"}, lift_after: 25 min}
"""
)
_ADVICE_ANSWERS_LOST = (
    _LINE_DOWN
    + """
  - {type: host_silent, at: {message: {direction: up, mti: "0220", moment: sent}}}
"""
)
_ADVICES_LOST = (
    _LINE_DOWN
    + """
  - {type: host_silent, unread: true, times: 40, at: {message: {direction: up, mti: "0220", moment: sent}}}
"""
)
_CUT_WITH_A_QUEUE = (
    _LINE_DOWN
    + """
  - {type: power_loss, at: {day: 1, time: "09:25", action: sale, storage_operation: 1}, off_for: 30 s}
"""
)
_CUT_IN_THE_UPLOAD = """
sales_per_day: 30
faults:
  - {type: host_miscounts, at: {action: settle}}
  - {type: power_loss, at: {message: {direction: up, mti: "0320", moment: sent}, occurrence: 3}, off_for: 30 s}
"""
_CRASH_IN_THE_SETTLEMENT = """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, settlement_tries: 1}
faults:
  - {type: crash, at: {day: 1, action: settle, message: {direction: up, mti: "0500", moment: sent}}}
"""

# They settle in the morning; the host counts otherwise, and then refuses uploads until the shop is open.
_UPLOAD_UNTIL_OPENING = """
days: {count: 2, open: "09:00", close: "10:00"}
people: {settles_on_time: 0%, settles_late: 100%, daily_reboot: false}
faults:
  - {type: host_miscounts, at: {day: 2, action: settle}}
  - {type: host_responds, messages: 30, at: {message: {direction: up, mti: "0320", moment: sent}}}
"""

ASSAYS: tuple[Assay, ...] = (
    Assay("no_fsync", (1,), "profile: posix-weak" + _CUT_IN_A_SALE, seeds=40),
    Assay("reversal_dropped", (2, 31), _REVERSAL_LOST_TOO),
    Assay("resend_as_new", (3,), _ANSWER_LOST),
    Assay("reverse_after_commit", (7, 2), _CUT_IN_THE_COMMIT, seeds=40),
    Assay("stan_in_ram", (8,), _CRASH),
    Assay("stan_by_size", (8,), _WRAPS + _CRASH.replace("occurrence: 4", "occurrence: 6")),
    Assay("clear_unbalanced", (11,), _LOG_CUT_OFF),
    Assay("clear_on_timeout", (11,), _SETTLEMENT_UNREAD),
    Assay("settle_twice", (12,), _SETTLEMENT_ANSWER_LOST),
    Assay("report_first", (15,), _FULL_AT_NOON),
    Assay("torn_parsed", (17, 24), _TORN_RECORD, seeds=40),
    Assay("never_resent", (22,), _ANSWER_LOST),
    Assay("boot_loop", (24,), _TORN_RECORD, seeds=40),
    Assay("leak", (26,), _MANY_SALES),
    Assay("log_in_ram", (1, 2), _CUT_IN_A_SALE),
    Assay("resets_after_deaths", (1, 2), _KILLED_AGAIN_AND_AGAIN),
    Assay("silent_charge", (31, 2), _NOBODY_PAYS_TWICE + _ANSWER_LOST),
    Assay("completes_twice", (21,), _DESK + "people: {completes_again: 100%, settles_on_time: 100%, settles_late: 0%}"),
    Assay(
        "completes_above", (21,), _DESK + "people: {bills_above_hold: 100%, settles_on_time: 100%, settles_late: 0%}"
    ),
    Assay(
        "completes_voided",
        (21,),
        _DESK.replace(": 20", ": 60") + "people: {completes_voided: 100%, settles_on_time: 100%, settles_late: 0%}",
    ),
    Assay("hold_as_sale", (3,), _DESK),
    Assay("holds_settled", (2,), _DESK),
    Assay("reversal_after_send", (4,), _CUT_IN_FLIGHT),
    Assay("reversal_in_ram", (4,), _CUT_IN_FLIGHT),
    Assay("cleared_on_arrival", (5,), _CUT_BEFORE_THE_RECORD),
    Assay("reversal_given_up", (5, 6), _NOBODY_PAYS_TWICE + _NO_ANSWERS),
    Assay("any_answer_clears", (5,), _NOBODY_PAYS_TWICE + _ANSWERED_96),
    Assay("cleared_by_menu", (5,), _CACHE_CLEARED),
    Assay("sells_in_doubt", (6,), _NO_ANSWERS),
    Assay("settles_in_doubt", (6,), _NO_ANSWERS_AT_CLOSING),
    Assay("mac_unchecked", (9,), "faults: [{type: wrong_mac, at: {action: sale, occurrence: 3}}]"),
    Assay("any_reply_taken", (9,), _OF_OTHERS),
    Assay("late_reply_taken", (9, 7), "faults: [{type: late_reply, at: {action: sale, occurrence: 3}}]"),
    Assay("batch_twice", (16,), _CUT_BEHIND_THE_CLOSING),
    Assay("batch_stays", (16,), ""),
    Assay(
        "signs_off_unsettled",
        (16,),
        "people: {settles_on_time: 0%, settles_late: 100%, daily_reboot: false, signs_off: 100%}",
    ),
    Assay("track_kept", (28,), ""),
    Assay("pin_in_reversal", (28,), ""),
    Assay("card_in_log", (29,), ""),
    Assay("card_on_slip", (29,), ""),
    Assay("crash_dump", (28, 29), _ANSWER_LOST),
    Assay("hashed_cards", (29,), ""),
    Assay("migration_drops_doubt", (5, 2, 31), _FROM_BEFORE + _IN_DOUBT_ACROSS_IT),
    Assay("doubt_expires", (19, 5), _FROM_BEFORE + _IN_DOUBT_ACROSS_IT),
    Assay("leftover_taken", (1,), _UPDATED.replace("download: 1 min", "download: 1 min, leaves: temp_files")),
    Assay("update_formats", (1,), _FROM_BEFORE + _UPDATED),
    Assay("version_ignored", (1, 2), _FROM_BEFORE + _UPDATED),
    Assay("downgrade_overwrites", (1,), _FROM_BEFORE + _UPDATED + _BACK_AND_FORTH),
    Assay("blind_admission", (13,), _FULL_IN_THE_MORNING, seeds=10),
    Assay("over_limit_warns", (13, 14), _FULL_IN_THE_MORNING),
    Assay("units_mixed_up", (14,), _FULL_IN_THE_MORNING),
    Assay("void_again", (20,), _people("voids: 30%, asks_again: 100%")),
    Assay("void_in_part", (20,), _people("voids: 30%")),
    Assay("void_settled", (20,), _TWO_DAYS + _people("voids: 40%, voids_settled: 60%")),
    Assay(
        "void_drops_sale",
        (20, 2),
        _people("voids: 10%, attempts: 1") + "faults: [{type: host_silent, unread: true, at: {action: void}}]",
        seeds=10,
    ),
    Assay("refund_with_fee", (20,), _TWO_DAYS + _people("refunds: 30%")),
    Assay("refund_unlimited", (20,), _people("refunds: 30%, refunds_unsettled: 100%, asks_again: 100%")),
    Assay("crc_unchecked", (18,), _BIT_IN_AN_AMOUNT),
    Assay("begins_anew", (1,), _BIT_AND_A_RESTART),
    Assay("damage_unsaid", (18,), _BIT_IN_AN_AMOUNT),
    Assay("totals_apart", (10,), _CUT_AFTER_THE_COMMIT),
    Assay(
        "reports_to_b",
        (15,),
        """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 25
device: {volumes: {card: {size: 4 MiB}, data: {size: 1 MiB}}}
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, volume: data, free: 0 B, at: {day: 1, time: "10:00"}}]
""",
    ),
    Assay("track_in_spool", (28,), ""),
    Assay("searches_the_log", (27,), 'days: {count: 1, open: "09:00", close: "13:00"}\nsales_per_day: 90'),
    Assay(
        "purged_by_age",
        (1,),
        """
days: {count: 1, start: 2026-03-02, open: "09:00", close: "10:00"}
faults:
  - {type: clock_jump, jump: 40 d, at: {day: 1, time: "09:30"}, lift_after: 20 min}
  - {type: crash, at: {day: 1, time: "09:32", action: sale, delay: 4 s}}
""",
    ),
    Assay("partial_as_whole", (1, 2), "host: {no_reply: 0%, decline: 0%, partial: 50%}"),
    Assay("partial_declined", (31, 2), "host: {no_reply: 0%, decline: 0%, partial: 50%}"),
    Assay("sells_while_settling", (23,), _UPLOAD_UNTIL_OPENING),
    Assay("counted_again", (10,), _CUT_IN_THE_COMMIT, seeds=40),
    Assay("paper_blocks", (24,), "faults: [{type: paper_out, at: {day: 1, action: settle}, lift_after: 30 min}]"),
    Assay("forced_success", (11,), _UPLOAD_UNANSWERED),
    Assay("host_closes", (11,), ""),
    Assay("one_record_blocks", (15,), _LOG_CUT_OFF),
    Assay("file_error", (31, 2), _READ_ONLY_AT_THE_REPLY),
    Assay("shown_first", (7,), _CUT_IN_THE_COMMIT, seeds=40),
    Assay("duplicate_approved", (9,), _LOST_AND_REPLACED),
    Assay("capped_log", (1, 2), "sales_per_day: 90"),
    Assay("slip_counts_voids", (12,), _people("voids: 30%")),
    Assay("full_cried", (14,), _FULL_AT_NOON),
    Assay("tenth_shown", (9,), ""),
    Assay("second_95", (11,), 'faults: [{type: host_miscounts, messages: 2, at: {day: 1, time: "09:30"}}]'),
    Assay("order_assumed_paid", (30, 1), _BY_CODE + "confirms_codes: 0%}\n" + _ORDER_UNREAD),
    Assay("order_number_reused", (30,), _BY_CODE + "confirms_codes: 0%}\n" + _CRASH.replace("sale", "scan_sale")),
    Assay(
        "order_forgotten",
        (30, 31),
        _BY_CODE + "confirms_codes: 100%, leaves_unconfirmed: 0%, attempts: 1}\n" + _ORDER_CUT,
    ),
    Assay("order_never_revoked", (30, 31), _BY_CODE + "confirms_codes: 100%, leaves_unconfirmed: 0%, attempts: 1}"),
    Assay("orders_sent_again", (30, 3), _BY_CODE + "confirms_codes: 0%}\n" + _ORDER_UNANSWERED + _TRUSTING),
    Assay("refusal_hidden", (30,), "funds: {keyed_account: unknown}"),
    Assay("cycle_left_as_is", (30,), "funds: {cycle: D+1, checks_settings: false}"),
    Assay("paid_by_calendar", (30,), _TWO_DAYS.replace("count: 2", "count: 2, start: 2026-03-06") + "funds: {}"),
    Assay("payout_of_another_batch", (30,), _TWO_DAYS + "funds: {}"),
    Assay("bounce_as_pending", (30,), _TWO_DAYS + "funds: {keyed_account: unknown, checks_settings: false}"),
    Assay("log_deciphered", (29,), _people("reads_log_per_day: 12")),
    Assay("guard_by_track", (3,), _people("charges_again: 40%")),
    Assay("moved_too_soon", (1, 2), _CUT_IN_A_MOVE, seeds=20),
    Assay("packed_in_place", (1,), _CUT_IN_A_PACKING, seeds=20),
    Assay("clears_too_much", (11,), _SUPPORT_IN_A_SETTLEMENT),
    Assay("offline_dropped", (25, 1), _LINE_DOWN),
    Assay("offline_as_new", (25, 3), _ADVICE_ANSWERS_LOST),
    Assay("offline_left_behind", (25,), _ADVICES_LOST),
    Assay("offline_in_ram", (25, 1), _CUT_WITH_A_QUEUE),
    Assay("card_overruled", (9,), _CHIPS.replace("100%}", "100%, chip_refuses: 30%}")),
    Assay("no_certificates", (11,), _CHIPS),
    Assay("upload_restarts", (23,), _CUT_IN_THE_UPLOAD),
    Assay("settlement_forgotten", (23,), _CRASH_IN_THE_SETTLEMENT),
)

CUTS: tuple[Cuts, ...] = (
    Cuts("no_directory_fsync", (1,), "sale", ("posix-weak",)),
    Cuts("rename_without_fsync", (1,), "sale", ("posix-weak",)),
    Cuts("rewritten_in_place", (1,), "sale", ("ext4-ordered",)),
    Cuts("order_after_send", (30, 31), "scan", ("ext4-ordered",)),
    Cuts("migrated_in_place", (1,), "update", ("ext4-ordered",)),
)


CUTS_IN_RUNS: tuple[Assay, ...] = (
    Assay("no_directory_fsync", (1,), "profile: posix-weak" + _CUT_IN_A_SALE, seeds=40),
    Assay("rename_without_fsync", (1,), "profile: posix-weak" + _CUT_IN_A_SALE, seeds=40),
    Assay("rewritten_in_place", (1,), _CUT_IN_A_SALE, seeds=40),
    Assay("order_after_send", (30, 31), _BY_CODE + "}\n" + _CHARGED_IN_THE_DARK, seeds=40),
    Assay("migrated_in_place", (1,), _CUT_IN_THE_MIGRATION, seeds=40),
)
"""The same mutants in runs whose seed draws what the cut leaves: dearer than crash points, and a run can be made smaller."""


def _cost(scenario: str) -> float:
    """About how much a small scenario costs: the sales of all its days. The text says what is not as in the quiet hour."""
    text = hour(scenario)
    days, sales = (
        re.search(r"^days: *{count: *(\d+)", text, re.MULTILINE),
        re.search(r"^sales_per_day: *(\d+)", text, re.MULTILINE),
    )
    return float(days[1] if days else 1) * float(sales[1] if sales else 8)


def _general() -> Iterator[Trial]:
    """What is tried for a mutant that nobody has written a row for: the scenarios of all rows, the cheapest first.

    Of harm that hangs on what a cut leaves only a few seeds are tried here: crash points try all of it.
    """
    seeds: dict[str, int] = {"": 1}
    for each in ASSAYS:
        if not is_shipped(each.scenario):
            seeds[each.scenario] = max(seeds.get(each.scenario, 0), min(each.seeds, _SEEDS_OF_ALL))
    for text in BEYOND:
        seeds.setdefault(text, 1)
    cuts = [
        Cuts("", (), flow, profiles) for flow, profiles in dict.fromkeys((each.flow, each.profiles) for each in CUTS)
    ]
    cheap = sorted(seeds, key=_cost)
    yield from (Assay("", (), text, seeds[text]) for text in cheap if _cost(text) < _CUTS_COST)
    yield from cuts
    yield from (Assay("", (), text, seeds[text]) for text in cheap if _cost(text) >= _CUTS_COST)
    yield from (
        Assay("", (), name) for name in dict.fromkeys(each.scenario for each in ASSAYS if is_shipped(each.scenario))
    )
    yield Assay("", (), "combined/first_look")


_SEEDS_OF_ALL = 3
_STATES_OF_A_FLOW = 120
_CUTS_COST = 200
"""Crash points of one flow take about as long as so many sales."""

GENERAL: tuple[Trial, ...] = tuple(_general())


_FLOWS = ("sale", "void", "refund", "settle", "upload", "boot", "preauth", "completion")

UNSEEN_TRIALS: tuple[Trial, ...] = (
    *GENERAL,
    *(Cuts("", (), flow, ("ext4-ordered",), states=_STATES_OF_A_FLOW) for flow in _FLOWS),
)
"""What is tried for a defect imagined without sight of the checks: all that is general, then every flow's crash points."""


def trials(mutant: str) -> tuple[Trial, ...]:
    """What is tried for a mutant, in this order: its own rows, then what is tried for every one."""
    rows: tuple[Trial, ...] = (*ASSAYS, *CUTS)
    own = [each for each in rows if each.mutant == mutant]
    tried = {_what(each) for each in own}
    return (*own, *(each for each in GENERAL if _what(each) not in tried))


def _what(trial: Trial) -> tuple[object, ...]:
    if isinstance(trial, Assay):
        return trial.scenario, trial.seeds
    return trial.flow, trial.profiles, trial.states

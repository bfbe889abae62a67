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
from harness.terminals.small_scenarios import (
    ADVICE_ANSWERS_LOST,
    ADVICES_LOST,
    ANSWER_LOST,
    ANSWERED_96,
    BACK_AND_FORTH,
    BIT_AND_A_RESTART,
    BIT_IN_AN_AMOUNT,
    BY_CODE,
    CACHE_CLEARED,
    CHARGED_IN_THE_DARK,
    CHIPS,
    CRASH,
    CRASH_IN_THE_SETTLEMENT,
    CUT_AFTER_THE_COMMIT,
    CUT_BEFORE_THE_RECORD,
    CUT_BEHIND_THE_CLOSING,
    CUT_IN_A_MOVE,
    CUT_IN_A_PACKING,
    CUT_IN_A_SALE,
    CUT_IN_FLIGHT,
    CUT_IN_THE_COMMIT,
    CUT_IN_THE_MIGRATION,
    CUT_IN_THE_UPLOAD,
    CUT_WITH_A_QUEUE,
    DESK,
    FROM_BEFORE,
    FULL_AT_NOON,
    FULL_IN_THE_MORNING,
    IN_DOUBT_ACROSS_IT,
    KILLED_AGAIN_AND_AGAIN,
    LINE_DOWN,
    LOG_CUT_OFF,
    LOST_AND_REPLACED,
    MANY_SALES,
    NO_ANSWERS,
    NO_ANSWERS_AT_CLOSING,
    NOBODY_PAYS_TWICE,
    OF_OTHERS,
    ORDER_CUT,
    ORDER_UNANSWERED,
    ORDER_UNREAD,
    READ_ONLY_AT_THE_REPLY,
    REVERSAL_LOST_TOO,
    SETTLEMENT_ANSWER_LOST,
    SETTLEMENT_UNREAD,
    SUPPORT_IN_A_SETTLEMENT,
    TORN_RECORD,
    TRUSTING,
    TWO_DAYS,
    UPDATED,
    UPLOAD_UNANSWERED,
    UPLOAD_UNTIL_OPENING,
    WRAPS,
    hour,
    people,
)


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


ASSAYS: tuple[Assay, ...] = (
    Assay("no_fsync", (1,), "profile: posix-weak" + CUT_IN_A_SALE, seeds=40),
    Assay("reversal_dropped", (2, 31), REVERSAL_LOST_TOO),
    Assay("resend_as_new", (3,), ANSWER_LOST),
    Assay("reverse_after_commit", (7, 2), CUT_IN_THE_COMMIT, seeds=40),
    Assay("stan_in_ram", (8,), CRASH),
    Assay("stan_by_size", (8,), WRAPS + CRASH.replace("occurrence: 4", "occurrence: 6")),
    Assay("clear_unbalanced", (11,), LOG_CUT_OFF),
    Assay("clear_on_timeout", (11,), SETTLEMENT_UNREAD),
    Assay("settle_twice", (12,), SETTLEMENT_ANSWER_LOST),
    Assay("report_first", (15,), FULL_AT_NOON),
    Assay("torn_parsed", (17, 24), TORN_RECORD, seeds=40),
    Assay("never_resent", (22,), ANSWER_LOST),
    Assay("boot_loop", (24,), TORN_RECORD, seeds=40),
    Assay("leak", (26,), MANY_SALES),
    Assay("log_in_ram", (1, 2), CUT_IN_A_SALE),
    Assay("resets_after_deaths", (1, 2), KILLED_AGAIN_AND_AGAIN),
    Assay("silent_charge", (31, 2), NOBODY_PAYS_TWICE + ANSWER_LOST),
    Assay("completes_twice", (21,), DESK + "people: {completes_again: 100%, settles_on_time: 100%, settles_late: 0%}"),
    Assay("completes_above", (21,), DESK + "people: {bills_above_hold: 100%, settles_on_time: 100%, settles_late: 0%}"),
    Assay(
        "completes_voided",
        (21,),
        DESK.replace(": 20", ": 60") + "people: {completes_voided: 100%, settles_on_time: 100%, settles_late: 0%}",
    ),
    Assay("hold_as_sale", (3,), DESK),
    Assay("holds_settled", (2,), DESK),
    Assay("reversal_after_send", (4,), CUT_IN_FLIGHT),
    Assay("reversal_in_ram", (4,), CUT_IN_FLIGHT),
    Assay("cleared_on_arrival", (5,), CUT_BEFORE_THE_RECORD),
    Assay("reversal_given_up", (5, 6), NOBODY_PAYS_TWICE + NO_ANSWERS),
    Assay("any_answer_clears", (5,), NOBODY_PAYS_TWICE + ANSWERED_96),
    Assay("cleared_by_menu", (5,), CACHE_CLEARED),
    Assay("sells_in_doubt", (6,), NO_ANSWERS),
    Assay("settles_in_doubt", (6,), NO_ANSWERS_AT_CLOSING),
    Assay("mac_unchecked", (9,), "faults: [{type: wrong_mac, at: {action: sale, occurrence: 3}}]"),
    Assay("any_reply_taken", (9,), OF_OTHERS),
    Assay("late_reply_taken", (9, 7), "faults: [{type: late_reply, at: {action: sale, occurrence: 3}}]"),
    Assay("batch_twice", (16,), CUT_BEHIND_THE_CLOSING),
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
    Assay("crash_dump", (28, 29), ANSWER_LOST),
    Assay("hashed_cards", (29,), ""),
    Assay("migration_drops_doubt", (5, 2, 31), FROM_BEFORE + IN_DOUBT_ACROSS_IT),
    Assay("doubt_expires", (19, 5), FROM_BEFORE + IN_DOUBT_ACROSS_IT),
    Assay("leftover_taken", (1,), UPDATED.replace("download: 1 min", "download: 1 min, leaves: temp_files")),
    Assay("update_formats", (1,), FROM_BEFORE + UPDATED),
    Assay("version_ignored", (1, 2), FROM_BEFORE + UPDATED),
    Assay("downgrade_overwrites", (1,), FROM_BEFORE + UPDATED + BACK_AND_FORTH),
    Assay("blind_admission", (13,), FULL_IN_THE_MORNING, seeds=10),
    Assay("over_limit_warns", (13, 14), FULL_IN_THE_MORNING),
    Assay("units_mixed_up", (14,), FULL_IN_THE_MORNING),
    Assay("void_again", (20,), people("voids: 30%, asks_again: 100%")),
    Assay("void_in_part", (20,), people("voids: 30%")),
    Assay("void_settled", (20,), TWO_DAYS + people("voids: 40%, voids_settled: 60%")),
    Assay(
        "void_drops_sale",
        (20, 2),
        people("voids: 10%, attempts: 1") + "faults: [{type: host_silent, unread: true, at: {action: void}}]",
        seeds=10,
    ),
    Assay("refund_with_fee", (20,), TWO_DAYS + people("refunds: 30%")),
    Assay("refund_unlimited", (20,), people("refunds: 30%, refunds_unsettled: 100%, asks_again: 100%")),
    Assay("crc_unchecked", (18,), BIT_IN_AN_AMOUNT),
    Assay("begins_anew", (1,), BIT_AND_A_RESTART),
    Assay("damage_unsaid", (18,), BIT_IN_AN_AMOUNT),
    Assay("totals_apart", (10,), CUT_AFTER_THE_COMMIT),
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
    Assay("sells_while_settling", (23,), UPLOAD_UNTIL_OPENING),
    Assay("counted_again", (10,), CUT_IN_THE_COMMIT, seeds=40),
    Assay("paper_blocks", (24,), "faults: [{type: paper_out, at: {day: 1, action: settle}, lift_after: 30 min}]"),
    Assay("forced_success", (11,), UPLOAD_UNANSWERED),
    Assay("host_closes", (11,), ""),
    Assay("one_record_blocks", (15,), LOG_CUT_OFF),
    Assay("file_error", (31, 2), READ_ONLY_AT_THE_REPLY),
    Assay("shown_first", (7,), CUT_IN_THE_COMMIT, seeds=40),
    Assay("duplicate_approved", (9,), LOST_AND_REPLACED),
    Assay("capped_log", (1, 2), "sales_per_day: 90"),
    Assay("slip_counts_voids", (12,), people("voids: 30%")),
    Assay("full_cried", (14,), FULL_AT_NOON),
    Assay("tenth_shown", (9,), ""),
    Assay("second_95", (11,), 'faults: [{type: host_miscounts, messages: 2, at: {day: 1, time: "09:30"}}]'),
    Assay("order_assumed_paid", (30, 1), BY_CODE + "confirms_codes: 0%}\n" + ORDER_UNREAD),
    Assay("order_number_reused", (30,), BY_CODE + "confirms_codes: 0%}\n" + CRASH.replace("sale", "scan_sale")),
    Assay(
        "order_forgotten",
        (30, 31),
        BY_CODE + "confirms_codes: 100%, leaves_unconfirmed: 0%, attempts: 1}\n" + ORDER_CUT,
    ),
    Assay("order_never_revoked", (30, 31), BY_CODE + "confirms_codes: 100%, leaves_unconfirmed: 0%, attempts: 1}"),
    Assay("orders_sent_again", (30, 3), BY_CODE + "confirms_codes: 0%}\n" + ORDER_UNANSWERED + TRUSTING),
    Assay("refusal_hidden", (30,), "funds: {keyed_account: unknown}"),
    Assay("cycle_left_as_is", (30,), "funds: {cycle: D+1, checks_settings: false}"),
    Assay("paid_by_calendar", (30,), TWO_DAYS.replace("count: 2", "count: 2, start: 2026-03-06") + "funds: {}"),
    Assay("payout_of_another_batch", (30,), TWO_DAYS + "funds: {}"),
    Assay("bounce_as_pending", (30,), TWO_DAYS + "funds: {keyed_account: unknown, checks_settings: false}"),
    Assay("log_deciphered", (29,), people("reads_log_per_day: 12")),
    Assay("guard_by_track", (3,), people("charges_again: 40%")),
    Assay("moved_too_soon", (1, 2), CUT_IN_A_MOVE, seeds=20),
    Assay("packed_in_place", (1,), CUT_IN_A_PACKING, seeds=20),
    Assay("clears_too_much", (11,), SUPPORT_IN_A_SETTLEMENT),
    Assay("offline_dropped", (25, 1), LINE_DOWN),
    Assay("offline_as_new", (25, 3), ADVICE_ANSWERS_LOST),
    Assay("offline_left_behind", (25,), ADVICES_LOST),
    Assay("offline_in_ram", (25, 1), CUT_WITH_A_QUEUE),
    Assay("card_overruled", (9,), CHIPS.replace("100%}", "100%, chip_refuses: 30%}")),
    Assay("no_certificates", (11,), CHIPS),
    Assay("upload_restarts", (23,), CUT_IN_THE_UPLOAD),
    Assay("settlement_forgotten", (23,), CRASH_IN_THE_SETTLEMENT),
)

CUTS: tuple[Cuts, ...] = (
    Cuts("no_directory_fsync", (1,), "sale", ("posix-weak",)),
    Cuts("rename_without_fsync", (1,), "sale", ("posix-weak",)),
    Cuts("rewritten_in_place", (1,), "sale", ("ext4-ordered",)),
    Cuts("order_after_send", (30, 31), "scan", ("ext4-ordered",)),
    Cuts("migrated_in_place", (1,), "update", ("ext4-ordered",)),
)


CUTS_IN_RUNS: tuple[Assay, ...] = (
    Assay("no_directory_fsync", (1,), "profile: posix-weak" + CUT_IN_A_SALE, seeds=40),
    Assay("rename_without_fsync", (1,), "profile: posix-weak" + CUT_IN_A_SALE, seeds=40),
    Assay("rewritten_in_place", (1,), CUT_IN_A_SALE, seeds=40),
    Assay("order_after_send", (30, 31), BY_CODE + "}\n" + CHARGED_IN_THE_DARK, seeds=40),
    Assay("migrated_in_place", (1,), CUT_IN_THE_MIGRATION, seeds=40),
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

"""Every invariant fails its mutant, and the reference terminal passes, in the same run of the whole harness.

The rows are those of ``harness assay``: for each mutant and each invariant that must catch it the smallest scenario in which it
does. A row proves three things: the defect does harm, the invariant sees it, and the same hour holds nothing against correct
software, for which every fault must have bitten as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.invariants.catalogue import INVARIANTS
from harness.terminals.assays import ASSAYS, CUTS, Assay
from harness.terminals.catalogue import CATALOGUE
from tests.engine.small_runs import found, run, small, told


@dataclass(frozen=True)
class Assay:
    mutant: str
    caught_by: tuple[int, ...]
    scenario: str
    seeds: int = 1
    """How many seeds are tried. More than one where the harm hangs on what a power cut leaves on the flash."""


_NOBODY_PAYS_TWICE = """
people: {settles_on_time: 100%, settles_late: 0%, daily_reboot: false, attempts: 1}
"""
_ANSWER_LOST = """
faults:
  - {type: host_silent, at: {action: sale, occurrence: 3}}
"""
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

# The last digit of the second approval's amount, 16.48 yuan with seed 1: 8 and 9 differ in their last bit.
_BIT_IN_AN_AMOUNT = """
faults:
  - {type: corrupt_file, path: /data/journal.0, offset: 653 B, bit_number: 0, at: {day: 1, time: "09:54"}}
"""
_CUT_AFTER_THE_COMMIT = """
faults:
  - type: power_loss
    at: {message: {direction: down, mti: "0210", response_code: "00"}, occurrence: 3, storage_operation: 4}
    off_for: 30 s
"""
_FULL_IN_THE_MORNING = """
sales_per_day: 90
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, free: 0 B, at: {day: 1, time: "09:05"}}]
"""

ASSAYS = (
    Assay("no_fsync", (1,), "profile: posix-weak" + _CUT_IN_A_SALE, seeds=40),
    Assay(
        "reversal_dropped", (2, 31), _NOBODY_PAYS_TWICE + _ANSWER_LOST +
        "  - {type: host_silent, name: reversal_lost, unread: true, at: {message: {direction: up, mti: '0400', moment: sent}}}",
    ),
    Assay("resend_as_new", (3,), _ANSWER_LOST),
    Assay("reverse_after_commit", (7, 2), _CUT_IN_THE_COMMIT, seeds=40),
    Assay("stan_in_ram", (8,), "faults: [{type: crash, at: {action: sale, occurrence: 4}}]"),
    Assay(
        "clear_unbalanced", (11,),
        "faults: [{type: truncate_file, path: /data/journal.0, remaining: 5%, at: {day: 1, time: '09:55'}}]",
    ),
    Assay("clear_on_timeout", (11,), "faults: [{type: host_silent, unread: true, messages: 2, at: {action: settle}}]"),
    Assay("settle_twice", (12,), "faults: [{type: host_silent, at: {action: settle}}]"),
    Assay(
        "report_first", (15,),
        """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 25
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, free: 0 B, at: {day: 1, time: "10:00"}}]
""",
    ),
    Assay(
        "reports_to_b", (15,),
        """
days: {count: 2, open: "09:00", close: "11:00"}
sales_per_day: 25
device: {volumes: {card: {size: 4 MiB}, data: {size: 1 MiB}}}
people: {settles_on_time: 0%, settles_late: 0%, when_full_settles: 0%, when_full_clears_cache: 0%}
faults: [{type: full_storage, volume: data, free: 0 B, at: {day: 1, time: "10:00"}}]
""",
    ),
    Assay(
        "purged_by_age", (1,),
        """
days: {count: 1, start: 2026-03-02, open: "09:00", close: "10:00"}
faults:
  - {type: clock_jump, jump: 40 d, at: {day: 1, time: "09:30"}, lift_after: 20 min}
  - {type: crash, at: {day: 1, time: "09:32", action: sale, delay: 4 s}}
""",
    ),
    Assay("torn_parsed", (17, 24), _TORN_RECORD, seeds=40),
    Assay("never_resent", (22,), _ANSWER_LOST),
    Assay("boot_loop", (24,), _TORN_RECORD, seeds=40),
    Assay("leak", (26,), 'days: {count: 2, open: "09:00", close: "12:00"}\nsales_per_day: 300'),
    Assay("log_in_ram", (1, 2), _CUT_IN_A_SALE),
    Assay("completes_twice", (21,), _DESK + "people: {completes_again: 100%, settles_on_time: 100%, settles_late: 0%}"),
    Assay("completes_above", (21,), _DESK + "people: {bills_above_hold: 100%, settles_on_time: 100%, settles_late: 0%}"),
    Assay(
        "completes_voided", (21,), _DESK.replace(": 20", ": 60") +
        "people: {completes_voided: 100%, settles_on_time: 100%, settles_late: 0%}",
    ),
    Assay("hold_as_sale", (3,), _DESK),
    Assay("partial_as_whole", (1, 2), "host: {no_reply: 0%, decline: 0%, partial: 50%}"),
    Assay("partial_declined", (31, 2), "host: {no_reply: 0%, decline: 0%, partial: 50%}"),
    Assay("holds_settled", (2,), _DESK),
    Assay("silent_charge", (31, 2), _NOBODY_PAYS_TWICE + _ANSWER_LOST),
    Assay("track_kept", (28,), ""),
    Assay("track_in_spool", (28,), ""),
    Assay("pin_in_reversal", (28,), ""),
    Assay("card_in_log", (29,), ""),
    Assay("card_on_slip", (29,), ""),
    Assay("crash_dump", (28, 29), _ANSWER_LOST),
    Assay("hashed_cards", (29,), ""),
    Assay("counted_again", (10,), _CUT_IN_THE_COMMIT, seeds=40),
    Assay("searches_the_log", (27,), 'days: {count: 1, open: "09:00", close: "13:00"}\nsales_per_day: 90'),
    Assay("crc_unchecked", (18,), _BIT_IN_AN_AMOUNT),
    Assay("damage_unsaid", (18,), _BIT_IN_AN_AMOUNT),
    Assay("totals_apart", (10,), _CUT_AFTER_THE_COMMIT),
    Assay("blind_admission", (13,), _FULL_IN_THE_MORNING, seeds=10),
    Assay("over_limit_warns", (13, 14), _FULL_IN_THE_MORNING),
    Assay("units_mixed_up", (14,), _FULL_IN_THE_MORNING),
)  # fmt: skip


@pytest.mark.parametrize("assay", ASSAYS, ids=[assay.mutant for assay in ASSAYS])
def test_the_mutant_is_caught_where_the_reference_passes(assay: Assay) -> None:
    plan = small(assay.scenario)
    for seed in range(1, assay.seeds + 1):
        caught = run(plan, assay.mutant, seed)
        correct = run(plan, "reference", seed)
        assert correct.status == "pass", f"reference, seed {seed}: {told(correct)}"
        if set(assay.caught_by) <= found(caught):
            break
    else:
        pytest.fail(f"not caught with any seed, last {told(caught)}")
    assert caught.exit_code == 1
    # A pass says something only where the invariant had something to judge.
    checked = {line.partition(" ")[0] for line in correct.checked}
    assert {str(number) for number in assay.caught_by} <= checked, correct.not_checked


def histories(assay: Assay, directory: Path) -> tuple[bytes, bytes]:
    """With modules shared by all boots, and with fresh ones at each."""
    told_by: list[bytes] = []
    for share in (True, False):
        run(small(assay.scenario), assay.mutant, 1, directory / str(share), share_modules=share)
        told_by.append((directory / str(share) / "history.jsonl").read_bytes())
    return told_by[0], told_by[1]


@pytest.mark.parametrize("assay", ASSAYS, ids=[assay.mutant for assay in ASSAYS])
def test_boots_share_the_modules_of_software_that_keeps_nothing_in_them(assay: Assay, tmp_path: Path) -> None:
    """What a module global or a class attribute holds would survive a power cut."""
    shared, fresh = histories(assay, tmp_path)
    assert (shared == fresh) == CATALOGUE[assay.mutant].shares_modules and b'"Booted"' in fresh


def test_every_mutant_and_every_invariant_has_its_assay() -> None:
    promised = {
        (name, number) for name, each in CATALOGUE.items() if not each.at_crash_points for number in each.caught_by
    }
    assert promised == {(assay.mutant, number) for assay in ASSAYS for number in assay.caught_by}
    at_crash_points = {(name, n) for name, each in CATALOGUE.items() if each.at_crash_points for n in each.caught_by}
    assert at_crash_points == {(cuts.mutant, number) for cuts in CUTS for number in cuts.caught_by}
    assert {INVARIANTS.get(name).number for name in INVARIANTS.names()} == {number for _, number in promised}

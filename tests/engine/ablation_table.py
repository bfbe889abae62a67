"""What shows that each shipped scenario does something: a terminal that it finds out, or a measure that it moves.

A row names a shipped mutant or naive terminal with an invariant that it violates here and not with the faults switched off, or a
measure (``ablation_measures``) of the reference terminal. ``terminals`` is how many are enough to show it: what happens at one
till hangs on no other, so two mostly do.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """How a scenario is shown to matter: ``terminal`` and ``finds``, or ``measure``."""

    terminal: str = ""
    finds: tuple[int, ...] = ()
    measure: str = ""
    terminals: int = 2
    instead: str = ""
    """For a countermeasure: the terminal without it, under which the run goes otherwise."""


def by(terminal: str, *finds: int, terminals: int = 2) -> Shown:
    """Found out here: this terminal, by these invariants."""
    return Shown(terminal, finds, terminals=terminals)


def moves(measure: str, terminals: int = 2, instead: str = "") -> Shown:
    """Moved here: this measure of the scenario's own terminal, against an ordinary day or the terminal ``instead``."""
    return Shown(measure=measure, terminals=terminals, instead=instead)


NOTHING_GOES_WRONG = {"power/plain_counter"}
"""What crash points start from: its faults are every instant of it (``harness crashpoints``)."""

SHOWN_BY: dict[str, Shown] = {
    "combined/clock_lost_after_outage": by("stan_in_ram", 8),
    "combined/first_look": moves("downtime_s", terminals=3),
    "combined/full_store_then_power_cut": by("reverse_after_commit", 7),
    "combined/random_faults": moves("messages_lost", terminals=3),
    "corruption/journal_bit_flip": by("clear_unbalanced", 11, terminals=4),
    "corruption/lost_and_truncated_files": by("jsonfile", 24),
    "corruption/one_copy_goes_bad": moves("slips.sale.later", terminals=8),
    "corruption/stale_backup_restored": moves("screens.error"),
    "field/commit_taken_back": by("no_fsync", 2, 3, 5, terminals=6),
    "field/database_full_at_noon": by("report_first", 15),
    "field/device_lost_with_its_data": moves("answered.94"),
    "field/device_swapped_mid_batch": moves("downtime_s"),
    "field/document_rewritten_on_a_full_volume": by("tinydb", 7, 13),
    "field/expired_and_wrong_cards": moves("answered.54"),
    "field/festival": moves("intents"),
    "field/fewer_steps": moves("p95_sale_ms"),
    "field/limit_too_low": moves("answered.61"),
    "field/merchant_blocked": moves("sale.declined"),
    "field/purged_by_age": by("purged_by_age", 1),
    "field/queue_unreadable_after_a_reset": by("filequeue", 24, terminals=4),
    "field/small_device_large_trade": moves("screens.storage_full"),
    "field/surge_on_a_slow_host": moves("p95_sale_ms", terminals=8),
    "field/trace_number_wraps": by("stan_by_size", 8),
    "host/account_mistyped_at_the_acquirer": by("bounce_as_pending", 30),
    "host/announced_window": moves("sale.refused"),
    "host/cards_good_for_a_part": moves("sale.unknown"),
    "host/customers_confirm_late": moves("scan_sale.unknown"),
    "host/issuer_leg_cut": moves("sale.unknown"),
    "host/maintenance_window": moves("sale.declined"),
    "host/payout_late": moves("hours_to_account"),
    "host/queue_full_at_noon": moves("walked_away"),
    "host/settled_in_the_cut_over": moves("settle.failed"),
    "host/settlement_answer_lost": by("settle_twice", 12),
    "host/settlement_error": moves("settle.failed"),
    "host/silent_and_overloaded": by("reversal_dropped", 22),
    "host/upload_sent_again": moves("answered.94"),
    "memory/leak_until_killed": by("log_in_ram", 1, terminals=1),
    "network/cable_replugged": moves("sale.refused"),
    "network/late_replies": moves("sale.unknown"),
    "network/motor_beside_the_till": moves("messages_lost"),
    "network/orders_while_the_line_is_down": by("orders_sent_again", 3),
    "network/outage_then_stampede": moves("messages.0400"),
    "network/partition_at_closing_time": by("clear_on_timeout", 11),
    "network/replies_of_others": by("any_reply_taken", 9),
    "network/reply_lost": by("silent_charge", 3, terminals=6),
    "network/slow_before_it_stops": moves("alarm_lead_s", instead="reference"),
    "network/slow_mobile_link": moves("p95_sale_ms"),
    "network/sold_offline_while_the_line_is_down": by("offline_as_new", 25),
    "network/throttled_line": moves("p95_sale_ms"),
    "network/wrong_host_address": moves("sale.refused"),
    "network/wrong_routing_header": moves("messages_lost"),
    "operator/broken_card_reader": moves("lost_sales"),
    "operator/cache_cleared_mid_sale": by("stan_in_ram", 8),
    "operator/cards_refuse_after_the_host": moves("messages.0400"),
    "operator/charged_again_by_a_colleague": by("guard_by_track", 3),
    "operator/customers_leave": moves("walked_away"),
    "operator/dirty_card_reader": moves("presentations"),
    "operator/hotel_checks_out": moves("downtime_s"),
    "operator/key_pressed_twice": moves("presentations"),
    "operator/large_payout_held": by("bounce_as_pending", 30),
    "operator/log_read_and_taken_away": by("log_deciphered", 29),
    "operator/log_shortens_the_repair": moves("repair_s", instead="reference"),
    "operator/paper_runs_out": moves("slips.settlement.later"),
    "operator/plug_pulled_when_slow": moves("downtime_s"),
    "operator/settings_are_checked": by("refusal_hidden", 30),
    "operator/signed_off_for_the_night": by("signs_off_unsettled", 16),
    "operator/support_called_in_a_settlement": by("clears_too_much", 11),
    "operator/support_clears_a_reversal": moves("reversals_cleared"),
    "operator/voids_and_refunds": moves("void.unknown"),
    "operator/wrong_amount_then_void": moves("void.approved"),
    "operator/wrong_cycle_chosen": moves("hours_to_account"),
    "power/cut_at_any_storage_operation": by("no_fsync", 1, terminals=8),
    "power/cut_between_reply_and_commit": by("filequeue", 31, terminals=6),
    "power/cut_during_settlement": by("log_in_ram", 1),
    "power/cut_in_an_order": by("order_forgotten", 30),
    "power/cut_in_flight": by("reversal_in_ram", 4),
    "power/dropped_on_the_floor": moves("downtime_s"),
    "power/fat_formatted_card": by("stan_in_ram", 8),
    "power/hot_afternoon": moves("downtime_s"),
    "power/program_crashes": by("stan_in_ram", 8),
    "power/rebooted_by_the_clock": moves("settle.interrupted"),
    "power/settlement_left_half_done": by("settlement_forgotten", 23),
    "power/store_wide_cut": moves("downtime_s"),
    "power/voltage_dips": by("jsonfile", 24),
    "security/altered_replies": moves("messages.0400"),
    "security/cloned_terminal_number": moves("answered.A0"),
    "security/dump_for_support": by("crash_dump", 28, 29),
    "security/reversal_forgotten_by_the_host": moves("messages.0320"),
    "security/stolen_cards": moves("answered.59"),
    "storage/archive_move_interrupted": by("moved_too_soon", 1, 2, terminals=6),
    "storage/bad_contact": moves("sale.unknown"),
    "storage/bad_sector_in_the_journal": moves("storage.EIO"),
    "storage/cache_bloat_takes_the_space": moves("storage.ENOSPC"),
    "storage/cache_cleared_when_full": moves("actions.clear_cache"),
    "storage/chip_replaced_after_hours": moves("lost_sales"),
    "storage/cut_in_a_compression": by("packed_in_place", 1, terminals=6),
    "storage/device_b_full": by("reports_to_b", 15),
    "storage/evicted_by_a_cleaner": by("tinydb", 8, terminals=2),
    "storage/fills_up_because_nobody_settles": moves("screens.storage_full", terminals=1),
    "storage/flash_wears_out": moves("storage.EIO"),
    "storage/new_data_over_old": moves("screens.error"),
    "storage/no_clean_block_left": moves("sale.refused"),
    "storage/quota_raised_once": moves("screens.storage_full"),
    "storage/quota_set_too_low": moves("screens.storage_full"),
    "storage/remounted_read_only": moves("storage.EROFS"),
    "storage/settle_when_data_volume_full": by("report_first", 15),
    "storage/signatures_fill_the_volume": moves("bytes_per_sale", instead="reference"),
    "storage/slower_from_day_to_day": moves("walked_away"),
    "storage/update_takes_the_space": moves("storage.ENOSPC"),
    "storage/warned_before_it_is_full": moves("alarm_lead_s", instead="reference"),
    "storage/wear_over_months": moves("storage.EIO"),
    "update/back_to_the_old_release": by("downgrade_overwrites", 1),
    "update/cut_in_the_first_boot": by("migrated_in_place", 1, terminals=8),
    "update/leftovers_of_the_loader": by("leftover_taken", 1),
    "update/no_room_for_the_package": moves("screens.storage_full"),
    "update/old_data_under_a_new_release": by("update_formats", 1),
    "update/patch_after_closing": by("version_ignored", 1),
    "update/worked_during_the_update": moves("downtime_s"),
}

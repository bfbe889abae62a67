"""Tests that take too long for the test command, and are part of soak: one list, so that what was put off is seen at a glance.

Each is one of several that hold the same rule (another profile, mutant, flow or seed stays in the test command), or is done over
again in larger numbers by soak itself. A test that is always large carries the marker where it stands.
"""

LARGE = frozenset(
    {
        "tests/cli/test_hunt.py::test_from_a_field_log_to_a_small_scenario_that_shows_the_symptom",
        "tests/cli/test_sweep.py::test_shards_of_a_campaign_are_merged_to_what_the_whole_of_it_declares",
        "tests/cli/test_ci_examples.py::test_its_commands_run_and_leave_the_files_that_are_named[gitlab-ci.yml]",
        "tests/cli/test_usage.py::test_everything_listed_is_explained",
        "tests/engine/crashpoints/test_determinism.py::test_hash_seeds_change_nothing[filequeue-profiles1-1]",
        "tests/engine/crashpoints/test_explore.py::"
        "test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium[completion]",
        "tests/engine/crashpoints/test_explore.py::"
        "test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium[offline]",
        "tests/engine/crashpoints/test_explore.py::"
        "test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium[preauth]",
        "tests/engine/crashpoints/test_explore.py::"
        "test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium[refund]",
        "tests/engine/crashpoints/test_explore.py::"
        "test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium[upload]",
        "tests/engine/crashpoints/test_explore.py::"
        "test_the_reference_comes_back_from_every_state_of_every_flow_on_every_medium[void]",
        "tests/engine/crashpoints/test_no_proof.py::test_card_numbers_in_the_names_of_files_are_masked",
        "tests/engine/crashpoints/test_scenes_end.py::test_no_scene_of_an_exploration_stays_in_memory[sale-2]",
        "tests/engine/field/test_terminal_on_sqlite.py::test_every_instant_of_a_sale_says_the_same[directory synced]",
        "tests/engine/field/test_terminal_on_sqlite.py::test_every_instant_of_a_sale_says_the_same[its default]",
        "tests/engine/field/test_terminal_on_sqlite.py::test_a_settlement_fails_because_storage_is_full[WAL]",
        "tests/engine/field/test_terminal_on_sqlite.py::test_a_commit_whose_journal_comes_back_is_taken_back[directory synced]",
        "tests/engine/field/test_terminal_on_sqlite.py::test_a_commit_whose_journal_comes_back_is_taken_back[its default]",
        "tests/engine/test_determinism.py::test_two_processes_with_other_hash_seeds_write_the_same_history[filequeue]",
        "tests/engine/test_determinism.py::test_two_processes_with_other_hash_seeds_write_the_same_history[tinydb]",
        "tests/engine/test_determinism.py::test_a_resolved_scenario_writes_the_same_history_and_resolves_to_itself[tinydb]",
        "tests/engine/test_mutants.py::test_the_mutant_is_caught_where_the_reference_passes[moved_too_soon]",
        "tests/engine/test_naive_terminals.py::"
        "test_a_full_volume_loses_what_naive_storage_had_shown_as_approved[jsonfile]",
        "tests/engine/test_unseen.py::test_they_are_a_set_of_their_own_that_no_row_was_written_for",
        "tests/engine/shrink/test_shrink.py::test_every_scenario_can_be_written_briefly_and_read_back",
        "tests/faults/test_triggers.py::test_a_range_of_operations_is_drawn_and_covers_every_one",
        "tests/storage/test_profiles_properties.py::test_draw_is_always_among_the_legal_images[fat]",
        "tests/storage/test_profiles_properties.py::test_folding_never_changes_what_is_legal[sd]",
        "tests/storage/test_profiles_properties.py::test_the_harsher_profile_allows_all_that_the_kinder_does[fat-sd]",
        "tests/storage/test_profiles_properties.py::test_until_the_next_barrier_the_legal_images_only_grow[sd]",
        "tests/storage/test_profiles_properties.py::test_what_the_software_last_saw_is_legal[fat]",
        "tests/strategies/test_machine.py::test_a_mutant_is_found_in_as_many_examples[stan_in_ram]",
        "tests/strategies/test_strategies.py::"
        "test_the_simplest_scenario_is_one_quiet_day_and_the_simplest_fault_is_at_opening",
        "tests/sut/test_limits.py::test_software_that_never_comes_back_is_named[spin where Python itself swallows]",
        "tests/sut/wire/test_firmware.py::test_killed_after_any_request_it_owes_nothing[node_program-sale]",
        "tests/sut/wire/test_firmware.py::test_killed_after_any_request_it_owes_nothing[node_program-settle]",
        "tests/sut/wire/test_firmware.py::test_killed_after_any_request_it_owes_nothing[python_program-sale]",
        "tests/terminals/test_reference_profiles.py::test_whatever_a_cut_may_leave_is_survived_on[fat]",
        "tests/testing/test_documentation.py::test_the_page_runs_as_it_stands",
        "tests/testing/test_pytest_plugin.py::test_scenarios_that_the_command_line_names",
        "tests/workload/test_closing.py::test_who_is_there_leaves_soon_and_nobody_comes",
    }
)

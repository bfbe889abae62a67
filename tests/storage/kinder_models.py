"""Storage models made kinder than the world, one small real change at a time, each with the checks that notice it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.storage import powerloss
from harness.storage.draft import Draft, Fate
from harness.storage.image import Image
from harness.storage.oplog import Op, Rename, SyncVolume, Write
from harness.storage.profiles import (
    base,
    choices,
    fold,
    unordered,
)
from harness.storage.profiles.base import LegalImages
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.ext4_ordered import Ext4NoAutoDaAlloc, Ext4Ordered
from harness.storage.profiles.fat import Fat
from harness.storage.profiles.fold import Durability
from harness.storage.profiles.journal_commits import Commits
from harness.storage.profiles.journalled import JournalledProfile, Piece
from harness.storage.profiles.poorest import Poorest
from harness.storage.profiles.posix_weak import PosixWeak
from harness.storage.profiles.unordered import UnorderedProfile
from harness.storage.write_back import WriteBack
from tests.storage import (
    test_crash_powerloss,
    test_profiles_ext4,
    test_profiles_fat,
    test_profiles_poorest,
    test_profiles_posix_weak,
    test_profiles_properties,
    test_write_back,
)
from tests.storage.model_changes import EXT4, FAT, POSIX, Change, Patch, check, entered, program, ruled

KINDER: list[Change] = []
kinder = entered(KINDER)


def forced(patch: Patch, kind: type[Any]) -> None:
    """Operations of one kind land as soon as they are made, where nothing but barriers orders anything."""
    true = unordered.forced_by_barriers

    def kinder_forced(log: Sequence[Op], rules: unordered.Rules) -> list[int]:
        return [3 if type(op) is kind else state for op, state in zip(log, true(log, rules), strict=True)]

    patch.setattr(unordered, "forced_by_barriers", kinder_forced)


# ---------------------------------------------------------------- file systems that order nothing


@kinder(
    check(test_profiles_posix_weak.test_overwrite_is_torn_at_sectors_in_any_combination, POSIX),
    program("in-place rewrite+fsync", "posix-weak"),
    program("checked log+fsync", "fat"),
)
def writes_are_never_torn(patch: Patch) -> None:
    def whole_or_nothing(self: Any, op: Write, draft: Draft, choices: Choices) -> Any:
        return unordered._NOTHING_WRITTEN if choices.pick(2) else None

    patch.setattr(UnorderedProfile, "_write_part", whole_or_nothing)


@kinder(
    check(test_profiles_posix_weak.test_fsync_of_one_file_says_nothing_about_another, POSIX),
    check(test_profiles_posix_weak.test_writes_land_out_of_order, POSIX),
    program("lines appended, no fsync", "posix-weak"),
)
def every_write_is_durable_at_once(patch: Patch) -> None:
    forced(patch, Write)


@kinder(
    check(test_profiles_posix_weak.test_rename_to_a_new_name_leaves_one_both_or_neither, POSIX),
    program("tmp+fsync+rename, no directory fsync", "posix-weak"),
)
def unsynced_renames_are_kept(patch: Patch) -> None:
    forced(patch, Rename)


@kinder(
    check(test_profiles_posix_weak.test_file_lost_without_directory_fsync, POSIX),
    program("tmp+fsync+rename, no directory fsync", "posix-weak"),
)
def fsync_of_a_new_file_saves_its_name_on_posix_weak(patch: Patch) -> None:
    ruled(patch, PosixWeak, fsync_persists_name=True)


@kinder(
    check(test_profiles_posix_weak.test_append_may_grow_over_zeros_or_stale_bytes_before_its_data, POSIX),
    check(test_profiles_posix_weak.test_extension_may_show_stale_bytes, POSIX),
    program("lines appended+fsync, naive parser", "posix-weak"),
)
def no_stale_bytes_where_a_file_grew(patch: Patch) -> None:
    ruled(patch, PosixWeak, garbage=False)


@kinder(
    check(test_profiles_posix_weak.test_truncation_stops_half_way, POSIX),
)
def truncation_is_atomic(patch: Patch) -> None:
    patch.setattr(UnorderedProfile, "resize_parts", lambda self, op: [])


@kinder(check(test_profiles_posix_weak.test_truncation_may_come_after_the_write_that_followed_it, POSIX))
def truncation_is_never_lost(patch: Patch) -> None:
    patch.setattr(UnorderedProfile, "_truncate_part", lambda self, op, choices: None)


@kinder(
    check(test_profiles_posix_weak.test_removal_may_be_undone_or_leave_the_file_empty, POSIX),
)
def a_removed_file_is_never_emptied_before_its_name_goes(patch: Patch) -> None:
    ruled(patch, PosixWeak, removed_emptied=False)


@kinder(
    check(test_profiles_fat.test_replace_may_leave_neither_file_nor_content),
    program("tmp+fsync+rename+directory fsync", "fat"),
)
def a_replaced_file_is_never_emptied_on_fat(patch: Patch) -> None:
    ruled(patch, Fat, replaced_emptied=False)


@kinder(
    check(test_profiles_fat.test_both_names_of_a_rename_are_two_files),
    program("tmp+fsync+rename+directory fsync", "fat"),
)
def rename_is_atomic_on_fat(patch: Patch) -> None:
    patch.setattr(FAT, "_outcomes", {})
    patch.setattr(
        unordered, "_rename_outcomes", lambda rules, forced, *rest: [None] if forced else [None, unordered._NO_STEP]
    )


@kinder(
    check(test_profiles_fat.test_clusters_may_end_up_with_no_owner),
)
def clusters_are_never_lost(patch: Patch) -> None:
    ruled(patch, Fat, leaks_space=False)


@kinder(check(test_profiles_fat.test_shortened_file_may_show_stale_clusters))
def a_shortened_file_never_shows_stale_clusters(patch: Patch) -> None:
    ruled(patch, Fat, shortened_garbage=False)


@kinder(
    check(test_profiles_posix_weak.test_writes_dropped_by_a_failed_fsync_stay_losable, POSIX),
)
def pages_stay_dirty_when_fsync_fails(patch: Patch) -> None:
    patch.setattr(unordered, "DropDirty", SyncVolume)


# ---------------------------------------------------------------- journals


@kinder(
    check(test_profiles_ext4.test_metadata_is_kept_as_a_prefix, EXT4),
    check(test_profiles_ext4.test_rename_may_be_lost_without_directory_fsync, EXT4),
    program("tmp+fsync+rename, no directory fsync", "ext4-ordered"),
)
def the_journal_never_loses_its_last_transactions(patch: Patch) -> None:
    true = JournalledProfile.commits

    def all_committed(self: JournalledProfile, base: Image, log: Sequence[Op]) -> Commits:
        commits = true(self, base, log)
        commits.committed = len(commits.journalled)
        return commits

    patch.setattr(JournalledProfile, "commits", all_committed)


@kinder(
    check(test_profiles_ext4.test_append_within_the_last_block_may_show_zeros, EXT4),
    check(test_profiles_ext4.test_append_beyond_the_last_block_shows_zeros_where_extents_are_unwritten, EXT4),
    program("TinyDB's storage", "ext4-ordered"),
)
def a_size_never_grows_without_its_data(patch: Patch) -> None:
    true = JournalledProfile.pieces

    def no_zeros(self: JournalledProfile, *arguments: Any) -> list[Piece]:
        found = true(self, *arguments)
        return [
            replace(each, options=tuple(f for f in each.options if f != Fate.ZEROS) or (Fate.LOST,)) for each in found
        ]

    patch.setattr(JournalledProfile, "pieces", no_zeros)


@kinder(
    check(test_profiles_ext4.test_overwrite_in_place_is_torn_at_sectors, EXT4),
)
def a_block_overwritten_on_ext4_is_old_or_new(patch: Patch) -> None:
    ruled(patch, Ext4Ordered, sector_bytes=4096)


@kinder(
    check(test_profiles_ext4.test_replace_by_rename_may_leave_an_empty_file_without_auto_da_alloc),
    program("tmp+rename, no fsync", "ext4-noauto_da_alloc"),
)
def replaced_files_are_protected_without_auto_da_alloc(patch: Patch) -> None:
    ruled(patch, Ext4NoAutoDaAlloc, auto_da_alloc=True)


# ---------------------------------------------------------------- what all profiles share


@kinder(
    check(test_profiles_posix_weak.test_overwrite_is_torn_at_sectors_in_any_combination, POSIX),
    program("checked log+fsync", "posix-weak"),
)
def the_listing_forgets_the_last_answer_to_each_question(patch: Patch) -> None:
    def one_short(answers: list[int], counts: list[int]) -> list[int] | None:
        return choices.next_script(answers, [max(1, count - (count > 2)) for count in counts])

    patch.setattr(base, "next_script", one_short)


@kinder(
    check(test_profiles_posix_weak.test_rename_to_a_new_name_leaves_one_both_or_neither, POSIX),
    program("tmp+fsync+rename+directory fsync", "posix-weak"),
)
def images_that_differ_by_names_alone_are_taken_for_one(patch: Patch) -> None:
    def by_content(self: Image) -> str:
        return repr(sorted(self.files.get(inode, b"") for _, inode in self.walk()))

    patch.setattr(Image, "digest", by_content)


@kinder(program("checked log+fsync", "posix-weak"), program("tmp+rename, no fsync", "ext4-ordered"))
def what_is_pending_is_folded_as_well(patch: Patch) -> None:
    def all_of_it(found: Image, log: Sequence[Op], durable: Sequence[Durability]) -> tuple[Image, list[Op]]:
        return fold.fold(found, log, [Durability.DURABLE] * len(log))

    patch.setattr(base, "fold", all_of_it)


@kinder(check(test_profiles_properties.test_a_long_history_is_sampled_and_says_so, POSIX))
def a_sample_is_taken_for_all(patch: Patch) -> None:
    patch.setattr(LegalImages, "__next__", lambda self: setattr(self, "exhaustive", True) or next(self._states))


@kinder(check(test_crash_powerloss.test_an_operation_in_flight_lands_in_any_part))
def draws_never_tear(patch: Patch) -> None:
    patch.setattr(choices, "_SEEDED_TEAR_ODDS", (0.0, 0.0, 0.0))


@kinder(check(test_profiles_poorest.test_what_was_not_synced_is_gone_and_what_was_is_there, "posix-weak"))
def the_poorest_image_keeps_what_it_may_lose(patch: Patch) -> None:
    patch.setattr(Poorest, "pick", lambda self, count: 0)


# ---------------------------------------------------------------- the cut


@kinder(check(test_crash_powerloss.test_a_barrier_in_flight_promises_nothing))
def a_barrier_under_way_has_done_its_work(patch: Patch) -> None:
    patch.setattr(powerloss, "unreturned", lambda log: log)


@kinder(check(test_crash_powerloss.test_a_medium_without_a_cache_loses_at_most_the_operation_under_way))
def the_operation_under_way_has_returned(patch: Patch) -> None:
    true = powerloss.at_the_cut
    patch.setattr(powerloss, "at_the_cut", lambda profile, log, under_way: true(profile, log, under_way=False))


@kinder(check(test_crash_powerloss.test_every_cut_shows_every_image_of_every_moment))
def no_cut_falls_before_a_barrier(patch: Patch) -> None:
    patch.setattr(powerloss, "crash_points", lambda log: [len(log)])


@kinder(
    check(test_crash_powerloss.test_every_volume_is_cut_at_that_instant),
)
def the_second_volume_is_cut_after_it_was_unmounted(patch: Patch) -> None:
    true = powerloss.cut_power

    def one_at_a_time(volumes: Sequence[powerloss.VolumeAtCut], seed: int, **rest: Any) -> powerloss.PowerLoss:
        first, *others = volumes
        return true([first, *(replace(each, log=(*each.log, SyncVolume())) for each in others)], seed, **rest)

    patch.setattr(test_crash_powerloss, "cut_power", one_at_a_time)


@kinder(check(test_write_back.test_an_idle_terminal_s_unsynced_file_is_written_after_a_minute))
def everything_is_written_back_at_once(patch: Patch) -> None:
    def at_once(self: WriteBack, log: list[Op], now_us: int) -> None:
        if self.after_us is not None and log and not isinstance(log[-1], SyncVolume):
            log.append(SyncVolume(written_back=True))

    patch.setattr(WriteBack, "advance", at_once)

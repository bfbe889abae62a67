"""Storage models made harsher than the world: a false alarm costs a reader's trust as surely as a miss.

Each must be noticed by a check that says "zero stays zero": a program that is right, or a promise that a medium keeps.
"""

from collections.abc import Sequence
from typing import Any

from harness.host.acquirer import Acquirer
from harness.storage import powerloss
from harness.storage.image import Image
from harness.storage.oplog import Op, Rename
from harness.storage.profiles import fold, jffs2, registry, unordered
from harness.storage.profiles.base import Crash
from harness.storage.profiles.cached_block import CachedBlockProfile
from harness.storage.profiles.choices import Choices
from harness.storage.profiles.ext4_ordered import Ext4Ordered
from harness.storage.profiles.journal_commits import Commits
from harness.storage.profiles.journalled import JournalledProfile
from harness.storage.write_back import WriteBack
from harness.sut.durability import Durability
from tests.storage import (
    test_crash_powerloss,
    test_profiles_cached_block,
    test_profiles_ext4,
    test_profiles_jffs2,
    test_profiles_posix_weak,
    test_write_back,
)
from tests.storage.kinder_crash_points import TWO_CUTS
from tests.storage.model_changes import EXT4, POSIX, Change, Patch, check, entered, program, read_anew, ruled
from tests.sut import test_what_survives

HARSHER: list[Change] = []
harsher = entered(HARSHER)


@harsher(
    check(test_profiles_posix_weak.test_fsynced_content_under_a_fsynced_name_survives, POSIX),
    program("tmp+fsync+rename+directory fsync", "posix-weak"),
)
def what_was_fsynced_may_be_lost(patch: Patch) -> None:
    patch.setattr(unordered._Barriers, "covers_data", lambda self, inode: False)


@harsher(
    check(test_profiles_posix_weak.test_fsynced_content_under_a_fsynced_name_survives, POSIX),
    program("tmp+fsync+rename+directory fsync", "posix-weak"),
)
def fsync_of_a_directory_does_nothing(patch: Patch) -> None:
    patch.setattr(unordered._Barriers, "covers_name", lambda self, directory: False)


@harsher(
    check(test_profiles_ext4.test_rename_is_atomic, EXT4),
    program("tmp+fsync+rename+directory fsync", "ext4-ordered"),
)
def a_rename_may_lose_both_names_on_ext4(patch: Patch) -> None:
    true = JournalledProfile.crash

    def neither(self: JournalledProfile, found: Image, log: Sequence[Op], choices: Choices) -> Crash:
        crash = true(self, found, log, choices)
        renames = [op for op in log if isinstance(op, Rename)]
        if renames and choices.pick(2):
            for name in (
                (renames[-1].old_directory, renames[-1].old_name),
                (renames[-1].new_directory, renames[-1].new_name),
            ):
                crash.draft.directories[name[0]] = {
                    each: inode for each, inode in crash.draft.directories[name[0]].items() if each != name[1]
                }
        return crash

    patch.setattr(JournalledProfile, "crash", neither)


@harsher(check(test_profiles_ext4.test_overwrite_in_place_is_torn_at_sectors, EXT4))
def a_sector_is_torn_within_on_ext4(patch: Patch) -> None:
    ruled(patch, Ext4Ordered, sector_bytes=128)


@harsher(
    check(test_profiles_ext4.test_one_fsync_commits_every_earlier_name, EXT4),
    program("checked log+fsync", "ext4-ordered"),
)
def a_commit_may_leave_its_first_transaction_out(patch: Patch) -> None:
    true = JournalledProfile.commits

    def behind(self: JournalledProfile, found: Image, log: Sequence[Op]) -> Commits:
        commits = true(self, found, log)
        commits.committed = 0
        return commits

    patch.setattr(JournalledProfile, "commits", behind)


@harsher(
    check(test_profiles_jffs2.test_fsync_of_a_new_file_with_data_saves_its_name),
    program("checked log+fsync", "jffs2"),
)
def the_write_buffer_of_jffs2_survives_fsync(patch: Patch) -> None:
    def unflushed(found: Image, log: Sequence[Op]) -> Any:
        nodes = jffs2._read(found, log)
        nodes.flushed = 0
        return nodes

    read_anew(patch, registry.get("jffs2"), unflushed)


@harsher(
    check(test_profiles_cached_block.test_nothing_is_damaged_while_nothing_is_being_written, registry.get("emmc")),
)
def neighbours_are_harmed_by_writes_long_flushed(patch: Patch) -> None:
    patch.setattr(CachedBlockProfile, "durable_prefix", lambda self, found, log: (found, list(log)))
    patch.setattr(CachedBlockProfile, "surely_durable", lambda self, found, log: [fold.Durability.PENDING] * len(log))


@harsher(check(test_crash_powerloss.test_a_medium_without_a_cache_loses_at_most_the_operation_under_way))
def what_returned_may_be_lost_on_a_medium_without_a_cache(patch: Patch) -> None:
    patch.setattr(powerloss, "at_the_cut", lambda profile, log, under_way: log)


@harsher(check(test_crash_powerloss.test_a_barrier_under_way_leaves_what_came_before_it_returned))
def a_barrier_under_way_undoes_what_came_before_it(patch: Patch) -> None:
    patch.setattr(
        powerloss, "at_the_cut", lambda profile, log, under_way: powerloss.unreturned(log) if under_way else log
    )


@harsher(check(test_write_back.test_age_makes_durable_where_a_flush_may_lie))
def nothing_is_ever_written_back(patch: Patch) -> None:
    patch.setattr(WriteBack, "advance", lambda self, log, now_us: None)


@harsher(TWO_CUTS)
def the_host_forgets_what_it_booked(patch: Patch) -> None:
    fresh: list[Any] = []
    true = Acquirer.restore

    def restored(self: Acquirer, image: Any) -> None:
        fresh.append(image)
        true(self, fresh[0])

    patch.setattr(Acquirer, "restore", restored)


@harsher(check(test_what_survives.test_a_second_cut_starts_from_what_the_first_left))
def a_second_cut_loses_what_the_first_kept(patch: Patch) -> None:
    true = Durability.cut

    def forgetful(self: Durability, *arguments: Any) -> Any:
        bases = dict(self._bases)
        images, accounts = true(self, *arguments)
        self._bases = {name: bases.get(name, Image()) for name in images}
        return images, accounts

    patch.setattr(Durability, "cut", forgetful)
    patch.setattr(Durability, "base", lambda self, volume: self._bases.get(volume.name, Image()))

"""Flash media made kinder than the world: file systems made for it, raw memories, controllers that harm and lie."""

from collections.abc import Sequence
from typing import Any

from harness.storage.image import Image
from harness.storage.oplog import Op, Rename, SyncVolume, Write
from harness.storage.profiles import (
    jffs2,
    registry,
    roll_forward,
    ubifs,
    write_behind,
    yaffs2,
)
from harness.storage.profiles.cached_block import CachedBlockProfile
from harness.storage.profiles.f2fs import F2fs
from harness.storage.profiles.littlefs import LittleFs
from harness.storage.profiles.lying_flush import LyingFlush
from harness.storage.profiles.raw_slots import RawSlots
from tests.storage import (
    test_profiles_cached_block,
    test_profiles_f2fs,
    test_profiles_jffs2,
    test_profiles_littlefs,
    test_profiles_lying_flush,
    test_profiles_raw_slots,
    test_profiles_ubifs,
    test_profiles_yaffs2,
)
from tests.storage.model_changes import (
    EMMC,
    F2FS,
    JFFS2,
    UBIFS,
    YAFFS2,
    Change,
    Patch,
    check,
    entered,
    program,
    read_anew,
)

KINDER: list[Change] = []
kinder = entered(KINDER)


@kinder(
    check(
        test_profiles_ubifs.test_replace_by_rename_may_be_found_empty_or_zeros_unless_synced_first,
        False,
        {b"old", b"", bytes(3), b"new"},
    ),
    program("tmp+rename, no fsync", "ubifs"),
)
def a_rename_waits_for_the_data_on_ubifs(patch: Patch) -> None:
    def waiting(base: Image, log: Sequence[Op]) -> Any:
        journal = ubifs._read(base, log)
        renamed = {op.inode for op in log if isinstance(op, Rename)}
        for index, op in enumerate(log):
            if isinstance(op, Write) and op.inode in renamed:
                journal.flushes.synced[index] = True
        return journal

    read_anew(patch, UBIFS, waiting)


@kinder(
    check(test_profiles_ubifs.test_append_within_a_block_is_whole_zeros_or_not_there),
    program("lines appended+fsync, naive parser", "ubifs"),
)
def the_size_comes_with_the_data_on_ubifs(patch: Patch) -> None:
    patch.setattr(ubifs._Run, "_grown", lambda self, inode, index: False)


@kinder(
    check(test_profiles_jffs2.test_a_cut_takes_the_end_of_the_log_whatever_the_files),
    program("tmp+fsync+rename, no directory fsync", "jffs2"),
)
def the_write_buffer_of_jffs2_is_always_flushed(patch: Patch) -> None:
    def flushed(base: Image, log: Sequence[Op]) -> Any:
        nodes = jffs2._read(base, log)
        nodes.flushed = nodes.count
        return nodes

    read_anew(patch, JFFS2, flushed)


@kinder(
    check(
        test_profiles_jffs2.test_a_record_is_cut_where_an_erase_block_ends_but_not_before_128_bytes, 700, {0, 512, 700}
    ),
    program("lines appended+fsync, naive parser", "jffs2"),
)
def a_record_is_one_node_on_jffs2(patch: Patch) -> None:
    patch.setattr(jffs2, "node_ends", lambda op: iter((len(op.data),)))


@kinder(
    check(test_profiles_yaffs2.test_data_of_an_open_file_waits_for_its_fsync, False),
    check(test_profiles_yaffs2.test_chunks_of_an_open_file_land_in_any_order_over_zeros),
)
def an_open_file_has_no_cache_on_yaffs2(patch: Patch) -> None:
    def written_through(base: Image, log: Sequence[Op]) -> Any:
        steps = yaffs2._read(base, log)
        steps.flushes.synced[:] = [type(op) is Write for op in log]
        return steps

    read_anew(patch, YAFFS2, written_through)


@kinder(
    check(test_profiles_f2fs.test_generic_342_fails_in_posix_mode_and_the_renamed_file_is_gone),
    program("tmp+fsync+rename, no directory fsync", "f2fs"),
)
def roll_forward_never_displaces_a_name(patch: Patch) -> None:
    patch.setattr(F2fs, "strict", True)


@kinder(
    check(test_profiles_f2fs.test_fsync_of_a_file_saves_no_other_name, F2FS, True),
    program("tmp+fsync+rename, no directory fsync", "f2fs"),
)
def every_fsync_is_a_checkpoint_on_f2fs(patch: Patch) -> None:
    def found_again(base: Image, log: Sequence[Op]) -> Any:
        synced = [SyncVolume() if type(op).__name__ == "SyncFile" else op for op in log]
        return roll_forward.read(base, synced, strict=True), write_behind.flushes(synced)

    for name in ("f2fs", "f2fs-strict"):
        read_anew(patch, registry.get(name), found_again)


@kinder(
    check(test_profiles_littlefs.test_content_left_open_is_lost_whole_when_something_else_is_under_way),
    check(test_profiles_littlefs.test_content_is_old_until_close_and_then_new_whole),
)
def littlefs_commits_each_write(patch: Patch) -> None:
    patch.setattr(LittleFs, "_held_open", lambda self, op: False)


@kinder(
    check(test_profiles_raw_slots.test_a_write_over_programmed_bits_erases_the_sector_around_it),
    program("in-place rewrite+fsync", "raw-slots"),
)
def raw_slots_never_erase(patch: Patch) -> None:
    patch.setattr(RawSlots, "erases", False)


@kinder(
    check(test_profiles_cached_block.test_the_sectors_beside_a_pending_write_may_be_stale, EMMC),
    check(test_profiles_cached_block.test_the_whole_erase_block_may_be_erased_but_for_the_write, EMMC),
    program("checked log+fsync", "emmc"),
)
def neighbours_are_never_harmed(patch: Patch) -> None:
    patch.setattr(CachedBlockProfile, "harm", lambda self, image, *rest: image)


@kinder(
    check(test_profiles_lying_flush.test_the_last_two_flushes_may_have_done_nothing_and_the_one_before_did),
    program("checked log+fsync", "lying-flush"),
)
def every_flush_tells_the_truth(patch: Patch) -> None:
    patch.setattr(LyingFlush, "_honoured", lambda self, log: [True] * len(log))

"""Storage behaviour that terminal software leans on, each case run on a real small tmpfs and on the virtual disk.

Every test gets both and must see the same; most also say what it must be. Cases of modules that are routed to the disk
(shutil, tempfile, logging, gzip) are tested where the routing is.
"""

import errno
import fcntl
import gc
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.storage.disk import Disk
from harness.storage.volume import Volume
from tests.storage.fuzz_targets import RealCalls
from tests.storage.tmpfs_fuzz import small_tmpfs

TOTAL_BYTES = 128 * 1024


class Place:
    """A directory on a file system of 128 KiB, with the calls that reach it."""

    def __init__(self, calls: Any, root: str) -> None:
        self.calls = calls
        self.root = root

    def __call__(self, name: str) -> str:
        return f"{self.root}/{name}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.calls, name)

    def free_bytes(self) -> int:
        status = self.calls.statvfs(self.root)
        return int(status.f_bavail * status.f_frsize)

    def put(self, name: str, data: bytes) -> None:
        with self.calls.fopen(self(name), "wb") as file:
            file.write(data)

    def get(self, name: str) -> bytes:
        with self.calls.fopen(self(name), "rb") as file:
            return bytes(file.read())

    def size(self, name: str) -> int:
        return int(self.calls.stat(self(name)).st_size)

    def fill(self, leave_bytes: int) -> None:
        """A file that takes all space but ``leave_bytes``."""
        self.put("filler", b"f" * max(0, self.free_bytes() - leave_bytes))

    def attempt(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """The result, or the name of the errno."""
        try:
            return call(*arguments)
        except OSError as error:
            return errno.errorcode[error.errno or 0]


@pytest.fixture(params=["tmpfs", "virtual"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    if request.param == "virtual":
        yield Place(Disk([Volume("data", "/data", TOTAL_BYTES, inode_limit=24)]), "/data")
        return
    try:
        mounted = small_tmpfs()
        root = mounted.__enter__()
    except OSError as error:
        pytest.skip(str(error))
    try:
        yield Place(RealCalls(), root)
    finally:
        gc.collect()
        mounted.__exit__(None, None, None)


# -- running out of space ----------------------------------------------------------------------------------------------


def test_filling_leaves_exactly_what_was_asked(place: Place) -> None:
    place.fill(8192)
    assert place.free_bytes() == 8192


def test_os_write_stores_what_fits_then_fails(place: Place) -> None:
    place.fill(8192)
    descriptor = place.open(place("a"), os.O_CREAT | os.O_WRONLY)
    assert place.write(descriptor, b"x" * 20_000) == 8192
    assert place.attempt(place.write, descriptor, b"x" * 10) == "ENOSPC"
    place.close(descriptor)
    assert place.size("a") == 8192


def test_a_large_buffered_write_fails_once_and_its_tail_is_dropped_in_silence(place: Place) -> None:
    """A trap: the write raises, but a later flush and close report success over a file cut short."""
    place.fill(8192)
    file = place.fopen(place("a"), "wb")
    assert place.attempt(file.write, b"x" * 20_000) == "ENOSPC"
    assert (place.attempt(file.flush), place.attempt(file.close)) == (None, None)
    assert place.size("a") == 8192


def test_close_reports_the_lost_write_once_and_frees_the_descriptor(place: Place) -> None:
    place.fill(0)
    file = place.fopen(place("a"), "wb")
    descriptor = file.fileno()
    assert file.write(b"x" * 100) == 100
    assert place.attempt(file.flush) == "ENOSPC"
    assert place.attempt(file.close) == "ENOSPC"
    assert file.closed
    assert place.attempt(file.close) is None
    assert place.attempt(place.fstat, descriptor) == "EBADF"
    assert place.size("a") == 0


def test_a_with_block_on_a_full_disk_raises_from_its_end(place: Place) -> None:
    place.fill(0)
    with pytest.raises(OSError, match="No space left"), place.fopen(place("a"), "w") as file:
        file.write("x" * 100)
    assert place.size("a") == 0


def test_overwriting_in_place_works_on_a_full_disk(place: Place) -> None:
    place.put("a", b"a" * 4096)
    place.fill(0)
    with place.fopen(place("a"), "r+b") as file:
        file.write(b"b" * 4096)
    assert place.get("a") == b"b" * 4096


def test_rewriting_from_scratch_works_on_a_full_disk_as_truncation_frees_first(place: Place) -> None:
    place.put("a", b"a" * 4096)
    place.fill(0)
    place.put("a", b"b" * 4096)
    assert place.get("a") == b"b" * 4096


def test_rewriting_with_more_on_a_full_disk_loses_the_old_data(place: Place) -> None:
    place.put("a", b"a" * 4096)
    place.fill(0)
    file = place.fopen(place("a"), "wb")
    place.attempt(file.write, b"b" * 8192)
    assert place.attempt(file.close) == "ENOSPC"
    assert place.get("a") == b"b" * 4096


def test_renaming_over_a_file_on_a_full_disk_frees_the_old_one(place: Place) -> None:
    place.put("a", b"a" * 4096)
    place.put("b", b"b" * 4096)
    place.fill(0)
    place.rename(place("a"), place("b"))
    assert place.free_bytes() == 4096
    assert place.get("b") == b"a" * 4096


def test_appends_into_the_last_block_and_beyond(place: Place) -> None:
    place.fill(8192)
    file = place.fopen(place("a"), "ab")
    sizes = []
    for digit in (b"0", b"1", b"2"):
        file.write(digit * 3000)
        outcome = place.attempt(file.flush)
        sizes.append((outcome, place.size("a")))
    assert sizes == [(None, 3000), (None, 6000), ("ENOSPC", 8192)]
    assert place.attempt(file.close) == "ENOSPC"


def test_a_flush_can_be_retried_once_space_is_back(place: Place) -> None:
    place.fill(0)
    file = place.fopen(place("a"), "wb")
    file.write(b"hello" * 20)
    assert place.attempt(file.flush) == "ENOSPC"
    place.unlink(place("filler"))
    file.close()
    assert place.get("a") == b"hello" * 20


def test_a_journal_append_that_failed_half_way_continues_where_it_stopped(place: Place) -> None:
    place.put("a", b"A" * 10)
    place.fill(0)
    file = place.fopen(place("a"), "ab")
    file.write(b"B" * 5000)
    assert place.attempt(file.flush) == "ENOSPC"
    assert place.size("a") == 4096
    place.unlink(place("filler"))
    file.write(b"C" * 10)
    file.close()
    assert place.get("a") == b"A" * 10 + b"B" * 5000 + b"C" * 10


def test_empty_files_and_directories_cost_an_inode_but_no_block(place: Place) -> None:
    place.fill(0)
    before = place.statvfs(place.root).f_ffree
    place.put("e1", b"")
    place.mkdir(place("d1"))
    assert place.statvfs(place.root).f_ffree == before - 2
    assert place.free_bytes() == 0


def test_inodes_run_out_as_blocks_do(place: Place) -> None:
    made = 0
    while place.attempt(place.mkdir, place(f"d{made}")) is None:
        made += 1
    assert place.attempt(place.mkdir, place("more")) == "ENOSPC"
    assert made == 23
    assert place.free_bytes() == TOTAL_BYTES


# -- blocks and holes --------------------------------------------------------------------------------------------------


def test_one_byte_takes_a_block(place: Place) -> None:
    place.put("a", b"x")
    assert TOTAL_BYTES - place.free_bytes() == 4096
    assert place.stat(place("a")).st_blocks == 8


def test_a_hole_costs_nothing(place: Place) -> None:
    with place.fopen(place("a"), "wb") as file:
        file.seek(1 << 20)
        file.write(b"x")
    assert place.size("a") == (1 << 20) + 1
    assert TOTAL_BYTES - place.free_bytes() == 4096


def test_filling_a_hole_can_run_out_of_space(place: Place) -> None:
    place.put("a", b"")
    place.calls.truncate(place("a"), 64 * 1024)
    place.fill(4096)
    descriptor = place.open(place("a"), os.O_RDWR)
    assert place.write(descriptor, b"x" * 10_000) == 4096
    assert place.attempt(place.pwrite, descriptor, b"x", 50_000) == "ENOSPC"
    assert place.pread(descriptor, 10, 4090) == b"x" * 6 + bytes(4)
    place.close(descriptor)
    assert place.size("a") == 64 * 1024


def test_preallocation_takes_its_blocks_or_none(place: Place) -> None:
    descriptor = place.open(place("a"), os.O_CREAT | os.O_RDWR)
    place.posix_fallocate(descriptor, 0, 8192)
    assert (place.size("a"), TOTAL_BYTES - place.free_bytes()) == (8192, 8192)
    assert place.attempt(place.posix_fallocate, descriptor, 8192, TOTAL_BYTES) == "ENOSPC"
    assert (place.size("a"), TOTAL_BYTES - place.free_bytes()) == (8192, 8192)
    place.fill(0)
    assert place.pwrite(descriptor, b"y" * 8192, 0) == 8192
    place.close(descriptor)


def test_an_unlinked_open_file_keeps_its_space_until_closed(place: Place) -> None:
    file = place.fopen(place("a"), "w+b")
    file.write(b"x" * 8192)
    file.flush()
    place.unlink(place("a"))
    assert TOTAL_BYTES - place.free_bytes() == 8192
    file.seek(0)
    assert len(file.read()) == 8192
    file.write(b"y" * 8192)
    file.flush()
    assert TOTAL_BYTES - place.free_bytes() == 16_384
    file.close()
    assert place.free_bytes() == TOTAL_BYTES


# -- buffering ---------------------------------------------------------------------------------------------------------


def test_buffered_bytes_are_seen_by_others_after_the_flush_only(place: Place) -> None:
    file = place.fopen(place("a"), "wb")
    file.write(b"x" * 100)
    assert place.get("a") == b""
    file.flush()
    assert len(place.get("a")) == 100
    file.close()


def test_seek_flushes_and_tell_does_not(place: Place) -> None:
    file = place.fopen(place("a"), "wb")
    file.write(b"x" * 100)
    assert (file.tell(), place.size("a")) == (100, 0)
    file.seek(0)
    assert place.size("a") == 100
    file.close()


def test_the_buffer_spills_by_its_own_rules(place: Place) -> None:
    file = place.fopen(place("a"), "wb")
    sizes = []
    for chunk in (b"x" * 8000, b"y" * 500, b"z" * 20_000):
        file.write(chunk)
        sizes.append(place.size("a"))
    file.close()
    assert sizes[0] in (0, 8000)
    assert place.size("a") == 28_500
    assert sizes == sorted(sizes)


def test_line_buffered_text_is_visible_after_each_line(place: Place) -> None:
    file = place.fopen(place("a"), "w", buffering=1)
    file.write("abc\n")
    assert place.size("a") == 4
    file.close()


def test_unbuffered_bytes_are_visible_at_once(place: Place) -> None:
    file = place.fopen(place("a"), "wb", buffering=0)
    file.write(b"abc")
    assert place.size("a") == 3
    file.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_forgotten_file_is_flushed_when_collected(place: Place) -> None:
    def forget() -> None:
        place.fopen(place("a"), "wb").write(b"x" * 100)

    forget()
    gc.collect()
    assert place.size("a") == 100


def test_a_truncation_by_somebody_else_leaves_a_hole_before_the_next_write(place: Place) -> None:
    file = place.fopen(place("a"), "wb")
    file.write(b"A" * 100)
    file.flush()
    place.calls.truncate(place("a"), 10)
    file.write(b"B" * 10)
    file.close()
    assert place.get("a") == b"A" * 10 + bytes(90) + b"B" * 10


# -- descriptors -------------------------------------------------------------------------------------------------------


def test_two_append_descriptors_interleave(place: Place) -> None:
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
    first, second = place.open(place("a"), flags), place.open(place("a"), flags)
    for descriptor, data in ((first, b"1111"), (second, b"2222"), (first, b"3333")):
        place.write(descriptor, data)
    place.close(first)
    place.close(second)
    assert place.get("a") == b"111122223333"


def test_two_plain_descriptors_overwrite_each_other(place: Place) -> None:
    first, second = place.open(place("a"), os.O_CREAT | os.O_WRONLY), place.open(place("a"), os.O_WRONLY)
    for descriptor, data in ((first, b"1111"), (second, b"22"), (first, b"33")):
        place.write(descriptor, data)
    place.close(first)
    place.close(second)
    assert place.get("a") == b"221133"


def test_positioned_and_vector_calls(place: Place) -> None:
    descriptor = place.open(place("a"), os.O_CREAT | os.O_RDWR)
    assert place.pwrite(descriptor, b"hello", 10) == 5
    assert place.pread(descriptor, 5, 10) == b"hello"
    assert place.lseek(descriptor, 0, os.SEEK_END) == 15
    assert place.writev(descriptor, [b"ab", b"cd"]) == 4
    buffers = [bytearray(3), bytearray(3)]
    assert place.preadv(descriptor, buffers, 13) == 6
    assert [bytes(buffer) for buffer in buffers] == [b"loa", b"bcd"]
    place.close(descriptor)
    assert place.size("a") == 19


def test_reads_move_the_position_and_stop_at_the_end(place: Place) -> None:
    place.put("a", b"0123456789")
    descriptor = place.open(place("a"), os.O_RDONLY)
    assert [place.read(descriptor, 4) for _ in range(4)] == [b"0123", b"4567", b"89", b""]
    place.close(descriptor)


def test_data_and_holes_can_be_found(place: Place) -> None:
    descriptor = place.open(place("a"), os.O_CREAT | os.O_RDWR)
    place.pwrite(descriptor, b"x", 8192)
    place.calls.ftruncate(descriptor, 20_000)
    assert place.lseek(descriptor, 0, os.SEEK_DATA) == 8192
    assert place.lseek(descriptor, 8192, os.SEEK_HOLE) == 12_288
    assert place.attempt(place.lseek, descriptor, 12_288, os.SEEK_DATA) == "ENXIO"
    place.close(descriptor)


def test_statvfs_and_fstatvfs_agree(place: Place) -> None:
    descriptor = place.open(place("a"), os.O_CREAT | os.O_RDWR)
    by_path, by_descriptor = place.statvfs(place.root), place.fstatvfs(descriptor)
    assert by_path.f_blocks * by_path.f_frsize == TOTAL_BYTES == by_descriptor.f_blocks * by_descriptor.f_frsize
    place.close(descriptor)


def test_flock_conflicts_between_descriptions_not_within_one(place: Place) -> None:
    first, second = place.fopen(place("l"), "w"), place.fopen(place("l"), "w")
    place.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
    again = place.dup(first.fileno())
    assert place.attempt(place.flock, again, fcntl.LOCK_EX | fcntl.LOCK_NB) is None
    with pytest.raises(BlockingIOError) as refused:
        place.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert refused.value.errno == errno.EWOULDBLOCK
    first.close()
    assert place.attempt(place.flock, second, fcntl.LOCK_SH | fcntl.LOCK_NB) == "EAGAIN"
    place.close(again)
    assert place.attempt(place.flock, second, fcntl.LOCK_SH | fcntl.LOCK_NB) is None
    second.close()


def test_a_refused_conversion_has_lost_the_lock_it_converted(place: Place) -> None:
    first, second = place.fopen(place("l"), "w"), place.fopen(place("l"), "w")
    place.flock(first, fcntl.LOCK_SH)
    place.flock(second, fcntl.LOCK_SH)
    assert place.attempt(place.flock, first, fcntl.LOCK_EX | fcntl.LOCK_NB) == "EAGAIN"
    assert place.attempt(place.flock, second, fcntl.LOCK_EX | fcntl.LOCK_NB) is None
    first.close()
    second.close()


def test_lockf_needs_the_access_it_locks(place: Place) -> None:
    place.put("l", b"")
    with place.fopen(place("l"), "rb") as file:
        assert place.attempt(place.lockf, file, fcntl.LOCK_EX | fcntl.LOCK_NB) == "EBADF"
        assert place.attempt(place.lockf, file, fcntl.LOCK_SH | fcntl.LOCK_NB) is None


def test_synchronous_descriptors_open_and_write(place: Place) -> None:
    descriptor = place.open(place("a"), os.O_CREAT | os.O_WRONLY | os.O_DSYNC)
    assert place.write(descriptor, b"x") == 1
    assert place.fsync(descriptor) is None
    place.close(descriptor)
    assert place.sync() is None


def test_a_raw_file_behaves_as_fileio(place: Place) -> None:
    raw = place.file_io(place("z"), "w")
    assert (raw.write(b"abc"), raw.mode, raw.name) == (3, "wb", place("z"))
    assert repr(raw) == f"<_io.FileIO name={place('z')!r} mode='wb' closefd=True>"
    raw.close()
    assert repr(raw) == "<_io.FileIO [closed]>"
    with pytest.raises(ValueError, match="closed file"):
        raw.write(b"x")


def test_raw_files_show_their_modes_as_fileio_does(place: Place) -> None:
    shown = {}
    for mode in ("w", "w+", "a", "a+", "r", "r+", "x", "x+"):
        if mode.startswith("x"):
            place.unlink(place("z"))
        with place.file_io(place("z"), mode) as raw:
            shown[mode] = raw.mode
    assert list(shown.values()) == ["wb", "rb+", "ab", "ab+", "rb", "rb+", "xb", "xb+"]


# -- names -------------------------------------------------------------------------------------------------------------


def test_exclusive_creation_refuses_an_existing_name(place: Place) -> None:
    place.put("a", b"")
    assert place.attempt(place.open, place("a"), os.O_CREAT | os.O_EXCL | os.O_WRONLY) == "EEXIST"
    with pytest.raises(FileExistsError):
        place.fopen(place("a"), "x")


def test_replacing_moves_the_inode(place: Place) -> None:
    place.put("a", b"")
    place.put("b", b"")
    inode = place.stat(place("a")).st_ino
    place.replace(place("a"), place("b"))
    assert place.stat(place("b")).st_ino == inode


def test_a_replaced_file_can_still_be_read_by_those_who_have_it_open(place: Place) -> None:
    place.put("a", b"old")
    file = place.fopen(place("a"), "rb")
    place.put("b", b"new")
    place.replace(place("b"), place("a"))
    assert (file.read(), place.get("a")) == (b"old", b"new")
    file.close()


def test_scandir_tells_files_from_directories(place: Place) -> None:
    place.put("a", b"xy")
    place.mkdir(place("d"))
    place.symlink("a", place("l"))
    with place.scandir(place.root) as entries:
        found = {
            entry.name: (entry.is_file(), entry.is_dir(), entry.is_symlink(), entry.stat().st_size) for entry in entries
        }
    assert found["a"] == (True, False, False, 2)
    assert found["d"][:3] == (False, True, False)
    assert found["l"] == (True, False, True, 2)


def test_the_file_opener_is_used_and_checked(place: Place) -> None:
    seen = []

    def opener(path: str, flags: int) -> int:
        seen.append(flags & os.O_ACCMODE)
        return int(place.open(path, flags, 0o600))

    with place.fopen(place("a"), "wb", opener=opener) as file:
        file.write(b"x")
    assert seen == [os.O_WRONLY]
    assert place.stat(place("a")).st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="opener returned -1"):
        place.fopen(place("a"), opener=lambda path, flags: -1)


def test_a_file_over_a_descriptor_can_leave_it_open(place: Place) -> None:
    descriptor = place.open(place("a"), os.O_CREAT | os.O_RDWR)
    with place.fopen(descriptor, "wb", closefd=False) as file:
        file.write(b"abc")
    assert place.fstat(descriptor).st_size == 3
    with place.fopen(descriptor, "rb") as file:
        assert file.read() == b""
    assert place.attempt(place.fstat, descriptor) == "EBADF"


def test_paths_may_be_bytes_or_path_objects(place: Place) -> None:
    from pathlib import PurePosixPath

    with place.fopen(os.fsencode(place("a")), "wb") as file:
        file.write(b"x")
    assert place.stat(PurePosixPath(place("a"))).st_size == 1
    assert place.listdir(os.fsencode(place.root)) == [b"a"]


def test_copying_onto_a_full_disk_copies_nothing(place: Place) -> None:
    place.put("a", b"a" * 4096)
    place.fill(0)
    source = place.open(place("a"), os.O_RDONLY)
    target = place.open(place("b"), os.O_CREAT | os.O_WRONLY)
    assert place.attempt(place.sendfile, target, source, 0, 4096) == "ENOSPC"
    place.close(source)
    place.close(target)
    assert place.size("b") == 0

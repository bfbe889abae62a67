"""What the kernel check rests on: the log of a device, cuts of it, programs, and that nothing is left behind."""

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.storage.kernels.blank import load_blank
from harness.storage.kernels.block_log import BlockEvent, BlockFlush, BlockWrite, write_pages
from harness.storage.kernels.campaign import run_worker
from harness.storage.kernels.check import tell
from harness.storage.kernels.cut import Observed, image_pages, read_tree
from harness.storage.kernels.file_systems import FILE_SYSTEMS, missing, named, refused
from harness.storage.kernels.findings import Request
from harness.storage.kernels.generate import letter_of, random_program, virtual_disk
from harness.storage.kernels.habits import HABITS
from harness.storage.kernels.programs import Append, Create, Rewrite, Runner, SyncAll, SyncNames, no_nudge
from harness.storage.kernels.record import RecordedRun
from harness.storage.oplog import Link, SyncVolume, Write

PAGE = 4096
events = st.lists(
    st.one_of(
        st.builds(
            BlockWrite, st.integers(0, 40).map(lambda sector: sector * 512), st.binary(min_size=512, max_size=512)
        ),
        st.just(BlockFlush()),
    ),
    max_size=20,
)


def flat(pages: dict[int, bytes]) -> bytes:
    return b"".join(pages.get(page, bytes(PAGE)) for page in range(8))


@given(log=events)
@settings(max_examples=60, deadline=None)
def test_a_cut_without_a_cache_has_every_write_in_order(log: list[BlockEvent]) -> None:
    plain = bytearray(8 * PAGE)
    for event in log:
        if isinstance(event, BlockWrite):
            plain[event.offset_bytes : event.offset_bytes + 512] = event.data
    assert flat(image_pages({}, log, 512, None)) == bytes(plain)


@given(log=events, seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_what_a_flush_covers_is_never_lost_and_the_rest_is_old_or_new(log: list[BlockEvent], seed: int) -> None:
    base = {page: bytes([200 + page]) * PAGE for page in range(8)}
    flushed = max((place for place, event in enumerate(log) if isinstance(event, BlockFlush)), default=0)
    durable = flat(image_pages(base, log[:flushed], 512, None))
    cut = flat(image_pages(base, log, 512, random.Random(seed)))
    for sector in range(64):
        place = slice(sector * 512, (sector + 1) * 512)
        later = {
            each.data for each in log[flushed:] if isinstance(each, BlockWrite) and each.offset_bytes == place.start
        }
        assert cut[place] == durable[place] or cut[place] in later


def test_some_cuts_lose_some_keep_and_some_tear() -> None:
    log: list[BlockEvent] = [BlockWrite(PAGE, b"n" * PAGE)]
    found = {flat(image_pages({}, log, 512, random.Random(seed)))[PAGE : 2 * PAGE].count(b"n") for seed in range(200)}
    assert {0, PAGE} < found


def test_superblock_is_not_torn() -> None:
    log: list[BlockEvent] = [BlockWrite(0, b"n" * PAGE)]
    found = {flat(image_pages({}, log, 512, random.Random(seed)))[:PAGE].count(b"n") for seed in range(200)}
    assert found == {0, PAGE}


def test_writes_across_pages_keep_what_lies_around_them() -> None:
    pages = {0: b"a" * PAGE, 1: b"b" * PAGE}
    write_pages(pages, PAGE - 10, b"x" * 20)
    assert pages == {0: b"a" * (PAGE - 10) + b"x" * 10, 1: b"x" * 10 + b"b" * (PAGE - 10)}


def run_of_three() -> RecordedRun:
    disk = virtual_disk()
    runner = Runner(disk, no_nudge)
    program = (Create("/a"), Append("/a", 3), SyncAll())
    log, ends = disk.volumes[0].log, []
    for place, operation in enumerate(program):
        runner.run(operation, letter_of(place))
        ends.append(len(log))
    return RecordedRun(program, [BlockFlush()] * 9, 2, list(log), ends, [2, 2, 4], [2, 4, 9])


def test_moment_takes_what_had_returned_and_what_had_begun() -> None:
    run = run_of_three()
    early, late = run.moment(3), run.moment(5)
    assert early.operations_returned == 1 and isinstance(early.log[0], Link)
    assert any(isinstance(op, Write) for op in early.in_flight)
    assert late.operations_returned == 2
    # The sync was under way: it is known to have begun, and promises nothing.
    assert isinstance(late.in_flight[-1], SyncVolume) and not any(isinstance(op, SyncVolume) for op in late.log)
    assert isinstance(run.moment(9).log[-1], SyncVolume)


def test_story_says_how_far_the_program_was() -> None:
    run = run_of_three()
    told = tell(run, run.moment(3), Observed(None, "mount: Bad message"), 3)
    lines = told.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["done", "under", "not"] and lines[-1] == "  mount: Bad message"


@pytest.mark.parametrize("seed", range(20))
def test_random_programs_run_on_the_virtual_disk_and_are_the_same_each_time(seed: int) -> None:
    program = random_program(random.Random(seed), 12)
    assert program == random_program(random.Random(seed), 12) and len(program) > 8
    runner = Runner(virtual_disk(), no_nudge)
    for place, operation in enumerate(program):
        runner.run(operation, letter_of(place))
    runner.close()


@pytest.mark.parametrize("place", range(len(HABITS)))
def test_programs_written_by_hand_run(place: int) -> None:
    runner = Runner(virtual_disk(), no_nudge)
    for number, operation in enumerate(HABITS[place]):
        runner.run(operation, letter_of(number))
    runner.close()


def test_programs_for_file_systems_without_links_have_none() -> None:
    kinds = {
        type(each).__name__ for seed in range(30) for each in random_program(random.Random(seed), 12, hard_links=False)
    }
    assert not kinds & {"HardLink", "SymbolicLink", "ChangeMode"} and {"Append", "Move", "SyncOne"} <= kinds


def test_a_tree_is_read_as_an_image(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"x")
    os.link(tmp_path / "d" / "a", tmp_path / "b")
    os.symlink("d/a", tmp_path / "s")
    (tmp_path / "lost+found").mkdir()
    image = read_tree(str(tmp_path))
    assert image.tree() == {"/b": b"x", "/d": None, "/d/a": b"x", "/s": b"d/a"}
    assert image.inode_of("/b") == image.inode_of("/d/a")


@pytest.mark.parametrize("kind", sorted({each.kind for each in FILE_SYSTEMS}))
def test_blank_images_are_small_and_load(kind: str) -> None:
    pages, size_bytes = load_blank(kind)
    assert 0 < len(pages) * PAGE < size_bytes <= 128 << 20


def test_what_cannot_be_checked_is_said_with_its_reason() -> None:
    known = Path("/proc/filesystems").read_text()
    for each in FILE_SYSTEMS:
        why = missing(each)
        assert why is None or why.startswith(("this kernel has no", "there is no profile")), why
        if each.kind not in known:
            assert why == f"this kernel has no {each.kind}"


def ours() -> list[str]:
    """Loop devices of ours, by the name of their backing file."""
    found = []
    for path in Path("/sys/block").glob("loop*/loop/backing_file"):
        try:
            found.append(path.read_text())
        except OSError:
            continue
    return [name for name in found if "harness-kernels" in name]


@pytest.mark.slow
def test_a_check_broken_off_leaves_no_mount_and_no_device() -> None:
    if why := refused() or missing(named("ext4")):
        pytest.skip(why)
    before = Path("/proc/self/mountinfo").read_text()
    tallies = run_worker(Request("ext4", 1, 50, 12))
    assert next(tallies).copies == 12
    tallies.close()  # kills the worker wherever it is
    deadline = time.monotonic() + 20
    while ours() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not ours() and Path("/proc/self/mountinfo").read_text() == before


def test_rewrite_is_three_operations_in_the_log() -> None:
    disk = virtual_disk()
    runner = Runner(disk, no_nudge)
    for place, operation in enumerate((Rewrite("/a", 5), Rewrite("/a", 3), SyncNames("/"))):
        runner.run(operation, letter_of(place))
    assert [type(op).__name__ for op in disk.volumes[0].log] == [
        "Link", "Write", "Close", "Truncate", "Write", "Close", "SyncDirectory",
    ]  # fmt: skip

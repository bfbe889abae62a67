"""What is old enough is durable without any sync; what is younger is not; posix-weak promises neither."""

import random

from hypothesis import given
from hypothesis import strategies as st

from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, Link, Op, SyncFile, SyncVolume, Write
from harness.storage.profiles import registry
from harness.storage.write_back import WriteBack

AFTER_US = 60_000_000
SECOND_US = 1_000_000


def appended(place: int) -> list[Op]:
    """A file of its own for each place, so that each can be lost by itself."""
    inode = 2 + place
    return [Link(ROOT_INODE, f"f{place:03d}", inode, 0o100644), Write(inode, 0, b"x", 0)]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=25), st.data())
def test_only_what_is_older_than_that_is_surely_there(gaps_s: list[int], data: st.DataObject) -> None:
    profile = registry.get("ext4-ordered")
    write_back, log, base = WriteBack(AFTER_US), list[Op](), Image()
    now_us, written_us = 0, list[int]()
    for place, gap_s in enumerate(gaps_s):
        now_us += gap_s * SECOND_US
        log += appended(place)
        written_us.append(now_us)
        write_back.advance(log, now_us)
        if data.draw(st.booleans()):
            before = list(log)
            base, rest = profile.durable_prefix(base, log)
            write_back.folded(before, rest)
            log[:] = rest
    write_back.advance(log, now_us)
    seen = [profile.draw(base, log, random.Random(seed)).image.tree() for seed in range(12)]
    for place, at_us in enumerate(written_us):
        # A mark is made every five seconds at most, and a write just before one may wait for the next.
        if now_us - at_us > AFTER_US + 50 * SECOND_US:
            assert all(tree.get(f"/f{place:03d}") == b"x" for tree in seen), (place, at_us, now_us)
    young = [op for op in log if isinstance(op, Write) and now_us - written_us[op.inode - 2] < AFTER_US]
    synced = max((at for at, op in enumerate(log) if isinstance(op, SyncVolume)), default=-1)
    assert all(log.index(op) > synced for op in young)


def test_each_write_is_there_when_its_own_minute_is_over() -> None:
    """What was written back before it lies in the log as well; all of it is counted from there."""
    profile, write_back, log = registry.get("ext4-ordered"), WriteBack(AFTER_US), list[Op]()
    for place, at_s in enumerate((0, 20, 40)):
        log += appended(place)
        write_back.advance(log, at_s * SECOND_US)
    for place, at_s in enumerate((60, 80, 100)):
        write_back.advance(log, at_s * SECOND_US)
        trees = [profile.draw(Image(), log, random.Random(seed)).image.tree() for seed in range(40)]
        sure = [f"/f{number:03d}" for number in range(3) if all(tree.get(f"/f{number:03d}") == b"x" for tree in trees)]
        assert sure == [f"/f{number:03d}" for number in range(place + 1)]


def test_what_is_written_after_a_cut_has_a_minute_of_its_own() -> None:
    write_back, log = WriteBack(AFTER_US), appended(0)
    write_back.advance(log, 0)
    write_back.forget()
    log = appended(1)
    for at_s in (60, 100):
        write_back.advance(log, at_s * SECOND_US)
        assert log == appended(1)
    write_back.advance(log, 120 * SECOND_US)
    assert log == [*appended(1), SyncVolume(written_back=True)]


def test_an_idle_terminal_s_unsynced_file_is_written_after_a_minute() -> None:
    write_back, log = WriteBack(AFTER_US), appended(0)
    write_back.advance(log, 0)
    write_back.advance(log, AFTER_US - 1)
    assert not any(isinstance(op, SyncVolume) for op in log)
    write_back.advance(log, AFTER_US)
    assert isinstance(log[-1], SyncVolume)


def test_posix_weak_and_fat_never_write_back_by_themselves() -> None:
    assert registry.get("posix-weak").writes_back_after_us is None
    assert registry.get("fat").writes_back_after_us is None
    log = appended(0)
    WriteBack(None).advance(log, 10**12)
    assert log == appended(0)


def test_age_makes_durable_where_a_flush_may_lie() -> None:
    """The record says that nobody asked for it, so that it is not taken for one of the flushes that lie."""
    profile = registry.get("lying-flush")
    log: list[Op] = [*appended(0), SyncFile(2)]
    write_back = WriteBack(AFTER_US)
    write_back.advance(log, 0)
    trees = [profile.draw(Image(), log, random.Random(seed)).image.tree() for seed in range(40)]
    assert {} in trees
    write_back.advance(log, AFTER_US)
    trees = [profile.draw(Image(), log, random.Random(seed)).image.tree() for seed in range(40)]
    assert all(tree == {"/f000": b"x"} for tree in trees)


def test_the_last_writes_of_an_action_are_written_back_as_well():
    """Two looks within a few seconds, then a night: nothing of the evening may still be at risk in the morning."""
    write_back = WriteBack(60_000_000)
    log: list[Op] = [Write(2, 0, b"a", 0)]
    write_back.advance(log, 0)
    log.append(Write(2, 1, b"b", 1))
    write_back.advance(log, 2_000_000)
    write_back.advance(log, 8 * 3_600_000_000)
    assert isinstance(log[-1], SyncVolume)

"""What a power cut leaves of engines that no one here wrote, against what their authors say of them."""

import pytest

from harness.engine.field.consistency import Found, Outcome, Reader, Recorded, check, judge, record
from harness.engine.field.engines import ENGINES
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE, SyncFile
from harness.storage.profiles import registry

STATES = 80


def outcome(name: str, profile: str, records: int = 2) -> Outcome:
    engine = ENGINES[name]
    return judge(record(engine, (records,)), registry.get(profile), Reader(engine), STATES)


def test_sqlite_may_take_back_its_last_commit_unless_extra_syncs_the_directory() -> None:
    """https://www.sqlite.org/pragma.html#pragma_synchronous: FULL "might roll back"; EXTRA syncs the directory."""
    found = outcome("sqlite3 DELETE", "ext4-ordered")
    assert set(found.kinds) == {"lost"}, found
    assert outcome("sqlite3 DELETE, EXTRA", "ext4-ordered").kinds == {}


def test_sqlite_without_syncs_is_destroyed() -> None:
    """The same page: OFF "might become corrupted if the operating system crashes or the computer loses power"."""
    assert "unreadable" in outcome("sqlite3 synchronous=OFF", "ext4-ordered", 3).kinds


def test_lmdb_loses_nothing_that_it_acknowledged() -> None:
    """It syncs at each commit; but a map that a cut left half made is refused for ever after (mdb_env_init_meta, no sync)."""
    assert set(outcome("LMDB", "ext4-ordered").kinds) <= {"unborn"}


def test_an_acknowledgement_before_its_sync_would_be_found() -> None:
    """The same log with its syncs of files taken out is that of a program that never asked for any."""
    engine = ENGINES["sqlite3 DELETE, EXTRA"]
    run = record(engine, (2,))
    dropped = [place for place, op in enumerate(run.log) if isinstance(op, SyncFile)]
    acknowledged = tuple(length - sum(place < length for place in dropped) for length in run.acknowledged)
    log = tuple(op for op in run.log if not isinstance(op, SyncFile))
    careless = Recorded(run.base, log, acknowledged, ())
    assert judge(careless, registry.get("posix-weak"), Reader(engine), STATES).violating


def test_a_workload_repeats_itself_to_the_byte() -> None:
    first, second = record(ENGINES["LMDB"], (2,)), record(ENGINES["LMDB"], (2,))
    assert first.log == second.log and first.acknowledged == second.acknowledged


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (Found(frozenset({0, 1})), ""),
        (Found(frozenset({0, 1, 2})), ""),
        (Found(frozenset({0})), "lost"),
        (Found(frozenset({0, 1}), frozenset({2})), "torn"),
        (Found(frozenset({0, 1}), trouble="stuck: OSError"), "stuck"),
        (Found(trouble="unreadable: OSError"), "unreadable"),
    ],
)
def test_what_is_a_violation_when_two_were_acknowledged(found: Found, kind: str) -> None:
    assert found.violation(2) == kind


def test_an_image_that_kills_its_reader_counts_as_unreadable_and_the_next_is_read() -> None:
    """LMDB maps its file; a page that is not there is a bus error in whoever looks."""
    run = record(ENGINES["LMDB"], (1,))
    whole = run.base
    for op in run.log:
        whole = whole.apply(op)
    inode = whole.inode_of("/lmdb/data.mdb")
    assert inode is not None and ROOT_INODE in whole.directories
    short = Image({**whole.files, inode: whole.files[inode][:8192]}, whole.directories, whole.modes, whole.links)
    killed, fine = check(ENGINES["LMDB"], [short, whole])
    assert killed.violation(1) and fine.violation(1) == ""

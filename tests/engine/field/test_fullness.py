"""A full volume in the harness and a full tmpfs of this machine: the same unmodified programs end alike."""

from collections.abc import Iterator

import pytest

from harness.engine.field.engines import ENGINES
from harness.engine.field.fullness import Step, in_the_harness, on_a_tmpfs, small_tmpfs

KIB = 64


@pytest.fixture
def tmpfs() -> Iterator[str]:
    try:
        mounted = small_tmpfs(KIB)
        root = mounted.__enter__()
    except OSError as error:
        pytest.skip(str(error))
    try:
        yield root
    finally:
        mounted.__exit__(None, None, None)


def alike(name: str, tmpfs: str) -> dict[str, Step]:
    here, there = in_the_harness(ENGINES[name], KIB), on_a_tmpfs(ENGINES[name], tmpfs)
    assert here == there
    return {step.action: step for step in here}


def test_sqlite_cannot_delete_when_the_volume_is_full(tmpfs: str) -> None:
    """The field's "settlement fails because storage is full": what would free the space needs space for its journal."""
    steps = alike("sqlite3 DELETE", tmpfs)
    assert steps["clear"].line("cleared") == ("OperationalError: database or disk is full",)
    assert steps["again"].line("again") == ("", "OperationalError: database or disk is full")


def test_with_a_reserve_and_in_small_steps_it_can(tmpfs: str) -> None:
    steps = alike("sqlite3 DELETE, reserve", tmpfs)
    assert steps["clear"].line("cleared") == ("ok",)
    assert steps["again"].line("again") == ("0", "ok")


def test_tinydb_is_destroyed_by_the_write_that_finds_no_room(tmpfs: str) -> None:
    steps = alike("TinyDB", tmpfs)
    read = steps["read"].line("read")
    assert read is not None and read[0].startswith("JSONDecodeError")


def test_a_page_of_a_mapping_that_has_no_room_is_a_bus_error(tmpfs: str) -> None:
    """mmap(2), SIGBUS: the store into a hole of a mapped file on a full volume. What was acknowledged before it is there."""
    steps = alike("LMDB, writemap", tmpfs)
    assert steps["fill"].ended == "the program was ended by SIGBUS"
    assert steps["read"].line("read") != ("0",) and steps["again"].line("again") == ("0", "ok")


def test_a_volume_of_another_size_would_be_found(tmpfs: str) -> None:
    assert in_the_harness(ENGINES["TinyDB"], KIB // 2) != on_a_tmpfs(ENGINES["TinyDB"], tmpfs)

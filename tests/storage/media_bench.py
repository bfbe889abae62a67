"""A small volume with one synced file, and the calls that tests of its media share."""

from collections.abc import Callable

import pytest

from harness.storage.disk import Disk
from harness.storage.media import Condition, strike
from harness.storage.volume import Volume

TOTAL_BYTES = 64 * 1024


@pytest.fixture
def disk() -> Disk:
    fresh = Disk([Volume("data", "/data", TOTAL_BYTES)])
    put(fresh, "/data/a", bytes(range(256)) * 20)
    return fresh


def put(disk: Disk, path: str, content: bytes) -> None:
    with disk.fopen(path, "wb") as file:
        file.write(content)
        file.flush()
        disk.fsync(file)


def get(disk: Disk, path: str) -> bytes:
    with disk.fopen(path, "rb") as file:
        return bytes(file.read())


def lay(disk: Disk, condition: Condition) -> None:
    strike(disk.volume("data"), condition)


def refused_with(number: int, call: Callable[[], object]) -> None:
    with pytest.raises(OSError) as refused:
        call()
    assert refused.value.errno == number

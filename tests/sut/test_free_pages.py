"""What is left in free pages: deleted, replaced or cut short, unless it was written over."""

from collections.abc import Callable

import pytest

from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.volume import Volume
from harness.sut.free_pages import freed

SECRET = b"6250941605000008=3012201"


def kept(disk: Disk, name: str, content: bytes) -> None:
    fd = disk.open(f"/data/{name}", 0o101, 0o600)  # O_WRONLY | O_CREAT
    disk.pwrite(fd, content, 0)
    disk.fsync(fd)
    disk.close(fd)


def deleted(disk: Disk) -> None:
    kept(disk, "spool", SECRET)
    disk.unlink("/data/spool")


def replaced(disk: Disk) -> None:
    kept(disk, "state", SECRET)
    kept(disk, "new", b"nothing")
    disk.rename("/data/new", "/data/state")


def cut_short(disk: Disk) -> None:
    kept(disk, "log", b"head" + SECRET)
    disk.truncate("/data/log", 4)


def wiped(disk: Disk) -> None:
    kept(disk, "spool", SECRET)
    kept(disk, "spool", bytes(len(SECRET)))
    disk.unlink("/data/spool")


def still_linked(disk: Disk) -> None:
    kept(disk, "spool", SECRET)
    disk.link("/data/spool", "/data/other")
    disk.unlink("/data/spool")


def moved(disk: Disk) -> None:
    kept(disk, "spool", SECRET)
    disk.rename("/data/spool", "/data/log")


CASES = [
    (deleted, ["spool"]),
    (replaced, ["state"]),
    (cut_short, ["log"]),
    (wiped, []),
    (still_linked, []),
    (moved, []),
]


@pytest.mark.parametrize(("story", "names"), CASES, ids=[story.__name__ for story, _ in CASES])
@pytest.mark.parametrize("is_folded", [False, True])
def test_what_free_pages_hold(story: Callable[[Disk], None], names: list[str], is_folded: bool) -> None:
    volume = Volume("data", "/data", 1 << 20)
    disk = Disk([volume])
    before: dict[int, bytes] = {}
    if is_folded:
        # The files were there before the log began.
        for name in ("spool", "state", "log"):
            kept(disk, name, b"older")
        before = dict(export_volume(volume).files)
        volume.log.clear()
    story(disk)
    found = [name for name, content in freed(volume.log, before, export_volume(volume)) if SECRET in content]
    assert found == names

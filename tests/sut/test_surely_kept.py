"""Looking at what a cut would be sure to leave, without cutting."""

from __future__ import annotations

from harness.storage.disk import Disk
from harness.storage.profiles import registry
from harness.storage.volume import Volume
from harness.sut.durability import Durability

SECOND = 1_000_000


def bench(profile: str) -> tuple[Disk, Durability]:
    disk = Disk([Volume("data", "/", 1 << 20)])
    return disk, Durability({"data": registry.get(profile)})


def write(disk: Disk, path: str, content: bytes, *, sync: bool = False) -> None:
    with disk.fopen(path, "ab") as file:
        file.write(content)
        file.flush()
        if sync:
            disk.fsync(file.fileno())


def test_synced_is_kept_and_the_rest_after_its_time() -> None:
    disk, durability = bench("ext4-ordered")
    write(disk, "/log", b"synced", sync=True)
    write(disk, "/log", b" not")
    durability.fold(disk, 0)
    kept = {at_s: durability.surely_kept(disk, at_s * SECOND)["data"].tree() for at_s in (1, 59, 61, 1)}
    assert kept == {1: {"/log": b"synced"}, 59: {"/log": b"synced"}, 61: {"/log": b"synced not"}}


def test_looking_leaves_log_and_base_as_they_are() -> None:
    disk, durability = bench("ext4-ordered")
    write(disk, "/log", b"not synced")
    durability.fold(disk, 0)
    (volume,) = disk.volumes
    log, base = list(volume.log), durability.base(volume).digest()
    durability.surely_kept(disk, 100 * SECOND)
    durability.seen(disk, 100 * SECOND)
    assert volume.log == log and durability.base(volume).digest() == base
    images, losses = durability.cut(disk, 1, 100 * SECOND)
    assert losses[0].pending == len(log) + 1, "write-back is told by the cut itself, once"
    assert images["data"].tree() == {"/log": b"not synced"}  # type: ignore[attr-defined]


def test_seen_is_what_readers_see() -> None:
    disk, durability = bench("posix-weak")
    write(disk, "/old", b"x" * 10_000, sync=True)
    disk.sync()
    durability.cut(disk, 1, 0)
    disk = disk.load({"data": durability.base(disk.volume("data"))})
    write(disk, "/new", b"y")
    seen = durability.seen(disk, 0)["data"]
    assert seen.tree() == {"/new": b"y", "/old": b"x" * 10_000}
    assert list(seen.directories[1]) == ["new", "old"]
    assert durability.surely_kept(disk, 0)["data"].tree() == {"/old": b"x" * 10_000}

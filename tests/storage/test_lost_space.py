"""Clusters that a cut left without an owner are gone from the volume, until it is formatted."""

import errno
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.storage.contents import export_volume, spawn_volume
from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.powerloss import every_cut
from harness.storage.profiles import registry as profiles
from harness.storage.volume import Volume
from tests.storage.volume_replay import check_accounts

TOTAL_BYTES = 64 * 1024
BLOCK_BYTES = 4096


def put(disk: Disk, path: str, content: bytes) -> None:
    with disk.fopen(path, "wb") as file:
        file.write(content)
        file.flush()
        disk.fsync(file)


def removed_on(profile: str) -> tuple[Disk, list[Image]]:
    """A file of three clusters is synced and removed; every image that a cut may then leave."""
    disk = Disk([Volume("data", "/data", TOTAL_BYTES)])
    put(disk, "/data/log", b"r" * 9000)
    put(disk, "/data/keep", b"k" * 100)
    disk.sync()
    disk.unlink("/data/log")
    volume = disk.volume("data")
    states = every_cut(profiles.get(profile), Image(), tuple(volume.log), limit=200, rng=random.Random(1))
    return disk, [state.image for point, state in states if point == len(volume.log)]


def test_a_leaked_file_takes_its_clusters_from_the_volume() -> None:
    disk, images = removed_on("fat")
    leaked = next(image for image in images if image.lost_bytes)
    assert leaked.lost_chains == (9000,)
    after = disk.load({"data": leaked})
    volume = after.volume("data")
    assert volume.free_blocks == 16 - 3 - 1, "three clusters are lost, one holds the other file"
    check_accounts(volume)
    # No deletion gives them back, and writes meet the lack of them.
    after.unlink("/data/keep")
    descriptor = after.open("/data/all", 0o101, 0o644)
    assert after.write(descriptor, b"x" * TOTAL_BYTES) == 13 * BLOCK_BYTES
    with pytest.raises(OSError) as refused:
        after.write(descriptor, b"x")
    assert refused.value.errno == errno.ENOSPC
    check_accounts(volume)


def test_lost_clusters_stay_lost_through_the_next_cut_and_the_next() -> None:
    disk, images = removed_on("fat")
    leaked = next(image for image in images if image.lost_bytes)
    profile = profiles.get("fat")
    for _ in range(3):
        disk = disk.load({"data": leaked})
        put(disk, "/data/more", b"m")
        log = tuple(disk.volume("data").log)
        leaked = next(state.image for _, state in every_cut(profile, leaked, log, limit=1, rng=random.Random(1)))
        assert leaked.lost_chains == (9000,)
    assert disk.volume("data").free_blocks == 16 - 3 - 2


def test_a_journal_loses_no_space() -> None:
    assert {image.lost_bytes for image in removed_on("ext4-ordered")[1]} == {0}


def test_formatting_gives_them_back_and_a_copy_of_the_volume_has_lost_them_too() -> None:
    volume = Volume("data", "/data", TOTAL_BYTES)
    image = Image(lost_chains=(5000, 1))
    spawned = spawn_volume(volume, image)
    assert spawned.free_blocks == 16 - 2 - 1
    assert export_volume(spawned).lost_chains == (5000, 1)
    spawned.clear()
    assert spawned.free_blocks == 16


@given(st.lists(st.integers(1, 20_000), max_size=8), st.sampled_from([512, 1024, 4096]))
@settings(max_examples=100, deadline=None)
def test_each_chain_takes_whole_clusters_of_its_own(chains: list[int], block_bytes: int) -> None:
    volume = spawn_volume(Volume("data", "/data", 1 << 20, block_bytes), Image(lost_chains=tuple(chains)))
    assert volume.total_blocks - volume.free_blocks == sum(-(-chain // block_bytes) for chain in chains)
    check_accounts(volume)

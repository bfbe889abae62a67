"""A power cut through several volumes: reproducible from its seed, each volume by its own profile, with an account."""

import os
import random

from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.oplog import SyncFile, SyncVolume
from harness.storage.powerloss import VolumeAtCut, crash_points, cut_power, every_cut, unreturned
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from harness.storage.profiles.choices import Scripted
from harness.storage.volume import Volume
from tests.storage.crash_builders import Bench, every_state, keys

WEAK, EXT4 = registry.get("posix-weak"), registry.get("ext4-ordered")


def volumes() -> list[VolumeAtCut]:
    """Two volumes after a rename and an append on each, nothing synced."""
    found = []
    for name, profile in (("data", WEAK), ("system", EXT4)):
        bench = Bench()
        bench.write("/a", b"x" * 600)
        bench.settle()
        bench.disk.rename("/a", "/b")
        bench.write("/b", b"y" * 900)
        found.append(VolumeAtCut(name, profile, bench.base, tuple(bench.log)))
    return found


def test_the_same_seed_gives_the_same_images_and_the_same_account() -> None:
    for seed in range(20):
        first, second = cut_power(volumes(), seed), cut_power(volumes(), seed)
        assert first.description == second.description
        assert {name: image.digest() for name, image in first.images.items()} == {
            name: image.digest() for name, image in second.images.items()
        }


def test_other_seeds_give_other_images() -> None:
    digests = {cut_power(volumes(), seed).images["data"].digest() for seed in range(200)}
    assert len(digests) > 20


def test_what_one_volume_loses_does_not_depend_on_the_others() -> None:
    data, system = volumes()
    for seed in range(10):
        alone = cut_power([system], seed).images["system"].digest()
        assert alone == cut_power([data, system], seed).images["system"].digest()


def test_volumes_with_the_same_history_are_cut_each_on_its_own() -> None:
    (data, _) = volumes()
    twins = [data, VolumeAtCut("twin", data.profile, data.base, data.log)]
    cuts = [cut_power(twins, seed).images for seed in range(20)]
    assert any(images["data"].digest() != images["twin"].digest() for images in cuts)


def test_every_volume_is_cut_at_that_instant() -> None:
    """None of them gets a moment longer than the others: each loses in some cut, and all of them in one."""
    cuts = [cut_power(volumes(), seed).volumes for seed in range(60)]
    for bites in ([loss.state.bites for loss in place] for place in zip(*cuts, strict=True)):
        assert {True, False} == set(bites)
    assert any(all(loss.state.bites for loss in losses) for losses in cuts)


def test_each_volume_is_cut_by_its_own_profile() -> None:
    for seed in range(100):
        tree = cut_power(volumes(), seed).images["system"].tree()
        assert len(tree) == 1, "ext4 keeps exactly one name of a rename"
    assert {len(cut_power(volumes(), seed).images["data"].tree()) for seed in range(100)} == {0, 1, 2}


def test_a_cut_bites_when_something_was_lost() -> None:
    losses = [cut_power(volumes(), seed) for seed in range(60)]
    assert {loss.bites for loss in losses} == {True, False}
    for loss in losses:
        if loss.bites:
            assert "was lost" in loss.description or "was torn" in loss.description
        else:
            assert "data (posix-weak): everything landed" in loss.description


def test_a_loss_that_a_later_write_hides_does_not_bite() -> None:
    bench = Bench()
    bench.write("/a", b"ooo")
    bench.settle()
    bench.write("/a", b"1", 0)
    bench.write("/a", b"22", 0)
    hiding = WEAK._run(bench.base, bench.log, Scripted([1, 0]))
    assert hiding.lost and hiding.image.read("/a") == b"22o" and not hiding.bites


def test_a_synced_volume_loses_nothing() -> None:
    (data, _) = volumes()
    synced = VolumeAtCut("data", data.profile, data.base, (*data.log, SyncVolume()))
    assert not any(cut_power([synced], seed).bites for seed in range(30))


def test_a_barrier_in_flight_promises_nothing() -> None:
    (data, _) = volumes()
    synced = VolumeAtCut("data", data.profile, data.base, (*data.log, SyncVolume()))
    assert any(cut_power([synced], seed, in_flight="data").bites for seed in range(30))
    assert not any(cut_power([synced], seed, in_flight="system").bites for seed in range(30))


def test_an_operation_in_flight_lands_in_any_part() -> None:
    """A write that had not returned is in the log, and nothing covers it: whole, torn or not at all."""
    bench = Bench()
    bench.write("/a", b"o" * 1024)
    bench.settle()
    bench.write("/a", b"n" * 1024, 0)
    while bench.log[-1].__class__.__name__ != "Write":
        bench.log.pop()
    assert unreturned(bench.log) == bench.log
    at_cut = VolumeAtCut("data", WEAK, bench.base, tuple(bench.log))
    found = {cut_power([at_cut], seed, in_flight="data").images["data"].read("/a") for seed in range(200)}
    assert found == {a * 512 + b * 512 for a in (b"o", b"n") for b in (b"o", b"n")}


def test_crash_points_are_before_each_barrier_and_at_the_end() -> None:
    bench = Bench()
    bench.write("/a", b"x")
    bench.sync_file("/a")
    bench.write("/a", b"y")
    log = bench.log
    barrier = next(place for place, op in enumerate(log) if isinstance(op, SyncFile))
    assert crash_points(log) == [barrier, len(log)]


def test_every_cut_shows_every_image_of_every_moment() -> None:
    bench = Bench()
    bench.write("/a", b"x" * 10)
    bench.sync_file("/a")
    bench.disk.rename("/a", "/b")
    bench.sync_directory()
    bench.write("/b", b"y" * 10)
    for profile in (WEAK, EXT4, registry.get("fat")):
        found = keys(
            [state for _, state in every_cut(profile, bench.base, bench.log, limit=1000, rng=random.Random(0))]
        )
        slow = set()
        for length in range(len(bench.log) + 1):
            slow |= keys(every_state(profile, bench.base, bench.log[:length]))
        assert found == slow


def test_the_image_after_a_cut_is_what_the_next_boot_mounts() -> None:
    disk = Disk([Volume("data", "/", 1 << 20)])
    fd = disk.open("/journal", os.O_CREAT | os.O_WRONLY)
    disk.write(fd, b"first")
    disk.fsync(fd)
    disk.write(fd, b"second")
    volume = disk.volumes[0]
    loss = cut_power([VolumeAtCut("data", EXT4, Image(), tuple(volume.log))], seed=3)
    after = disk.load(loss.images)
    with after.fopen("/journal", "rb") as file:
        content = file.read()
    assert content == loss.images["data"].read("/journal") and content.startswith(b"first")


def test_the_log_of_a_long_day_stays_short() -> None:
    """A journal synced at each record beside a log that never is: the fold keeps only the latter, in bounded time."""
    for profile in (WEAK, EXT4, registry.get("fat")):
        bench = Bench()
        base, pending = bench.base, []
        bench.write("/journal", b"")
        bench.write("/debug", b"")
        bench.sync_directory()
        for _ in range(300):
            bench.write("/journal", b"r" * 300)
            bench.sync_file("/journal")
            bench.write("/debug", b"d" * 20)
            base, pending = profile.durable_prefix(base, [*pending, *bench.log])
            del bench.log[:]
        assert len(base.read("/journal")) == 300 * 300
        assert {type(op).__name__ for op in pending} <= {"Write", "Close"} and len(pending) <= 601


def test_files_moved_out_of_a_directory_that_is_never_synced_fold_too() -> None:
    bench = Bench()
    bench.disk.mkdir("/spool")
    bench.disk.mkdir("/data")
    bench.settle()
    base, pending = bench.base, []
    for number in range(100):
        bench.write("/spool/state", bytes([number]) * 100)
        bench.sync_file("/spool/state")
        bench.disk.replace("/spool/state", "/data/state")
        bench.sync_directory("/data")
        base, pending = WEAK.durable_prefix(base, [*pending, *bench.log])
        del bench.log[:]
    assert base.read("/data/state") == bytes([99]) * 100
    # What is left is whether each temporary name ever came or went.
    assert {type(op).__name__ for op in pending} == {"Link", "Unlink"} and len(pending) <= 200


def test_a_medium_without_a_cache_loses_at_most_the_operation_under_way() -> None:
    """Who cuts knows what had returned; other media make nothing of that."""
    littlefs = registry.get("littlefs")
    bench = Bench()
    for name in ("/a", "/b", "/c"):
        bench.disk.mkdir(name)

    def found(profile: Profile, in_flight: str | None) -> set[str]:
        cut = VolumeAtCut("data", profile, bench.base, tuple(bench.log))
        images = [cut_power([cut], seed, in_flight=in_flight).images["data"] for seed in range(60)]
        return {"".join(sorted(image.tree())) for image in images}

    assert found(littlefs, None) == {"/a/b/c"}
    assert found(littlefs, "data") == {"/a/b", "/a/b/c"}
    assert found(littlefs, "another") == {"/a/b/c"}
    assert found(EXT4, None) == found(EXT4, "data") == {"", "/a", "/a/b", "/a/b/c"}


def test_a_barrier_under_way_leaves_what_came_before_it_returned() -> None:
    littlefs = registry.get("littlefs")
    bench = Bench()
    fd = bench.disk.open("/a", os.O_CREAT | os.O_WRONLY)
    bench.disk.write(fd, b"x")
    bench.disk.fsync(fd)
    cut = VolumeAtCut("data", littlefs, bench.base, tuple(bench.log))
    contents = {cut_power([cut], seed, in_flight="data").images["data"].tree()["/a"] for seed in range(40)}
    assert contents == {b"", b"x"}
    assert {cut_power([cut], seed).images["data"].tree()["/a"] for seed in range(40)} == {b"x"}

"""The pyfakefs disk: names, data, quota and cuts at fsync; nothing leaks to the host; its divergences are listed."""

import contextlib
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from pyfakefs.fake_os import FakeOsModule

from harness.core.errors import UsageError
from harness.storage.disk import Disk
from harness.storage.profiles import registry
from harness.storage.pyfakefs_disk import PyfakefsDisk
from harness.storage.pyfakefs_process import MISSING_CALLS, UNSUPPORTED
from harness.storage.volume import Volume
from tests.storage.crash_builders import Bench, every_state, play
from tests.storage.crash_programs import PROGRAMS
from tests.storage.pyfakefs_divergences import DIVERGENCES, Kind

PATHS = ("a", "b", "d", "d/x", "d/y", "l")
CALLS = (
    *(
        "open",
        "open",
        "write",
        "write",
        "read",
        "close",
        "mkdir",
        "rmdir",
        "unlink",
        "rename",
        "rename",
        "link",
        "fsync",
    ),
    *("symlink", "truncate", "stat", "listdir", "lseek", "ftruncate", "fwrite", "fread", "chmod", "readlink"),
)
FLAGS = (
    os.O_RDONLY,
    os.O_RDWR | os.O_CREAT,
    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    os.O_RDWR | os.O_CREAT | os.O_APPEND,
    os.O_WRONLY | os.O_CREAT | os.O_EXCL,
)


class Host:
    """The os functions, under the names the disks give them."""

    fopen = staticmethod(open)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class Side:
    """One of the disks, driven below a root directory."""

    def __init__(self, calls: Any, root: str) -> None:
        self.calls, self.root = calls, root
        self.descriptors: list[int] = []

    def do(self, call: str, first: str, second: str, length: int, flags: int, letter: int) -> Any:
        try:
            return self._do(call, f"{self.root}/{first}", f"{self.root}/{second}", length, flags, letter)
        except OSError as error:
            return error

    def _do(self, call: str, first: str, second: str, length: int, flags: int, letter: int) -> Any:
        disk = self.calls
        match call:
            case "open":
                self.descriptors.append(disk.open(first, flags, 0o644))
                return None
            case "write" | "read" | "close" | "lseek" | "ftruncate" | "fsync":
                return self._on_descriptor(call, length, letter) if self.descriptors else None
            case "rename" | "link":
                return getattr(disk, call)(first, second)
            case "symlink":
                return disk.symlink(os.path.basename(second), first)
            case "truncate":
                return disk.truncate(first, length)
            case "chmod":
                return disk.chmod(first, 0o640)
            case "stat":
                found = disk.stat(first)
                return found.st_mode, *((found.st_size, found.st_nlink) if found.st_mode & 0o100000 else ())
            case "listdir":
                return sorted(disk.listdir(first))
            case "fwrite":
                with disk.fopen(first, "ab") as file:
                    return file.write(bytes([letter]) * length)
            case "fread":
                with disk.fopen(first, "rb") as file:
                    return file.read()
            case _:
                return getattr(disk, call)(first)

    def _on_descriptor(self, call: str, length: int, letter: int) -> Any:
        place = letter % len(self.descriptors)
        descriptor = self.descriptors[place]
        match call:
            case "write":
                return self.calls.write(descriptor, bytes([letter]) * length)
            case "close":
                return self.calls.close(self.descriptors.pop(place))
            case "lseek":
                return self.calls.lseek(descriptor, length, os.SEEK_SET)
            case "fsync":
                return self.calls.fsync(descriptor)
            case _:
                return getattr(self.calls, call)(descriptor, length)


def kind_of(result: Any) -> Kind:
    return result.errno if isinstance(result, OSError) else "value"


def known(call: str, real: Any, fake: Any) -> bool:
    return any(
        call in entry.operations and kind_of(real) in entry.real and kind_of(fake) in entry.fake
        for entry in DIVERGENCES
    )


@pytest.fixture
def host_umask() -> Iterator[None]:
    previous = os.umask(0o022)
    yield
    os.umask(previous)


@pytest.mark.usefixtures("host_umask")
def test_random_operations_differ_from_a_real_tmpfs_only_as_listed() -> None:
    clean = 0
    for seed in range(250):
        rng = random.Random(seed)
        root = tempfile.mkdtemp(dir="/dev/shm")
        disk, fake = Disk([Volume("data", "/", 8 << 20)]), PyfakefsDisk(8 << 20)
        disk.mkdir("/r")
        fake.mkdir("/r")
        real_side, disk_side, fake_side = Side(Host(), root), Side(disk, "/r"), Side(fake, "/r")
        try:
            for _ in range(25):
                step = (rng.choice(CALLS), rng.choice(PATHS), rng.choice(PATHS), rng.choice((0, 5, 100, 5000)))
                drawn = (*step, rng.choice(FLAGS), rng.randrange(256))
                real, ours, theirs = (side.do(*drawn) for side in (real_side, disk_side, fake_side))
                if not isinstance(real, OSError):
                    assert ours == real, drawn
                else:
                    assert kind_of(ours) == kind_of(real), drawn
                same = kind_of(theirs) == kind_of(real) and (isinstance(real, OSError) or theirs == real)
                if not same:
                    assert known(drawn[0], real, theirs), (seed, drawn, real, theirs)
                    break
            else:
                clean += 1
        finally:
            for descriptor in real_side.descriptors:
                os.close(descriptor)
            shutil.rmtree(root)
    assert clean > 100


# ---------------------------------------------------------------------- cuts


def test_cut_leaves_what_was_synced() -> None:
    disk = PyfakefsDisk(1 << 20)
    fd = disk.open("/a", os.O_CREAT | os.O_WRONLY)
    disk.write(fd, b"one")
    assert disk.cut().tree() == {}
    disk.fsync(fd)
    disk.write(fd, b"two")
    assert disk.cut().tree() == {"/a": b"one"}
    disk.rename("/a", "/b")
    assert disk.cut().tree() == {"/a": b"one"}
    disk.fsync(fd)
    assert disk.cut().tree() == {"/b": b"onetwo"}


def test_file_without_fsync_is_empty_once_its_name_is_synced() -> None:
    disk = PyfakefsDisk(1 << 20)
    for name in ("/a", "/b"):
        fd = disk.open(name, os.O_CREAT | os.O_WRONLY)
        disk.write(fd, b"x")
    disk.fsync(fd)
    assert disk.cut().tree() == {"/a": b"", "/b": b"x"}


def test_synchronous_writes_are_durable_when_they_return() -> None:
    disk = PyfakefsDisk(1 << 20)
    fd = disk.open("/a", os.O_CREAT | os.O_WRONLY | os.O_SYNC)
    disk.write(fd, b"x")
    assert disk.cut().tree() == {"/a": b"x"}


@pytest.mark.parametrize("seed", range(25))
def test_a_cut_is_one_that_posix_weak_allows(seed: int) -> None:
    rng = random.Random(seed)
    actions: list[tuple[object, ...]] = []
    for _ in range(4):
        path = rng.choice(("/a", "/b", "/d/c"))
        actions.append(rng.choice((("append", path, 10), ("rename", path, rng.choice(("/b", "/a"))), ("fsync", path))))
    bench = play(actions)
    fake = PyfakefsDisk(8 << 20).load({"data": bench.base})
    bench.disk = fake  # type: ignore[assignment]
    for place, action in enumerate(actions):
        _replay(fake, action, bytes([65 + place]))
    legal = {state.image.digest() for state in every_state(registry.get("posix-weak"), bench.base, bench.log)}
    assert fake.cut().digest() in legal


def _replay(fake: PyfakefsDisk, action: tuple[object, ...], letter: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        match action:
            case ("append", str(path), int(length)):
                fd = fake.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
                fake.write(fd, letter * length)
                fake.close(fd)
            case ("rename", str(old), str(new)):
                fake.rename(old, new)
            case ("fsync", str(path)):
                fd = fake.open(path, os.O_RDONLY)
                fake.fsync(fd)
                fake.close(fd)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if "no fsync" not in name])
def test_the_known_programs_run_on_it_and_keep_what_they_synced(name: str) -> None:
    """At the end of a program all was synced but what dbm.dumb and an unsynced rename leave behind."""
    program = PROGRAMS[name]
    disk = PyfakefsDisk(8 << 20)
    done: list[int] = []
    program.run(disk, done.append)
    assert program.recover(disk) >= set(done)
    after = PyfakefsDisk(8 << 20).load({"data": disk.cut()})
    if name not in ("dbm.dumb", "tmp+fsync+rename, no directory fsync"):
        assert program.recover(after) >= set(done)


# ---------------------------------------------------------------------- life, quota, leaks


def test_after_kill_every_call_raises_eio_and_changes_nothing() -> None:
    disk = PyfakefsDisk(1 << 20)
    file = disk.fopen("/a", "w")
    file.write("x")
    file.flush()
    disk.fsync(file.fileno())
    file.write("y")
    disk.kill()
    before = disk.cut().tree()
    for call in (
        lambda: disk.open("/b", os.O_CREAT),
        lambda: disk.listdir("/"),
        lambda: disk.stat("/a"),
        lambda: disk.unlink("/a"),
        lambda: file.write("z"),
        file.flush,
        lambda: disk.fsync(3),
        lambda: disk.pwrite(3, b"", 0),
    ):
        with pytest.raises(OSError) as caught:
            call()
        assert caught.value.errno == 5
    file.close()
    assert disk.cut().tree() == before == {"/a": b"x"}


def test_restart_keeps_what_was_written_and_forgets_what_was_buffered() -> None:
    disk = PyfakefsDisk(1 << 20)
    file = disk.fopen("/a", "w")
    file.write("landed")
    file.flush()
    file.write("buffered")
    fresh = disk.restart()
    assert fresh.export().tree() == {"/a": b"landed"} and fresh.cut().tree() == {}
    assert fresh.open("/a", os.O_RDONLY) == 3
    file.close()
    assert fresh.export().tree() == {"/a": b"landed"}


def test_load_lays_out_every_kind_of_file_and_makes_it_durable() -> None:
    bench = Bench()
    bench.disk.mkdir("/d", 0o700)
    bench.write("/d/a", b"x" * 600)
    bench.disk.link("/d/a", "/twin")
    bench.disk.symlink("d/a", "/link")
    bench.disk.chmod("/d/a", 0o640)
    fresh = PyfakefsDisk(1 << 20).load({"data": bench.now()})
    assert fresh.export().digest() == fresh.cut().digest() == bench.now().digest()
    assert fresh.stat("/twin").st_nlink == 2


def test_a_write_beyond_the_quota_is_refused_whole() -> None:
    disk = PyfakefsDisk(10_000)
    fd = disk.open("/a", os.O_CREAT | os.O_WRONLY)
    assert disk.write(fd, b"x" * 6000) == 6000
    with pytest.raises(OSError) as caught:
        disk.write(fd, b"y" * 6000)
    assert caught.value.errno == 28
    assert disk.stat("/a").st_size == 6000
    assert disk.statvfs("/").f_bavail * disk.statvfs("/").f_frsize <= 4000


@pytest.mark.parametrize("name", MISSING_CALLS)
def test_a_missing_call_raises_and_reaches_neither_disk_nor_host(name: str, tmp_path: Any) -> None:
    """pyfakefs's own os would pass these to the host, with our descriptor numbers."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"host")
    host_fd = os.open(victim, os.O_RDWR)
    try:
        disk = PyfakefsDisk(1 << 20)
        with pytest.raises(OSError) as caught:
            getattr(disk, name)(host_fd, b"OVERWRITTEN", 0)
        assert caught.value.errno == 38 and disk.refused_calls == [name]
        assert victim.read_bytes() == b"host"
    finally:
        os.close(host_fd)


def test_a_name_that_no_disk_has_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        _ = PyfakefsDisk(1 << 20).fork


def test_every_call_it_makes_is_one_that_pyfakefs_itself_implements() -> None:
    """FakeOsModule hands what it does not define to the real os."""
    import inspect
    import re

    from harness.storage import pyfakefs_disk, pyfakefs_log, pyfakefs_process

    source = "".join(map(inspect.getsource, (pyfakefs_disk, pyfakefs_log, pyfakefs_process)))
    used = set(re.findall(r"self\._os\.(\w+)", source)) | set(re.findall(r'_change\("(\w+)"', source))
    assert used and used <= set(vars(FakeOsModule))


def test_every_call_of_the_first_disk_is_here_or_refused() -> None:
    # The last two are a program's, and programs are refused on this disk.
    own = {"abandon_process", "locate", "locate_entry", "volume", "inode_of", "flags_of", "set_flags"}
    calls = {name for name in dir(Disk) if not name.startswith("_")} - own
    fake = PyfakefsDisk(1 << 20)
    assert not {name for name in calls if not hasattr(fake, name)}


def test_a_scenario_that_needs_more_is_refused_by_name() -> None:
    PyfakefsDisk.refuse(["byte_quota"])
    with pytest.raises(UsageError, match="has no media_faults, torn_writes;"):
        PyfakefsDisk.refuse(["torn_writes", "byte_quota", "media_faults"])
    assert PyfakefsDisk.unsupported == UNSUPPORTED


def test_times_are_the_disk_s_own_clock() -> None:
    disk = PyfakefsDisk(1 << 20, now_us=lambda: 5_000_000)
    disk.close(disk.open("/a", os.O_CREAT | os.O_WRONLY))
    assert disk.stat("/a").st_mtime_ns == 5_000_000_000
    disk.utime("/a", (1.0, 2.0))
    assert disk.stat("/a").st_mtime == 2.0


def test_listing_is_in_sorted_order_whatever_the_seed() -> None:
    disk = PyfakefsDisk(1 << 20)
    for name in "zebra", "ant", "mole":
        disk.close(disk.open(f"/{name}", os.O_CREAT | os.O_WRONLY))
    assert disk.listdir("/") == ["ant", "mole", "zebra"]
    with disk.scandir("/") as entries:
        assert next((entry.name, entry.is_file(), entry.is_dir()) for entry in entries) == ("ant", True, False)


def test_positioned_calls_leave_the_position_where_it_was() -> None:
    disk = PyfakefsDisk(1 << 20)
    fd = disk.open("/a", os.O_CREAT | os.O_RDWR)
    disk.write(fd, b"0123456789")
    disk.lseek(fd, 4, os.SEEK_SET)
    assert disk.pwrite(fd, b"ab", 1) == 2
    assert disk.pread(fd, 4, 0) == b"0ab3"
    assert disk.read(fd, 3) == b"456"
    disk.fsync(fd)
    assert disk.cut().tree() == {"/a": b"0ab3456789"}

"""Small histories of a disk for the crash-model tests: a volume to work on, and random short histories for hypothesis."""

import os
import random
from collections.abc import Sequence

from hypothesis import strategies as st

from harness.storage.contents import export_volume
from harness.storage.disk import Disk
from harness.storage.image import Image
from harness.storage.oplog import DropDirty, Op, SyncVolume
from harness.storage.profiles.base import CrashState, Profile
from harness.storage.volume import Volume

# More than any history here has, so that every enumeration is complete or the test says so.
EVERY = 60_000


class Bench:
    """A disk of one volume with the handful of operations the tests need, and its history since ``settle``."""

    def __init__(self) -> None:
        self.disk = Disk([Volume("data", "/", 8 << 20)])
        self.volume = self.disk.volumes[0]
        self.base = self.now()

    @property
    def log(self) -> list[Op]:
        return self.volume.log

    def now(self) -> Image:
        contents = export_volume(self.volume)
        directories = {inode: dict(sorted(names.items())) for inode, names in contents.directories.items()}
        return Image(contents.files, directories, contents.modes, contents.links)

    def settle(self) -> "Bench":
        """Everything so far is on the medium: it becomes the base, and the log starts empty."""
        self.base = self.now()
        del self.log[:]
        return self

    def write(self, path: str, data: bytes, offset: int | None = None) -> None:
        """Create if need be, write at ``offset`` (None: append), close."""
        fd = self.disk.open(path, os.O_CREAT | os.O_WRONLY | (os.O_APPEND if offset is None else 0), 0o600)
        if offset is None:
            self.disk.write(fd, data)
        else:
            self.disk.pwrite(fd, data, offset)
        self.disk.close(fd)

    def write_open(self, path: str, data: bytes, offset: int) -> None:
        """As ``write``, and the file stays open: some media write data out when it is closed."""
        self.disk.pwrite(self.disk.open(path, os.O_WRONLY), data, offset)

    def rewrite(self, path: str, data: bytes) -> None:
        """open(path, "w"), write, close."""
        fd = self.disk.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        self.disk.write(fd, data)
        self.disk.close(fd)

    def sync_file(self, path: str, *, data_only: bool = False) -> None:
        fd = self.disk.open(path, os.O_RDONLY)
        (self.disk.fdatasync if data_only else self.disk.fsync)(fd)
        self.disk.close(fd)

    def sync_directory(self, path: str = "/") -> None:
        self.sync_file(path)

    def drop_dirty(self, path: str) -> None:
        """What a failed fsync leaves in the log."""
        self.log.append(DropDirty(self.disk.stat(path).st_ino))

    def outcomes(self, profile: Profile) -> list[CrashState]:
        return every_state(profile, self.base, self.log)

    def contents(self, profile: Profile, path: str) -> set[bytes | None]:
        """What the file may hold after a cut; None where it is not there."""
        return {state.image.tree().get(path) for state in self.outcomes(profile)}


def every_state(profile: Profile, base: Image, log: Sequence[Op]) -> list[CrashState]:
    """All legal images; fails when they are too many to list."""
    states = profile.legal_images(base, log, EVERY, random.Random(0))
    found = list(states)
    assert states.exhaustive, f"{profile.name}: more than {EVERY} images"
    return found


def keys(states: Sequence[CrashState]) -> set[tuple[str, int]]:
    return {(state.image.digest(), state.image.lost_bytes) for state in states}


def aged(profile: Profile, bench: Bench) -> None:
    """On a medium whose flushes lie it is age that makes things durable, so let some time pass; elsewhere nothing."""
    if profile.flush_lies:
        bench.log.append(SyncVolume(written_back=True))


_PATHS = ("/a", "/b", "/d/c")
_paths = st.sampled_from(_PATHS)
ACTIONS = st.one_of(
    st.tuples(st.just("append"), _paths, st.sampled_from((10, 500, 700))),
    st.tuples(st.just("overwrite"), _paths, st.sampled_from((0, 300, 900))),
    st.tuples(st.just("rewrite"), _paths, st.sampled_from((40, 600))),
    st.tuples(st.just("truncate"), _paths, st.sampled_from((0, 100, 600, 1100))),
    st.tuples(st.just("rename"), _paths, _paths),
    st.tuples(st.just("link"), _paths, _paths),
    st.tuples(st.just("unlink"), _paths),
    st.tuples(st.just("chmod"), _paths, st.sampled_from((0o600, 0o640))),
    st.tuples(st.just("fsync"), _paths),
    st.tuples(st.just("fdatasync"), _paths),
    st.tuples(st.just("fsync_directory"), st.sampled_from(("/", "/d"))),
    st.tuples(st.just("sync")),
    st.tuples(st.just("drop_dirty"), _paths),
)


def play(actions: Sequence[tuple[object, ...]], bench: Bench | None = None) -> Bench:
    """A bench with /a (1,000 bytes) and the directory /d on the medium, after the actions that are possible on it."""
    bench = Bench() if bench is None else bench
    bench.write("/a", b"o" * 1000)
    bench.disk.mkdir("/d")
    bench.settle()
    for place, action in enumerate(actions):
        try:
            _act(bench, action, bytes([65 + place]))
        except (FileNotFoundError, FileExistsError):
            continue
    return bench


def _act(bench: Bench, action: tuple[object, ...], letter: bytes) -> None:
    disk = bench.disk
    match action:
        case ("append", str(path), int(length)):
            bench.write(path, letter * length)
        case ("overwrite", str(path), int(offset)):
            bench.write(path, letter * 200, offset)
        case ("rewrite", str(path), int(length)):
            bench.rewrite(path, letter * length)
        case ("truncate", str(path), int(length)):
            disk.truncate(path, length)
        case ("rename", str(old), str(new)):
            disk.rename(old, new)
        case ("link", str(old), str(new)):
            disk.link(old, new)
        case ("unlink", str(path)):
            disk.unlink(path)
        case ("chmod", str(path), int(mode)):
            disk.chmod(path, mode)
        case ("fsync", str(path)):
            bench.sync_file(path)
        case ("fdatasync", str(path)):
            bench.sync_file(path, data_only=True)
        case ("fsync_directory", str(path)):
            bench.sync_directory(path)
        case ("drop_dirty", str(path)):
            bench.drop_dirty(path)
        case ("sync",):
            disk.sync()

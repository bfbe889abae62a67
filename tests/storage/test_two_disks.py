"""The two disks agree on what a power cut may leave: op logs of the same programs, taken from each, have the same legal images.

Where they do not is in ``DIVERGENCES``, with the reason. A new divergence fails, and so does one that no longer occurs.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.storage.image import Image
from harness.storage.oplog import Op, Returned, Truncate, Write
from harness.storage.powerloss import crash_points
from harness.storage.profiles import registry
from harness.storage.profiles.base import Profile
from harness.storage.pyfakefs_log import LoggedPyfakefsDisk
from tests.storage.crash_builders import ACTIONS, Bench, keys, play
from tests.storage.crash_programs import PROGRAMS, Program, recorded

LIMIT = 200


@dataclass(frozen=True)
class Divergence:
    program: str
    profiles: frozenset[str]
    reason: str


DIVERGENCES = (
    Divergence(
        "TinyDB's storage",
        frozenset(("battery-ram", "raw-slots", "emmc", "sd", "littlefs-unordered")),
        "it writes the whole document over the old one, and pyfakefs shows what differs: the write begins where the bytes "
        "do, so that a medium that is cut within a write, or harms what lies beside one, is cut and harms elsewhere",
    ),
)


def recorded_on_pyfakefs(program: Program, *, synchronous: bool) -> tuple[Image, list[Op], list[tuple[int, int]]]:
    """As ``crash_programs.recorded``, on the second disk."""
    disk = LoggedPyfakefsDisk(8 << 20)
    base = disk.export()
    acknowledged: list[tuple[int, int]] = []

    def acknowledge(number: int) -> None:
        if synchronous:
            disk.log.append(Returned())
        acknowledged.append((len(disk.log), number))

    program.run(disk, acknowledge)
    return base, disk.log, acknowledged


def legal(
    profile: Profile, base: Image, log: Sequence[Op], acknowledged: Sequence[tuple[int, int]]
) -> set[tuple[str, int, int]]:
    """Digest and lost space of every image at every crash point, with how many transactions had been promised by then."""
    pending: list[Op] = []
    done, rng = 0, random.Random(1)
    found = set()
    for point in crash_points(log):
        base, pending = profile.durable_prefix(base, [*pending, *log[done:point]])
        done = point
        promised = sum(length <= point for length, _ in acknowledged)
        for state in profile.legal_images(base, pending, LIMIT, rng):
            found.add((state.image.digest(), state.image.lost_bytes, promised))
    return found


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_legal_images_are_the_same_from_either_disk(program: str, name: str) -> None:
    profile = registry.get(name)
    first = legal(profile, *recorded(PROGRAMS[program], synchronous=profile.synchronous))
    second = legal(profile, *recorded_on_pyfakefs(PROGRAMS[program], synchronous=profile.synchronous))
    listed = any(each.program == program and name in each.profiles for each in DIVERGENCES)
    assert (first != second) == listed, (
        f"{len(first - second)} only from the first, {len(second - first)} only from pyfakefs"
    )


def test_every_divergence_names_a_program_and_profiles_that_exist() -> None:
    for each in DIVERGENCES:
        assert each.program in PROGRAMS and each.profiles <= set(registry.names()) and len(each.reason) > 40


class FakeBench(Bench):
    """A bench on the second disk."""

    def __init__(self) -> None:
        self.fake = LoggedPyfakefsDisk(8 << 20)
        self.disk = self.fake  # type: ignore[assignment]
        self.base = self.now()

    @property
    def log(self) -> list[Op]:
        return self.fake.log

    def now(self) -> Image:
        return self.fake.export()


@pytest.mark.parametrize("name", ["posix-weak", "ext4-ordered", "littlefs", "raw-slots"])
@given(actions=st.lists(ACTIONS, min_size=1, max_size=6))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_histories_have_the_same_legal_images_from_either_disk(
    name: str, actions: Sequence[tuple[object, ...]]
) -> None:
    profile = registry.get(name)
    first, second = play(actions), play(actions, FakeBench())
    assert [type(op) for op in first.log] == [type(op) for op in second.log]
    assert first.now().digest() == second.now().digest()
    found = [
        keys(list(profile.legal_images(bench.base, bench.log, LIMIT, random.Random(2)))) for bench in (first, second)
    ]
    assert found[0] == found[1]


def test_the_log_of_the_second_disk_rebuilds_what_readers_see() -> None:
    """Every program's log, played onto the empty image, is the tree at its end."""
    for program in PROGRAMS.values():
        base, log, _ = recorded_on_pyfakefs(program, synchronous=False)
        for op in log:
            base = base.apply(op)
        disk = LoggedPyfakefsDisk(8 << 20)
        program.run(disk, lambda _number: None)
        assert base.tree() == disk.export().tree()


def test_a_rewrite_through_a_file_object_is_seen_as_what_differs() -> None:
    disk = LoggedPyfakefsDisk(1 << 20)
    with disk.fopen("/a", "wb") as file:
        file.write(b"0123456789")
    del disk.log[:]
    with disk.fopen("/a", "r+b") as file:
        file.write(b"01X3456Y")
        file.truncate(9)
    found = [op for op in disk.log if isinstance(op, Write | Truncate)]
    inode = disk.stat("/a").st_ino
    assert found == [Truncate(inode, 9, 10), Write(inode, 2, b"X3456Y", 9)]


def test_truncation_by_path_and_by_descriptor_are_told_apart() -> None:
    disk = LoggedPyfakefsDisk(1 << 20)
    with disk.fopen("/a", "wb") as file:
        file.write(b"0123456789")
    del disk.log[:]
    disk.truncate("/a", 4)
    fd = disk.open("/a", 2)
    disk.ftruncate(fd, 8)
    assert [(op.size_bytes, op.by_path) for op in disk.log if isinstance(op, Truncate)] == [(4, True), (8, False)]

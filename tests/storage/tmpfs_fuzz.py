"""Differential fuzz: random operations on a real tmpfs and on the virtual disk, compared after each one.

``main(operations, seed)`` prints progress and returns the divergences. Two kinds of volume take turns: a small one, which
runs out of blocks and inodes (it needs root, to mount a tmpfs of that size), and a roomy one below a given directory.
"""

import contextlib
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.storage.disk import Disk
from harness.storage.volume import Volume
from tests.storage.divergences import KNOWN_DIVERGENCES
from tests.storage.fuzz_operations import Sequence
from tests.storage.fuzz_targets import Target, real_target, remove_root, virtual_target
from tests.storage.volume_replay import check_accounts, check_log

SMALL_BYTES = 128 * 1024
SMALL_INODES = 24
ROOMY_BYTES = 64 * 1024 * 1024
SEQUENCE_OPERATIONS = 150


@dataclass(frozen=True)
class Found:
    """One difference: the seed of its sequence, the operation's place in it, and both answers."""

    sequence_seed: str
    position: int
    operation: tuple[Any, ...]
    real: Any
    virtual: Any


@contextlib.contextmanager
def small_tmpfs() -> Iterator[str]:
    """A mounted tmpfs of the small size; raises OSError where that is not possible."""
    root = tempfile.mkdtemp(prefix="harness-fuzz-")
    options = f"size={SMALL_BYTES},nr_inodes={SMALL_INODES},mode=755"
    try:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", root], capture_output=True, check=False)
        if done.returncode:
            raise OSError(f"cannot mount a small tmpfs: {done.stderr.decode(errors='replace').strip()}")
        try:
            yield root
        finally:
            subprocess.run(["umount", "-l", root], check=True)
    finally:
        os.rmdir(root)


def small_volume() -> Volume:
    return Volume("small", "/small", SMALL_BYTES, inode_limit=SMALL_INODES)


def roomy_volume() -> Volume:
    return Volume("roomy", "/roomy", ROOMY_BYTES)


def run_sequence(real: Target, volume: Volume, seed: str, length: int, *, statvfs: bool) -> Found | None:
    """Runs one sequence on both sides; returns the first difference that is not known."""
    drawn = Sequence(random.Random(seed))
    operations = drawn.opening()
    umask = os.umask(0o022)
    virtual = virtual_target(Disk([volume]), f"{volume.mount_point}/root")
    try:
        real.begin()
        virtual.begin()
        for position in range(length):
            operation = operations[position] if position < len(operations) else drawn.next()
            expected, got = real.apply(operation), virtual.apply(operation)
            if statvfs:
                expected = (expected, real.apply(("on_path", "statvfs", "")))
                got = (got, virtual.apply(("on_path", "statvfs", "")))
            if expected != got and not _is_known(operation, expected, got):
                return Found(seed, position, operation, expected, got)
        expected_tree, tree = real.tree(), virtual.tree()
        if expected_tree != tree:
            differing = {
                name: (expected_tree.get(name), tree.get(name))
                for name in sorted(expected_tree.keys() | tree.keys())
                if expected_tree.get(name) != tree.get(name)
            }
            return Found(seed, length, ("tree",), *zip(*differing.values(), strict=True))
        check_accounts(volume)
        check_log(volume)
    finally:
        real.close_all()
        virtual.close_all()
        remove_root(real)
        os.umask(umask)
    check_accounts(volume)
    return None


def _is_known(operation: tuple[Any, ...], expected: Any, got: Any) -> bool:
    return any(
        known.operation == operation[0] and known.real == expected and known.virtual == got
        for known in KNOWN_DIVERGENCES
    )


def run_many(root: str, operations: int, seed: int, *, small: bool) -> list[Found]:
    """Sequences on one real directory until the count is reached; stops after ten differences."""
    found = []
    for index in range(max(1, operations // SEQUENCE_OPERATIONS)):
        volume = small_volume() if small else roomy_volume()
        sequence_seed = f"{seed}/{'small' if small else 'roomy'}/{index}"
        difference = run_sequence(
            real_target(f"{root}/root"), volume, sequence_seed, SEQUENCE_OPERATIONS, statvfs=small
        )
        if difference is not None:
            found.append(difference)
            if len(found) == 10:
                break
    return found


def main(operations: int, seed: int) -> list[Found]:
    """Half of the operations on each kind of volume, in steps, with a line after each."""
    found: list[Found] = []
    step = 50_000
    done = 0
    with contextlib.ExitStack() as stack:
        roomy = stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-fuzz-", dir="/dev/shm"))
        os.chmod(roomy, 0o755)
        try:
            small = stack.enter_context(small_tmpfs())
        except OSError as error:
            print(f"small volume left out: {error}")
            small = None
        while done < operations and len(found) < 10:
            count = min(step, operations - done)
            if small is not None:
                found += run_many(small, count // 2, seed + done, small=True)
            found += run_many(roomy, count if small is None else count - count // 2, seed + done, small=False)
            done += count
            print(f"{done} of {operations} operations, {len(found)} divergences", flush=True)
    for difference in found:
        print(difference)
    return found


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]), int(sys.argv[2])) else 0)

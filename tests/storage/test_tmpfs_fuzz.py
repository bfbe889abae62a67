"""The virtual disk answers as a real tmpfs does: every result, errno, size, link count, block count and listing."""

import os
import tempfile
from collections.abc import Iterator

import pytest

from tests.storage.divergences import KNOWN_DIVERGENCES
from tests.storage.fuzz_targets import real_target
from tests.storage.tmpfs_fuzz import Found, run_many, run_sequence, small_tmpfs, small_volume

OPERATIONS = 50_000


@pytest.fixture
def small_root() -> Iterator[str]:
    try:
        mounted = small_tmpfs()
        root = mounted.__enter__()
    except OSError as error:
        pytest.skip(str(error))
    try:
        yield root
    finally:
        mounted.__exit__(None, None, None)


@pytest.fixture
def roomy_root() -> Iterator[str]:
    if not os.path.isdir("/dev/shm"):
        pytest.skip("this machine has no tmpfs at /dev/shm")
    with tempfile.TemporaryDirectory(prefix="harness-fuzz-", dir="/dev/shm") as root:
        os.chmod(root, 0o755)
        yield root


@pytest.mark.slow
def test_random_operations_agree_on_a_roomy_volume(roomy_root: str) -> None:
    assert run_many(roomy_root, OPERATIONS, seed=1, small=False) == []


@pytest.mark.slow
def test_random_operations_agree_on_a_volume_that_runs_full(small_root: str) -> None:
    assert run_many(small_root, OPERATIONS, seed=1, small=True) == []


def test_a_disagreement_would_be_found(small_root: str) -> None:
    """A volume that stores all or nothing is not a tmpfs, and the fuzz sees it."""
    found: list[Found] = []
    for index in range(300):
        volume = small_volume()
        volume.partial_writes = False
        difference = run_sequence(real_target(f"{small_root}/root"), volume, f"canary/{index}", 150, statvfs=True)
        if difference is not None:
            found.append(difference)
            break
    assert found


def test_the_list_of_known_divergences_is_empty() -> None:
    assert KNOWN_DIVERGENCES == ()

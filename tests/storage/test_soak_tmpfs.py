"""The large count of the virtual disk against a real tmpfs: a million random calls, about a minute."""

import pytest

from tests.storage.tmpfs_fuzz import main

_PARTS = 4
"""So that several workers share it."""


@pytest.mark.soak
@pytest.mark.parametrize("part", range(_PARTS))
def test_a_million_random_calls_agree_with_a_real_tmpfs(part: int) -> None:
    assert main(1_000_000 // _PARTS, seed=1 + part) == []

"""The large count of the virtual disk against a real tmpfs: a million random calls, about a minute."""

import pytest

from tests.storage.tmpfs_fuzz import main


@pytest.mark.soak
def test_a_million_random_calls_agree_with_a_real_tmpfs() -> None:
    assert main(1_000_000, seed=1) == []

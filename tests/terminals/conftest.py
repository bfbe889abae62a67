"""Gives each test as many benches of its own as it asks for."""

from itertools import count

import pytest


@pytest.fixture
def make_bench(tmp_path):
    # Not before a test runs: pytest puts this directory on the path only when it has collected a module of it.
    from terminal_bench import Bench

    numbers = count()
    return lambda **options: Bench(tmp_path / str(next(numbers)), **options)

"""Makes the bench and the judge importable, and gives each test as many benches as it asks for."""

import sys
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def make_bench(tmp_path):
    from terminal_bench import Bench

    numbers = count()
    return lambda **options: Bench(tmp_path / str(next(numbers)), **options)

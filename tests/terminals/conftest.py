"""Makes the bench and the judge importable, and gives each test a bench of its own."""

import sys
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def make_bench(tmp_path):
    from bench import Bench

    numbers = count()
    return lambda **options: Bench(tmp_path / str(next(numbers)), **options)

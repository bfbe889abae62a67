"""The age of bytes, held against a model that keeps one number for each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.storage.ages import BEFORE_THE_WATCH_US, FileAges
from harness.storage.calls import StorageCall
from harness.storage.volume import Volume

VOLUME = Volume("data", "/data", 1 << 20)
SPANS = st.tuples(st.integers(0, 60), st.integers(1, 30))


def call(kind: str, path: str, start: int = 0, count: int = 0, source: str = "") -> StorageCall:
    return StorageCall(1, kind, VOLUME, path, 2, count, start, source)  # type: ignore[arg-type]


@given(st.lists(SPANS, max_size=30), SPANS)
def test_the_youngest_byte_decides(writes: list[tuple[int, int]], asked: tuple[int, int]) -> None:
    ages, model = FileAges(), [BEFORE_THE_WATCH_US] * 100
    for at_us, (start, count) in enumerate(writes):
        ages.heard(call("write", "/data/a", start, count), at_us)
        model[start : start + count] = [at_us] * count
    start, count = asked
    assert ages.youngest_us("/data/a", start, start + count) == max(model[start : start + count])


def test_ages_go_with_the_name_and_belong_to_one_file() -> None:
    ages = FileAges()
    ages.heard(call("write", "/data/a.new", 0, 10), 7)
    ages.heard(call("write", "/data/a", 0, 10), 3)
    ages.heard(call("rename", "/data/a", source="/data/a.new"), 8)
    assert ages.youngest_us("/data/a", 0, 1) == 7
    assert ages.youngest_us("/data/a.new", 0, 1) == BEFORE_THE_WATCH_US
    ages.heard(call("link", "/data/b", source="/data/a"), 9)
    ages.heard(call("write", "/data/b", 4, 1), 10)
    assert ages.youngest_us("/data/a", 0, 10) == 10

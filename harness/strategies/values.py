"""Values of scenario files as Hypothesis draws them: few, round, and the simplest first, as that is where shrinking ends."""

from __future__ import annotations

import json
from typing import TypeAlias

from hypothesis import strategies as st

from harness.core.units import US_PER_HOUR, US_PER_MINUTE
from harness.scenario.quantities import clock_text
from harness.scenario.resolve import Written

Values: TypeAlias = st.SearchStrategy[Written]

_ROUND_MINUTES = 5


def one_of(*values: Written) -> Values:
    """One of these, the first if it makes no difference."""
    return st.sampled_from(values)


def counts(most: int, least: int = 1) -> Values:
    """A small whole number."""
    return st.integers(least, most)


def durations(*texts: str) -> Values:
    """One of these durations."""
    return st.sampled_from(texts or ("1 min", "5 min", "30 min", "2 h"))


def sizes(*texts: str) -> Values:
    """One of these sizes."""
    return st.sampled_from(texts)


def shares(*percents: int) -> Values:
    """One of these percentages."""
    return st.sampled_from([f"{each}%" for each in percents])


def clocks(open_hour: int, close_hour: int) -> Values:
    """A time of day between two hours, at a round minute; the earliest is the simplest."""
    last = (close_hour - open_hour) * 60 // _ROUND_MINUTES - 1
    return st.integers(0, last).map(
        lambda each: clock_text(open_hour * US_PER_HOUR + each * _ROUND_MINUTES * US_PER_MINUTE)
    )


def written(value: Written) -> str:
    """A value on one line, as YAML and JSON both read it."""
    return json.dumps(value, ensure_ascii=False)

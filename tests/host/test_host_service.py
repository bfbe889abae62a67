"""The host's speed: quantiles of the service time, the queue, and its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.host.service import HostQueue, ServiceTimes

UNIFORM = st.floats(0, 1, exclude_max=True)


def test_the_defaults_have_the_quantiles_they_are_given_by():
    times = ServiceTimes()
    assert times.service_us(0.5) == 350_000
    assert times.service_us(0.99) == pytest.approx(2_500_000, abs=2)


def test_the_extremes_of_the_uniform_number_are_finite():
    times = ServiceTimes()
    assert 0 < times.service_us(0.0) < times.service_us(1 - 2**-53) < 10**9


@given(st.lists(st.tuples(st.integers(0, 3_000_000), UNIFORM), max_size=60), st.integers(1, 5))
def test_every_request_is_served_once_in_order_by_no_more_than_the_workers(requests, workers):
    """Against a naive simulation that looks for the worker that is free first."""
    times = ServiceTimes(workers=workers)
    queue, free, arrival_us = HostQueue(times), [0] * workers, 0
    for gap_us, u in requests:
        arrival_us += gap_us
        assert queue.waiting(arrival_us) >= 0
        ready_us = queue.ready_at_us(arrival_us, u)
        first = free.index(min(free))
        free[first] = max(arrival_us, free[first]) + times.service_us(u)
        assert ready_us == free[first]


def test_a_full_queue_is_overloaded_until_it_drains():
    queue = HostQueue(ServiceTimes(workers=1, queue_max=2))
    assert not queue.is_overloaded(0)
    for _ in range(3):
        assert not queue.is_overloaded(0)
        queue.ready_at_us(0, 0.5)  # served 0-350 ms, 350-700 ms, 700-1050 ms
    assert queue.waiting(0) == 2 and queue.is_overloaded(0)
    assert queue.waiting(350_000) == 1 and not queue.is_overloaded(350_000)


def test_the_share_without_answer():
    queue = HostQueue(ServiceTimes(no_reply_probability=0.25))
    assert [queue.never_answers(step / 8) for step in range(8)] == [True, True] + [False] * 6


@pytest.mark.parametrize(
    "wrong",
    [{"workers": 0}, {"queue_max": 0}, {"median_us": 0}, {"median_us": 2, "p99_us": 1}, {"no_reply_probability": 1.1}],
)
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=r"host|median|probability"):
        ServiceTimes(**wrong)

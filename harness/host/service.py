"""How long the host takes: a queue with a few workers, and answers that never come.

Models arrival order service by ``workers`` servers with lognormal service time, a limit on the queue and a share of
requests that are never answered. Does not model priorities or dependence of service time on load beyond queueing.
Defaults (median 350 ms, 99th percentile 2.5 s, 0.3 % without answer) are the project's assumptions about an acquirer.

The model draws nothing: every call is given a number in [0, 1) by whoever owns the run's decisions.
"""

import heapq
import math
from dataclasses import dataclass
from statistics import NormalDist

_NORMAL = NormalDist()
_P99 = _NORMAL.inv_cdf(0.99)
_U_MIN = 1e-9  # the quantile function has no value at 0


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """Parameters of the host's speed."""

    workers: int = 64
    median_us: int = 350_000
    p99_us: int = 2_500_000
    no_reply_probability: float = 0.003
    queue_max: int = 1_000

    def __post_init__(self) -> None:
        if self.workers < 1 or self.queue_max < 1:
            raise ValueError("a host has at least one worker and a queue of at least one place")
        if not 0 < self.median_us <= self.p99_us:
            raise ValueError("the median must be positive and not above the 99th percentile")
        if not 0 <= self.no_reply_probability <= 1:
            raise ValueError("a probability is between 0 and 1")

    def service_us(self, u: float) -> int:
        """The service time at quantile ``u``."""
        sigma = math.log(self.p99_us / self.median_us) / _P99
        return round(self.median_us * math.exp(sigma * _NORMAL.inv_cdf(min(max(u, _U_MIN), 1 - _U_MIN))))


class HostQueue:
    """When each request's answer is ready. Requests must be given in order of arrival."""

    def __init__(self, times: ServiceTimes | None = None) -> None:
        self.times = times or ServiceTimes()
        self._free_at_us = [0] * self.times.workers
        self._starts_us: list[int] = []

    def waiting(self, arrival_us: int) -> int:
        """How many earlier requests have not been started at ``arrival_us``."""
        while self._starts_us and self._starts_us[0] <= arrival_us:
            heapq.heappop(self._starts_us)
        return len(self._starts_us)

    def is_overloaded(self, arrival_us: int) -> bool:
        """Whether a request arriving now finds the queue full; the host then answers 96 at once or not at all."""
        return self.waiting(arrival_us) >= self.times.queue_max

    def ready_at_us(self, arrival_us: int, u: float) -> int:
        """When the answer to a request that arrives now is ready; takes a worker's time."""
        free_us = heapq.heappop(self._free_at_us)
        start_us = max(arrival_us, free_us)
        if start_us > arrival_us:
            heapq.heappush(self._starts_us, start_us)
        ready_us = start_us + self.times.service_us(u)
        heapq.heappush(self._free_at_us, ready_us)
        return ready_us

    def never_answers(self, u: float) -> bool:
        """Whether this request, by its own number ``u``, is one of those that get no answer."""
        return u < self.times.no_reply_probability

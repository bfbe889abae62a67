"""A campaign: many runs of one scenario under different seeds, declared beforehand, and the bound that they give.

Models: a fixed number of independent random runs on several child processes, and the exact (Clopper-Pearson) upper bound on the
rate of failing runs. Inconclusive runs count for nothing and are told apart.
Does not model: guided search, sharding; resuming (``engine.sweep``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from harness.core.errors import HarnessError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict


@dataclass(slots=True)
class CampaignResult:
    """What the runs came to. ``errors`` are runs that the harness itself could not bring to an end."""

    verdicts: list[Verdict] = field(default_factory=list)
    errors: list[tuple[RunRequest, HarnessError]] = field(default_factory=list)

    def count(self, status: str) -> int:
        """How many runs ended so."""
        return sum(verdict.status == status for verdict in self.verdicts)

    @property
    def terminal_days(self) -> int:
        """Terminals times days of all conclusive runs."""
        return sum(verdict.terminals * verdict.days for verdict in self.verdicts if verdict.status != "inconclusive")

    def bites(self) -> dict[str, int]:
        """By planned fault: how many strikes bit, over all runs."""
        total: dict[str, int] = {}
        for verdict in self.verdicts:
            for fault in verdict.faults:
                total[fault.name] = total.get(fault.name, 0) + fault.bit
        return total


def run_campaign(requests: Sequence[RunRequest], jobs: int, on_verdict: Callable[[Verdict], None]) -> CampaignResult:
    """All runs, ``jobs`` at a time; ``on_verdict`` is told of each as it ends, in order of completion."""
    result = CampaignResult()
    for request, ended in run_each(requests, jobs):
        if isinstance(ended, HarnessError):
            result.errors.append((request, ended))
        else:
            result.verdicts.append(ended)
            on_verdict(ended)
    return result


def run_each(
    requests: Iterable[RunRequest], jobs: int, run: Callable[[RunRequest], Verdict] = launch
) -> Iterator[tuple[RunRequest, Verdict | HarnessError]]:
    """Each run as it ends, ``jobs`` at a time, in order of completion. ``run`` is called from threads of this process.

    ``requests`` is asked for the next one whenever a process is free: it may go on after it had none.
    """
    with ThreadPoolExecutor(jobs) as pool:
        # The threads only wait for child processes; nothing of a run happens in this one.
        running: dict[Future[Verdict], RunRequest] = {}
        left = iter(requests)
        _start(pool, running, left, jobs, run)
        try:
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), _ended(future)
                _start(pool, running, left, jobs, run)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ended(future: Future[Verdict]) -> Verdict | HarnessError:
    try:
        return future.result()
    except HarnessError as error:
        return error


def _start(
    pool: ThreadPoolExecutor,
    running: dict[Future[Verdict], RunRequest],
    left: Iterator[RunRequest],
    jobs: int,
    run: Callable[[RunRequest], Verdict],
) -> None:
    while len(running) < jobs:
        request = next(left, None)
        if request is None:
            return
        running[pool.submit(run, request)] = request


def upper_bound(failures: int, runs: int, confidence: float = 0.95) -> float:
    """The exact one-sided upper bound on the failure rate (Clopper and Pearson, 1934), by bisection on the binomial tail."""
    if runs == 0 or failures >= runs:
        return 1.0
    low, high = failures / runs, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _tail(failures, runs, middle) > 1.0 - confidence:
            low = middle
        else:
            high = middle
    return high


def _tail(failures: int, runs: int, rate: float) -> float:
    """The probability of at most ``failures`` failures in ``runs`` at ``rate``."""
    if rate >= 1.0:
        return 0.0
    # In logarithms: (1 - rate) ** runs is 0 as a float long before the sum is.
    log_rate, log_rest, log_all = math.log(rate), math.log1p(-rate), math.lgamma(runs + 1)
    return math.fsum(
        math.exp(log_all - math.lgamma(k + 1) - math.lgamma(runs - k + 1) + k * log_rate + (runs - k) * log_rest)
        for k in range(failures + 1)
    )

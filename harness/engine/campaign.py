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
from functools import partial

from harness.core.errors import HarnessError
from harness.engine.launch import launch
from harness.engine.request import RunRequest
from harness.engine.verdict import Verdict

_NOTHING = 1e-18


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
    requests: Iterable[RunRequest],
    jobs: int,
    on_start: Callable[[int], None] | None = None,
    *,
    run: Callable[[RunRequest], Verdict] | None = None,
) -> Iterator[tuple[RunRequest, Verdict | HarnessError]]:
    """Each run as it ends, ``jobs`` at a time, in order of completion. ``on_start`` is given each child's process id.

    ``requests`` is asked for the next one whenever a process is free: it may go on after it had none. ``run``: what is called for
    each, from threads of this process, instead of a launch.
    """
    run = run or partial(launch, on_start=on_start)
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
    """The probability of at most ``failures`` failures in ``runs`` at ``rate``, which is no less than their share."""
    if rate >= 1.0:
        return 0.0
    if rate <= 0.0:
        return 1.0
    # The first term in logarithms: (1 - rate) ** runs is 0 as a float long before the sum is. From there on down each is less
    # than the one before, until what is left of them changes nothing.
    log_choices = math.lgamma(runs + 1) - math.lgamma(failures + 1) - math.lgamma(runs - failures + 1)
    term = math.exp(log_choices + failures * math.log(rate) + (runs - failures) * math.log1p(-rate))
    odds = (1.0 - rate) / rate
    total = 0.0
    for k in range(failures, -1, -1):
        total += term
        if term < total * _NOTHING:
            break
        term *= k / (runs - k + 1) * odds
    return total

"""The acquirer's site in whole runs: when a request is booked, when its answer leaves, and what silence does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.history.events import BatchSettled, LedgerChanged, MessageDelivered, MessageSent
from harness.host.service import HostQueue, ServiceTimes
from harness.invariants.judge import Judge
from harness.scenario.build import Built
from harness.scenario.host_site import HostSite
from harness.scenario.plan import HostPlan, Plan
from tests.engine.small_runs import small
from tests.engine.told_runs import Attended, Told, tell

SLOW_US = 3_000_000


def with_host(host: HostPlan) -> Plan:
    return replace(small(), host=host)


def sale_requests(run: Told) -> dict[int, str]:
    """Message number to STAN of every sale request."""
    return {
        event.message: event.stan for event in run.of(MessageSent) if (event.direction, event.mti) == ("up", "0200")
    }


@pytest.fixture(scope="module")
def slow() -> Told:
    """A host that takes three seconds for everything."""
    return tell(with_host(HostPlan(SLOW_US, SLOW_US, 0.0, 0.0)))


def test_a_request_is_booked_and_answered_when_a_worker_has_done_with_it(slow: Told) -> None:
    delivered = {event.message: event.at_us for event in slow.of(MessageDelivered)}
    booked = {event.stan: event.at_us for event in slow.of(LedgerChanged) if event.state == "APPROVED"}
    answered = {
        event.stan: event.at_us for event in slow.of(MessageSent) if (event.direction, event.mti) == ("down", "0210")
    }
    requests = sale_requests(slow)
    assert len(requests) > 5
    for message, stan in requests.items():
        assert booked[stan] == answered[stan] == delivered[message] + SLOW_US


def test_a_silent_host_books_what_it_never_answers() -> None:
    run = tell(with_host(HostPlan(no_reply_percent=100.0, decline_percent=0.0)))
    assert [event for event in run.of(MessageSent) if event.direction == "down"] == []
    assert {event.message for event in run.of(MessageDelivered)} >= set(sale_requests(run))
    # Signing on is not answered either, so a terminal that needs working keys never comes to selling.
    assert run.verdict.status != "pass"


class _SilentAfterSignOn(Attended):
    """The host answers the first request of the day, the sign-on, and no other."""

    def look(self, built: Built, judge: Judge) -> None:
        site = built.world.stations[0].hardware.link.endpoint
        assert isinstance(site, HostSite)
        recorder = built.world.recorder

        def sent(_: int, event: MessageSent) -> None:
            if event.direction == "down":
                site.queue = HostQueue(ServiceTimes(no_reply_probability=1.0))

        recorder.watch(MessageSent, sent)


def test_money_moves_at_a_host_whose_answers_do_not_leave() -> None:
    run = tell(with_host(HostPlan(no_reply_percent=0.0, decline_percent=0.0)), run=_SilentAfterSignOn)
    answers = [event for event in run.of(MessageSent) if event.direction == "down"]
    assert len(answers) == 1
    assert [event for event in run.of(LedgerChanged) if event.state == "APPROVED"]
    assert run.verdict.sales.accepted == 0


class _FullQueue(Attended):
    """A host whose queue has no place: everything that arrives is one too many."""

    def look(self, built: Built, judge: Judge) -> None:
        site = built.world.stations[0].hardware.link.endpoint
        assert isinstance(site, HostSite)
        times = ServiceTimes(workers=1, queue_max=1, median_us=10**12, p99_us=10**12)
        site.queue = HostQueue(times)
        for _ in range(3):
            site.queue.ready_at_us(0, 0.5)


def test_a_host_whose_queue_is_full_says_so_and_books_nothing() -> None:
    run = tell(small(), run=_FullQueue)
    assert {event.response_code for event in run.of(MessageSent) if event.direction == "down"} == {"96"}
    assert run.of(LedgerChanged) == [] and run.of(BatchSettled) == []


def test_service_times_are_drawn_and_not_all_alike() -> None:
    run = tell(with_host(HostPlan(no_reply_percent=0.0, decline_percent=0.0)))
    delivered = {event.message: event.at_us for event in run.of(MessageDelivered)}
    booked = {event.stan: event.at_us for event in run.of(LedgerChanged) if event.state == "APPROVED"}
    taken = {booked[stan] - delivered[message] for message, stan in sale_requests(run).items()}
    assert len(taken) > 4
    assert min(taken) > 0

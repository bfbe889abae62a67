"""The acquirer's site: a queue that is full answers 96 at once, and what it refuses is not carried out; silence is told."""

import datetime
import itertools
from collections.abc import Callable

import pytest
import simpy

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.history.events import LedgerChanged, MessageSent, RequestUnanswered
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.host.knobs import Knobs
from harness.host.service import HostQueue, ServiceTimes
from harness.iso8583 import Message, unionpay
from harness.network import LINK_KINDS, Link
from harness.scenario.host_site import HostSite


def test_a_full_queue_answers_96_at_once_and_carries_nothing_out() -> None:
    env, recorder, decisions = simpy.Environment(), Recorder(), Decisions(Streams(3))
    acquirer = Acquirer("unionpay", recorder, b"seed", start_date=datetime.date(2026, 3, 2))
    acquirer.register_terminal("10000001", "104110000000001", "T01", bytes(range(16)))
    times = ServiceTimes(workers=1, queue_max=1, no_reply_probability=0.0)
    site = HostSite(env, acquirer, HostQueue(times), decisions)
    link = Link(
        env, "T01", LINK_KINDS.get("ethernet"), decisions, recorder, site, unionpay.split_frames, acquirer.describe,
        lambda: "T01/a1", itertools.count().__next__,
    )  # fmt: skip
    answers: list[MessageSent] = []
    recorder.watch(MessageSent, lambda _, event: answers.append(event) if event.direction == "down" else None)
    connections = [env.run(until=link.connect()) for _ in range(3)]
    started_us = env.now
    for stan, connection in enumerate(connections, 1):
        request = Message("0800", {11: f"{stan:06d}", 41: "10000001", 42: "104110000000001", 60: "00000001003"})
        connection.send(unionpay.pack(request))
    env.run()
    codes = [answer.response_code for answer in answers]
    assert sorted(codes) == ["00", "00", "96"]
    assert codes[0] == "96" and answers[0].at_us - started_us < times.median_us / 10


def _nothing(knobs: Knobs) -> None:
    """A host as it is every day."""


def _withholds(knobs: Knobs) -> None:
    knobs.drop_replies = 1


def _does_not_read(knobs: Knobs) -> None:
    knobs.ignore_requests = 1


def _reads_nothing_for_long(knobs: Knobs) -> None:
    knobs.silent_until_us = 1 << 60


def _answers_late(knobs: Knobs) -> None:
    knobs.held_replies = 1


@pytest.mark.parametrize(
    ("turn", "share", "mti", "reason"),
    [
        (_nothing, 0.0, "0800", ""),
        (_nothing, 1.0, "0800", "no_reply"),
        (_withholds, 0.0, "0800", "withheld"),
        (_withholds, 1.0, "0800", "withheld"),
        (_does_not_read, 0.0, "0800", "not_read"),
        (_reads_nothing_for_long, 0.0, "0800", "not_read"),
        (_answers_late, 0.0, "0800", "late"),
        (_nothing, 0.0, "0999", "not_understood"),
    ],
)
def test_the_history_says_of_every_request_without_an_answer_why(
    turn: Callable[[Knobs], None], share: float, mti: str, reason: str
) -> None:
    env, recorder, decisions = simpy.Environment(), Recorder(), Decisions(Streams(3))
    acquirer = Acquirer("unionpay", recorder, b"seed", start_date=datetime.date(2026, 3, 2))
    acquirer.register_terminal("10000001", "104110000000001", "T01", bytes(range(16)))
    turn(acquirer.knobs("10000001"))
    site = HostSite(env, acquirer, HostQueue(ServiceTimes(no_reply_probability=share)), decisions)
    link = Link(
        env, "T01", LINK_KINDS.get("ethernet"), decisions, recorder, site, unionpay.split_frames, acquirer.describe,
        lambda: "T01/a1", itertools.count().__next__,
    )  # fmt: skip
    told: list[MessageSent | RequestUnanswered | LedgerChanged] = []
    for kind in (MessageSent, RequestUnanswered):
        recorder.watch(kind, lambda _, event: told.append(event))
    request = Message(mti, {11: "000001", 41: "10000001", 42: "104110000000001", 60: "00000001003"})
    env.run(until=link.connect()).send(unionpay.pack(request))
    env.run()
    first, second = told
    assert isinstance(first, MessageSent) and first.direction == "up"
    if reason:
        assert second == RequestUnanswered(second.at_us, "T01", first.message, reason)
    else:
        assert isinstance(second, MessageSent) and second.direction == "down"

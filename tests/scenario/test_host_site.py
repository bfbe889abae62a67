"""The acquirer's site: a queue that is full answers 96 at once, and what it refuses is not carried out."""

import datetime
import itertools

import simpy

from harness.core.decisions import Decisions
from harness.core.streams import Streams
from harness.history.events import MessageSent
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
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

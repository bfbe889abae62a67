"""Whole runs on lines that damage messages: each is in the history as what it is, and none is an error of the harness."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.history.codec import decode_line
from harness.history.events import MessageSent
from harness.host.dialects import DialectChoice
from harness.host.dialects.unionpay import UnionPay
from harness.host.knobs import Knobs
from harness.host.session import Session
from harness.sut import interpreter, software
from harness.sut.software import Software
from tests.engine.small_runs import small
from tests.host.fuzzing import damaged

BUSY = "sales_per_day: 40\nhost: {no_reply: 0%, decline: 5%}"


class Garbling(UnionPay):
    """A host whose line damages one in five of its answers."""

    draws = random.Random(5)

    def answer(self, frame: bytes, session: Session, knobs: Knobs, at_us: int) -> bytes | None:
        answer = super().answer(frame, session, knobs, at_us)
        return damaged(self.draws, [answer]) if answer is not None and self.draws.random() < 0.2 else answer


def run(loaded: Software, out: Path) -> tuple[Verdict, Counter[str]]:
    """The verdict, and how many messages could not be read, by direction."""
    plan = small(BUSY)
    with interpreter.installed():
        verdict = run_plan(plan, loaded, RunRequest(scenario=plan.name, seed=1, out_dir=str(out)), lambda _: None)
    events = map(decode_line, (out / "history.jsonl").read_bytes().splitlines())
    unreadable = Counter(each.direction for each in events if isinstance(each, MessageSent) and each.error)
    return verdict, unreadable


def test_answers_that_are_damaged_on_their_way_down(tmp_path: Path) -> None:
    loaded = replace(
        software.load("harness.terminals.reference:ReferenceTerminal"), dialect=DialectChoice("x", Garbling)
    )
    verdict, unreadable = run(loaded, tmp_path)
    assert verdict.findings == () and verdict.status in ("pass", "inconclusive"), verdict
    assert unreadable["down"] > 3 and not unreadable["up"]


def test_requests_that_are_damaged_on_their_way_up(tmp_path: Path) -> None:
    verdict, unreadable = run(software.load("tests.engine.babbling_terminal:BabblingTerminal"), tmp_path)
    assert unreadable["up"] > 3 and not unreadable["down"]
    assert {finding.invariant for finding in verdict.findings} <= {15, 24}, verdict.findings

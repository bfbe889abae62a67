"""Every case of every invariant comes to the verdict it states, and taking the guilt out of a guilty case makes it pass."""

import msgspec
import pytest

from harness.history.events import AnyEvent
from harness.invariants.base import Case, Invariant
from harness.invariants.catalogue import INVARIANTS
from harness.invariants.judge import Judge, Judgement

ALL = [(invariant, case) for _, invariant in INVARIANTS.items() for case in invariant.cases]
GUILTY = [(invariant, case) for invariant, case in ALL if case.expect == "finding"]


def _label(value: object) -> str:
    return value.name if isinstance(value, Case) else getattr(value, "name", str(value))


def _judge(invariant: type[Invariant], case: Case, events: tuple[AnyEvent, ...]) -> Judgement:
    judge = Judge(case.terms, selected=[invariant.name])
    for number, event in enumerate(events):
        judge.observe(number, event)
    (judgement,) = judge.conclude(events[-1].at_us if events else 0)
    return judgement


def _without_guilt(case: Case) -> tuple[AnyEvent, ...]:
    assert case.guilty is not None
    events = list(case.events)
    if case.instead is None:
        del events[case.guilty]
    else:
        events[case.guilty] = msgspec.structs.replace(case.instead, at_us=events[case.guilty].at_us)
    return tuple(events)


@pytest.mark.parametrize(("invariant", "case"), ALL, ids=_label)
def test_case_comes_to_its_verdict(invariant: type[Invariant], case: Case) -> None:
    judgement = _judge(invariant, case, case.events)
    assert judgement.outcome == case.expect, (case.why, judgement.findings, judgement.reasons, judgement.trace)
    for finding in judgement.findings:
        assert finding.events, "a finding points at the guilty events"
        assert all(0 <= number < len(case.events) for number in finding.events)
        assert finding.summary.endswith(".")
        assert "None" not in finding.summary
    if judgement.outcome == "not_checked":
        assert judgement.reasons


@pytest.mark.parametrize(("invariant", "case"), GUILTY, ids=_label)
def test_taking_the_guilt_out_makes_it_pass(invariant: type[Invariant], case: Case) -> None:
    judgement = _judge(invariant, case, _without_guilt(case))
    assert judgement.outcome in ("pass", "not_checked"), judgement.findings
    assert not judgement.trace


@pytest.mark.parametrize("invariant", [invariant for _, invariant in INVARIANTS.items()], ids=_label)
def test_cases_cover_both_sides(invariant: type[Invariant]) -> None:
    verdicts = [case.expect for case in invariant.cases]
    assert len(verdicts) >= 6
    assert verdicts.count("pass") >= 2, "legal histories that look guilty"
    assert verdicts.count("finding") >= 2
    assert "not_checked" in verdicts
    assert len({case.name for case in invariant.cases}) == len(verdicts)
    assert invariant.sentence().endswith(".")
    assert invariant.evidence and invariant.requires

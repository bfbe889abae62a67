"""``--disk pyfakefs``: runs what it can, and says by name what it cannot."""

from collections.abc import Callable

import pytest

from harness.core.errors import UsageError
from harness.core.units import US_PER_MINUTE
from harness.engine.request import RunRequest
from harness.engine.run import run_plan
from harness.engine.verdict import Verdict
from harness.faults.base import FaultPlan, MessageMatch, Trigger
from harness.faults.full_storage import FullStorage
from harness.faults.power_loss import PowerLoss
from harness.scenario.plan import DaysPlan, DevicePlan, Plan, VolumePlan
from harness.sut import interpreter, software
from harness.terminals.catalogue import CATALOGUE

SHIPPED = {name: each.spec for name, each in CATALOGUE.items()}
APPROVAL = MessageMatch("down", "0210", response_code="00")
CUT = FaultPlan("cut", PowerLoss(US_PER_MINUTE), Trigger(message=APPROVAL, occurrence=8))


def verdict_of(terminal: str, *faults: FaultPlan, **changes: object) -> Verdict:
    plan = Plan(
        "second disk",
        terminals=1,
        days=DaysPlan(1),
        sales_per_day=30,
        profile="posix-weak",
        disk="pyfakefs",
        faults=faults,
    )
    for name, value in changes.items():
        object.__setattr__(plan, name, value)
    loaded = software.load(terminal, SHIPPED)
    with interpreter.installed():
        return run_plan(plan, loaded, RunRequest("test"), lambda _: None)


def test_the_reference_trades_is_cut_and_settles_on_it() -> None:
    verdict = verdict_of("reference", CUT)
    assert (verdict.status, verdict.findings) == ("pass", ())
    assert [(fault.struck, fault.bit) for fault in verdict.faults] == [(1, 1)]


def test_software_that_never_syncs_loses_approved_sales_on_it() -> None:
    assert 1 in {finding.invariant for finding in verdict_of("no_fsync", CUT).findings}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (
            lambda: verdict_of("reference", FaultPlan("full", FullStorage())),
            "fault 'full' .full_storage.: media faults",
        ),
        (
            lambda: verdict_of("reference", FaultPlan("nth", PowerLoss(), Trigger(storage_operation=(1, 2)))),
            "fault 'nth': strikes at a storage operation",
        ),
        (lambda: verdict_of("reference", profile="fat"), "profile 'fat'"),
        (
            lambda: verdict_of("reference", device=DevicePlan(volumes=(VolumePlan("data"), VolumePlan("cache")))),
            "volume 'cache': one volume is all it has",
        ),
    ],
)
def test_what_it_lacks_is_named(change: Callable[[], Verdict], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        change()

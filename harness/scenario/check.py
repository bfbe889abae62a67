"""Checks across a scenario: names that must exist, days and devices that must be there, settings that exclude each other."""

from __future__ import annotations

import datetime
import typing

from harness.contract import ActionKind
from harness.core.documents.source import Document, Path
from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.core.units import US_PER_DAY
from harness.faults.base import FaultPlan
from harness.host.business_days import is_business_day, next_business_day
from harness.scenario import registries
from harness.scenario.check_actions import check_actions
from harness.scenario.plan import Plan, VolumePlan
from harness.scenario.thresholds import MEASURES

TERMINALS_MAX = 2_000
DAYS_MAX = 366
SALES_PER_DAY_MAX = 8_000
"""Visits are numbered within their day; numbers from 9000 on are kept for the sales that judge recovery."""

TRACE_NUMBER_MAX = 999_999
ERASE_BLOCK_BYTES_MAX = 16 << 20
NEEDS_FUNDS = frozenset({"late_payout", "wrong_account"})

PHASES = ("trading", "settle_while_full", "recovery", "quiescence", "final_settlement", "check")


def check(document: Document, plan: Plan) -> None:
    """Note what does not fit together."""
    _check_amounts(document, plan)
    _check_names(document, plan)
    _check_funds(document, plan)
    check_actions(document, plan)
    for number, fault in enumerate(plan.faults):
        _check_fault(document, plan, fault, ("faults", number))


def _check_amounts(document: Document, plan: Plan) -> None:
    path: Path
    for path, value, most in (
        (("terminals", "count"), plan.terminals, TERMINALS_MAX),
        (("days", "count"), plan.days.count, DAYS_MAX),
    ):
        if not 1 <= value <= most:
            document.complain(path, f"expected 1 to {most}, found {value}")
    if plan.trace_number is not None and not 1 <= plan.trace_number <= TRACE_NUMBER_MAX:
        document.complain(("terminals", "trace_number"), f"expected 1 to {TRACE_NUMBER_MAX}, found {plan.trace_number}")
    if plan.sales_per_day is not None and plan.sales_per_day > SALES_PER_DAY_MAX:
        document.complain(("sales_per_day",), f"expected at most {SALES_PER_DAY_MAX}, found {plan.sales_per_day:g}")
    opening, closing = plan.days.open_us, plan.days.close_us
    if opening is not None and closing is not None and opening >= closing:
        document.complain(("days", "close"), "expected a closing time after the opening time")
    if plan.host.latency_p99_us < plan.host.latency_median_us:
        document.complain(("host", "latency_p99"), "expected at least the median")
    if plan.host.workers < 1:
        document.complain(("host", "workers"), "expected at least 1")
    if plan.surge is not None and plan.sales_per_day is not None:
        most_a_day = plan.sales_per_day * max(1.0, plan.surge.factor)
        if most_a_day > SALES_PER_DAY_MAX:
            document.complain(("surge", "factor"), f"expected at most {SALES_PER_DAY_MAX} sales a day with it")
    if sum(share.weight for share in plan.merchants) <= 0.0:
        document.complain(("merchants",), "expected shares that add up to more than nothing")
    if not plan.device.volumes:
        document.complain(("device", "volumes"), "expected at least one volume")
    for volume in plan.device.volumes:
        path = ("device", "volumes", volume.name)
        block = volume.block_bytes
        if block < 512 or block & (block - 1):
            document.complain((*path, "block_size"), f"expected a power of two from 512 B up, found {block} B")
        elif volume.size_bytes < 4 * block:
            document.complain((*path, "size"), f"expected at least four blocks of {block} B")
        _check_flash(document, volume, path)


def _check_flash(document: Document, volume: VolumePlan, path: Path) -> None:
    erase_bytes, program_bytes = volume.erase_block_bytes, volume.program_bytes
    if erase_bytes is not None and not 512 <= erase_bytes <= ERASE_BLOCK_BYTES_MAX:
        document.complain((*path, "erase_block"), f"expected 512 B to {ERASE_BLOCK_BYTES_MAX >> 20} MiB")
    if program_bytes is not None and not 1 <= program_bytes <= ERASE_BLOCK_BYTES_MAX:
        document.complain((*path, "program_unit"), f"expected 1 B to {ERASE_BLOCK_BYTES_MAX >> 20} MiB")
    if volume.endurance_cycles is not None and volume.endurance_cycles < 1:
        document.complain((*path, "endurance_cycles"), "expected at least 1")


def _check_names(document: Document, plan: Plan) -> None:
    def known(path: Path, what: str, name: str, names: tuple[str, ...]) -> None:
        if names and name not in names:
            document.complain(path, f"no {what} named {name!r}; {nearest(name, list(names))}")

    known(("device", "link"), "link", plan.device.link, registries.link_names())
    known(("profile",), "profile", plan.profile, registries.profile_names())
    for volume in plan.device.volumes:
        known(("device", "volumes", volume.name, "medium"), "medium", volume.medium, registries.medium_names())
        if volume.profile is not None:
            path = ("device", "volumes", volume.name, "profile")
            known(path, "profile", volume.profile, registries.profile_names())
    for share in plan.merchants:
        known(("merchants", share.merchant), "merchant", share.merchant, registries.merchant_names())
    for name in plan.invariants.only or ():
        known(("invariants",), "invariant", name, registries.invariant_names())
    for name in plan.invariants.excluded:
        known(("invariants", "except"), "invariant", name, registries.invariant_names())
    if plan.decisions is None:
        # What a resolved scenario once covered says nothing about how it goes, and rows may be called otherwise by now.
        for number, row in enumerate(plan.covers):
            if row not in registries.row_names():
                near = nearest(row, list(registries.row_names()))
                hint = near if near.startswith("did") else "`harness coverage` lists them"
                document.complain(("covers", number), f"no row of the trade named {row!r}; {hint}")
    for threshold in plan.thresholds:
        known(("measures", threshold.measure), "measure", threshold.measure, tuple(MEASURES))
    known(("terminals", "software"), "shipped terminal", plan.software, registries.terminal_names())


def _check_funds(document: Document, plan: Plan) -> None:
    funds = plan.funds
    if funds is None:
        return
    if funds.due_by_us < funds.paid_at_us:
        document.complain(("funds", "due_by"), "expected no earlier than paid_at")
    if "T+1" not in (funds.cycle, funds.keyed_cycle):
        return
    try:
        # What is sold on the last day may be due after a long holiday.
        is_business_day(plan.days.start)
        next_business_day(plan.days.start + datetime.timedelta(days=plan.days.count + 1))
    except UsageError as error:
        at: Path = ("days", "start") if ("days", "start") in document.places else ("funds",)
        document.complain(at, str(error))


def _check_fault(document: Document, plan: Plan, fault: FaultPlan, path: Path) -> None:
    trigger = fault.trigger
    at = (*path, "at")
    if isinstance(fault.devices, int) and fault.devices > plan.terminals:
        document.complain((*path, "devices"), f"expected at most {plan.terminals}, found {fault.devices}")
    elif isinstance(fault.devices, tuple):
        for name in fault.devices:
            if name not in plan.station_names():
                hint = nearest(name, list(plan.station_names()[:40]))
                document.complain((*path, "devices"), f"no terminal named {name!r}; {hint}")
    if fault.times < 1:
        document.complain((*path, "times"), "expected at least 1")
    if fault.per_day is not None and (*path, "times") in document.places:
        document.complain((*path, "per_day"), "expected either times or per_day, found both")
    if fault.lift_after_us is not None and fault.fault.damage:
        document.complain((*path, "lift_after"), "damage stays; only a condition can be lifted")
    if plan.funds is None and fault.fault.kind in NEEDS_FUNDS:
        document.complain(
            (*path, "type"), f"{fault.fault.kind} is about payouts; without the key 'funds' there are none"
        )
    if plan.disk in fault.fault.unsupported_disks:
        document.complain((*path, "type"), f"{fault.fault.kind} needs the disk vfs; {plan.disk} cannot do it")
    if trigger.day is not None and not 1 <= trigger.day <= plan.days.count:
        document.complain((*at, "day"), f"expected a day from 1 to {plan.days.count}, found {trigger.day}")
    if trigger.time_us is not None and trigger.time_us >= US_PER_DAY:
        document.complain((*at, "time"), "expected a time before 24:00")
    if trigger.action is not None and trigger.action not in typing.get_args(ActionKind):
        hint = nearest(trigger.action, list(typing.get_args(ActionKind)))
        document.complain((*at, "action"), f"no action named {trigger.action!r}; {hint}")
    if trigger.phase is not None and trigger.phase not in PHASES:
        document.complain((*at, "phase"), f"no phase named {trigger.phase!r}; {nearest(trigger.phase, list(PHASES))}")
    if trigger.occurrence < 1:
        document.complain((*at, "occurrence"), "expected at least 1")
    if trigger.storage_operation is not None and trigger.delay_us:
        document.complain((*at, "delay"), "expected either storage_operation or delay, found both")
    volumes = ["system", *(volume.name for volume in plan.device.volumes)]
    if trigger.fill_percent is not None and trigger.fill_volume not in volumes:
        document.complain(at, f"no volume named {trigger.fill_volume!r}; {nearest(trigger.fill_volume, volumes)}")
    # A parameter of this name is a volume in every fault that has one.
    volume = getattr(fault.fault, "volume", None)
    if isinstance(volume, str) and volume not in volumes:
        document.complain((*path, "volume"), f"no volume named {volume!r}; {nearest(volume, volumes)}")

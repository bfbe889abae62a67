"""What runs in the child process of one run: load, run, answer."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from harness.core.errors import HarnessError, UsageError
from harness.engine.request import Finished, Progress, Refused, RunRequest
from harness.terminals.catalogue import CATALOGUE

if TYPE_CHECKING:
    from harness.engine.run import Run
    from harness.scenario.plan import Plan
    from harness.sut.software import Software

ENDS_EARLY = (signal.SIGINT, signal.SIGTERM)
"""Signals that end trading at the next chunk of virtual time; the run still recovers, checks and says what it has seen."""

SHARING = frozenset(each.spec for each in CATALOGUE.values() if each.shares_modules)
"""Shipped software all of whose boots may share its modules."""


def execute(argument: Any, send: Callable[[Any], None]) -> Any:
    """One run, as ``sut.limits.run_limited`` calls it: a RunRequest in, a Finished or a Refused out, both as plain data."""
    return executed(argument, send)


def executed(argument: Any, send: Callable[[Any], None], make: Callable[..., Run] | None = None) -> Any:
    """The same with another course of trading: ``make`` makes the run, with what ``Run`` is made of."""
    request = msgspec.convert(argument, RunRequest)
    try:
        return msgspec.to_builtins(_run(request, send, make))
    except HarnessError as error:
        return msgspec.to_builtins(Refused(str(error), int(error.exit_code)))


def warm() -> None:
    """What every run needs, imported and built before the processes of single runs are forked off (``sut.nest``)."""
    from harness.engine import images, run  # noqa: F401
    from harness.scenario import check, device  # noqa: F401
    from harness.scenario.load import load_text
    from harness.scenario.model import fault_model
    from harness.scenario.registries import faults
    from harness.sut import software

    load_text("name: warm\nfaults:\n  - {type: partition, at: {day: 1}}\n")
    for kind, fault in faults().items():
        fault_model(kind, fault)
    software.precompile("harness.terminals.reference")


def _run(request: RunRequest, send: Callable[[Any], None], make: Callable[..., Run] | None) -> Finished:
    from harness.engine.images import begun_on
    from harness.engine.run import Interrupted, Run, run_plan
    from harness.scenario.load import load_file
    from harness.sut import interpreter, software

    plan = adjusted(load_file(Path(request.scenario)), request)
    interrupted = Interrupted()
    for each in ENDS_EARLY:
        signal.signal(each, interrupted.ask)
    # The parent holds them back until now, lest one finds a child that is not listening yet.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS_EARLY)
    shipped = {name: each.spec for name, each in CATALOGUE.items()}
    spec = request.terminal or plan.software
    loaded = software.load(spec, shipped, share_modules=shipped.get(spec) in SHARING)
    loaded = spoken_to(loaded, request.dialect)
    if plan.disk != "vfs" and spec.startswith("exec:"):
        raise UsageError(f"--disk {plan.disk} cannot hold a program's files; run {spec} on the default disk")

    def report(progress: Progress) -> None:
        send(msgspec.to_builtins(progress))

    plan, images = begun_on(plan, request.images)
    with interpreter.installed():
        return Finished(run_plan(plan, loaded, request, report, interrupted, images, make=make or Run))


def spoken_to(software: Software, dialect: str | None) -> Software:
    """The software, with a host that speaks ``dialect``. UsageError for a dialect that is none, or cannot be loaded."""
    from harness.scenario.dialect_file import load_dialect

    loaded = software if dialect is None else replace(software, dialect=load_dialect(dialect))
    loaded.speaks  # noqa: B018 - what is wrong with it is told before anything runs
    return loaded


def adjusted(plan: Plan, request: RunRequest) -> Plan:
    """The plan with what the command line says instead. UsageError for what no scenario may say either."""
    from harness.scenario.check import DAYS_MAX, TERMINALS_MAX
    from harness.scenario.device import on_device
    from harness.storage.profiles import registry as profiles

    for flag, value, most in (("--days", request.days, DAYS_MAX), ("--terminals", request.terminals, TERMINALS_MAX)):
        if value is not None and not 1 <= value <= most:
            raise UsageError(f"{flag}: expected 1 to {most}, found {value}")
    if request.days is not None:
        plan = replace(plan, days=replace(plan.days, count=request.days))
    if request.terminals is not None:
        plan = replace(plan, terminals=request.terminals)
    if request.device is not None:
        plan = on_device(plan, request.device)
    if request.profile is not None:
        profiles.get(request.profile)
        volumes = tuple(replace(volume, profile=None) for volume in plan.device.volumes)
        plan = replace(plan, profile=request.profile, device=replace(plan.device, volumes=volumes))
    if request.disk is not None:
        plan = replace(plan, disk=request.disk)
    return plan.without_families(request.without)

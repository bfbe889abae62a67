"""``harness crashpoints --fail``: the n-th call fails, for every n."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli import output
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.crashpoints.calls.report import CallReport
    from harness.engine.crashpoints.calls.request import CallRequest
    from harness.engine.crashpoints.request import CrashRequest


def request_of(base: CrashRequest, failures: tuple[str, ...], call: int | None, for_good: bool) -> CallRequest:
    """The request of the command line; UsageError for what makes no sense together."""
    import msgspec

    from harness.engine.crashpoints.calls.catalogue import FAILURES
    from harness.engine.crashpoints.calls.request import CallRequest
    from harness.engine.crashpoints.request import IMAGES_LIMIT, STATES_LIMIT

    if "all" in failures:
        if len(failures) > 1:
            raise UsageError("--fail all already is every kind of failure; give it alone")
        failures = tuple(FAILURES.names())
    for name in failures:
        FAILURES.get(name)
    for value, default, option in (
        (base.state, "", "--state"),
        (base.depth, 1, "--depth"),
        (base.images_limit, IMAGES_LIMIT, "--images"),
        (base.states_limit, STATES_LIMIT, "--states"),
    ):
        if value != default:
            raise UsageError(f"{option} is about power cuts; with --fail the power stays on")
    if len(base.profiles) > 1 or base.profiles == ("all",):
        raise UsageError("with --fail the terminal lives on one medium; give --profile one name")
    return CallRequest(
        **{name: getattr(base, name) for name in msgspec.structs.asdict(base)},
        failures=failures,
        call=call or 0,
        for_good=for_good,
    )


def say(report: CallReport, as_json: bool, out_dir: Path | None) -> int:
    """Print the report and keep it; the exit code."""
    import msgspec

    from harness.reporters.failing_calls import render

    encoded = msgspec.json.encode(report)
    return output.say_and_keep(encoded, render(report), as_json, out_dir, "failing_calls", int(report.exit_code))

"""A run as it travels to a worker of a cluster: what comes back is as if it had been run here; what differs is refused."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import msgspec

from harness.core.errors import ExitCode
from harness.engine.launch import launch
from harness.engine.request import Finished, Refused, RunRequest
from harness.engine.sweep.declare import software_digest
from harness.engine.sweep.many_machines import Parcel, run_parcel
from harness.terminals.small_scenarios import hour

HERE = metadata.version("terminal-fault-harness")


def sent(request: RunRequest, text: str, **changes: str) -> Finished | Refused:
    """What a worker answers, by the same plain data as over the wire."""
    parcel = Parcel(request, text, **{"version": HERE, "digest": software_digest(request.terminal or ""), **changes})
    answer = run_parcel(msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(parcel))))
    return msgspec.convert(answer, Finished | Refused)  # type: ignore[no-any-return]


def test_a_run_that_travelled_is_the_same_as_one_here(tmp_path: Path) -> None:
    scenario = tmp_path / "s.yaml"
    text = hour("faults: [{type: host_silent, at: {action: sale, occurrence: 2}}]")
    scenario.write_text(text)
    request = RunRequest(str(scenario), terminal="never_resent", seed=3, without=("power",))
    here = launch(request)
    scenario.unlink()  # a worker has no such file
    there = sent(request, text)
    assert isinstance(there, Finished) and there.verdict == here and here.status == "fail"


def test_a_worker_with_something_else_refuses(tmp_path: Path) -> None:
    software = tmp_path / "app.py"
    software.write_text("")
    request = RunRequest("s.yaml", terminal=f"{software}:App")
    for changes, why in (
        ({"version": "9.9"}, f"a worker has version {HERE} of the harness, this is 9.9"),
        ({"digest": "0" * 16}, "a worker has another"),
    ):
        answer = sent(request, hour(), **changes)
        assert isinstance(answer, Refused) and answer.exit_code == ExitCode.USAGE and why in answer.message
    # What the user can mend is told in the worker's words.
    answer = sent(RunRequest("s.yaml", terminal="referense"), hour())
    assert isinstance(answer, Refused) and "did you mean 'reference'" in answer.message

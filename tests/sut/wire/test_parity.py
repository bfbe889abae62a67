"""The reference terminal in process and as a program of its own over a faulty day: the same but for memory."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from harness.core.errors import ExitCode

HARNESS = Path(sys.executable).with_name("harness")
ROOT = Path(__file__).parents[3]
SPEC = "harness.terminals.reference:ReferenceTerminal"
DAY = """\
name: a faulty day
terminals: 1
days: {count: 1, start: 2026-03-02, open: "09:00", close: "12:00"}
sales_per_day: 40
profile: posix-weak
faults:
  - {type: half_open, at: {action: sale, occurrence: 4}, lift_after: 70 s}
  - {type: power_loss, at: {action: sale, occurrence: 12, storage_operation: 7}, off_for: 40 s}
  - {type: crash, at: {time: "10:40"}}
  - {type: paper_out, at: {time: "11:00"}, lift_after: 10 min}
  - {type: partition, at: {time: "11:30"}, lift_after: 5 min}
"""
OWN = frozenset({"MemorySampled", "SoftwareLogged", "RunStarted", "TerminalInstalled"})
"""What says how it was run. A program's memory is the interpreter's, too."""


def told(place: Path, terminal: str) -> dict[str, list[tuple[int, dict]]]:
    """What the history says, kind by kind, with its instants."""
    scenario = place / "day.yaml"
    scenario.write_text(DAY)
    # From here, as a program may read its working directory alone, and what it is made of.
    run = subprocess.run(
        [HARNESS, "run", scenario, "--terminal", terminal, "--out", place / "out"],
        check=False, cwd=ROOT, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    if run.returncode == ExitCode.HARNESS_ERROR and "CI" not in os.environ and terminal.startswith("exec:"):
        pytest.skip(run.stderr[-300:])
    assert run.returncode in (ExitCode.PASS, ExitCode.INCONCLUSIVE), run.stdout + run.stderr
    (history,) = place.rglob("history.jsonl")
    kinds: dict[str, list[tuple[int, dict]]] = {}
    for line in history.read_bytes().splitlines():
        event = msgspec.json.decode(line)
        kind, at_us = event.pop("event"), event.pop("at_us")
        if kind not in OWN:
            kinds.setdefault(kind, []).append((at_us, event))
    return kinds


@pytest.mark.slow
def test_the_reference_does_as_a_program_what_it_does_in_process(tmp_path):
    places = [tmp_path / "class", tmp_path / "program"]
    for place in places:
        place.mkdir()
    program = f"exec:{sys.executable} -B -m harness.contract.stdio {SPEC}"
    as_class, as_program = told(places[0], SPEC), told(places[1], program)
    assert as_class.keys() == as_program.keys()
    assert as_class.keys() >= {
        "ActionEnded", "ScreenShown", "ReceiptPrinted", "MessageSent", "MessageDropped", "LedgerChanged", "BatchSettled",
        "Barrier", "StorageAfterPowerLoss", "Inspected", "FaultBit", "SoftwareReady", "ProbeReached",
    }  # fmt: skip
    for kind, events in as_class.items():
        # To the microsecond: what each waits for, pays and owes is the same.
        assert events == as_program[kind], kind

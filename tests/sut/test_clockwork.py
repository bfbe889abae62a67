"""What a run's process loads for its clock."""

from __future__ import annotations

import subprocess
import sys


def loaded_after(*imports: str) -> set[str]:
    """Modules in a fresh interpreter after these imports, in order."""
    code = f"import {', '.join(imports)}, sys; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_a_run_does_not_load_pytest() -> None:
    loaded = loaded_after("harness.engine.run")
    assert "time_machine" in loaded
    assert not {"pytest", "_pytest"} & loaded


def test_pytest_can_still_be_imported_afterwards() -> None:
    assert "pytest" in loaded_after("harness.sut.virtual.clock", "pytest")


def test_under_pytest_the_fixture_of_time_machine_is_there() -> None:
    code = "import pytest, harness.sut.virtual.clock, time_machine; print(time_machine.HAVE_PYTEST)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"

"""What breaks in the supervisor is an error of the harness: no verdict blames a program for it."""

from __future__ import annotations

import os

import pytest

from harness.core.errors import ExitCode
from harness.sut.supervisor.abi import NUMBERS
from harness.sut.supervisor.ending import SupervisorBroke
from harness.sut.supervisor.registry import HANDLERS, Reply
from harness.sut.supervisor.scheduler import Scheduler
from harness.sut.supervisor.tasks import Task
from tests.engine.small_runs import small
from tests.faults.program_runs import told
from tests.sut.firmware import c_firmware
from tests.sut.supervisor.program_bench import in_c


@pytest.mark.parametrize(
    "error", [KeyError("slot"), MemoryError(), AssertionError("state")], ids=lambda each: type(each).__name__
)
def test_a_handler_that_breaks_is_no_answer_and_no_finding(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_scheduler: Scheduler, _task: Task) -> Reply:
        raise error

    monkeypatch.setitem(HANDLERS, NUMBERS["fsync"], broken)
    with pytest.raises(SupervisorBroke, match=rf"failed at broken .*{type(error).__name__}") as broke:
        in_c('fsync(open("/store/own", O_CREAT | O_WRONLY, 0600)); puts("after");')
    assert broke.value.exit_code == ExitCode.HARNESS_ERROR
    monkeypatch.setitem(HANDLERS, NUMBERS["fdatasync"], broken)
    with pytest.raises(SupervisorBroke):
        told(small(), terminal=c_firmware())
    assert not [each for each in os.listdir("/proc/self/fd") if "memfd:clock" in _target(each)]


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""

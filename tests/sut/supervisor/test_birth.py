"""How a program's process is made: what goes wrong is told by its step, and nothing of it comes back to who made it."""

from __future__ import annotations

import os
import resource
import signal

import pytest

from harness.sut.supervisor import spawn
from harness.sut.supervisor.birth import Birth
from harness.sut.supervisor.ending import NotStarted
from harness.sut.supervisor.procfs import thread_state
from tests.sut.supervisor.program_bench import command, compiled, in_c


def _ended(birth: Birth) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(birth.begin(), 0)[1])


def test_the_first_step_that_fails_ends_it_and_is_named() -> None:
    birth = Birth()
    birth.call("getppid")
    birth.call("close", 998, may_fail=True)
    birth.call("dup2", 999, 5, what="descriptor 5")
    birth.call("exit_group", 0)
    assert _ended(birth) == 127
    assert birth.failure() == "descriptor 5: Bad file descriptor"


def test_every_step_is_made_in_the_child_s_own_process() -> None:
    reader, writer = os.pipe()
    birth = Birth()
    birth.call("setsid")
    birth.call("chdir", birth.bytes_at(b"/proc/self"))
    birth.call("write", writer, birth.bytes_at(b"alive"), 5)
    birth.call("exit_group", 7)
    where = os.getcwd()
    try:
        assert _ended(birth) == 7 and birth.failure() == ""
        assert os.read(reader, 10) == b"alive"
    finally:
        os.close(reader)
        os.close(writer)
    assert os.getcwd() == where


def test_a_program_that_is_not_there_is_told() -> None:
    birth = Birth()
    birth.call("execve", birth.bytes_at(b"/no/such/program"), birth.strings_at(["x"]), birth.strings_at([]), what="x")
    assert _ended(birth) == 127
    assert birth.failure() == "x: No such file or directory"


def _own_state() -> dict[str, object]:
    with open("/proc/self/status", encoding="ascii") as status:
        told = {name: value for name, _, value in (line.rstrip().partition(":\t") for line in status)}
    names = ("NoNewPrivs", "Seccomp", "SigBlk", "SigIgn", "SigCgt", "NSsid")
    return {
        **{name: told[name] for name in names},
        "limits": [resource.getrlimit(each) for each in range(16)],
        "directory": os.getcwd(),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
    }


def test_a_whole_boot_leaves_its_maker_as_it_was() -> None:
    """They share memory for a while, and must share nothing else: no fence, no filter, no limit."""
    in_c("return 0;")  # what the first boot of all makes for good
    before = _own_state()
    assert in_c('printf("here\\n");') == ("here\n", "", "")
    assert _own_state() == before


def test_a_step_that_this_machine_refuses_names_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spawn, "_fence", lambda read: os.open("/dev/null", os.O_RDONLY))
    program = compiled("int main() { return 0; }")
    null = os.open("/dev/null", os.O_RDWR)
    with pytest.raises(NotStarted, match=f"{program} could not be started: landlock_restrict_self: "):
        spawn.start(command(program), (null, null, null))
    os.close(null)


def test_a_child_that_has_a_signal_waiting_before_it_begins_ends_by_it() -> None:
    """Nothing of ours runs in it: what Python would do about a signal is not done there."""
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    birth = Birth()
    birth.call("rt_sigaction", signal.SIGUSR1, birth.bytes_at(bytes(32)), 0, 8)
    birth.call("pause")
    birth.call("exit_group", 0)
    pid = birth.begin()
    try:
        while thread_state(pid, pid) != "S":
            pass
        os.kill(pid, signal.SIGUSR1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGUSR1
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == []

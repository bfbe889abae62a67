"""Programs that print what each call of theirs gave: the supervisor's answers are those of the kernel, line by line.

What the device does not have on purpose (O_TMPFILE, FIFOs on volumes, memfd_create, exchanging two names) is not among them.
"""

from __future__ import annotations

import pytest

from tests.sut.supervisor.program_bench import compiled_file, natively, supervised


@pytest.mark.parametrize("name", ["files.c", "memory.c", "processes.c", "waiting.c"])
def test_every_call_answers_as_the_kernel_does(name: str) -> None:
    program = compiled_file(name)
    expected = natively(program)
    output, ended, said = supervised(program, "/work")
    assert output.splitlines() == expected.splitlines()
    assert (ended, said) == ("", "")
    assert len(expected.splitlines()) > 80

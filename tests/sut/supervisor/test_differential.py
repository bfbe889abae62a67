"""Programs that print what each call of theirs gave: the supervisor's answers are those of the kernel, line by line.

What the device does not have on purpose (O_TMPFILE, FIFOs on volumes, memfd_create, exchanging two names) is not among them.
"""

from __future__ import annotations

import re

import pytest

from tests.sut.supervisor.program_bench import compiled_file, natively, supervised


def _waited_as_long(answered: str, kernels: str) -> bool:
    """Virtual time is exact; on a busy machine a wait takes longer than was asked for, and never shorter."""
    ours, theirs = [re.fullmatch(r"waited ([0-9]+)", line) for line in (answered, kernels)]
    return ours is not None and theirs is not None and int(ours[1]) <= int(theirs[1]) < int(ours[1]) + 200


@pytest.mark.parametrize("name", ["files.c", "memory.c", "processes.c", "waiting.c"])
def test_every_call_answers_as_the_kernel_does(name: str) -> None:
    program = compiled_file(name)
    expected = natively(program)
    output, ended, said = supervised(program, "/store")
    assert len(output.splitlines()) == len(expected.splitlines())
    for answered, kernels in zip(output.splitlines(), expected.splitlines(), strict=True):
        assert answered == kernels or _waited_as_long(answered, kernels), (answered, kernels)
    assert (ended, said) == ("", "")
    assert len(expected.splitlines()) > 80

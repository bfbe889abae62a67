"""Every error a module may raise through os_error has its message, and the message is the C library's."""

import ast
import errno
import os
from pathlib import Path

import pytest

import harness
from harness.storage.oserrors import os_error

PACKAGE = Path(harness.__file__).parent


def numbers_named(module: Path) -> set[str]:
    """The names after ``errno.`` in a module that imports os_error."""
    text = module.read_text(encoding="utf-8")
    if "os_error(" not in text:
        return set()
    return {
        node.attr
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "errno"
    }


NAMES = sorted(set().union(*(numbers_named(module) for module in sorted(PACKAGE.rglob("*.py")))))


@pytest.mark.parametrize("name", NAMES)
def test_it_reads_as_the_kernel_and_the_c_library_tell_it(name: str) -> None:
    number = getattr(errno, name)
    error = os_error(number, "/flash/pos.db")
    assert (error.errno, error.strerror, error.filename) == (number, os.strerror(number), "/flash/pos.db")
    assert type(error) is type(OSError(number, ""))


def test_memory_that_is_refused_to_a_program_is_among_them() -> None:
    assert "ENOMEM" in NAMES

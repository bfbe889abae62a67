"""The harness's own modules, compiled before a child needs them.

Models: a child that runs terminal software may write nowhere, so what it imports it compiles each time, and throws it away: for
a checkout that is a third of a small run. Whoever starts a child may write, and compiles what is missing or older than its
source, once. An installed wheel has all of it from pip, and then this looks and does nothing.
Does not model: modules of terminal software; nothing is left beside a user's files.
Source: PEP 3147 (where it is kept), PEP 552 (when it is out of date).
"""

from __future__ import annotations

import os
import py_compile
import sys
from collections.abc import Iterator
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from struct import Struct
from struct import error as StructError

PACKAGE = Path(__file__).parents[1]
_HEADER = Struct("<4sIII")
_WORD = 0xFFFF_FFFF
_looked = False


def ensure() -> None:
    """Compile the harness, once a process; not where somebody has asked Python to write no bytecode."""
    global _looked
    if not _looked and not sys.dont_write_bytecode:
        _looked = True
        compile_missing(PACKAGE)


def compile_missing(root: Path) -> int:
    """Compile all modules under ``root`` that are not, or were before they changed; how many that were.

    What cannot be written is left, and what does not compile is left to whoever imports it.
    """
    count = 0
    for source in _sources(root):
        compiled = cache_from_source(source)
        if not _is_fresh(source, compiled):
            try:
                py_compile.compile(source, compiled, doraise=True)
            except py_compile.PyCompileError:
                continue
            except OSError:
                break
            count += 1
    return count


def _sources(root: Path) -> Iterator[str]:
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if each != "__pycache__")
        yield from (os.path.join(directory, each) for each in sorted(files) if each.endswith(".py"))


def _is_fresh(source: str, compiled: str) -> bool:
    try:
        with open(compiled, "rb") as file:
            magic, flags, changed_s, size_bytes = _HEADER.unpack(file.read(_HEADER.size))
        now = os.stat(source)
    except (OSError, StructError):
        return False
    if magic != MAGIC_NUMBER:
        return False
    return bool(flags) or (changed_s, size_bytes) == (int(now.st_mtime) & _WORD, now.st_size & _WORD)

"""The guard: whatever of terminal software would touch the real machine raises, and is reported.

Models: a fence for accidents and clumsy code, bare ``except`` included: the call does not happen, whoever swallows the error.
Two layers live here and in ``landlock``: an audit hook, which sees open, sockets, processes and ctypes, and below it the
kernel's own rules, as audit hooks alone miss stat, write and fsync on descriptors that are open already.
Does not model: a sandbox for hostile code. Source: PEP 578, Python's table of audit events.

Reading code is allowed: libraries read their own metadata and data files while they are imported.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Any

from harness.sut import current
from harness.sut.deaths import ReachedRealMachine

_FORBIDDEN_PREFIXES = (
    "os.", "socket.", "subprocess.", "ctypes.", "fcntl.", "mmap.", "signal.", "resource.", "sqlite3.", "syslog.", "pty.",
    "faulthandler.", "sys.settrace", "sys.setprofile", "sys.addaudithook", "cpython.PyInterpreterState",
)  # fmt: skip
# Raised by the standard library's Python code on top of calls that are the device's own.
_ALLOWED = frozenset({"os.walk", "os.fwalk", "os.putenv", "os.unsetenv"})
# The commonest by far, told apart at once.
_HARMLESS = frozenset(
    {"builtins.id", "sys._getframe", "gc.get_referents", "object.__getattr__", "import", "compile", "exec"}
)
_READS_CODE = frozenset({"os.listdir", "os.scandir"})

_hooked = False
_grave = 0
_code_roots: tuple[str, ...] = ()


def install() -> None:
    """Add the audit hook, once for the life of the interpreter; it is idle unless software runs."""
    global _hooked, _code_roots
    if not _hooked:
        _hooked = True
        _code_roots = tuple(
            sorted({os.path.realpath(each) for each in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())})
        )
        sys.addaudithook(_audit)


def allow_code(directories: tuple[str, ...]) -> None:
    """Directories that hold terminal software may be read, too."""
    global _code_roots
    added = {os.path.realpath(each) for each in directories if each}
    _code_roots = tuple(sorted({*_code_roots, *added}))


def code_roots() -> tuple[str, ...]:
    """Directories that may be read while software runs."""
    return _code_roots


def enter_grave() -> None:
    """Finalisers of unknown owner are about to run."""
    global _grave
    _grave += 1


def leave_grave() -> None:
    """They have run."""
    global _grave
    _grave -= 1


def in_grave() -> bool:
    """Whether finalisers of unknown owner are running."""
    return _grave > 0


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    process = current.process
    if process is None or event in _HARMLESS or not process.guarded:
        return
    if event == "open":
        if not _is_code_read(arguments):
            _refuse("open", arguments)
    elif event.startswith(_FORBIDDEN_PREFIXES) and event not in _ALLOWED:
        if event in _READS_CODE and _is_code_path(arguments[0] if arguments else None):
            return
        _refuse(event, arguments)


def _is_code_read(arguments: tuple[Any, ...]) -> bool:
    path, mode, flags = (*arguments, None, None, None)[:3]
    if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return False
    if isinstance(mode, str) and set(mode) & set("wax+"):
        return False
    return _is_code_path(path)


def _is_code_path(path: object) -> bool:
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not isinstance(path, str) or not path.startswith("/") or ".." in path:
        return False
    return path.startswith(tuple(root + "/" for root in _code_roots)) or path in _code_roots


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    process = current.process
    assert process is not None
    what = f"{event}({', '.join([repr(each)[:80] for each in arguments[:2]])})"
    if process.on_refused is not None:
        # The report is the harness's own work: it must not be taken for the software's.
        current.process = None
        try:
            process.on_refused(f"stopped on its way to the real machine: {what}")
        finally:
            current.process = process
    raise ReachedRealMachine(f"terminal software was stopped on its way to the real machine: {what}")

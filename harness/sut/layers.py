"""Which modules terminal software shares with the harness, which it gets afresh at every boot, and which it may not have.

The rule: everything is imported afresh, but for a core whose classes other modules must agree on. The core is C code and pure
Python without a registry that software writes to in the ordinary course. Packages with compiled parts cannot be loaded twice
in one interpreter, so they are shared whole; software whose state lives in C belongs into the process tier.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import os
import sys

from harness.sut.wordlist import words

# Classes that C code or the contract's own classes are built on: two copies would not recognise each other's objects.
_SHARED_STDLIB = frozenset(
    words(
        """
    __future__ _abc _ast _bisect _blake2 _bz2 _codecs _codecs_cn _codecs_hk _codecs_iso2022 _codecs_jp
    _codecs_kr _codecs_tw _collections _collections_abc _compat_pickle _contextvars _csv _datetime _decimal
    _elementtree _functools _hashlib _heapq _imp _json _lsprof _lzma _md5 _multibytecodec _opcode _operator
    _pickle _sha1 _sha256 _sha3 _sha512 _sre _stat _statistics _string _strptime _struct _symtable _tokenize
    _typing _warnings _weakref _weakrefset _zoneinfo abc array ast binascii cmath codecs collections contextvars
    copyreg dataclasses datetime decimal dis encodings enum errno functools importlib inspect itertools keyword
    marshal math numbers opcode operator pyexpat re sre_compile sre_constants sre_parse stat struct token types
    typing unicodedata zipimport zlib
    """
    )
)

# Reached by name, these answer with the process-tier error as soon as anything of them is used.
REFUSED = (
    "_asyncio", "_ctypes", "_curses", "_multiprocessing", "_posixshmem", "_posixsubprocess", "_sqlite3", "_ssl", "asyncio",
    "cffi", "ctypes", "curses", "faulthandler", "greenlet", "mmap", "multiprocessing", "pdb", "pty", "readline", "resource",
    "signal", "sqlite3", "ssl", "subprocess", "syslog", "termios", "tkinter", "tracemalloc", "tty",
)  # fmt: skip

# Not there at all, so that the standard library takes its pure-Python path.
ABSENT = ("_dbm", "_gdbm", "_queue", "_uuid", "_posixshmem_", "_winapi", "msvcrt", "nt", "winreg", "spwd", "nis")

# What of the harness terminal software may import, the shipped terminals included.
_OWN_SHARED = ("harness", "harness.contract", "harness.iso8583")
# datetime's C methods look these up by name at each call (``virtual.clock``).
_CLOCKWORK = ("time_machine", "_time_machine")


class ForeignImport(ImportError):
    """Terminal software asked for a part of the harness that is none of its business."""


@functools.cache
def is_shared(name: str) -> bool:
    """Whether software and harness use one copy of module ``name``. Raises ForeignImport for the harness's inside."""
    top = name.partition(".")[0]
    if top == "harness":
        if name in _OWN_SHARED or name.startswith(("harness.contract.", "harness.iso8583.")):
            return True
        if name == "harness.terminals" or name.startswith("harness.terminals."):
            return False
        raise ForeignImport(f"terminal software may import harness.contract and harness.iso8583, not {name}", name=name)
    if top in _CLOCKWORK:
        return True
    if top in sys.stdlib_module_names:
        return top in _SHARED_STDLIB
    return has_compiled_parts(top)


@functools.cache
def is_shared_or_hidden(name: str) -> bool:
    """As ``is_shared``, for names that the harness itself has imported: its inside is hidden."""
    try:
        return is_shared(name)
    except ForeignImport:
        return False


@functools.cache
def has_compiled_parts(package: str) -> bool:
    """Whether a top-level package or module contains an extension module."""
    found = importlib.machinery.PathFinder.find_spec(package)
    if found is None:
        return False
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    if found.origin is not None and found.origin.endswith(suffixes):
        return True
    for root in found.submodule_search_locations or ():
        for _, directories, files in os.walk(root):
            directories.sort()
            if any(each.endswith(suffixes) for each in files):
                return True
    return False

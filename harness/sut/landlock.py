"""Landlock: the kernel's own fence below the audit hook, for the child process that runs terminal software.

Models: files may be read below the Python installation and the directories of code, written below the run's output directory
alone; TCP connections and listening are refused where the kernel knows how. Once in force it cannot be lifted.
Does not model: reads of metadata (stat), which Landlock does not cover. Source: landlock(7); x86-64 and arm64 share the
system call numbers 444, 445 and 446.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from collections.abc import Sequence

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_NET_BIND_TCP, _NET_CONNECT_TCP = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)
_FILE_RIGHTS = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


def _system_call(number: int, *arguments: object) -> int:
    result: int = _libc.syscall(number, *arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def abi_version() -> int:
    """The kernel's Landlock ABI; raises OSError when it has none."""
    return _system_call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))


def landlock_available() -> tuple[bool, str]:
    """Whether the fence can be put up here, and why or why not."""
    if platform.system() != "Linux" or platform.machine() not in ("x86_64", "aarch64"):
        return False, f"Landlock is for Linux on x86_64 and aarch64, not {platform.system()} on {platform.machine()}"
    try:
        version = abi_version()
    except OSError as error:
        return False, f"this kernel offers no Landlock: {error.strerror}"
    network = "files and TCP" if version >= 4 else "files only (TCP needs ABI 4)"
    return True, f"Landlock ABI {version}: {network}"


def _file_rights(version: int) -> int:
    """All rights on files that this ABI can restrict."""
    rights = (1 << 13) - 1
    if version >= 2:
        rights |= _REFER
    if version >= 3:
        rights |= _TRUNCATE
    if version >= 5:
        rights |= _IOCTL_DEV
    return rights


def restrict(read: Sequence[str], write: Sequence[str]) -> None:
    """Put the fence up for this thread and all that it starts. Paths that do not exist are left out."""
    ruleset = rules(read, write)
    try:
        enter(ruleset)
    finally:
        os.close(ruleset)


def enter(ruleset: int) -> None:
    """Put up a fence that was made before."""
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    _system_call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))


def rules(read: Sequence[str], write: Sequence[str]) -> int:
    """A fence, as a descriptor that is closed on exec. Paths that do not exist are left out."""
    version = abi_version()
    handled = _file_rights(version)
    network = _NET_BIND_TCP | _NET_CONNECT_TCP if version >= 4 else 0
    attributes = struct.pack("<QQ", handled, network) if version >= 4 else struct.pack("<Q", handled)
    ruleset = _system_call(
        _CREATE_RULESET, ctypes.c_char_p(attributes), ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
    )
    try:
        for path in read:
            _allow(ruleset, path, _READ & handled)
        for path in write:
            _allow(ruleset, path, handled & ~_EXECUTE)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = struct.pack("<Qi", rights, descriptor)
        _system_call(
            _ADD_RULE,
            ctypes.c_int(ruleset),
            ctypes.c_int(_RULE_PATH_BENEATH),
            ctypes.c_char_p(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(descriptor)

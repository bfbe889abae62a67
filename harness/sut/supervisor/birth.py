"""How a program's process is made: it borrows our memory until its execve, and makes a list of system calls on the way.

Models: a child with descriptors, limits, masks and fences of its own, whose every step is a system call in a list that the
supervisor wrote beforehand. A fork would copy the page tables of a process as large as the supervisor, to throw them away at
once: measured, 7 ms a boot where this takes half of one.
Does not model: steps that depend on one another's results.
Source: clone(2), vfork(2) on what such a child may do. ``CODE`` is ``birth_stub.S`` assembled; a test assembles it again.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Callable, Sequence
from functools import cache

from harness.sut.supervisor.abi import NUMBERS

CODE = bytes.fromhex(
    "534889fbbf1101000031d24531d24531c0b8380000000f054885c074025bc38b03488b7b08488b7310488b53184c8b53204c8b43"
    "284c8b4b300f05488943384885c078064883c340ebd5837b040075f4bf7f000000b8e70000000f05f4"
)
_STEP = struct.Struct("<ii7q")
_STACK_BYTES = 4096
"""Nothing is ever pushed there: it is a place for a signal's frame, and no signal is sent to a child this young."""
_libc = ctypes.CDLL(None, use_errno=True)


@cache
def born() -> Callable[[int, int], int]:
    """``CODE`` as a function; OSError where this machine lets no process run what it wrote."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    page.write(CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if _libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), mmap.PROT_READ | mmap.PROT_EXEC) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"this machine lets no process run code that it made: {os.strerror(number)}")
    function = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)(address)
    # The page goes with the function that holds on to it.
    return lambda steps, stack, _page=page: int(function(steps, stack))  # type: ignore[misc]


class Birth:
    """The steps of one child. It must be kept until the child's execve has succeeded, for the child reads what is in it."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._steps = bytearray()
        self._kept: list[object] = []
        self._list: ctypes.Array[ctypes.c_char] | None = None

    def call(self, name: str, *arguments: int, what: str = "", may_fail: bool = False) -> None:
        """One more system call; ``what`` names it where it went wrong."""
        padded = [*arguments, *(0,) * (6 - len(arguments))]
        self._steps += _STEP.pack(NUMBERS[name], may_fail, *padded, 0)
        self._names.append(what or name)

    def bytes_at(self, data: bytes) -> int:
        """The address of a copy of ``data``, with a zero behind it."""
        buffer = ctypes.create_string_buffer(data)
        self._kept.append(buffer)
        return ctypes.addressof(buffer)

    def strings_at(self, texts: Sequence[str]) -> int:
        """The address of an array of C strings, as execve takes it."""
        addresses = [self.bytes_at(os.fsencode(text)) for text in texts]
        return self.bytes_at(struct.pack(f"<{len(addresses) + 1}Q", *addresses, 0))

    def begin(self) -> int:
        """Let the child begin with its first call: its process id. OSError when there is no room for one more."""
        self._list = ctypes.create_string_buffer(bytes(self._steps), len(self._steps))
        stack = ctypes.create_string_buffer(_STACK_BYTES)
        self._kept.append(stack)
        top = (ctypes.addressof(stack) + _STACK_BYTES) & ~15
        pid = born()(ctypes.addressof(self._list), top)
        if pid < 0:
            raise OSError(-pid, os.strerror(-pid))
        return pid

    def failure(self) -> str:
        """The step that failed, and why; empty when none has so far."""
        assert self._list is not None
        for name, step in zip(self._names, _STEP.iter_unpack(self._list.raw), strict=True):
            if step[-1] < 0 and not step[1]:
                return f"{name}: {os.strerror(-step[-1])}"
        return ""

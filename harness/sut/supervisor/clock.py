"""The clock of a program: a page that it and the supervisor share, and the vDSO's functions led to code that reads it.

Models: CLOCK_MONOTONIC and CLOCK_REALTIME that stand still between system calls. A program that reads them over and over
without making any other call moves them by a microsecond a read, so that a loop that waits for time to pass ends.
Does not model: the time stamp counter, which a program may read by an instruction that nothing can catch.
Source: vdso(7), getauxval(3). ``CODE`` is ``clock_stub.S`` assembled; a test assembles it again.
"""

from __future__ import annotations

import mmap
import os
import struct
from functools import cache

from harness.sut.supervisor import kernel

PAGE = 0x6FFF00000000
"""Where the page of numbers stands in every program; the page of code follows."""
PAGE_BYTES = 4096
CODE = bytes.fromhex(
    "83ff0f7735b80c0000000fa3f8722b4189f8e8a9010000b921090000440fa3c173044803420831d2b900ca9a3b48f7f148890648"
    "89560831c0c3b8e40000000f05c366662e0f1f84000000000066662e0f1f84000000000066662e0f1f84000000000066662e0f1f"
    "84000000000066662e0f1f8400000000000f1f80000000004885ff7425e8360100004803420831d2b900ca9a3b48f7f148890789"
    "d031d2b9e8030000f7f1488947084885f6740748c7060000000031c0c366662e0f1f84000000000066662e0f1f84000000000066"
    "662e0f1f84000000000066662e0f1f84000000000066662e0f1f84000000000066662e0f1f8400000000000f1f440000e8bb0000"
    "004803420831d2b900ca9a3b48f7f14885ff7403488907c366662e0f1f84000000000066662e0f1f84000000000066662e0f1f84"
    "00000000000f1f0031c04885ff740289074885f674028906c366662e0f1f84000000000066662e0f1f84000000000066662e0f1f"
    "84000000000066662e0f1f8400000000000f1f0048c7c0daffffffc366662e0f1f84000000000066662e0f1f8400000000006666"
    "2e0f1f84000000000066662e0f1f84000000000066662e0f1f8400000000009048ba00000000ff6f0000b801000000f0480fc142"
    "10483dd00700007304488b02c3b8e8030000f0480fc102c3"
)
_ENTRIES = {
    b"__vdso_clock_gettime": 0x000,
    b"__vdso_gettimeofday": 0x080,
    b"__vdso_time": 0x100,
    b"__vdso_getcpu": 0x140,
    b"__vdso_getrandom": 0x180,
}
_AT_SYSINFO_EHDR = 33
_VDSO_BYTES = 2 * PAGE_BYTES
_PT_DYNAMIC, _DT_STRTAB, _DT_SYMTAB = 2, 5, 6
_SYMBOL = struct.Struct("<IBBHQQ")
_SYSCALL = b"\x0f\x05"


@cache
def redirections() -> tuple[tuple[int, bytes], ...]:
    """Offsets in the vDSO and what to write there: a jump to the stub."""
    return tuple(
        (offset, b"\x48\xb8" + struct.pack("<Q", PAGE + PAGE_BYTES + _ENTRIES[name]) + b"\xff\xe0")
        for name, offset in _symbols(_vdso()).items()
        if name in _ENTRIES
    )


@cache
def syscall_offset() -> int:
    """The offset in the vDSO of some ``syscall`` instruction that no redirection overwrites."""
    image = _vdso()
    taken = [range(offset - 1, offset + len(jump)) for offset, jump in redirections()]
    place = len(image)
    while (place := image.rfind(_SYSCALL, 0, place)) >= 0:
        if not any(place in each for each in taken):
            return place
    raise RuntimeError("the vDSO of this kernel holds no syscall instruction")


def _vdso() -> bytes:
    address = kernel.auxiliary(_AT_SYSINFO_EHDR)
    if not address:
        raise RuntimeError("this kernel gives its programs no vDSO")
    return kernel.memory_at(address, _VDSO_BYTES)


def _symbols(image: bytes) -> dict[bytes, int]:
    """Dynamic symbols of an ELF image and their offsets."""
    headers = struct.unpack_from("<Q", image, 32)[0]
    count = struct.unpack_from("<H", image, 56)[0]
    place = 0
    for index in range(count):
        kind, _, offset = struct.unpack_from("<IIQ", image, headers + 56 * index)
        if kind == _PT_DYNAMIC:
            place = offset
    tags: dict[int, int] = {}
    while True:
        tag, value = struct.unpack_from("<QQ", image, place)
        if not tag:
            break
        tags[tag] = value
        place += 16
    names, symbols = tags[_DT_STRTAB], tags[_DT_SYMTAB]
    found: dict[bytes, int] = {}
    # The string table follows the symbols; the first symbol is empty.
    for entry in range(symbols + _SYMBOL.size, names, _SYMBOL.size):
        name, _, _, _, value, _ = _SYMBOL.unpack_from(image, entry)
        found[image[names + name : image.index(b"\0", names + name)]] = value
    return found


class ClockPage:
    """The supervisor's side. Numbers: CLOCK_MONOTONIC in ns, how far CLOCK_REALTIME is ahead of it, reads since it moved."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("clock", os.MFD_CLOEXEC)
        os.ftruncate(self.descriptor, 2 * PAGE_BYTES)
        os.pwrite(self.descriptor, CODE, PAGE_BYTES)
        self._page = mmap.mmap(self.descriptor, PAGE_BYTES)
        self._set_ns = 0
        self._numbers = memoryview(self._page).cast("Q")

    @property
    def monotonic_ns(self) -> int:
        """What the program reads now; ahead of what was set when it has read very often."""
        return self._numbers[0]

    @property
    def was_read(self) -> bool:
        """Whether the program has read a clock since it was set."""
        return bool(self._numbers[2])

    def is_untouched(self) -> bool:
        """Whether what was set is what the programs would read; the count of their reads begins anew."""
        numbers = self._numbers
        if numbers[0] != self._set_ns:
            return False
        numbers[2] = 0
        return True

    def set(self, monotonic_ns: int, ahead_ns: int) -> None:
        """The program's time from here on."""
        numbers = self._numbers
        numbers[0] = self._set_ns = monotonic_ns
        numbers[1] = ahead_ns & 0xFFFFFFFFFFFFFFFF
        numbers[2] = 0

    def close(self) -> None:
        """Nothing of it is left; programs that still map it keep their own hold."""
        self._numbers.release()
        self._page.close()
        os.close(self.descriptor)

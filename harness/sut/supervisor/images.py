"""What exec makes: is it a program that can run here, and the stroke that gives a new one its clock and its chance.

Models: ELF programs and scripts. A program that has just been executed is stopped at its first instruction, its vDSO is led to
the clock page, the random bytes that the kernel gave it are replaced by the device's; then it runs on.
Source: execve(2), elf(5), getauxval(3), ptrace(2).
"""

from __future__ import annotations

import errno
import os
import random
import struct

from harness.sut.supervisor import clock, kernel
from harness.sut.supervisor.abi import ARGUMENT_REGISTERS, NUMBERS, Registers
from harness.sut.supervisor.filter import CLOCK_DESCRIPTOR
from harness.sut.supervisor.tasks import Program

_ELF = b"\x7fELF"
_ELF_HEADER_BYTES = 64
_X86_64 = 62
_MACHINES = {3: "32-bit x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC", 40: "Arm", 183: "AArch64", 243: "RISC-V"}
_PT_INTERP = 3
_SCRIPTS_MAX = 4
_AT_NULL, _AT_RANDOM, _AT_SYSINFO_EHDR = 0, 25, 33
_STACK_BYTES = 65_536
_MAP_SHARED_FIXED = 0x11
_PROT_READ_WRITE, _PROT_READ_EXEC = 3, 5
_TRAP = 5
_EVENT_EXEC = 4


def check_program(path: str) -> None:
    """OSError as execve(2) gives it for what is no program that can run here; its text says what is wrong."""
    named = "it"
    for _ in range(_SCRIPTS_MAX + 1):
        if not os.path.exists(path):
            raise OSError(errno.ENOENT, "it is not there" if named == "it" else f"{named} {path} is missing", path)
        if os.path.isdir(path) or not os.access(path, os.X_OK):
            raise OSError(errno.EACCES, f"{named} may not be executed", path)
        with open(path, "rb") as file:
            head = file.read(4096)
        if head.startswith(_ELF):
            _check_image(path, head)
            return
        if not head.startswith(b"#!"):
            raise OSError(errno.ENOEXEC, f"{named} is neither a Linux program nor a script that begins with #!", path)
        words = head[2:].split(b"\n", 1)[0].split()
        if not words:
            raise OSError(errno.ENOEXEC, "its first line names no interpreter", path)
        path, named = os.fsdecode(words[0]), "its interpreter"
    raise OSError(errno.ELOOP, "its interpreter is a script, whose interpreter is another", path)


def _check_image(path: str, head: bytes) -> None:
    if len(head) < _ELF_HEADER_BYTES:
        raise OSError(errno.ENOEXEC, "it is cut short", path)
    if head[4] != 2:
        raise OSError(errno.ENOEXEC, "it is a 32-bit program, and this harness runs x86-64 programs", path)
    (machine,) = struct.unpack_from("<H", head, 18)
    if machine != _X86_64:
        name = _MACHINES.get(machine, f"machine {machine}")
        raise OSError(errno.ENOEXEC, f"it is for {name}, and this harness runs x86-64 programs", path)
    offset, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    for index in range(count):
        place = offset + size * index
        if place + 56 > len(head):
            return
        kind, _, start, _, _, length = struct.unpack_from("<IIQQQQ", head, place)
        if kind == _PT_INTERP:
            with open(path, "rb") as file:
                name = os.fsdecode(os.pread(file.fileno(), min(length, 4096), min(start, 1 << 40)).rstrip(b"\0"))
            if not os.path.exists(name):
                raise OSError(errno.ENOENT, f"its loader {name} is missing", path)


def wait_for_exec(tid: int) -> bool:
    """Whether the exec of a traced thread succeeded; it is stopped then. None of its other stops concern anybody."""
    while True:
        _, status = os.waitpid(tid, kernel.WALL)
        if not os.WIFSTOPPED(status):
            return False
        if status >> 8 == _TRAP | _EVENT_EXEC << 8:
            return True
        signal = os.WSTOPSIG(status)
        kernel.trace(kernel.PTRACE_CONT, tid, signal if status >> 16 == 0 else 0)


def wait_for_signal(tid: int, number: int) -> bool:
    """Whether a traced thread is now stopped to take a signal; it gets others that come first."""
    while True:
        _, status = os.waitpid(tid, kernel.WALL)
        if not os.WIFSTOPPED(status):
            return False
        if os.WSTOPSIG(status) == number and status >> 16 == 0:
            return True
        kernel.trace(kernel.PTRACE_CONT, tid, os.WSTOPSIG(status) if status >> 16 == 0 else 0)


def prepare(program: Program, tid: int, entropy: random.Random) -> None:
    """Give a stopped, freshly executed program its clock and its chance, and let it go."""
    _step(tid)  # out of execve, to the first instruction
    start = kernel.registers(tid)
    vdso, random_bytes = _auxiliary(program, start.rsp)
    if random_bytes:
        program.write(random_bytes, entropy.randbytes(16))
    if vdso:
        for offset, jump in clock.redirections():
            program.write(vdso + offset, jump)
        gate = vdso + clock.syscall_offset()
        for page, protection in ((0, _PROT_READ_WRITE), (clock.PAGE_BYTES, _PROT_READ_EXEC)):
            where = clock.PAGE + page
            arguments = (where, clock.PAGE_BYTES, protection, _MAP_SHARED_FIXED, CLOCK_DESCRIPTOR, page)
            if _call(tid, start, gate, NUMBERS["mmap"], arguments) != where:
                raise RuntimeError("the clock's page could not be mapped into the program")
        _call(tid, start, gate, NUMBERS["close"], (CLOCK_DESCRIPTOR,))
        kernel.set_registers(tid, start)
    kernel.trace(kernel.PTRACE_DETACH, tid)


def _auxiliary(program: Program, stack: int) -> tuple[int, int]:
    """Where the vDSO is and where the kernel put its random bytes, from the stack of a new program."""
    data = program.read_some(stack, _STACK_BYTES)
    (count,) = struct.unpack_from("<Q", data, 0)
    place = 8 * (count + 2)
    while struct.unpack_from("<Q", data, place)[0]:
        place += 8
    place += 8
    vdso = random_bytes = 0
    while True:
        kind, value = struct.unpack_from("<QQ", data, place)
        if kind == _AT_NULL:
            return vdso, random_bytes
        if kind == _AT_SYSINFO_EHDR:
            vdso = value
        elif kind == _AT_RANDOM:
            random_bytes = value
        place += 16


def _step(tid: int) -> None:
    kernel.trace(kernel.PTRACE_SINGLESTEP, tid)
    os.waitpid(tid, kernel.WALL)


def _call(tid: int, start: Registers, gate: int, number: int, arguments: tuple[int, ...]) -> int:
    """Make a stopped thread do a system call; its result."""
    values = Registers.from_buffer_copy(start)
    values.rip, values.rax, values.orig_rax = gate, number, 0xFFFFFFFFFFFFFFFF
    for name, value in zip(ARGUMENT_REGISTERS, arguments, strict=False):
        setattr(values, name, value)
    kernel.set_registers(tid, values)
    _step(tid)
    return int(kernel.registers(tid).rax)

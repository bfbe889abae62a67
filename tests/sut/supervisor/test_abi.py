"""The numbers and layouts that the supervisor knows by heart, against the compiler and the kernel's own headers."""

from __future__ import annotations

import ctypes
import os
import re
import struct
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from harness.sut.supervisor import abi, birth, clock, kernel
from harness.sut.supervisor.calls import messages
from harness.sut.supervisor.locks import FLOCK
from tests.sut.supervisor.program_bench import compiled, need

# Field, or size: what C says, then where the supervisor's own packing puts it.
_LAYOUT = r"""
#include "common.h"
#include <linux/stat.h>
#include <linux/seccomp.h>
#include <sys/user.h>
#include <sys/sysinfo.h>
#include <sys/statfs.h>
#define S(type) printf("%s %zu\n", #type, sizeof(type));
#define F(type, field) printf("%s.%s %zu\n", #type, #field, offsetof(type, field));
#include <stddef.h>
struct linux_dirent64 { uint64_t d_ino; int64_t d_off; unsigned short d_reclen; unsigned char d_type; char d_name[]; };
int main(void) {
    S(struct stat) F(struct stat, st_dev) F(struct stat, st_ino) F(struct stat, st_nlink) F(struct stat, st_mode)
    F(struct stat, st_uid) F(struct stat, st_gid) F(struct stat, st_rdev) F(struct stat, st_size)
    F(struct stat, st_blksize) F(struct stat, st_blocks) F(struct stat, st_atim) F(struct stat, st_mtim)
    F(struct stat, st_ctim)
    S(struct statx) F(struct statx, stx_mask) F(struct statx, stx_blksize) F(struct statx, stx_nlink)
    F(struct statx, stx_uid) F(struct statx, stx_gid) F(struct statx, stx_mode) F(struct statx, stx_ino)
    F(struct statx, stx_size) F(struct statx, stx_blocks) F(struct statx, stx_atime) F(struct statx, stx_btime)
    F(struct statx, stx_ctime) F(struct statx, stx_mtime) F(struct statx, stx_dev_major) F(struct statx, stx_dev_minor)
    S(struct statfs) F(struct statfs, f_type) F(struct statfs, f_bsize) F(struct statfs, f_blocks)
    F(struct statfs, f_bfree) F(struct statfs, f_bavail) F(struct statfs, f_files) F(struct statfs, f_ffree)
    F(struct statfs, f_fsid) F(struct statfs, f_namelen) F(struct statfs, f_frsize) F(struct statfs, f_flags)
    S(struct flock) F(struct flock, l_type) F(struct flock, l_whence) F(struct flock, l_start) F(struct flock, l_len)
    F(struct flock, l_pid)
    F(struct linux_dirent64, d_off) F(struct linux_dirent64, d_reclen) F(struct linux_dirent64, d_type)
    F(struct linux_dirent64, d_name)
    S(struct msghdr) F(struct msghdr, msg_iov) F(struct msghdr, msg_iovlen) F(struct msghdr, msg_control)
    F(struct msghdr, msg_controllen)
    S(struct epoll_event) S(struct pollfd) S(struct iovec) S(struct timespec)
    S(struct sysinfo) F(struct sysinfo, totalram) F(struct sysinfo, procs) F(struct sysinfo, mem_unit)
    S(siginfo_t) F(siginfo_t, si_code) F(siginfo_t, si_pid)
    S(struct user_regs_struct) F(struct user_regs_struct, rsp) F(struct user_regs_struct, orig_rax)
    F(struct user_regs_struct, rip)
    S(struct seccomp_notif) F(struct seccomp_notif, data.args) S(struct seccomp_notif_resp) S(struct seccomp_notif_addfd)
    return 0;
}
"""


@pytest.fixture(scope="module")
def layout() -> dict[str, int]:
    printed = subprocess.run([compiled(_LAYOUT)], capture_output=True, text=True, check=True).stdout
    return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in printed.splitlines()}


def test_numbers_of_system_calls_are_the_headers() -> None:
    macros = subprocess.run(
        [need("gcc"), "-E", "-dM", "-x", "c", "-include", "asm/unistd_64.h", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", macros)}
    assert len(known) > 330
    both = abi.NUMBERS.keys() & known.keys()
    assert {name: abi.NUMBERS[name] for name in both} == {name: known[name] for name in both}
    assert not known.keys() - abi.NUMBERS.keys() - {name for name, number in known.items() if number > 450}


def _told() -> os.stat_result:
    plain = (0o100644, 0x1111, 0x22, 3, 44, 55, 0x666, 0, 0, 0)
    more = {"st_blksize": 0x7777, "st_blocks": 0x88, "st_atime_ns": 11 * 10**9 + 1, "st_mtime_ns": 22 * 10**9 + 2}
    return os.stat_result(plain, {**more, "st_ctime_ns": 33 * 10**9 + 3})


@pytest.mark.parametrize(
    ("kind", "packed", "fields"),
    [
        (
            "struct stat",
            abi.stat_bytes(_told()),
            "st_dev Q 34 st_ino Q 4369 st_nlink Q 3 st_mode I 33188 st_uid I 44 st_gid I 55 st_size q 1638 st_blksize q 30583"
            " st_blocks q 136 st_atim qq 11,1 st_mtim qq 22,2 st_ctim qq 33,3",
        ),
        (
            "struct statx",
            abi.statx_bytes(_told()),
            "stx_blksize I 30583 stx_nlink I 3 stx_uid I 44 stx_gid I 55 stx_mode H 33188 stx_ino Q 4369 stx_size Q 1638"
            " stx_blocks Q 136 stx_atime qI 11,1 stx_ctime qI 33,3 stx_mtime qI 22,2 stx_dev_major I 0 stx_dev_minor I 34",
        ),
        (
            "struct statfs",
            abi.statfs_bytes(os.statvfs_result((1, 2, 3, 4, 5, 6, 7, 8, 9, 10)), 11),
            "f_bsize q 1 f_frsize q 2 f_blocks Q 3 f_bfree Q 4 f_bavail Q 5 f_files Q 6 f_ffree Q 7 f_flags q 9"
            " f_namelen q 10 f_fsid Q 11",
        ),
        (
            "struct linux_dirent64",
            abi.dirent64(5, 6, 0o040000, b"name"),
            "d_off q 6 d_reclen H 24 d_type B 4",
        ),
        ("siginfo_t", kernel.signal_info(10, 77), "si_code i -1 si_pid i 77"),
        ("struct flock", FLOCK.pack(1, 2, 3, 4, 5), "l_type h 1 l_whence h 2 l_start q 3 l_len q 4 l_pid i 5"),
    ],
)
def test_structures_are_laid_out_as_in_c(layout: dict[str, int], kind: str, packed: bytes, fields: str) -> None:
    words = fields.split()
    for field, form, expected in zip(words[::3], words[1::3], words[2::3], strict=True):
        found = struct.unpack_from("<" + form, packed, layout[f"{kind}.{field}"])
        assert ",".join(map(str, found)) == expected, field
    if kind in layout:
        assert len(packed) == layout[kind]


def test_sizes_are_those_of_c(layout: dict[str, int]) -> None:
    sizes = {
        "struct epoll_event": abi.EPOLL_EVENT_BYTES,
        "struct pollfd": abi.POLLFD.size,
        "struct iovec": abi.IOVEC.size,
        "struct timespec": abi.TIMESPEC.size,
        "struct msghdr": messages._MSGHDR.size,
        "struct user_regs_struct": ctypes.sizeof(abi.Registers),
        "struct seccomp_notif": kernel._NOTIFICATION_BYTES,
        "struct seccomp_notif_resp": kernel._RESPONSE.size,
        "struct seccomp_notif_addfd": kernel._ADDITION.size,
    }
    assert sizes == {name: layout[name] for name in sizes}
    for register in ("rsp", "orig_rax", "rip"):
        assert getattr(abi.Registers, register).offset == layout[f"struct user_regs_struct.{register}"]


@pytest.mark.parametrize("module", [clock, birth], ids=["clock", "birth"])
def test_the_code_is_its_source_assembled(module: ModuleType, tmp_path: Path) -> None:
    source = Path(str(module.__file__)).with_name(f"{module.__name__.rpartition('.')[2]}_stub.S")
    made, image = tmp_path / "stub.o", tmp_path / "stub.bin"
    subprocess.run([need("gcc"), "-c", "-nostdlib", str(source), "-o", str(made)], check=True)
    subprocess.run([need("objcopy"), "-O", "binary", "-j", ".text", str(made), str(image)], check=True)
    assert image.read_bytes() == module.CODE


def test_the_vdso_leads_to_the_clock_at_every_entry() -> None:
    jumps = clock.redirections()
    assert len(jumps) >= 4
    places = [struct.unpack_from("<Q", jump, 2)[0] - clock.PAGE - clock.PAGE_BYTES for _, jump in jumps]
    assert sorted(places)[:4] == [0x000, 0x080, 0x100, 0x140]
    assert all(jump[:2] == b"\x48\xb8" and jump[10:] == b"\xff\xe0" for _, jump in jumps)

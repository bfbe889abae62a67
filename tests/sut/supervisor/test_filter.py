"""The filter, run by an interpreter of classic BPF that was written for this test, over every number there is.

Source of the interpreter: linux/Documentation/networking/filter.rst; seccomp(2) for the layout of its data.
"""

from __future__ import annotations

import errno
import struct

import pytest

from harness.sut.supervisor.abi import AUDIT_ARCH, NAMES, NUMBERS
from harness.sut.supervisor.filter import CHANNEL_DESCRIPTOR, CLOCK_DESCRIPTOR, program
from harness.sut.wordlist import words
from tests.sut.supervisor.program_bench import in_c

CODE = list(struct.iter_unpack("<HBBI", program()))
ALLOW, NOTIFY, KILL, ERRNO = 0x7FFF0000, 0x7FC00000, 0x80000000, 0x00050000


def verdict(number: int, *arguments: int, arch: int = AUDIT_ARCH) -> int:
    """What the filter returns for a call."""
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    place = accumulator = 0
    while True:
        operation, if_true, if_false, value = CODE[place]
        place += 1
        if operation == 0x20:  # ld [k]
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x06:  # ret k
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[operation]
            place += if_true if holds else if_false


def test_memory_and_masks_pass_and_all_else_is_seen_or_refused() -> None:
    free = {name for name, number in NUMBERS.items() if verdict(number) == ALLOW}
    assert {"brk", "munmap", "mprotect", "rt_sigprocmask", "rt_sigreturn", "rseq", "getuid"} <= free
    # Nothing that names a file, a descriptor, another process or a time may pass unseen.
    seen = words(
        """
        open openat creat read write pread64 pwrite64 readv writev close dup dup2 dup3 fcntl ioctl stat fstat lstat newfstatat
        statx access unlink rename mkdir rmdir link symlink chmod chown truncate ftruncate fsync mmap mremap msync socket connect
        sendto sendmsg recvfrom bind listen accept clone clone3 fork vfork execve execveat exit exit_group wait4 kill tkill tgkill
        rt_sigqueueinfo nanosleep clock_nanosleep clock_gettime gettimeofday time poll select epoll_wait futex getrandom getpid
        gettid prctl seccomp personality sched_yield pidfd_open inotify_init1 memfd_create shmget mq_open setitimer timer_create
        timerfd_create alarm sysinfo umask chdir getcwd setsid getpgrp setpriority
        """
    )
    assert not free & set(seen)
    assert {verdict(NUMBERS[name]) for name in seen} == {NOTIFY}


def test_limits_and_priorities_of_others_are_seen() -> None:
    for name in ("prlimit64", "sched_setaffinity", "sched_setscheduler"):
        assert verdict(NUMBERS[name], 0) == ALLOW
        assert verdict(NUMBERS[name], 1) == NOTIFY


def test_what_leads_out_of_the_fence_is_refused() -> None:
    for name in [
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "mount",
        "setns",
        "unshare",
        "bpf",
        "pidfd_getfd",
        "setuid",
        "keyctl",
        "reboot",
    ]:
        assert verdict(NUMBERS[name]) == ERRNO | errno.EPERM, name
    for name in words("io_uring_setup openat2 userfaultfd open_by_handle_at"):
        assert verdict(NUMBERS[name]) == ERRNO | errno.ENOSYS, name


@pytest.mark.parametrize("number", [451, 462, 999, 0x3FFFFFFF])
def test_calls_that_nobody_knows_yet_are_seen(number: int) -> None:
    assert number not in NAMES
    assert verdict(number) == NOTIFY


def test_other_abis_are_killed() -> None:
    assert verdict(NUMBERS["getuid"], arch=0x40000003) == KILL
    assert verdict(NUMBERS["getuid"] | 0x40000000) == KILL
    assert verdict(-1) == KILL


def test_only_the_supervisor_s_own_descriptors_pass() -> None:
    assert verdict(NUMBERS["mmap"], 0, 4096, 3, 0x22, 2**64 - 1) == ALLOW  # anonymous
    assert verdict(NUMBERS["mmap"], 0, 4096, 3, 0x01, 5) == NOTIFY
    assert verdict(NUMBERS["mmap"], 0, 4096, 3, 0x01, CLOCK_DESCRIPTOR) == ALLOW
    assert verdict(NUMBERS["close"], CLOCK_DESCRIPTOR) == ALLOW
    assert verdict(NUMBERS["close"], 3) == NOTIFY
    assert verdict(NUMBERS["sendmsg"], CHANNEL_DESCRIPTOR) == ALLOW
    assert verdict(NUMBERS["sendmsg"], 3) == NOTIFY


def test_the_kernel_agrees() -> None:
    output, ended, _ = in_c(
        """
        T(syscall(SYS_ptrace, 0, 0, 0, 0));
        T(syscall(SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0));
        T(syscall(SYS_unshare, 0));
        T(syscall(SYS_io_uring_setup, 1, 0));
        T(syscall(999));
        T(syscall(SYS_getuid) >= 0);
        T(fork() == 0 ? syscall(SYS_getpid | 0x40000000) : 0);
        int status;
        wait(&status);
        printf("%s\\n", ended(status));
        """
    )
    assert ended == ""
    assert [line.rsplit("= ", 1)[-1].strip() for line in output.splitlines()] == [
        "-1 EPERM", "-1 EPERM", "-1 EPERM", "-1 ENOSYS", "-1 ENOSYS", "1", "0", f"signal {31}",
    ]  # fmt: skip

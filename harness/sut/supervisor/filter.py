"""Which system calls the kernel answers by itself, which come to the supervisor, and which are refused outright.

Models: an allow-list. What is neither harmless nor known comes to the supervisor, which refuses it by name: a call that
changes something and is not modelled must fail loudly, never pass unseen.
Does not model: calls of another ABI (32-bit, x32), which kill the program.
Source: seccomp(2); classic BPF as in linux/filter.h.
"""

from __future__ import annotations

import errno
import struct
from functools import cache

from harness.sut.supervisor.abi import AUDIT_ARCH, NUMBERS, X32_BIT

CLOCK_DESCRIPTOR = 1000
"""Where the clock page's memfd stands for the instants between exec and its mapping."""

CHANNEL_DESCRIPTOR = 1001
"""What a new program sends its listener over before it is executed; closed by the exec."""

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _NOTIFY, _ERRNO, _KILL = 0x7FFF0000, 0x7FC00000, 0x00050000, 0x80000000
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16
_MAP_ANONYMOUS = 0x20

# Memory of its own, signal masks, identities that are the same in every run, and what only reads such things.
_HARMLESS = """
brk munmap mprotect madvise mincore mlock munlock mlockall munlockall
rt_sigprocmask rt_sigaction rt_sigreturn rt_sigpending sigaltstack arch_prctl set_robust_list get_robust_list rseq
getuid geteuid getgid getegid getgroups getresuid getresgid
uname getrlimit capget membarrier restart_syscall getpriority
sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min
mbind get_mempolicy set_mempolicy setfsuid setfsgid
"""
# Harmless when they mean the caller itself, which they do with 0 for a process.
_HARMLESS_FOR_SELF = "sched_setscheduler sched_setparam sched_setaffinity"
# Refused without a word to anybody: what programs try and can do without, and what would lead out of the fence.
_REFUSED = {
    errno.ENOSYS: "io_uring_setup io_uring_enter io_uring_register openat2 futex_waitv userfaultfd memfd_secret"
    " pkey_alloc pkey_free pkey_mprotect name_to_handle_at open_by_handle_at fanotify_init fanotify_mark process_madvise",
    errno.EPERM: "ptrace process_vm_readv process_vm_writev mount umount2 pivot_root chroot setns unshare kexec_load"
    " kexec_file_load init_module finit_module delete_module bpf perf_event_open keyctl add_key request_key swapon"
    " swapoff reboot acct quotactl quotactl_fd settimeofday clock_settime adjtimex clock_adjtime iopl ioperm vhangup"
    " sethostname setdomainname pidfd_getfd pidfd_send_signal open_tree move_mount fsopen fsconfig fsmount fspick"
    " mount_setattr syslog lookup_dcookie nfsservctl setuid setgid setreuid setregid setresuid setresgid setgroups capset",
}


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)


def _give(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _on_call(name: str, then: list[bytes]) -> list[bytes]:
    return [_instruction(_JEQ, NUMBERS[name], 0, len(then)), *then]


@cache
def program() -> bytes:
    """The filter as an array of struct sock_filter."""
    code = [
        _instruction(_LOAD, _ARCH),
        _instruction(_JEQ, AUDIT_ARCH, 1, 0),
        _give(_KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_JGE, X32_BIT, 0, 1),
        _give(_KILL),
    ]
    # Anonymous memory is the program's own. So is the clock's page, which is mapped while the program stands still.
    code += _on_call(
        "mmap",
        [
            _instruction(_LOAD, _ARGUMENT + 8 * 3),
            _instruction(_JSET, _MAP_ANONYMOUS, 2, 0),
            _instruction(_LOAD, _ARGUMENT + 8 * 4),
            _instruction(_JEQ, CLOCK_DESCRIPTOR, 0, 1),
            _give(_ALLOW),
            _give(_NOTIFY),
        ],
    )
    code += _on_call(
        "close",
        [
            _instruction(_LOAD, _ARGUMENT),
            _instruction(_JEQ, CLOCK_DESCRIPTOR, 0, 1),
            _give(_ALLOW),
            _give(_NOTIFY),
        ],
    )
    code += _on_call(
        "sendmsg",
        [
            _instruction(_LOAD, _ARGUMENT),
            _instruction(_JEQ, CHANNEL_DESCRIPTOR, 0, 1),
            _give(_ALLOW),
            _give(_NOTIFY),
        ],
    )
    for name in _HARMLESS.split():
        code += _on_call(name, [_give(_ALLOW)])
    # Its own limits may be read.
    code += _on_call(
        "prlimit64",
        [
            _instruction(_LOAD, _ARGUMENT),
            _instruction(_JEQ, 0, 0, 5),
            _instruction(_LOAD, _ARGUMENT + 8 * 2),
            _instruction(_JEQ, 0, 0, 3),
            _instruction(_LOAD, _ARGUMENT + 8 * 2 + 4),
            _instruction(_JEQ, 0, 0, 1),
            _give(_ALLOW),
            _give(_NOTIFY),
        ],
    )
    for name in _HARMLESS_FOR_SELF.split():
        then = [_instruction(_LOAD, _ARGUMENT), _instruction(_JEQ, 0, 0, 1), _give(_ALLOW), _give(_NOTIFY)]
        code += _on_call(name, then)
    for number, names in _REFUSED.items():
        for name in names.split():
            if name in NUMBERS:
                code += _on_call(name, [_give(_ERRNO | number)])
    code.append(_give(_NOTIFY))
    return b"".join(code)

"""Linux on x86-64 as a program sees it: system call numbers, registers, structures. What depends on the architecture is here.

Models: the 64-bit ABI. Does not model: the 32-bit and x32 ABIs, which the filter refuses.
Source: Linux arch/x86/entry/syscalls/syscall_64.tbl; struct layouts from the uapi headers, held against glibc by tests.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct

AUDIT_ARCH = 0xC000003E
"""AUDIT_ARCH_X86_64."""
X32_BIT = 0x40000000

_FROM_0 = """
read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask
rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore madvise
shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile socket connect accept
sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair setsockopt getsockopt
clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget msgsnd msgrcv msgctl fcntl flock
fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename mkdir rmdir creat link unlink symlink
readlink chmod fchmod chown fchown lchown umask gettimeofday getrlimit getrusage sysinfo times ptrace getuid
syslog getgid setuid setgid geteuid getegid setpgid getppid getpgrp setsid setreuid setregid getgroups setgroups
setresuid getresuid setresgid getresgid getpgid setfsuid setfsgid getsid capget capset rt_sigpending
rt_sigtimedwait rt_sigqueueinfo rt_sigsuspend sigaltstack utime mknod uselib personality ustat statfs fstatfs
sysfs getpriority setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler
sched_get_priority_max sched_get_priority_min sched_rr_get_interval mlock munlock mlockall munlockall vhangup
modify_ldt pivot_root _sysctl prctl arch_prctl adjtimex setrlimit chroot sync acct settimeofday mount umount2
swapon swapoff reboot sethostname setdomainname iopl ioperm create_module init_module delete_module
get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg afs_syscall tuxcall security gettid readahead
setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr removexattr
lremovexattr fremovexattr tkill time futex sched_setaffinity sched_getaffinity set_thread_area io_setup
io_destroy io_getevents io_submit io_cancel get_thread_area lookup_dcookie epoll_create epoll_ctl_old
epoll_wait_old remap_file_pages getdents64 set_tid_address restart_syscall semtimedop fadvise64 timer_create
timer_settime timer_gettime timer_getoverrun timer_delete clock_settime clock_gettime clock_getres
clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes vserver mbind set_mempolicy get_mempolicy mq_open
mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr kexec_load waitid add_key request_key keyctl
ioprio_set ioprio_get inotify_init inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat
fchownat futimesat newfstatat unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll
unshare set_robust_list get_robust_list splice tee sync_file_range vmsplice move_pages utimensat epoll_pwait
signalfd timerfd_create eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2
epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init
fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns getcpu
process_vm_readv process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom
memfd_create kexec_file_load bpf execveat userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2
pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq
"""
_FROM_424 = """
pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount
fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise epoll_pwait2 mount_setattr
quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self memfd_secret process_mrelease
futex_waitv set_mempolicy_home_node
"""

NUMBERS: dict[str, int] = {name: number for number, name in enumerate(_FROM_0.split())}
"""System call numbers by name."""
NUMBERS.update((name, 424 + place) for place, name in enumerate(_FROM_424.split()))
NAMES: dict[int, str] = {number: name for name, number in NUMBERS.items()}


_REGISTERS = """
r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs
"""


class Registers(ctypes.Structure):
    """struct user_regs_struct."""

    _fields_ = [(name, ctypes.c_ulonglong) for name in _REGISTERS.split()]


ARGUMENT_REGISTERS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")

TIMESPEC = struct.Struct("<qq")
IOVEC = struct.Struct("<QQ")
POLLFD = struct.Struct("<ihh")
INT = struct.Struct("<i")
EPOLL_EVENT_BYTES = 12
"""struct epoll_event is packed on x86-64."""

_STAT = struct.Struct("<QQQIIIIQqqqqqqqqq24x")
_STATX = struct.Struct("<IIQIIIHxxQQQQqIxxxxqIxxxxqIxxxxqIxxxxIIIIQQ96x")
_STATX_BASIC = 0x7FF
_STATFS = struct.Struct("<qqQQQQQqqqq32x")
_EXT4_MAGIC = 0xEF53


def stat_bytes(found: os.stat_result) -> bytes:
    """struct stat."""
    blocks = found.st_blocks
    times = [each for ns in (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns) for each in divmod(ns, 10**9)]
    return _STAT.pack(
        found.st_dev, found.st_ino, found.st_nlink, found.st_mode, found.st_uid, found.st_gid, 0, 0,
        found.st_size, found.st_blksize, blocks, *times,
    )  # fmt: skip


def statx_bytes(found: os.stat_result) -> bytes:
    """struct statx."""
    atime, mtime, ctime = [divmod(ns, 10**9) for ns in (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)]
    return _STATX.pack(
        _STATX_BASIC, found.st_blksize, 0, found.st_nlink, found.st_uid, found.st_gid, found.st_mode,
        found.st_ino, found.st_size, found.st_blocks, 0, *atime, 0, 0, *ctime, *mtime,
        0, 0, os.major(found.st_dev), os.minor(found.st_dev), 0, 0,
    )  # fmt: skip


def statfs_bytes(found: os.statvfs_result, device: int) -> bytes:
    """struct statfs; every volume says that it is ext4."""
    return _STATFS.pack(
        _EXT4_MAGIC, found.f_bsize, found.f_blocks, found.f_bfree, found.f_bavail, found.f_files, found.f_ffree,
        device, found.f_namemax, found.f_frsize, found.f_flag,
    )  # fmt: skip


def dirent64(inode: int, offset: int, mode: int, name: bytes) -> bytes:
    """struct linux_dirent64, padded to eight bytes."""
    length = (19 + len(name) + 1 + 7) & ~7
    return struct.pack("<QqHB", inode, offset, length, stat.S_IFMT(mode) >> 12) + name.ljust(length - 19, b"\0")

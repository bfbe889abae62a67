"""The few Linux calls that Python does not offer: mounts, mount namespaces, loop devices, early write-back.

Models: nothing; this is the real machine. Used only by the kernel check, as root, in processes of its own.
Does not cover: other systems. Structures and numbers are those of 64-bit Linux.
Source: mount(2), unshare(2), sync_file_range(2), prctl(2); include/uapi/linux/loop.h and btrfs.h.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import signal
import struct
import time
from collections.abc import Iterator

LOOP_NAME_PREFIX = "harness-kernels"

_CLONE_NEWNS = 0x00020000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_PR_SET_PDEATHSIG = 1
_SYNC_FILE_RANGE_WRITE, _SYNC_FILE_RANGE_WAIT_AFTER = 2, 4
_LOOP_CLR_FD, _LOOP_CONFIGURE, _LOOP_CTL_GET_FREE = 0x4C01, 0x4C0A, 0x4C82
_LO_FLAGS_AUTOCLEAR = 4
_LOOP_CONFIG_BYTES = 4 + 4 + 232 + 64
_LOOP_MAJOR = 7
_BTRFS_IOC_FORGET_DEV = 0x50009405
_ATTEMPTS_MAX = 200

_libc = ctypes.CDLL(None, use_errno=True)


def _call(result: int, *shown: object) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), *shown)
    return result


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    _call(_libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()), target)


def unmount(target: str) -> None:
    """Waits out a file system that is still busy with its own work."""
    for attempt in range(_ATTEMPTS_MAX):
        try:
            _call(_libc.umount2(target.encode(), 0), target)
            return
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == _ATTEMPTS_MAX - 1:
                raise
            time.sleep(0.005)


def own_mounts() -> None:
    """This process gets mounts of its own: nobody else sees them, and they end with its last process however it ends."""
    _call(_libc.unshare(_CLONE_NEWNS))
    mount("none", "/", "", _MS_REC | _MS_PRIVATE)


def die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start_write_back(descriptor: int, wait: bool) -> None:
    """What the kernel's flusher does some time later, done now: data alone, and nothing is promised."""
    flags = _SYNC_FILE_RANGE_WRITE | (_SYNC_FILE_RANGE_WAIT_AFTER if wait else 0)
    _call(_libc.sync_file_range(descriptor, ctypes.c_int64(0), ctypes.c_int64(0), ctypes.c_uint(flags)))


def forget_btrfs_devices() -> None:
    """btrfs remembers every device it saw by the identity of its file system; all our images share one."""
    with contextlib.suppress(OSError):
        control = os.open("/dev/btrfs-control", os.O_RDWR)
        try:
            fcntl.ioctl(control, _BTRFS_IOC_FORGET_DEV, bytearray(4096))
        finally:
            os.close(control)


@contextlib.contextmanager
def loop_device(backing: int, label: str) -> Iterator[str]:
    """A loop device on an open file; detached at the end, and by the kernel when this process dies."""
    descriptor, path = _attach(backing, f"{LOOP_NAME_PREFIX}:{label}")
    try:
        yield path
    finally:
        with contextlib.suppress(OSError):
            fcntl.ioctl(descriptor, _LOOP_CLR_FD)
        os.close(descriptor)


def _attach(backing: int, name: str) -> tuple[int, str]:
    config = bytearray(_LOOP_CONFIG_BYTES)
    struct.pack_into("=II", config, 0, backing, 0)
    # struct loop_info64: five u64, four u32, then the name.
    struct.pack_into("=I", config, 8 + 52, _LO_FLAGS_AUTOCLEAR)
    encoded = name.encode()[:63]
    config[8 + 56 : 8 + 56 + len(encoded)] = encoded
    control = os.open("/dev/loop-control", os.O_RDWR)
    try:
        for attempt in range(_ATTEMPTS_MAX):
            number = fcntl.ioctl(control, _LOOP_CTL_GET_FREE)
            path = f"/dev/loop{number}"
            if not os.path.exists(path):
                os.mknod(path, 0o60660, os.makedev(_LOOP_MAJOR, number))
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, _LOOP_CONFIGURE, config)
                return descriptor, path
            except OSError as error:
                os.close(descriptor)
                # Another process took the free device first.
                if error.errno != errno.EBUSY or attempt == _ATTEMPTS_MAX - 1:
                    raise
    finally:
        os.close(control)
    raise AssertionError("unreachable")


def sync_file_system(directory: str) -> None:
    """syncfs(2): sync for one file system, so that the rest of the machine is left alone."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call(_libc.syncfs(descriptor), directory)
    finally:
        os.close(descriptor)

"""mmap of files: a volume's file is mapped through a memfd with its content. Source: mmap(2), msync(2)."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from harness.sut.supervisor.calls.data import is_regular, volume_file
from harness.sut.supervisor.objects import Output
from harness.sut.supervisor.registry import NATIVE, Reply, answers
from harness.sut.supervisor.sockets import Socket
from harness.sut.supervisor.tasks import Task

if TYPE_CHECKING:
    from harness.sut.supervisor.scheduler import Scheduler

_MAPPED_MAX = 256 << 20
_PROT_WRITE, _PROT_EXEC, _MAP_SHARED_KINDS = 2, 4, 3


@answers("mmap")
def mmap(scheduler: Scheduler, task: Task) -> Reply:
    protection, flags = task.arguments[2], task.arguments[3]
    file = volume_file(task, 4)
    if file is None:
        if isinstance(task.program.opened(task.descriptor(4)), Socket | Output):
            raise OSError(errno.ENODEV, "not to be mapped")
        return NATIVE
    if not is_regular(scheduler, file):
        raise OSError(errno.ENODEV, "not to be mapped")
    shared_writable = bool(protection & _PROT_WRITE) and flags & _MAP_SHARED_KINDS in (1, 3)
    access = scheduler.disk.flags_of(file.descriptor) & os.O_ACCMODE
    if access == os.O_WRONLY or (shared_writable and access != os.O_RDWR):
        raise OSError(errno.EACCES, "not opened for that")
    if scheduler.disk.fstat(file.descriptor).st_size > _MAPPED_MAX:
        scheduler.refuse(f"mapping a file of more than {_MAPPED_MAX >> 20} MiB is not modelled")
        raise OSError(errno.ENOMEM, "too large to be mapped")
    scheduler.check_descriptors()
    memfd = scheduler.mappings.memfd(file.descriptor, task.program, shared_writable=shared_writable)
    # From now on the descriptor's kernel object is the memfd: the kernel maps what the number leads to.
    number = task.descriptor(4)
    close_on_exec = task.program.slots[number].close_on_exec
    if shared_writable:
        scheduler.give(task, memfd, number=number, close_on_exec=close_on_exec, returns=False)
        return NATIVE
    # What is stored through such a mapping is not looked for: the kernel must not let it become writable.
    reader = os.open(f"/proc/self/fd/{memfd}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        scheduler.give(task, reader, number=number, close_on_exec=close_on_exec, returns=False)
    finally:
        os.close(reader)
    return NATIVE


@answers("msync")
def msync(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.mappings.settle_all()
    scheduler.mappings.sync_all(bool(task.arguments[2] & 4))
    return NATIVE


@answers("mremap")
def mremap(scheduler: Scheduler, task: Task) -> Reply:
    return NATIVE


@answers("shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl")
def system_v(scheduler: Scheduler, task: Task) -> Reply:
    scheduler.refuse("System V IPC is not modelled")
    raise OSError(errno.ENOSYS, "System V IPC")

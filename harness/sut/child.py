"""The child's side of ``run_limited``: read the job, put limits and fences up, run it, send the result, leave at once.

``python -m harness.sut.child``. What it reads from stdin may be no job but an order to fork children for jobs (``nest``); from
there on each of them does the same. It leaves through ``os._exit``: parked software must not be resumed by the interpreter's own
shutdown, which would throw GreenletExit into it.
"""

from __future__ import annotations

import ctypes
import errno
import gc
import importlib
import mmap
import os
import resource
import signal
import sys
import traceback
from typing import Any, NoReturn

import msgspec

from harness.sut import affinity, guard, landlock, nest, watchdog
from harness.sut.limits import EXIT_OUT_OF_MEMORY, Job, Limits, Line
from harness.sut.nursery import Nest

_PR_SET_PDEATHSIG = 1
_NEW_OBJECTS_BEFORE_COLLECTION = 50_000
_SYSTEM_CODE = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/dev/urandom", "/etc/ld.so.cache")


def main() -> NoReturn:
    """Never returns: exit code 0 after a result or an error was sent."""
    _die_with_parent()
    # Little of what is imported becomes garbage, and a run collects at places of its own: looked for less often, it takes less.
    gc.set_threshold(_NEW_OBJECTS_BEFORE_COLLECTION)
    told: Job | Nest = msgspec.json.decode(sys.stdin.buffer.read(), type=Job | Nest)
    if os.getppid() != told.parent_pid:
        os._exit(0)  # it had gone before the kernel was asked
    if isinstance(told, Nest):
        # The kernel means the thread that started this process, which may end before the parent does; ``nest`` sees to that.
        _die_with_parent(0)
        job = nest.serve(told, _die_with_parent)
    else:
        job = told
    code = 0
    try:
        _prepare(job)
        _send(job.results_fd, Line("result", _run(job)))
    except MemoryError:
        code = EXIT_OUT_OF_MEMORY
    except BaseException as error:
        # The kernel says it in its own way where a file or directory is being read, modules among them.
        is_memory = isinstance(error, OSError) and error.errno == errno.ENOMEM
        code = EXIT_OUT_OF_MEMORY if is_memory else _report(job, error)
    try:
        sys.stderr.flush()
    finally:
        os._exit(code)


def _die_with_parent(by: int = signal.SIGKILL) -> None:
    """A parent that is killed takes this process along: nobody would stop software that spins in it (prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by, 0, 0, 0)


def _prepare(job: Job) -> None:
    _limit(job.limits)
    if job.pin:
        affinity.take_processor()
    sys.path.extend(each for each in job.search_path if each not in sys.path)
    watchdog.share_page(mmap.mmap(job.page_fd, watchdog.PAGE_BYTES))
    guard.install()
    guard.allow_code(tuple(job.search_path))


def _run(job: Job) -> Any:
    module_name, _, name = job.function.partition(":")
    function = getattr(importlib.import_module(module_name), name)
    if job.fence:
        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        read = [*guard.code_roots(), *_SYSTEM_CODE, package, *job.search_path, *job.read]
        landlock.restrict(read, ["/dev/null", *job.write])
    watchdog.watch(job.limits.spin_patience_s)
    try:
        return function(job.argument, lambda message: _send(job.results_fd, Line("message", message)))
    finally:
        watchdog.stop_watching()


def _limit(limits: Limits) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for which, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        _, hard = resource.getrlimit(which)
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (bounded, hard))


def _send(descriptor: int, line: Line) -> None:
    data = memoryview(msgspec.json.encode(line) + b"\n")
    while data:
        data = data[os.write(descriptor, data) :]


def _report(job: Job, error: BaseException) -> int:
    try:
        text = "".join(traceback.format_exception(error, limit=-12))
        _send(job.results_fd, Line("error", text))
    except MemoryError:
        return EXIT_OUT_OF_MEMORY
    return 0


if __name__ == "__main__":
    main()

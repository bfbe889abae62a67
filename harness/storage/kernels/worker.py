"""The process in which file systems are mounted: its mounts are its own and end with it, however it ends.

``python -m harness.storage.kernels.worker REQUEST``: prints one tally a program, as JSON lines.
"""

import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from harness.storage.kernels import linux
from harness.storage.kernels.blank import blank_path
from harness.storage.kernels.check import Checker
from harness.storage.kernels.file_systems import FileSystem, named
from harness.storage.kernels.findings import Request
from harness.storage.kernels.record import prepare_scratch


@contextlib.contextmanager
def alone(file_system: FileSystem) -> Iterator[None]:
    """One process at a time: btrfs takes two devices with one identity for one file system."""
    if file_system.kind != "btrfs":
        yield
        return
    descriptor = os.open(blank_path(file_system.kind), os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def main(argument: str) -> None:
    request = msgspec.json.decode(argument, type=Request)
    linux.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    file_system = named(request.file_system)
    if request.profile:
        file_system = replace(file_system, profile_name=request.profile)
    scratch = prepare_scratch()
    with alone(file_system):
        checker = Checker(file_system, scratch, count_needed=request.count_needed)
        for seed in range(request.first_seed, request.first_seed + request.seeds):
            tally = checker.check_seed(seed, request.operations, request.cuts)
            print(msgspec.json.encode(tally).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

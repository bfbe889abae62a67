"""One program run on both disks: what reached the block device, and which operations of the virtual disk's log that covers.

Models: a power cut after any number of block events. ``RecordedRun.moment`` gives the op log as the crash model has to see it:
all operations that had returned, and what the one under way had begun (a barrier under way promises nothing).
"""

import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from harness.storage.image import Image
from harness.storage.kernels import linux
from harness.storage.kernels.block_log import BlockEvent, Pages, RecordedDevice
from harness.storage.kernels.generate import letter_of, virtual_disk
from harness.storage.kernels.programs import Program, RealCalls, Runner, no_nudge
from harness.storage.oplog import BARRIERS, Op


@dataclass(frozen=True, slots=True)
class Moment:
    """The op log at a cut: what had returned, then what had begun and not returned (at most one operation)."""

    returned: Sequence[Op]
    in_flight: Sequence[Op]
    operations_returned: int

    @property
    def log(self) -> list[Op]:
        """As a crash model reads it."""
        return [*self.returned, *(op for op in self.in_flight if not isinstance(op, BARRIERS))]


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A program, its block events, its op log, and for each operation where it lies in both."""

    program: Program
    events: list[BlockEvent]
    # Events that had happened when the program began: before that there is nothing to check.
    first_event: int
    log: list[Op]
    log_ends: list[int]
    events_before: list[int]
    events_after: list[int]

    def moment(self, event_count: int) -> Moment:
        """What had happened when exactly so many events had landed."""
        returned = sum(after <= event_count for after in self.events_after)
        begun = sum(before <= event_count for before in self.events_before)
        first = self.log_ends[returned - 1] if returned else 0
        last = self.log_ends[begun - 1] if begun else 0
        return Moment(self.log[:first], self.log[first:last], returned)


EMPTY = Image()


def record(program: Program, kind: str, options: str, base: Pages, size_bytes: int, scratch: str) -> RecordedRun:
    """Runs the program on a fresh file system of that kind, and on the virtual disk."""
    log, log_ends = _virtual_run(program)
    device_path, mount_point = os.path.join(scratch, "device"), os.path.join(scratch, "recorded")
    device = RecordedDevice(base, size_bytes, device_path)
    before: list[int] = []
    after: list[int] = []
    try:
        with linux.loop_device(device.descriptor, kind) as loop:
            linux.mount(loop, mount_point, kind, 0, options)
            try:
                first_event = device.event_count
                with contextlib.closing(Runner(RealCalls(mount_point), linux.start_write_back)) as runner:
                    for place, operation in enumerate(program):
                        before.append(device.event_count)
                        runner.run(operation, letter_of(place))
                        after.append(device.event_count)
            finally:
                linux.unmount(mount_point)
    finally:
        events = device.finish()
    return RecordedRun(program, events, first_event, log, log_ends, before, after)


def _virtual_run(program: Program) -> tuple[list[Op], list[int]]:
    disk = virtual_disk()
    log = disk.volumes[0].log
    runner = Runner(disk, no_nudge)
    ends = []
    for place, operation in enumerate(program):
        runner.run(operation, letter_of(place))
        ends.append(len(log))
    return list(log), ends


def prepare_scratch() -> str:
    """A directory with the mount points, in mounts of this process's own."""
    linux.own_mounts()
    # Nobody else sees what is mounted here, so a directory that every system has does, and nothing is left behind.
    scratch = "/mnt" if os.path.isdir("/mnt") else tempfile.mkdtemp(prefix="harness-kernels-")
    linux.mount("harness-kernels", scratch, "tmpfs", 0, "size=1m")
    with open(os.path.join(scratch, "device"), "w"):
        pass
    for name in ("recorded", "copy"):
        os.mkdir(os.path.join(scratch, name))
    return scratch

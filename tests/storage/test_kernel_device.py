"""The recorded block device: its log is whole when the device ended because it was told to, and said not to be otherwise."""

import errno
import mmap
import os
import subprocess
import sys

import pytest

from harness.storage.kernels import block_log
from harness.storage.kernels.file_systems import refused

PROGRAM = """
import os, sys, tempfile
from harness.storage.kernels import block_log, linux
linux.own_mounts()
path = tempfile.mkdtemp(dir="/tmp") + "/device"
open(path, "w").close()
device = block_log.RecordedDevice({}, 1 << 20, path)
try:
    os.pwrite(device.descriptor, b"x" * 512, 512)
    os.fsync(device.descriptor)
    if sys.argv[1] == "taken_away":
        linux._libc.umount2(path.encode(), 1)  # MNT_FORCE: still in use, so it stays mounted; the connection is cut
    print(device.event_count, [type(each).__name__ for each in device.finish()])
finally:
    os.unlink(path)
    os.rmdir(os.path.dirname(path))
"""


def run(how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, timeout=60, check=False)


def skip_unless_possible() -> None:
    if why := refused():
        pytest.skip(why)


def test_a_device_that_was_finished_has_all_its_events() -> None:
    skip_unless_possible()
    assert run("finished").stdout.split("\n")[0] == "2 ['BlockWrite', 'BlockFlush']"


def test_a_device_that_went_away_by_itself_has_no_log() -> None:
    skip_unless_possible()
    done = run("taken_away")
    assert done.returncode == 1 and done.stdout == ""
    assert "ended before its file system did: its log is not whole" in done.stderr


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ECONNABORTED])
def test_both_ways_in_which_an_unmount_ends_the_last_read(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The kernel gives ECONNABORTED in a window too short to be hit on purpose; it was hit once in many thousand devices."""

    def readv(descriptor: int, buffers: list[bytearray]) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "readv", readv)
    server = block_log._Server({}, 1 << 20, mmap.mmap(-1, 4096))
    server.serve(0)
    assert server.events == []

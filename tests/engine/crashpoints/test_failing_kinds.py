"""Which calls each kind of failure is about: a table, since the software that ships makes few of them."""

import os

import pytest

from harness.engine.crashpoints.calls.catalogue import FAILURES
from harness.engine.crashpoints.calls.gate import _ON_DEVICE, _ON_DISK, Call
from harness.engine.crashpoints.callsites import call_sites
from harness.engine.crashpoints.scene import Scene
from harness.sut import interpreter
from tests.engine.crashpoints.played import setting

CHANGING = [
    "mkdir", "rmdir", "unlink", "remove", "rename", "replace", "link", "symlink", "truncate", "ftruncate", "posix_fallocate",
    "chmod", "fchmod", "utime",
]  # fmt: skip
LOOKING = ["stat", "lstat", "access", "listdir", "scandir", "readlink", "chdir"]
READING = ["read", "readinto", "readv", "pread", "preadv"]
WRITING = ["write", "writev", "pwrite", "pwritev", "sendfile", "copy_file_range"]
FLUSHING = ["fsync", "fdatasync", "sync"]
OF_THE_KERNEL = ["fstat", "statvfs", "fstatvfs"]


def which(kind: str, profile: str, calls: list[tuple[str, tuple[object, ...]]]) -> list[str]:
    """The calls of a list that are of this kind; made on a file of 600 bytes, its descriptors plain, O_APPEND, O_SYNC."""
    with interpreter.installed():
        scene = Scene(setting("reference", profile))
    disk = scene.hardware.disk
    file = disk.open("/data/f", os.O_CREAT | os.O_RDWR)
    disk.write(file, b"x" * 600)
    appending, syncing = (disk.open("/data/f", os.O_RDWR | flag) for flag in (os.O_APPEND, os.O_SYNC))
    numbers = {"FILE": file, "APPEND": appending, "SYNC": syncing}
    failing = FAILURES.get(kind)(scene, call_sites(setting().software))
    counted = []
    for name, arguments in calls:
        given = tuple(numbers.get(each, each) if isinstance(each, str) else each for each in arguments)
        if failing.counts(Call("storage", name, "", disk, given, {})):
            counted.append(" ".join([name, *map(str, arguments)]))
    return counted


SPACE: list[tuple[str, tuple[object, ...], bool, bool]] = [
    # a call, whether it takes space where what is stored is changed in place, and where every change is written anew
    ("open", ("/data/new", os.O_CREAT | os.O_RDWR), True, True),
    ("open", ("/data/f", os.O_CREAT | os.O_RDWR), False, False),
    ("open", ("/data/f", os.O_RDWR), False, False),
    ("mkdir", ("/data/d",), True, True),
    ("symlink", ("/data/f", "/data/s"), True, True),
    ("link", ("/data/f", "/data/l"), True, True),
    ("posix_fallocate", ("FILE", 0, 4096), True, True),
    ("rename", ("/data/f", "/data/g"), True, True),
    ("rename", ("/data/f", "/data/f"), False, True),
    ("replace", ("/data/f", "/data/g"), True, True),
    ("truncate", ("/data/f", 700), True, True),
    ("truncate", ("/data/f", 500), False, False),
    ("ftruncate", ("FILE", 700), True, True),
    ("pwrite", ("FILE", b"y" * 10, 0), False, True),
    ("pwrite", ("FILE", b"y" * 10, 595), True, True),
    ("pwritev", ("FILE", [b"y" * 5, b"y" * 5], 590), False, True),
    ("pwritev", ("FILE", [b"y" * 5, b"y" * 6], 590), True, True),
    ("write", ("FILE", b"y"), True, True),
    ("writev", ("FILE", [b"y"]), True, True),
    ("write", ("APPEND", b"y"), True, True),
    ("sendfile", ("FILE", "FILE", 0, 5), True, True),
    ("copy_file_range", ("FILE", "FILE", 5), True, True),
    *((name, ("/data/f",), False, False) for name in ("unlink", "remove", "rmdir", "chmod", "utime", *LOOKING)),
    *((name, ("FILE",), False, False) for name in (*READING, *FLUSHING, *OF_THE_KERNEL, "fchmod")),
]


@pytest.mark.parametrize(("profile", "column"), [("ext4-ordered", 2), ("ubifs", 3), ("littlefs", 3)])
def test_no_space_is_about_every_call_that_takes_some(profile: str, column: int) -> None:
    wanted = [" ".join([each[0], *map(str, each[1])]) for each in SPACE if each[column]]
    assert which("enospc", profile, [(each[0], each[1]) for each in SPACE]) == wanted


def test_an_error_of_the_medium_is_about_every_call_that_reaches_it() -> None:
    names = ["open", *LOOKING, *READING, *WRITING, *FLUSHING, *CHANGING]
    assert which("eio", "", [(name, ()) for name in (*names, *OF_THE_KERNEL, "close", "lseek")]) == names
    # Whatever the gate sees is one or the other.
    assert sorted(_ON_DISK) == sorted([*names, *OF_THE_KERNEL])


def test_a_flush_that_fails_is_one_that_was_asked_for_or_that_a_write_makes_by_itself() -> None:
    flushes = [(name, ("FILE",)) for name in FLUSHING]
    writes = [
        (name, (each, [b"y"] if name.endswith("v") else b"y", 0)) for name in WRITING[:4] for each in ("FILE", "SYNC")
    ]
    wanted = [*(f"{name} FILE" for name in FLUSHING), *(name for name in WRITING[:4])]
    found = which("fsync", "", [*flushes, *writes])
    assert [each.partition(" SYNC")[0] for each in found] == wanted


def test_memory_may_be_short_in_every_call_into_the_device() -> None:
    assert {part: set(names) for part, names in _ON_DEVICE.items()} == {
        "": {"next_event", "finish", "probe", "reboot"},
        "display": {"show"},
        "printer": {"print"},
        "card": {"read"},
        "pin_pad": {"load_key", "has_key", "mac", "pin_block", "encrypt", "decrypt"},
        "nvram": {"read", "write"},
    }
    with interpreter.installed():
        scene = Scene(setting())
    failing = FAILURES.get("memory")(scene, call_sites(setting().software))
    for part, names in _ON_DEVICE.items():
        for name in names:
            assert failing.counts(Call("device", name, part, scene, (), {})) == (name != "reboot")
    assert failing.counts(Call("storage", "fstat", "", scene.hardware.disk, (1,), {}))
    assert not failing.counts(Call("link", "send", "", scene, (), {}))

"""Nothing of terminal software reaches the real machine, and what it cannot have is refused with one clear error."""

import os
import posix
import socket
from pathlib import Path
from types import BuiltinFunctionType

import pytest

from harness.sut import interpreter, landlock
from harness.sut.limits import run_limited
from harness.sut.virtual.posix import ANSWERED, HARMLESS, ON_DISK, group_of
from tests.sut.rig import Rig

# How to get at the real modules from inside: all of these are plain Python.
REAL_OS = "next(c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close').__init__.__globals__"
HOSTILE = {
    "os.system": ("import os; os.system('touch {target}')", "program of its own"),
    "real posix.system": (
        "import enum; real = enum.sys.modules['posix'] ; real.system('touch {target}')",
        "program of its own",
    ),
    "hidden os": (REAL_OS + "['system']('touch {target}')", "real machine"),
    "hidden open": ("import enum; enum.__builtins__['open']('{target}', 'w')", "real machine"),
    "hidden import": ("import enum; enum.__builtins__['__import__']('os').system('touch {target}')", "real machine"),
    "subprocess": ("import subprocess; subprocess.run(['touch', '{target}'])", "program of its own"),
    "hidden subprocess": ("import enum; enum.__builtins__['__import__']('_posixsubprocess').fork_exec", ""),
    "ctypes": ("import ctypes; ctypes.CDLL(None).system(b'touch {target}')", "program of its own"),
    "hidden ctypes": (
        "import enum; enum.__builtins__['__import__']('ctypes').CDLL(None).system(b'touch {target}')",
        "real machine",
    ),
    "hidden socket": (
        "import enum; s = enum.__builtins__['__import__']('_socket').socket(2, 1, 0); s.connect(('127.0.0.1', {port}))",
        "real machine",
    ),
    "own socket": ("import socket; socket.create_connection(('127.0.0.1', {port}))", "refused"),
    "fork": ("import os; os.fork()", "program of its own"),
    "exec": ("import os; os.execv('/usr/bin/touch', ['touch', '{target}'])", "program of its own"),
    "kill": ("import os; os.kill(1, 0)", "program of its own"),
    "signal": ("import signal; signal.alarm(1)", "program of its own"),
    "mmap": ("import mmap; mmap.mmap(-1, 10)", "program of its own"),
    "sqlite3": ("import sqlite3; sqlite3.connect('{target}')", "program of its own"),
    "asyncio": ("import asyncio; asyncio.run(None)", "program of its own"),
    "multiprocessing": ("import multiprocessing; multiprocessing.Process()", "program of its own"),
    "gc.get_objects": ("import gc; gc.get_objects()", "program of its own"),
    "raw file of the C library": ("import _io; _io.FileIO('{target}', 'w')", ""),
    "real raw file": (
        "[c for c in __import__('_io')._RawIOBase.__subclasses__() if c.__name__ == 'FileIO'][0]('{target}', 'w')",
        "real machine",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_code_is_stopped_and_told(tmp_path: Path, case: str) -> None:
    target = tmp_path / "reached"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        code, expected = HOSTILE[case]
        line = code.format(target=target, port=server.getsockname()[1])
        rig = Rig(
            tmp_path,
            f"""
            class App(Terminal):
                manifest = Manifest(name="app")
                def boot(self):
                    try:
                        {line}
                    except Exception as error:
                        print("caught", type(error).__name__, error)
                    except: print("caught something")
                    print("went on")
            """,
        ).start()
        with pytest.raises(TimeoutError):
            server.accept()
    assert not target.exists()
    assert "went on" in rig.printed(), (rig.printed(), rig.deaths())
    if expected:
        assert any(expected in each for each in rig.printed()), rig.printed()


def test_what_was_refused_is_in_the_history_even_when_swallowed(tmp_path: Path) -> None:
    rig = Rig(
        tmp_path,
        """
        import os
        class App(Terminal):
            manifest = Manifest(name="app")
            def boot(self):
                for _ in range(3):
                    try: os.fork()
                    except: pass
        """,
    ).start()
    assert [each for each in rig.printed() if "os.fork" in each and "program of its own" in each] == rig.printed()
    assert len(rig.printed()) == 1


def test_every_function_of_posix_is_classified() -> None:
    functions = {name for name, value in vars(posix).items() if isinstance(value, BuiltinFunctionType)}
    groups = {name: group_of(name) for name in functions}
    assert set(ON_DISK) | set(ANSWERED) | HARMLESS <= functions, "a name that is no function of posix"
    assert not set(ON_DISK) & set(ANSWERED) and not HARMLESS & set(ANSWERED) and not HARMLESS & set(ON_DISK)
    refused = {name for name, group in groups.items() if group == "refused"}
    # Known to be refused: a function that a new Python brings must be looked at before it joins this list.
    assert refused == {
        "_clear_type_cache", "abort", "chroot", "eventfd", "eventfd_read", "eventfd_write", "execv", "execve", "fork",
        "fork1", "forkpty", "getgrouplist", "initgroups", "kill", "killpg", "login_tty", "memfd_create", "mkfifo", "mknod",
        "openpty", "pidfd_open", "pipe", "pipe2", "posix_spawn", "posix_spawnp", "sched_get_priority_max",
        "sched_get_priority_min", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity",
        "sched_setparam", "sched_setscheduler", "setegid", "seteuid", "setgid", "setgroups", "setpgid", "setpgrp", "setregid",
        "setresgid", "setresuid", "setreuid", "setsid", "setuid", "splice", "system", "tcgetpgrp", "tcsetpgrp", "wait",
        "wait3", "wait4", "waitid", "waitpid",
    } & functions  # fmt: skip


def test_no_function_of_os_reaches_the_real_module() -> None:
    """Every callable of the device's os is the device's own, pure, or a type."""
    with interpreter.installed():
        table = interpreter.new_table()
        device_os = table.load("os")
        real = {id(value): name for name, value in vars(posix).items() if isinstance(value, BuiltinFunctionType)}
        leaks = [name for name in os.__all__ if real.get(id(getattr(device_os, name, None))) not in (None, *HARMLESS)]
    assert leaks == []


def test_disk_offers_every_call_that_is_routed_to_it() -> None:
    from harness.storage.disk import Disk

    assert [name for name in (*ON_DISK, "fopen", "file_io", "flock") if not callable(getattr(Disk, name, None))] == []


FENCE = """
import ctypes, os, socket, sys

def job(argument, send):
    answers = {}
    libc = ctypes.CDLL(None, use_errno=True)
    for name, path, flags in (("write outside", argument["outside"], 0o101), ("read secret", argument["secret"], 0),
                              ("write inside", argument["inside"], 0o101)):
        answers[name] = libc.open(path.encode(), flags, 0o600) >= 0
    try:
        socket.create_connection(("127.0.0.1", argument["port"]), 1).close()
        answers["connect"] = True
    except OSError:
        answers["connect"] = False
    return answers
"""


@pytest.mark.skipif(not landlock.landlock_available()[0], reason=landlock.landlock_available()[1])
def test_landlock_stops_what_no_hook_sees(tmp_path: Path) -> None:
    code, out = tmp_path / "code", tmp_path / "out"
    code.mkdir(), out.mkdir()
    (code / "fence_job.py").write_text(FENCE)
    secret = tmp_path / "secret"
    secret.write_text("s")
    with socket.create_server(("127.0.0.1", 0)) as server:
        argument = {
            "outside": str(tmp_path / "outside"),
            "inside": str(out / "file"),
            "secret": str(secret),
            "port": server.getsockname()[1],
        }
        fenced = run_limited("fence_job:job", argument, search_path=[str(code)], fence=True, write=[str(out)])
        free = run_limited("fence_job:job", argument, search_path=[str(code)])
    assert fenced.reason == "finished", fenced
    tcp = landlock.abi_version() < 4
    assert fenced.result == {"write outside": False, "read secret": False, "write inside": True, "connect": tcp}
    assert free.result == {"write outside": True, "read secret": True, "write inside": True, "connect": True}

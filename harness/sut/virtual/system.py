"""``sys``, ``builtins``, ``gc``, ``atexit``, ``_random``, ``_locale``, ``pwd``, ``grp`` and the refused modules.

Each table has ``sys`` and ``builtins`` of its own, so that ``sys.path.append`` or ``builtins.x = 1`` is lost with the process.
"""

from __future__ import annotations

import _locale
import _random
import builtins
import gc
import io
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from harness.sut import current
from harness.sut.deaths import process_tier_error
from harness.sut.modules import REAL_IMPORT
from harness.sut.virtual.files import device_open
from harness.sut.virtual.posix import refused


class ConsoleStream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr``: lines go to the history of whoever writes."""

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self.name = f"<{stream}>"
        self.mode = "w"

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    @property
    def buffer(self) -> _ConsoleBytes:
        return _ConsoleBytes(self)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return 2 if self._stream == "stderr" else 1

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        process = current.process
        if process is not None:
            process.console.write(self._stream, text)
        return len(text)

    def reconfigure(self, **_: object) -> None:
        """Nothing to set."""

    def close(self) -> None:
        """The console stays open, whatever software does with its streams."""


class _ConsoleBytes(io.RawIOBase):
    """``sys.stdout.buffer``."""

    def __init__(self, text: ConsoleStream) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        raw = bytes(memoryview(data))
        self._text.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)


def _print(
    *values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False
) -> None:
    text = (" " if sep is None else sep).join([str(each) for each in values]) + ("\n" if end is None else end)
    if file is not None:
        file.write(text)
        if flush:
            file.flush()
        return
    process = current.process
    if process is not None:
        process.console.write("stdout", text)


def _input(prompt: object = "", /) -> NoReturn:
    raise EOFError("EOF when reading a line")


def builtins_namespace() -> dict[str, Any]:
    """Builtins for one table: the real ones with files, console and imports of the device."""
    namespace = dict(vars(builtins))
    namespace["open"] = device_open
    namespace["print"] = _print
    namespace["input"] = _input
    namespace["breakpoint"] = refused("breakpoint")
    namespace["__import__"] = REAL_IMPORT
    return namespace


def build_sys() -> ModuleType:
    """``sys`` for one table."""
    module = ModuleType("sys")
    for name, value in vars(sys).items():
        if name not in ("__spec__", "__loader__"):
            setattr(module, name, value)
    stdout, stderr = ConsoleStream("stdout"), ConsoleStream("stderr")
    members: dict[str, Any] = {
        "argv": ["terminal"],
        "path": [],
        "stdin": io.StringIO(),
        "__stdin__": io.StringIO(),
        "stdout": stdout,
        "__stdout__": stdout,
        "stderr": stderr,
        "__stderr__": stderr,
        "executable": "/usr/bin/python3",
        "orig_argv": ["terminal"],
        "flags": sys.flags,
        "dont_write_bytecode": True,
    }
    for name, value in members.items():
        setattr(module, name, value)
    for name in ("settrace", "setprofile", "setrecursionlimit", "setswitchinterval", "set_int_max_str_digits"):
        setattr(module, name, _nothing)
    for name in ("addaudithook", "_setxattr", "setdlopenflags", "set_asyncgen_hooks"):
        setattr(module, name, refused(f"sys.{name}"))
    return module


def _nothing(*_: object, **__: object) -> None:
    """Accepted and without effect: the setting belongs to the interpreter, which is shared."""


def build_gc() -> ModuleType:
    """``gc``: collection is the harness's affair, so that it happens at the same places in every run."""
    module = ModuleType("gc")
    for name, value in vars(gc).items():
        if name not in ("__spec__", "__loader__"):
            setattr(module, name, value)
    for name in ("enable", "disable", "set_threshold", "set_debug", "freeze", "unfreeze"):
        setattr(module, name, _nothing)
    module.collect = lambda generation=2: 0  # type: ignore[attr-defined]
    module.callbacks = []  # type: ignore[attr-defined]
    for name in ("get_objects", "get_referrers"):
        setattr(module, name, refused(f"gc.{name}"))
    return module


def build_atexit() -> ModuleType:
    """``atexit``: what is registered runs when the software ends by itself, never at power loss."""
    module = ModuleType("atexit")

    def register(function: Callable[..., Any], /, *args: Any, **keywords: Any) -> Callable[..., Any]:
        process = current.process
        if process is not None:
            process.exit_calls.append((function, args, keywords))
        return function

    def unregister(function: Callable[..., Any], /) -> None:
        process = current.process
        if process is not None:
            process.exit_calls[:] = [each for each in process.exit_calls if each[0] != function]

    module.register = register  # type: ignore[attr-defined]
    module.unregister = unregister  # type: ignore[attr-defined]
    module._clear = _nothing  # type: ignore[attr-defined]
    module._run_exitfuncs = _nothing  # type: ignore[attr-defined]
    module._ncallbacks = lambda: 0  # type: ignore[attr-defined]
    return module


class DeviceRandom(_random.Random):
    """``_random.Random``, seeded from the device's entropy where the real one asks the kernel."""

    def seed(self, a: Any = None, /) -> None:
        if a is None:
            process = current.process
            a = 0 if process is None else process.entropy.getrandbits(128)
        super().seed(a)


def build_random() -> ModuleType:
    """``_random``."""
    module = ModuleType("_random")
    module.Random = DeviceRandom  # type: ignore[attr-defined]
    return module


def build_locale() -> ModuleType:
    """``_locale``: always the C locale; setting another changes nothing, as on a small device."""
    module = ModuleType("_locale")
    for name, value in vars(_locale).items():
        if name not in ("__spec__", "__loader__"):
            setattr(module, name, value)

    def setlocale(category: int, locale: str | None = None, /) -> str:
        if locale not in (None, "", "C", "POSIX"):
            raise module.Error("unsupported locale setting")
        return "C"

    module.setlocale = setlocale  # type: ignore[attr-defined]
    module.getencoding = lambda: "utf-8"  # type: ignore[attr-defined]
    return module


def build_users(name: str) -> ModuleType:
    """``pwd`` or ``grp``: a device has no list of users."""
    module = ModuleType(name)

    def absent(who: object, /) -> NoReturn:
        raise KeyError(f"{name}: no entry for {who!r}")

    for each in ("getpwuid", "getpwnam", "getgrgid", "getgrnam"):
        setattr(module, each, absent)
    module.getpwall = module.getgrall = list  # type: ignore[attr-defined]
    return module


class RefusedModule(ModuleType):
    """A module that can be imported, as libraries do in passing, and answers every use with the process-tier error."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full_name = f"{self.__name__}.{name}"
        process = current.process
        error = process_tier_error(full_name)
        if process is not None and process.on_refused is not None:
            process.on_refused(str(error))
        raise error

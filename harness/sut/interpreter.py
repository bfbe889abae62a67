"""The virtual interpreter: switching it on and off, and the module table that a boot starts with.

System modules hold no state and are built once; ``sys`` and ``builtins`` are new for every table. ``socket`` costs two
milliseconds to run, so it runs once and is copied. While the interpreter is on, garbage collection is the harness's affair:
finalisers of objects of unknown owner run with nobody current and with their ports closed, so a dead device's ``__del__``
can reach neither the real machine nor another device.
"""

from __future__ import annotations

import _io
import builtins
import gc
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from harness.sut import compiled, current, guard, modules
from harness.sut.layers import ABSENT, REFUSED
from harness.sut.modules import ModuleTable
from harness.sut.virtual import clock, files, network, polling, posix, system, threads
from harness.sut.virtual.binding import like_builtins

if TYPE_CHECKING:
    from harness.sut.process import Process

ACTIONS_PER_COLLECTION = 50
ACTIONS_PER_FULL_COLLECTION = 5_000

_stateless: dict[str, ModuleType | None] = {}
_templates: dict[str, ModuleType] = {}
_users = 0
_actions = 0
_before: tuple[Any, bool] | None = None
_grave_of: list[Process | None] = []


def install() -> None:
    """Switch on; calls may nest."""
    global _users, _before, _actions
    _users += 1
    if _users > 1:
        return
    _actions = 0
    modules.install()
    compiled.install()
    clock.install()
    guard.install()
    if not _stateless:
        _build()
    _before = (sys.unraisablehook, gc.isenabled())
    sys.unraisablehook = _unraisable
    gc.callbacks.append(_around_collection)
    gc.disable()


def uninstall() -> None:
    """Switch off, with the last user."""
    global _users, _before
    _users -= 1
    if _users:
        return
    assert _before is not None
    sys.unraisablehook, was_enabled = _before
    _before = None
    gc.callbacks.remove(_around_collection)
    if was_enabled:
        gc.enable()
    clock.uninstall()
    modules.uninstall()


@contextmanager
def installed() -> Iterator[None]:
    """On for a stretch."""
    install()
    try:
        yield
    finally:
        uninstall()


def _build() -> None:
    _stateless.update(
        {
            "posix": posix.build(),
            "time": clock.build(),
            "_io": files.build_io(_io),
            "io": files.build_io(io),
            "fcntl": files.build_fcntl(),
            "_thread": threads.build(),
            "_socket": network.build(),
            "select": polling.build(),
            "_random": system.build_random(),
            "_locale": system.build_locale(),
            "atexit": system.build_atexit(),
            "pwd": system.build_users("pwd"),
            "grp": system.build_users("grp"),
        }
    )
    for module in _stateless.values():
        assert module is not None
        like_builtins(vars(module))
    for name in REFUSED:
        _templates[name] = system.RefusedModule(name)
    for name in ABSENT:
        _stateless[name] = None
    _templates["socket"] = new_table().load("socket")


def new_table(search_path: Sequence[str] = ()) -> ModuleTable:
    """A table as a boot finds it: system modules only, everything else still to be imported."""
    entries: dict[str, ModuleType | None] = {
        name: None if module is None else modules.copy_of(module) for name, module in _stateless.items()
    }
    namespace = system.builtins_namespace()
    like_builtins(namespace)
    builtins_module = ModuleType("builtins")
    builtins_module.__dict__.update(namespace)
    entries["builtins"] = builtins_module
    entries["sys"] = system.build_sys()
    entries["gc"] = system.build_gc()
    like_builtins(vars(entries["sys"]))
    like_builtins(vars(entries["gc"]))
    entries["__main__"] = ModuleType("__main__")
    return ModuleTable(
        entries,
        builtins_module.__dict__,
        search_path,
        copied=_templates,
        finishing={"os": _finish_os, "uuid": _finish_uuid},
    )


def _finish_os(table: ModuleTable, module: ModuleType) -> None:
    table.add("os.path", module.path)


def _finish_uuid(_table: ModuleTable, module: ModuleType) -> None:
    """A network address for uuid1 that is the device's own: locally administered, from its entropy."""
    process = current.process
    bits = process.entropy.getrandbits(40) if process is not None else 0
    module._node = 0x02 << 40 | bits  # type: ignore[attr-defined]


def collect_garbage(generation: int = 2) -> None:
    """Collect now, with nobody current. To be called at places that are the same in every run."""
    gc.collect(generation)


@contextmanager
def settled_heap() -> Iterator[None]:
    """For a stretch of many short lives beside a large heap: what there is now is left out of collections, which may then be
    frequent.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def action_ended() -> None:
    """Collect every so many actions of the whole run: often what is young, seldom everything."""
    global _actions
    _actions += 1
    if _actions % ACTIONS_PER_COLLECTION == 0:
        gc.collect(2 if _actions % ACTIONS_PER_FULL_COLLECTION == 0 else 1)


def _around_collection(phase: str, _info: dict[str, int]) -> None:
    if phase == "start":
        _grave_of.append(current.process)
        current.process = None
        guard.enter_grave()
    else:
        guard.leave_grave()
        current.process = _grave_of.pop()


def _unraisable(unraisable: Any) -> None:
    """What finalisers raise: into the history while software runs, and nowhere when it is dead or unknown."""
    process = current.process
    if process is not None and not process.dead:
        process.console.line(f"Exception ignored in {type(unraisable.object).__name__}: {unraisable.exc_value!r}")
    elif process is None and _before is not None and not _comes_from_software(unraisable.exc_traceback):
        _before[0](unraisable)


def _comes_from_software(trace: TracebackType | None) -> bool:
    """Whether a finaliser of terminal software raised: it ran too late, with nobody there to answer it."""
    return trace is not None and trace.tb_frame.f_builtins.get("open") is not builtins.open

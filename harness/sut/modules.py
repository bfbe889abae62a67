"""Module tables: every boot of terminal software has its own copies of its modules, its libraries and their registries.

Models: the memory of a Python process, as far as modules hold it: globals, class attributes, caches, registries. It is gone
when the process is. Does not model: state inside C extensions, and what software changes in the shared core (``layers``).

A table is a set of entries of ``sys.modules``. While software runs, its table's entries are in ``sys.modules`` and the
harness's own copies are hidden; they are exchanged on a switch only when the tables differ. The harness's code may run with
a table in place: its imports look past it. Compiled code is kept across boots, so that a boot costs little.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, NamespaceLoader, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from harness.sut import current
from harness.sut.layers import is_shared, is_shared_or_hidden

Entry = ModuleType | None
Builder = Callable[["ModuleTable", ModuleType], None]

_active: ModuleTable | None = None
_hidden: dict[str, ModuleType] = {}
_code: dict[tuple[str, str], CodeType] = {}
_found: dict[tuple[str, tuple[str, ...]], tuple[ModuleSpec | None, CodeType | None]] = {}
_layouts: dict[frozenset[str], int] = {}
REAL_IMPORT = builtins.__import__
"""CPython's own ``__import__``: what tables have among their builtins."""


class ModuleTable:
    """``entries`` are modules by name, None for one that must seem absent. ``copied`` modules are copied when first asked for.

    ``finishing`` is called with a module of that name after its body has run.
    """

    __slots__ = ("_layout", "builtins", "copied", "entries", "finishing", "search_path")

    def __init__(
        self,
        entries: Mapping[str, Entry],
        builtins_namespace: dict[str, Any],
        search_path: Sequence[str] = (),
        copied: Mapping[str, ModuleType] | None = None,
        finishing: Mapping[str, Builder] | None = None,
    ) -> None:
        self.entries: dict[str, Entry] = dict(entries)
        self.builtins = builtins_namespace
        self.search_path = tuple(search_path)
        self.copied = dict(copied or {})
        self.finishing = dict(finishing or {})
        self._layout = -1

    @property
    def layout(self) -> int:
        """The same number for tables with the same names: one can take the other's place without a clean-up."""
        if self._layout < 0:
            self._layout = _layouts.setdefault(frozenset(self.entries), len(_layouts))
        return self._layout

    def add(self, name: str, module: ModuleType) -> None:
        """A module has come into being."""
        self.entries[name] = module
        self._layout = -1

    def discard(self, name: str) -> None:
        """A module's body raised: there is no such module after all."""
        self.entries.pop(name, None)
        self._layout = -1

    def copy(self, name: str) -> ModuleType:
        """This table's copy of a module that is copied rather than run."""
        template = self.copied[name]
        module = copy_of(template) if type(template) is ModuleType else template
        self.add(name, module)
        return module

    def own_modules(self) -> list[ModuleType]:
        """Modules of this table, in order of import."""
        return [each for each in self.entries.values() if each is not None]

    def load(self, name: str) -> ModuleType:
        """Import ``name`` into this table."""
        before = _active
        activate(self)
        try:
            return importlib.import_module(name)
        finally:
            put_back(before)


# ---------------------------------------------------------------- exchanging sys.modules


def activate(table: ModuleTable) -> None:
    """Put ``table``'s entries in place; nothing to do when they are."""
    global _active
    if table is _active:
        return
    modules: dict[str, Entry] = sys.modules  # type: ignore[assignment]
    if _active is None:
        for name in [each for each in modules if not is_shared_or_hidden(each)]:
            _hidden[name] = sys.modules.pop(name)
    elif _active.layout != table.layout:
        # What the harness has stays hidden: only the names that the other table lacks must go.
        for name in _active.entries:
            modules.pop(name, None)
    modules.update(table.entries)
    _active = table


def deactivate() -> None:
    """Put the harness's own modules back in place."""
    global _active
    if _active is None:
        return
    modules = sys.modules
    for name in _active.entries:
        modules.pop(name, None)
    modules.update(_hidden)
    _hidden.clear()
    _active = None


def active_table() -> ModuleTable | None:
    """The table in place, or None when the harness's own modules are."""
    return _active


def put_back(table: ModuleTable | None) -> None:
    """Have in place again what ``active_table`` gave."""
    if table is None:
        deactivate()
    else:
        activate(table)


@contextmanager
def as_harness() -> Iterator[None]:
    """A stretch of the harness's own work in the middle of software's: nobody is current, its own modules are in place."""
    table, process = _active, current.process
    current.process = None
    deactivate()
    try:
        yield
    finally:
        put_back(table)
        current.process = process


def _import_for_shared(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    """``__import__`` for the harness and the shared core: never sees a table's copies. Software's own is CPython's."""
    if _active is None:
        return REAL_IMPORT(name, globals, locals, fromlist or (), level)
    if level == 0:
        wanted = name if fromlist else name.partition(".")[0]
        found = _hidden.get(wanted)
        if found is None and wanted not in _active.entries:
            found = sys.modules.get(wanted)
        whole = wanted == name or name in _hidden or name in sys.modules
        if found is not None and whole and all(hasattr(found, each) for each in fromlist or ()):
            return found
    with as_harness():
        return REAL_IMPORT(name, globals, locals, fromlist or (), level)


# ---------------------------------------------------------------- finding and loading


class _FreshLoader:
    """Runs a module's cached code in a table of its own."""

    def __init__(self, table: ModuleTable, code: CodeType | None) -> None:
        self._table = table
        self._code = code

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = ModuleType(spec.name)
        self._table.add(spec.name, module)
        return module

    def exec_module(self, module: ModuleType) -> None:
        table, name = self._table, module.__name__
        module.__dict__["__builtins__"] = table.builtins
        try:
            if self._code is not None:
                exec(self._code, module.__dict__)
        except BaseException:
            table.discard(name)
            raise
        standing = sys.modules.get(name)
        if standing is not None and standing is not module:
            table.add(name, standing)  # the module has put something else in its place
        finish = table.finishing.get(name)
        if finish is not None:
            finish(table, module)


class _StandingLoader:
    """Hands out a module that exists already, as it is. ``fetch`` gets it.

    It must not get it any sooner: importlib looks whether a finder has put the module into sys.modules, and if so runs it anew.
    """

    def __init__(self, fetch: Callable[[], ModuleType]) -> None:
        self._fetch = fetch
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = self._fetch()
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


class _Finder:
    """First on sys.meta_path; speaks up only while a table is in place."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        table = _active
        if table is None:
            return None
        if name in table.copied:
            return ModuleSpec(name, _StandingLoader(lambda: table.copy(name)))  # type: ignore[arg-type]
        process = current.process
        current.process = None  # looking for code on the real disk is the harness's own work
        try:
            if is_shared(name):
                return self._shared(name)
            found, code = self._look_up(name, tuple(path) if path is not None else (*table.search_path, *sys.path))
        finally:
            current.process = process
        if found is None:
            return None
        if (
            isinstance(found.loader, SourceFileLoader)
            or found.loader is None
            or isinstance(found.loader, NamespaceLoader)
        ):
            fresh = ModuleSpec(name, _FreshLoader(table, code), origin=found.origin)  # type: ignore[arg-type]
            if found.submodule_search_locations is not None:
                fresh.submodule_search_locations = list(found.submodule_search_locations)
            fresh.has_location = found.has_location
            return fresh
        return self._shared(name)

    @staticmethod
    def _shared(name: str) -> ModuleSpec:
        def fetch() -> ModuleType:
            with as_harness():
                return importlib.import_module(name)

        return ModuleSpec(name, _StandingLoader(fetch))  # type: ignore[arg-type]

    def _look_up(self, name: str, path: tuple[str, ...]) -> tuple[ModuleSpec | None, CodeType | None]:
        key = (name, path)
        known = _found.get(key)
        if known is None:
            found = PathFinder.find_spec(name, path)
            known = (found, self._code_of(found, name))
            if found is not None:
                _found[key] = known
        return known

    @staticmethod
    def _code_of(found: ModuleSpec | None, name: str) -> CodeType | None:
        if found is None or not isinstance(found.loader, SourceFileLoader):
            return None
        key = (name, found.origin or "")
        code = _code.get(key)
        if code is None:
            with as_harness():
                code = found.loader.get_code(name)
            assert code is not None
            _code[key] = code
        return code


def copy_of(module: ModuleType) -> ModuleType:
    """A module with the same contents and a namespace of its own."""
    twin = ModuleType(module.__name__)
    twin.__dict__.update(module.__dict__)
    return twin


_FINDER = _Finder()


def install() -> None:
    """Make tables work: to be undone by ``uninstall``."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
        builtins.__import__ = _import_for_shared


def uninstall() -> None:
    """Take everything back."""
    deactivate()
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
        builtins.__import__ = REAL_IMPORT


def settle() -> None:
    """Put the harness's modules back unless the interpreter is on: after work on a station between two stretches of a run."""
    if _FINDER not in sys.meta_path:
        deactivate()


def forget_places() -> None:
    """Look again for every module where it may be; what was compiled is kept."""
    _found.clear()


def forget_code() -> None:
    """Drop compiled code, for a process in which source files change between runs (tests)."""
    _code.clear()
    _found.clear()
    importlib.invalidate_caches()

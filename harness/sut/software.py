"""SPEC: which terminal software to run. ``reference``, ``package.module:Class``, ``path/to/file.py:Class`` or ``exec:COMMAND``.

The class needs a ``manifest`` (contract.Manifest), a constructor that takes the device, and ``run``. Whatever is wrong with
it is a UsageError in one message that names the file, the line and the fix.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, get_args

import msgspec

from harness.contract import ActionKind, Device, Inspection, Manifest, TextPattern
from harness.core.errors import UsageError
from harness.core.registry import nearest
from harness.device.text_map import map_of
from harness.sut import guard, interpreter
from harness.sut.console import presentable
from harness.sut.inspections import Inspections
from harness.sut.modules import ModuleTable, forget_places
from harness.sut.reports import NOT_SOFTWARE, death_detail, home_of
from harness.sut.scratch import run_in_scratch

if TYPE_CHECKING:
    from harness.host.dialects import DialectChoice

_NEEDS = (
    "a terminal is a class with a `manifest` (harness.contract.Manifest), a constructor that takes the device, and `run`; "
    "subclassing harness.contract.Terminal gives the last two"
)

_ENGINES = ("tinydb", "persistqueue")
"""Libraries that shipped terminals keep their records in, and that are installed on demand."""


class RunningTerminal(Protocol):
    """What a booted terminal must offer."""

    def run(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Software:
    """Terminal software that can be booted any number of times. ``shared_table`` is set when boots share their modules."""

    spec: str
    name: str
    manifest: Manifest
    module_name: str
    class_name: str
    file: str
    search_path: tuple[str, ...]
    catalogue_table: ModuleTable
    shared_table: ModuleTable | None = None
    inspections: Inspections | None = field(default=None, compare=False, repr=False)
    """Answers of ``inspect`` to be given again for an image that was inspected before; None: it is always asked."""

    black_box: bool = False
    """Its ``inspect`` is not asked, as if it had none."""

    no_inspection: str = ""
    """Why it is known to offer none, found out before anything had gone wrong; it is not asked then."""

    inspection_proven: bool = False
    """Known to answer for files that nothing had harmed: what it cannot answer afterwards is a failure."""

    dialect: DialectChoice | None = field(default=None, compare=False, repr=False)
    """What its host speaks, where the command line says so; None: the built-in dialect that the manifest names."""

    @property
    def is_program(self) -> bool:
        """Whether its boots are processes, and none of its code runs in the harness."""
        return False

    def death_detail(self, error: BaseException) -> str:
        """How its death by ``error`` is told."""
        return death_detail(error, home_of(self.module_name, self.file))

    @property
    def speaks(self) -> DialectChoice:
        """The dialect of its host; UsageError for a name that is none."""
        if self.dialect is not None:
            return self.dialect
        from harness.host.dialects import DialectChoice

        try:
            return DialectChoice.named(self.manifest.dialect)
        except UsageError as error:
            where = f"{self.spec}: {self.class_name}.manifest.dialect"
            raise UsageError(f"{where}: {error}; or say with --dialect what the host speaks") from None

    def remembering(self) -> Software:
        """The same software, whose ``inspect`` is asked once for equal images: for many worlds that come to the same."""
        return dataclasses.replace(self, inspections=Inspections())

    def table(self) -> ModuleTable | None:
        """The module table for a new boot."""
        return self.shared_table if self.shared_table is not None else interpreter.new_table(self.search_path)

    def start(self, device: Device) -> RunningTerminal:
        """Import and construct. Runs within the booting process, whose table is in place."""
        module = importlib.import_module(self.module_name)
        made: RunningTerminal = getattr(module, self.class_name)(device)
        return made

    def inspect(self, image: Mapping[str, bytes]) -> Inspection | None:
        """What the software's own ``inspect`` reads from ``image``; raises whatever it raises."""
        if self.black_box:
            return None
        if self.inspections is not None:
            return self.inspections.of(image, self._inspect)
        return self._inspect(image)

    def _inspect(self, image: Mapping[str, bytes]) -> Inspection | None:
        def work() -> Inspection | None:
            found = getattr(importlib.import_module(self.module_name), self.class_name)
            look = getattr(found, "inspect", None)
            return None if look is None else look(image)

        with interpreter.installed():
            return run_in_scratch(self.catalogue_table, work)


def load(spec: str, shipped: Mapping[str, str] | None = None, *, share_modules: bool = False) -> Software:
    """The software that ``spec`` names. ``shipped`` maps names of shipped terminals to their SPEC.

    ``share_modules``: all boots on all devices use one copy of the modules. Only for software that keeps nothing in module
    globals or class attributes (``globals_fingerprint`` shows it in a test): it would survive power loss otherwise.
    """
    target = (shipped or {}).get(spec, spec)
    if target.startswith("exec:"):
        from harness.sut.programs import load_program

        return load_program(target)
    if ":" not in target and not target.endswith(".py") and "/" not in target and "." not in target:
        hint = nearest(spec, list(shipped)) if shipped else "no terminals ship with this installation"
        raise UsageError(
            f"no terminal named {spec!r}; {hint}; or give package.module:Class, path/to/file.py:Class or exec:COMMAND"
        )
    module_name, class_name, search_path = _where(target)
    return _loaded(spec, target, module_name, class_name, search_path, share_modules=share_modules)


def precompile(module_name: str) -> None:
    """Have at hand, compiled, what boots of software that ships import afresh each time. Nothing of it runs on."""
    with interpreter.installed():
        run_in_scratch(interpreter.new_table(), lambda: importlib.import_module(module_name))
    forget_places()


def previous_release(software: Software) -> Software:
    """The release that its manifest names as the one before it, found where the software itself was; else the same again.

    The software under test names it, and no scenario: which code runs comes from the command line alone.
    """
    named = software.manifest.previous
    if not named:
        return software
    module_name, _, class_name = named.rpartition(":")
    shares = software.shared_table is not None
    try:
        return _loaded(
            named, named, module_name or software.module_name, class_name, software.search_path, share_modules=shares
        )
    except UsageError as error:
        raise UsageError(f"{software.spec}: manifest.previous {named!r}: {error}") from None


def _loaded(
    spec: str, target: str, module_name: str, class_name: str, search_path: tuple[str, ...], *, share_modules: bool
) -> Software:
    guard.allow_code(search_path)
    with interpreter.installed():
        table = interpreter.new_table(search_path)
        module = _import(table, module_name, target)
        if not class_name:
            class_name = _only_terminal(module, target)
        manifest = _checked(module, class_name, target)
        shared = interpreter.new_table(search_path) if share_modules else None
    return Software(
        spec=spec,
        name=manifest.name,
        manifest=manifest,
        module_name=module_name,
        class_name=class_name,
        file=str(getattr(module, "__file__", "") or (module.__spec__.origin if module.__spec__ else "")),
        search_path=search_path,
        catalogue_table=table,
        shared_table=shared,
    )


def _where(target: str) -> tuple[str, str, tuple[str, ...]]:
    """Module, class ("" when not given) and where to look for code."""
    place, _, class_name = target.rpartition(":") if ":" in target else (target, "", "")
    if not place:
        raise UsageError(
            f"{target!r} names no module before the colon; give package.module:Class or path/to/file.py:Class"
        )
    if place.endswith(".py") or "/" in place:
        path = Path(place).expanduser().resolve()
        if not path.is_file():
            raise UsageError(f"there is no file {place}{_nearest_file(path)}")
        if path.suffix != ".py":
            raise UsageError(f"{place} is no Python file; an executable is run as exec:{place}")
        name, directory = path.stem, path.parent
        while (directory / "__init__.py").is_file():
            name, directory = f"{directory.name}.{name}", directory.parent
        return name, class_name, (str(directory),)
    return place, class_name, (os.getcwd(),)


def _nearest_file(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no directory {path.parent} either"
    names = sorted(each.name for each in path.parent.glob("*.py"))
    return f"; {nearest(path.name, names)}" if names else ""


def _import(table: ModuleTable, module_name: str, target: str) -> ModuleType:
    try:
        return run_in_scratch(table, lambda: importlib.import_module(module_name))
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise UsageError(f"{target}: there is no module {error.name!r} to import") from None
        engines = "; pip install 'terminal-fault-harness[engines]'" if error.name in _ENGINES else ""
        raise UsageError(f"{target}: {_place(error, target)}: {presentable(str(error))}{engines}") from None
    except Exception as error:
        raise UsageError(
            f"{target}: importing it failed at {_place(error, target)}: {type(error).__name__}: {presentable(str(error))}"
        ) from None


def _place(error: BaseException, target: str) -> str:
    """File and line of the innermost frame that is not Python's own importing."""
    if error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if _is_software(each.filename)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else target


def _is_software(filename: str) -> bool:
    return "/importlib/" not in filename and not any(part in filename for part in NOT_SOFTWARE)


def _only_terminal(module: ModuleType, target: str) -> str:
    names = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and _looks_like_terminal(value)
    ]
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError(f"{target}: no class in it is a terminal; {_NEEDS}")
    raise UsageError(f"{target}: which of {', '.join(names)}? Give {target}:{names[0]}")


def _looks_like_terminal(value: type) -> bool:
    return callable(getattr(value, "run", None)) and hasattr(value, "manifest")


def _checked(module: ModuleType, class_name: str, target: str) -> Manifest:
    found = getattr(module, class_name, None)
    file = getattr(module, "__file__", None) or (module.__spec__.origin if module.__spec__ else module.__name__)
    if found is None:
        classes = [name for name, value in vars(module).items() if isinstance(value, type)]
        hint = nearest(class_name, classes) if classes else "it defines no class"
        raise UsageError(f"{file} has no class {class_name!r}; {hint}")
    place = f"{file}:{_line_of(found)}" if isinstance(found, type) else str(file)
    if not isinstance(found, type):
        raise UsageError(f"{place}: {class_name} is no class but a {type(found).__name__}; {_NEEDS}")
    if not callable(getattr(found, "run", None)):
        raise UsageError(f"{place}: class {class_name} has no method `run`; {_NEEDS}")
    manifest = getattr(found, "manifest", None)
    if manifest is None:
        raise UsageError(f"{place}: class {class_name} has no `manifest`; {_NEEDS}")
    if not isinstance(manifest, Manifest):
        raise UsageError(
            f"{place}: {class_name}.manifest is a {type(manifest).__name__}, not a harness.contract.Manifest; {_NEEDS}"
        )
    try:
        inspect.signature(found).bind(object())
    except TypeError as error:
        raise UsageError(f"{place}: {class_name}(device) cannot be called: {error}; {_NEEDS}") from None
    except ValueError:
        pass  # a signature that Python cannot read is tried at the first boot
    _check_manifest(manifest, f"{place}: {class_name}.manifest")
    return manifest


def _line_of(found: type) -> int:
    """The line of a class's first own function; classes themselves do not know theirs."""
    lines = [each.__code__.co_firstlineno for each in vars(found).values() if hasattr(each, "__code__")]
    return min(lines, default=1)


def _check_manifest(manifest: Manifest, where: str) -> None:
    values: dict[str, Any] = {field.name: getattr(manifest, field.name) for field in dataclasses.fields(manifest)}
    for name in ("screens", "receipts"):
        given = values[name]
        if isinstance(given, tuple):
            values[name] = [dataclasses.asdict(each) if isinstance(each, TextPattern) else each for each in given]
    try:
        msgspec.convert(values, Manifest, strict=True)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where} is not valid: {error}") from None
    try:
        map_of(manifest)
    except ValueError as error:
        raise UsageError(f"{where}.{error}") from None
    if not manifest.name.strip():
        raise UsageError(f"{where}.name is empty")
    kinds = list(get_args(ActionKind))
    for action in sorted(manifest.actions):
        if action not in kinds:
            raise UsageError(f"{where}.actions: no action is called {action!r}; {nearest(action, kinds)}")
    for name in ("reply_timeout_s", "recovery_timeout_s", "transaction_p95_s"):
        value = getattr(manifest, name)
        if value is not None and not value > 0:
            raise UsageError(f"{where}.{name} is {getattr(manifest, name)}; it must be above 0 seconds")
    for name in (
        "max_transactions",
        "grace_transactions",
        "full_below_bytes",
        "keeps_after_settlement_bytes",
        "memory_slack_bytes",
    ):
        value = getattr(manifest, name)
        if value is not None and value < 0:
            raise UsageError(f"{where}.{name} is {value}; it must not be negative")


def globals_fingerprint(table: ModuleTable, module_prefixes: tuple[str, ...]) -> dict[str, str]:
    """What the modules under ``module_prefixes`` hold in globals and class attributes, as text to compare.

    Two equal fingerprints, before and after runs with deaths, show that nothing of a run stays behind in shared modules.
    """
    found: dict[str, str] = {}
    for name, module in sorted(table.entries.items()):
        if module is None or not name.startswith(module_prefixes):
            continue
        for key, value in sorted(vars(module).items()):
            if key.startswith("__"):
                continue
            found[f"{name}.{key}"] = _shape(value, name, 0)
    return found


def _shape(value: object, module_name: str, depth: int) -> str:
    """Contents of data, names of code; addresses never."""
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, type):
        if value.__module__ != module_name or depth > 2:
            return f"class {value.__qualname__}"
        members = {key: each for key, each in vars(value).items() if not key.startswith("__")}
        return f"class {value.__qualname__} " + _shape(members, module_name, depth + 1)
    if isinstance(value, dict) and depth < 6:
        return "{" + ", ".join(f"{key!r}: {_shape(each, module_name, depth + 1)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple) and depth < 6:
        return "[" + ", ".join(_shape(each, module_name, depth + 1) for each in value) + "]"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(sorted(_shape(each, module_name, depth + 1) for each in value)) + "}"
    if callable(value) and hasattr(value, "cache_info"):
        return f"cache {getattr(value, '__qualname__', '')} {value.cache_info()}"
    if hasattr(value, "__code__") or hasattr(value, "__func__") or isinstance(value, property):
        return f"function {getattr(value, '__qualname__', type(value).__name__)}"
    if isinstance(value, str | bytes | int | float | bool | None):
        return repr(value)
    state = getattr(value, "__dict__", None)
    return f"{type(value).__qualname__} " + (_shape(state, module_name, depth + 1) if state and depth < 6 else "")

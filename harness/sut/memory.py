"""The memory census: what the software holds, counted at idle points by walking from the terminal, its fibers and its modules.

Models: bytes reachable by the software's own references, charged to the device's budget; with an injected leak on top, going
over it is an out-of-memory kill. Does not model: the interpreter's own size, fragmentation, garbage not yet collected, code,
memory inside C extensions. Sizes are CPython's, by type and length; a dict's is an estimate, because the real one depends on
what other instances of its class have been through, and the same run must give the same figures.

Cost: a census of n objects takes about 0.6 us each and is followed by at least n / 60 actions without one: some 35 us an
action, where a sale with its messages takes near a millisecond.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Iterable, Set
from typing import TYPE_CHECKING, Any

import simpy

from harness.history.events import MemorySampled

if TYPE_CHECKING:
    from harness.sut.modules import ModuleTable
    from harness.sut.process import Process
    from harness.sut.station import Station

EARLY_SAMPLES = (1, 4)
ACTIONS_BETWEEN_MIN = 8
OBJECTS_AN_ACTION = 60
OBJECTS_MAX = 5_000_000

_GC_HEADER_BYTES = 16
_LEAF, _WALK, _SKIP, _DICT, _TEXT, _CLASS = range(6)
_SKIPPED_TYPES = (
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.FrameType, types.MethodDescriptorType,
    types.WrapperDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType, types.MappingProxyType,
    types.TracebackType, simpy.Environment, simpy.Event,
)  # fmt: skip
_FOREIGN = ("harness.", "simpy", "greenlet", "msgspec", "_weakref", "weakref", "_thread")
_OWN = ("harness.contract", "harness.iso8583", "harness.terminals")

_SHARED_BY_ALL = frozenset({("harness.iso8583.codec", "Codec"), ("harness.iso8583.wire", "Wire")})
"""The harness's own, one for all software of a process: what a codec has worked out so far hangs on what ran before."""

# Modules of the standard library that grow with what software does; what the others hold is theirs from the start.
_REGISTRIES = frozenset({"linecache", "logging", "mimetypes", "tempfile", "threading", "urllib", "warnings", "weakref"})

_kinds: dict[type, int] = {}


class Census:
    """Decides when to count, counts, tells the history, and kills what is over budget."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._next_at = 0
        self._samples = 0
        self.software_bytes = 0
        self.objects_walked = 0
        """Over the whole run, for measuring what the census costs."""

    def action_ended(self) -> None:
        """A leak grows between censuses: the last figure is good enough to see the budget pass."""
        memory = self._station.hardware.memory
        if memory.conditions and memory.exhausted(self.software_bytes):
            self._out_of_memory()

    def idle(self) -> None:
        """The software asks for the next event with nothing under way: a good moment, if one is due."""
        station = self._station
        if station.transactions < self._next_at:
            return
        process = station.process
        if process is None:
            return
        weigh = getattr(station.terminal, "held_bytes", None)
        if weigh is not None:
            # A program of its own: the kernel knows.
            self.software_bytes, objects = weigh(), 0
        else:
            is_shared = station.software.shared_table is not None
            self.software_bytes, objects = reachable_bytes(process, station.terminal, is_shared=is_shared)
        self.objects_walked += objects
        spacing = max(ACTIONS_BETWEEN_MIN, objects // OBJECTS_AN_ACTION)
        self._next_at = (
            EARLY_SAMPLES[self._samples] if self._samples < len(EARLY_SAMPLES) else station.transactions + spacing
        )
        self._samples += 1
        memory = station.hardware.memory
        station.world.recorder.emit(
            MemorySampled(
                station.world.now_us,
                station.name,
                self.software_bytes,
                memory.leaked_bytes,
                memory.budget_bytes,
                station.transactions,
            )
        )
        if memory.exhausted(self.software_bytes):
            self._out_of_memory()

    def _out_of_memory(self) -> None:
        memory = self._station.hardware.memory
        detail = (
            f"{self.software_bytes} bytes held by the software and {memory.leaked_bytes} leaked "
            f"of a budget of {memory.budget_bytes}"
        )
        self.software_bytes = 0
        self._station.crash("out_of_memory", detail)


class _Shared:
    """What the modules hold that all boots of some software share: counted once, because it does not change.

    The objects are kept alive with the count, so that their identities cannot become another object's.
    """

    def __init__(self, table: ModuleTable) -> None:
        self.table = table
        self.known: set[int] = set()
        self.kept: list[Any] = []
        self.bytes = _walk(list(_module_data(table)), table, self.known, self.kept)


_shared: _Shared | None = None


def reachable_bytes(process: Process, terminal: object, *, is_shared: bool = False) -> tuple[int, int]:
    """Bytes and objects that the software of ``process`` holds. ``is_shared``: its modules are those of every boot."""
    global _shared
    stack: list[Any] = [terminal]
    table = process.table
    for fiber in process.fibers:
        stack.extend(_frame_data(fiber.greenlet, table))
    seen: set[int] = set()
    if table is None or not is_shared:
        if table is not None:
            stack.extend(_module_data(table))
        total = _walk(stack, table, seen)
        return total, len(seen)
    if _shared is None or _shared.table is not table:
        _shared = _Shared(table)
    total = _walk(stack, table, seen, known=_shared.known)
    return _shared.bytes + total, len(_shared.known) + len(seen)


def _module_data(table: ModuleTable) -> Iterable[Any]:
    for name, module in table.entries.items():
        if module is None or "__builtins__" not in vars(module) or name == "builtins":
            continue
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names or top in _REGISTRIES:
            yield from [value for key, value in vars(module).items() if not key.startswith("__")]


def _frame_data(body: Any, table: ModuleTable | None) -> list[Any]:
    """Local variables of a fiber's own frames. The snapshot that reading them leaves behind is emptied again, or it would
    keep alive what the software lets go of."""
    found: list[Any] = []
    if body is None or table is None:
        return found
    frame = body.gr_frame if body.gr_frame is not None else sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__builtins__") is table.builtins and frame.f_locals is not frame.f_globals:
            snapshot = frame.f_locals
            found.extend(snapshot.values())
            snapshot.clear()
        frame = frame.f_back
    return found


_NOTHING: frozenset[int] = frozenset()


def _walk(
    stack: list[Any],
    table: ModuleTable | None,
    seen: set[int],
    kept: list[Any] | None = None,
    known: Set[int] = _NOTHING,
) -> int:
    """Sum of sizes of everything reachable but for what is ``known``; identities go into ``seen``, objects into ``kept``.

    Unlike ``id`` and ``gc.get_referents`` on one object at a time, ``object.__hash__`` (which is the address, turned by four
    bits) and a whole layer of objects at once do not raise an audit event for each object.
    """
    total = 0
    own = table.entries if table is not None else {}
    kinds, getsizeof, referents, identity = _kinds, sys.getsizeof, gc.get_referents, object.__hash__
    layer: list[Any] = []
    loose: list[Any] = []
    while stack:
        for found in stack:
            cls = type(found)
            kind = kinds.get(cls)
            if kind is None:
                kind = kinds[cls] = _kind_of(cls)
            if kind == _SKIP:
                continue
            address = identity(found)
            if address in seen or address in known:
                continue
            seen.add(address)
            if kept is not None:
                kept.append(found)
            if kind == _TEXT:
                total += 49 + len(found) if found.isascii() else 74 + 2 * len(found)
            elif kind == _LEAF:
                total += getsizeof(found)
            elif kind == _DICT:
                total += 80 + 100 * len(found)
                loose.extend(found.keys())
                loose.extend(found.values())
            elif kind == _CLASS:
                if found.__module__ in own:
                    loose.extend(vars(found).values())
            else:
                total += (
                    getsizeof(found) if cls.__itemsize__ or cls in _VARIABLE else cls.__basicsize__ + _GC_HEADER_BYTES
                )
                layer.append(found)
        if len(seen) > OBJECTS_MAX:
            break
        loose += referents(*layer)
        stack, loose, layer = loose, [], []
    return total


_VARIABLE = (list, set, frozenset)


def _kind_of(cls: type) -> int:
    if cls is str:
        return _TEXT
    if cls in (bytes, bytearray, int, float, bool, complex, type(None), range, memoryview):
        return _LEAF
    if cls is dict:
        return _DICT
    if issubclass(cls, type):
        return _CLASS
    if issubclass(cls, _SKIPPED_TYPES) or (cls.__module__, cls.__name__) in _SHARED_BY_ALL:
        return _SKIP
    module = cls.__module__
    if module.startswith(_FOREIGN) and not module.startswith(_OWN):
        return _SKIP
    return _WALK

"""The registry: faults, invariants, profiles and the rest register once and appear in lists, schema, docs and tests."""

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from harness.core.errors import UsageError

T = TypeVar("T")


def nearest(name: str, names: list[str]) -> str:
    """`` did you mean X?`` for the closest of ``names``, or the whole list when none is close."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(names)


@dataclass(slots=True)
class Registry(Generic[T]):
    """Things of one kind by name, kept in the order in which they were registered."""

    kind: str
    _items: dict[str, T] = field(default_factory=dict)

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator: ``@FAULTS.register("power_loss")``. A name taken twice is an error of the harness."""

        def add(item: T) -> T:
            if name in self._items:
                raise ValueError(f"{self.kind} {name!r} is registered twice")
            self._items[name] = item
            return item

        return add

    def get(self, name: str) -> T:
        """The item; raises UsageError naming the nearest known name."""
        try:
            return self._items[name]
        except KeyError:
            raise UsageError(f"no {self.kind} named {name!r}; {nearest(name, list(self._items))}") from None

    def names(self) -> list[str]:
        """All names, in order of registration."""
        return list(self._items)

    def items(self) -> Iterator[tuple[str, T]]:
        """Names and items, in order of registration."""
        return iter(self._items.items())

    def __contains__(self, name: str) -> bool:
        return name in self._items

"""File objects of the pyfakefs disk: pyfakefs's own, which die with their disk.

Models: after power loss every call raises EIO, and closing is silent, so that unwinding code lands nothing.
Does not model: what pyfakefs's file objects do not (see the divergences that tests/storage lists).
Source: the design's rule that the dead never write; CPython's io, where closing a lost file says nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

from pyfakefs.fake_file import FakeFile

_CHANGING = frozenset({"write", "writelines", "flush", "truncate"})


class FakeHandle:
    """A pyfakefs file object, guarded by its disk."""

    def __init__(
        self,
        handle: Any,
        check_alive: Callable[[], None],
        touch: Callable[[FakeFile], None],
        closed: Callable[[FakeFile, bool], None],
    ) -> None:
        self._handle = handle
        self._check_alive = check_alive
        self._touch = touch
        self._closed = closed

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._handle, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._check_alive()
            result = value(*args, **kwargs)
            if name in _CHANGING:
                self._touch(self._handle.get_object())
            return result

        return call

    def close(self) -> None:
        try:
            self._check_alive()
        except OSError:
            return
        if self._handle.closed:
            return
        each, writable = self._handle.get_object(), bool(getattr(self._handle, "allow_update", False))
        self._handle.close()
        self._closed(each, writable)

    def __enter__(self) -> "FakeHandle":
        self._check_alive()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        self._check_alive()
        return iter(self._handle)

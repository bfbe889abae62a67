"""The last log read, kept: thousands of cuts of one log read its barriers once."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from harness.storage.image import Image
from harness.storage.oplog import Op

Reading = TypeVar("Reading")


class LastRead(Generic[Reading]):
    """``read`` with the reading of the last tuple remembered; a list may have grown since, and is read again."""

    __slots__ = ("_base", "_log", "_read", "_reading")

    def __init__(self, read: Callable[[Image, Sequence[Op]], Reading]) -> None:
        self._read = read
        self._base: Image | None = None
        self._log: Sequence[Op] | None = None
        self._reading: Reading | None = None

    def __call__(self, base: Image, log: Sequence[Op]) -> Reading:
        if type(log) is not tuple:
            return self._read(base, log)
        if self._reading is None or log is not self._log or base is not self._base:
            self._reading = self._read(base, log)
            self._base, self._log = base, log
        return self._reading

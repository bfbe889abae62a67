"""When the bytes of each file were written last: what a byte that is older than a record can never have held.

Models: the time of the last write of each byte, by path, over renames and whatever process wrote; blank bytes that were written
ahead of need are as old as that write. Does not model: what was there before the watch began, which counts as older than
everything; what of a write failed or a power cut undid, which only makes bytes look younger than they are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.storage.calls import StorageCall

BEFORE_THE_WATCH_US = -1


class _FileAges:
    """Stretches of one file that were written at one time: their beginnings, ends and times, in order and without overlap."""

    __slots__ = ("ends", "starts", "times")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.times: list[int] = []

    def write(self, start: int, end: int, at_us: int) -> None:
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end)
        starts, ends, times = [start], [end], [at_us]
        if first < last:
            if self.starts[first] < start:
                starts, ends, times = (
                    [self.starts[first], *starts],
                    [start, *ends],
                    [self.times[first], *times],
                )
            if self.ends[last - 1] > end:
                starts, ends, times = [*starts, end], [*ends, self.ends[last - 1]], [*times, self.times[last - 1]]
        self.starts[first:last], self.ends[first:last], self.times[first:last] = starts, ends, times

    def youngest_us(self, start: int, end: int) -> int:
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end)
        return max(self.times[first:last], default=BEFORE_THE_WATCH_US)


class FileAges:
    """All files of a device, told of each storage call before it happens."""

    def __init__(self) -> None:
        self._files: dict[str, _FileAges] = {}

    def heard(self, call: StorageCall, at_us: int) -> None:
        """One call that is about to change a volume."""
        if call.kind == "write":
            self._of(call.path).write(call.offset_bytes, call.offset_bytes + call.byte_count, at_us)
        elif call.kind == "rename":
            moved = self._files.pop(call.source_path, None)
            self._files[call.path] = moved if moved is not None else _FileAges()
        elif call.kind == "link":
            self._files[call.path] = self._of(call.source_path)

    def youngest_us(self, path: str, start_bytes: int, end_bytes: int) -> int:
        """When the youngest of these bytes was written last; ``BEFORE_THE_WATCH_US`` when none was since the watch began."""
        found = self._files.get(path)
        return BEFORE_THE_WATCH_US if found is None else found.youngest_us(start_bytes, end_bytes)

    def _of(self, path: str) -> _FileAges:
        return self._files.setdefault(path, _FileAges())

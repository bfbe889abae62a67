"""Write-back: what the kernel writes to the medium by itself, some time after the software wrote it.

Models: everything older than the profile's ``writes_back_after_us`` is durable, as if a sync had been made at that moment of
the log. Linux looks every 5 s for pages older than 30 s and ext4 commits its journal every 5 s; the profiles say 60 s, which
is later than a healthy kernel ever is. Without it, software that never syncs would lose whole days, which no device does.
Does not model: write-back earlier than it has to be (a cut may find it done: that is one of the legal images anyway), or a
kernel that falls behind. Profiles that promise nothing of the kind (posix-weak) have none.
Source: Linux Documentation/admin-guide/sysctl/vm.rst (dirty_expire_centisecs 3000, dirty_writeback_centisecs 500); ext4.rst
(commit=5).
"""

from collections import deque
from collections.abc import Sequence

from harness.storage.oplog import Op, SyncVolume


class WriteBack:
    """Follows one volume's log. ``after_us`` None: nothing is ever written back."""

    __slots__ = ("_marks", "after_us")

    def __init__(self, after_us: int | None) -> None:
        self.after_us = after_us
        self._marks: deque[tuple[int, int]] = deque()

    def advance(self, log: list[Op], now_us: int) -> None:
        """Time has come to ``now_us``: what was logged long enough ago is made durable in place."""
        if self.after_us is None:
            return
        marks = self._marks
        if not log and not marks:
            return
        expired = 0
        while marks and now_us - marks[0][0] >= self.after_us:
            expired = marks.popleft()[1]
        if expired and any(not isinstance(op, SyncVolume) for op in log[:expired]):
            log.insert(expired, SyncVolume(written_back=True))
            if marks:
                self._marks = marks = deque([(at_us, place + 1) for at_us, place in marks])
        if log and (not marks or len(log) > marks[-1][1]):
            marks.append((now_us, len(log)))

    def folded(self, before: Sequence[Op], after: Sequence[Op]) -> None:
        """Records that no cut can undo left the log: the marks move with those that stay."""
        if not self._marks:
            return
        # ``after`` is some of ``before`` in the same order, so one walk finds what stayed.
        places, kept = [0], 0
        for op in before:
            if kept < len(after) and after[kept] is op:
                kept += 1
            places.append(kept)
        self._marks = deque((at_us, places[min(place, len(before))]) for at_us, place in self._marks)

    def copy(self) -> "WriteBack":
        """One that goes its own way from here, to look ahead with."""
        other = WriteBack(self.after_us)
        other._marks = self._marks.copy()
        return other

    def forget(self) -> None:
        """The log begins anew, after a cut."""
        self._marks.clear()

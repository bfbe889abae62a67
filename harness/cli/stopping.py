"""Being asked to stop: Ctrl-C and SIGTERM, heard from a command's first moment on, before there is any work that could be told.

Models: the first signal is said and handed to whoever works, once there is somebody; the second, where that ends at once, breaks
off. Does not model: signals before the command has begun, which end the interpreter while it starts.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_ONE_WISH_S = 0.05
"""timeout(1) signals the process and then its whole group: two signals so close are one wish."""


class Stopping:
    """Whether somebody asked to stop, and who is told."""

    def __init__(self, said: str, *, breaks_off: bool = False) -> None:
        self.asked = False
        self.clear: Callable[[], object] | None = None
        """Takes away what is drawn on the screen, before anything is said there."""
        self._said = said
        self._breaks_off = breaks_off
        self._stop: Callable[[], object] | None = None
        self._since_s = 0.0

    def tell(self, stop: Callable[[], object]) -> None:
        """From now on ``stop`` is called when somebody asks; at once where somebody has."""
        self._stop = stop
        if self.asked:
            stop()

    def hear(self, _number: int = 0, _frame: object = None) -> None:
        """What a signal does."""
        now_s = time.monotonic()
        if self.asked:
            if self._breaks_off and now_s - self._since_s >= _ONE_WISH_S:
                raise KeyboardInterrupt
            return
        self.asked, self._since_s = True, now_s
        if self.clear is not None:
            self.clear()
        again = "; again to stop at once" if self._breaks_off else ""
        with suppress(OSError):
            # Not through a buffer that a progress line may be half-way through.
            os.write(2, f"\ninterrupted: {self._said}{again}\n".encode())
        if self._stop is not None:
            self._stop()


@contextmanager
def stopping(said: str, *, breaks_off: bool = False) -> Iterator[Stopping]:
    """Within this, SIGINT and SIGTERM come here; ``said``: what the first of them has the command do."""
    with heard_by(asked := Stopping(said, breaks_off=breaks_off)):
        yield asked


@contextmanager
def heard_by(asked: Stopping) -> Iterator[None]:
    """The same for one that is there already."""
    before = {each: signal.signal(each, asked.hear) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def as_ctrl_c() -> None:
    """For work that is ended by an exception where it stands."""
    raise KeyboardInterrupt

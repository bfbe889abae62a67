"""Files that a run writes while terminal software runs: a full or broken host disk must not look like the device's.

Models: nothing. An OSError here would surface inside whatever call of the software made an event, and software that catches
OSError would take the host's full disk for its own. The failure is kept, and the run looks for it between steps.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, UsageError

if TYPE_CHECKING:
    from typing_extensions import Buffer


def make_directory(directory: Path) -> None:
    """``directory``, made if need be. UsageError when it cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the directory {directory}: {error.strerror}") from None


def write_bytes(path: Path, data: bytes) -> None:
    """``data`` as the whole content of ``path``. HarnessError when it cannot be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise HarnessError(f"cannot write {path}: {error.strerror}") from None


class Sink(io.RawIOBase):
    """An unbuffered file that accepts everything and remembers the first failure."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.failure: OSError | None = None
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer, /) -> int:
        """All of ``data``, or a failure to be found later."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view) and self.failure is None:
            try:
                done += os.write(self._descriptor, view[done:])
            except OSError as error:
                self.failure = error
        return len(view)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()

    def check(self) -> None:
        """HarnessError when something could not be written."""
        if self.failure is not None:
            raise HarnessError(
                f"cannot write {self.path}: {self.failure.strerror}; the run was stopped, nothing was judged"
            )

"""The reference with one careless habit each: what a failing call shows, and nothing else does."""

from __future__ import annotations

import os

from harness.contract import Action, Failed, Outcome
from harness.terminals.jsonfile_terminal import JsonFileTerminal
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.journal import Journal
from harness.terminals.reference.journal_file import JournalFile
from harness.terminals.reference.records import Kind
from harness.terminals.reference.store import Store


def terminal(file: type[JournalFile]) -> type[ReferenceTerminal]:
    """The reference on such a journal."""
    journal = type("CarelessJournal", (Journal,), {"file_class": file})
    store = type("CarelessStore", (Store,), {"journal_class": journal})
    return type("Careless", (ReferenceTerminal,), {"store_class": store})


class SwallowsErrorsFile(JournalFile):
    """Takes a write that failed for one that did not."""

    def write(self, offset: int, data: bytes) -> None:
        try:
            super().write(offset, data)
        except OSError:
            pass


class FlushesAgainFile(JournalFile):
    """Believes the second flush when the first one failed."""

    def write(self, offset: int, data: bytes) -> None:
        try:
            super().write(offset, data)
        except OSError:
            os.fsync(self._fd)


class WritesOnceFile(JournalFile):
    """Does not look at how much of it was written."""

    def write(self, offset: int, data: bytes) -> None:
        os.pwrite(self._fd, data, offset)
        os.fsync(self._fd)


class TriesForEverFile(JournalFile):
    """Tries again, and again, without a pause."""

    def write(self, offset: int, data: bytes) -> None:
        while True:
            try:
                return super().write(offset, data)
            except OSError:
                continue


SwallowsErrors = terminal(SwallowsErrorsFile)
FlushesAgain = terminal(FlushesAgainFile)
WritesOnce = terminal(WritesOnceFile)
TriesForEver = terminal(TriesForEverFile)


class ForgetfulStore(Store):
    """Goes on without the record when there is no memory for it."""

    def append(self, kind: Kind, payload: bytes) -> int:
        try:
            return super().append(kind, payload)
        except MemoryError:
            return 0


class Forgetful(ReferenceTerminal):
    """See its store."""

    store_class = ForgetfulStore


class LooksTwice(JsonFileTerminal):
    """Looks at its file once more, through a buffer."""

    def open_storage(self) -> None:
        super().open_storage()
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                file.read(16)


class SettlesOnlyWhenNew(ReferenceTerminal):
    """Sells after a restart, and never settles again."""

    def boot(self) -> None:
        self.used = bool(os.listdir(self.device.volumes["data"]))
        super().boot()

    def settle(self, action: Action) -> Outcome:
        return Failed("not_balanced") if self.used else super().settle(action)


class NamesFileByCard(JsonFileTerminal):
    """Keeps a file by card, and does not start when a part of it is missing."""

    def open_storage(self) -> None:
        super().open_storage()
        path = self.device.volumes["data"] + "/6222021234567890123.log"
        if os.path.exists(path):
            with open(path, "rb") as file:
                if len(file.read().replace(b"boot\n", b"")):
                    raise RuntimeError(f"{path} is torn")
        with open(path, "a") as file:
            file.write("boot\n" * 400)
            file.flush()
            os.fsync(file.fileno())

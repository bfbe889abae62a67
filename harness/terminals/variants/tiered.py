"""The reference with tiered storage: older records of the open batch move to the second volume, and the first stays small.

Models: the move as ``archive`` promises it, made between sales and never while anything is in doubt; a second volume that is full
or gone stops no move back and no sale. Void, reprint, upload and settlement find a record wherever it is. Does not model: moving
records of closed batches, which this terminal does not keep. Source: the field articles (分片/分层存储).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from harness.contract import Inspection, Nvram
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.books import Books
from harness.terminals.reference.inspection import inspect_image
from harness.terminals.reference.journal import Entry, Journal, JournalError
from harness.terminals.reference.records import Kind
from harness.terminals.reference.store import Store
from harness.terminals.variants.archive import ARCHIVE_FROM, ArchivingFormat, ArchivingJournal, movable


class TieredStore(Store):
    """A store whose journal has an archive."""

    compresses: ClassVar[bool] = False
    archiving_class: ClassVar[type[ArchivingJournal]] = ArchivingJournal

    def __init__(self, directory: str, nvram: Nvram, archive_directory: str) -> None:
        self._archive_directory = archive_directory
        super().__init__(directory, nvram)

    def _make_journal(self) -> Journal:
        return self.archiving_class(self._directory, self._archive_directory, compresses=self.compresses)

    def has_room(self) -> bool:
        """Moves records first when it is time to; a move that fails leaves everything where it was."""
        journal = self._journal
        quiet = self.books.pending is None and self.books.settlement is None and not self._suspect
        if quiet and isinstance(journal, ArchivingJournal):
            try:
                entries = journal.entries()
                if movable(entries):
                    self.move(journal, entries)
            except (OSError, JournalError):
                pass
        return super().has_room()

    def move(self, journal: ArchivingJournal, entries: list[Entry]) -> None:
        """First into the archive, then out of the journal."""
        self.begin_without(journal, entries, journal.move(entries))

    def begin_without(self, journal: ArchivingJournal, entries: list[Entry], name: Entry) -> None:
        """A generation that names the archive and has only what was not moved."""
        gone = {entry.offset for entry in movable(entries)}
        left = [
            entry
            for entry in entries
            if self._matters(entry)
            and entry.kind != Kind.ARCHIVED
            and entry.offset < ARCHIVE_FROM
            and entry.offset not in gone
        ]
        self._begin(journal, self.books, [name, *left])
        self.books = Books.fold(journal.entries(), self.books.base(0))


class Tiered(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="tiered")
    tiered_class: ClassVar[type[TieredStore]] = TieredStore

    def make_store(self) -> Store:
        volumes = self.device.volumes
        directory = volumes["data"] if "data" in volumes else next(iter(volumes.values()))
        return self.tiered_class(directory, self.device.nvram, self.archive_directory(directory))

    def archive_directory(self, directory: str) -> str:
        """The first volume that is for nothing else; without one the data volume."""
        others = [name for name in sorted(self.device.volumes) if name not in ("data", "system", "cache")]
        return self.device.volumes[others[0]] if others else directory

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        """The open batch as the files tell it, archive included."""
        return inspect_image(image, (ArchivingFormat.of(image),))

"""Releases written for these tests: migrations that leave something behind, and an old release that dies of newer data."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.formats import Entry
from harness.terminals.reference.journal import Journal, NewerData
from harness.terminals.reference.records import Kind, Transaction
from harness.terminals.reference.store import Store
from harness.terminals.reference_v1 import FirstJournal, FirstStore, ReferenceV1


class _QueueDropped(Store):
    """Takes over what the host knows already."""

    _is_old = False

    def _relocate(self, journal: Journal) -> None:
        self._is_old = journal.is_old
        super()._relocate(journal)

    def _matters(self, entry: Entry) -> bool:
        if self._is_old and entry.kind == Kind.APPROVED:
            return int(Transaction.unpack(entry.payload).stan) not in self.books.unsent
        return super()._matters(entry)


class DropsQueue(ReferenceTerminal):
    """Its migration deletes unsent payments."""

    store_class: ClassVar[type[Store]] = _QueueDropped


class NoHolds(ReferenceTerminal):
    """Knows no pre-authorisations."""

    manifest = replace(
        ReferenceTerminal.manifest, actions=frozenset(ReferenceTerminal.manifest.actions) - {"preauth", "completion"}
    )


class _DyingJournal(FirstJournal):
    def recover(self, *arguments: object) -> object:  # type: ignore[override]
        try:
            return super().recover(*arguments)  # type: ignore[arg-type]
        except NewerData as error:
            raise RuntimeError("not mine") from error


class _DyingStore(FirstStore):
    journal_class = _DyingJournal


class DiesOfNewerData(ReferenceV1):
    """The release before, which does not say what is wrong."""

    store_class: ClassVar[type[Store]] = _DyingStore

"""The reference terminal's files read from outside, without a device: what a service technician's tool would show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.contract import Inspection, Record
from harness.terminals.reference.books import Books
from harness.terminals.reference.formats import Entry, RecordFormat, is_newer, newest_of
from harness.terminals.reference.journal import FILE_NAMES
from harness.terminals.reference.records import SCAN_SALE, Base, Kind, Transaction, next_stan


def inspect_image(image: Mapping[str, bytes], formats: Sequence[RecordFormat]) -> Inspection | None:
    """Records, pending reversal and batch. NVRAM is not in the image, so a lost tail shows only to the terminal itself.

    None: a later release wrote them.
    """
    files = [_file(image, name) for name in FILE_NAMES]
    found = newest_of(formats, files)
    if is_newer(files, formats, -1 if found is None else found.generation):
        return None
    if found is None:
        return Inspection()
    books = Books.fold(found.entries, Base("000001", 0, 0, 0, False))
    pending, totals = books.pending, books.totals
    return Inspection(
        batch=books.batch,
        next_stan=f"{next_stan(books.stan):06d}",
        records=tuple(_records(books, found.entries)),
        pending_reversals=() if pending is None or not pending.is_reversible else (pending.stan,),
        damaged_records=books.damaged + found.missing,
        settling=books.settlement is not None,
        totals=(totals.debit_count, totals.debit_fen, totals.credit_count, totals.credit_fen),
    )


def _file(image: Mapping[str, bytes], name: str) -> bytes:
    return next((content for path, content in sorted(image.items()) if path.rsplit("/", 1)[-1] == name), b"")


def _records(books: Books, entries: tuple[Entry, ...]) -> list[Record]:
    seen: set[str] = set()
    records: list[Record] = []
    for entry in entries:
        if entry.kind != Kind.APPROVED:
            continue
        logged = Transaction.unpack(entry.payload)
        if logged.stan not in seen:
            seen.add(logged.stan)
            state = "voided" if books.is_voided(logged.stan) else "active"
            kind = "sale" if logged.kind == SCAN_SALE else logged.kind
            records.append(Record(logged.stan, logged.batch, kind, logged.amount_fen, state))  # type: ignore[arg-type]
    return records

"""What the host holds at the end: every terminal's batches and what is booked in them, to be laid beside its own records.

Models: the ledger as it stands, by terminal number and batch, with what the host answered. Does not model: card numbers, which
are in no artefact; how it came to stand so, which the history tells.
"""

from __future__ import annotations

import msgspec

from harness.engine.live.site import Site
from harness.host.ledger import Entry


class BookedEntry(msgspec.Struct, frozen=True):
    """One request that the host has judged."""

    stan: str
    kind: str
    amount_fen: int
    state: str
    response_code: str
    reference: str
    """The retrieval reference number (DE37)."""


class BookedBatch(msgspec.Struct, frozen=True):
    """One batch of one terminal."""

    batch: str
    phase: str
    """open, uploading or closed."""
    entries: tuple[BookedEntry, ...]


class BookedTerminal(msgspec.Struct, frozen=True):
    """One terminal that has called."""

    tid: str
    mid: str
    batches: tuple[BookedBatch, ...]


class Books(msgspec.Struct, frozen=True, tag="Books"):
    """The books of one ``harness host``; terminals that have booked nothing are left out."""

    terminals: tuple[BookedTerminal, ...]


def books_of(site: Site) -> Books:
    """The books as they stand."""
    acquirer = site.built.world.acquirer
    entries: dict[tuple[str, str], list[BookedEntry]] = {}
    for entry in acquirer.entries():
        entries.setdefault((entry.tid, entry.batch), []).append(_booked(entry))
    terminals = []
    for known in site.known:
        batches = tuple(
            BookedBatch(each.number, each.phase, tuple(entries.get((known.tid, each.number), ())))
            for each in acquirer.batches(known.tid)
        )
        if any(each.entries or each.phase != "open" for each in batches):
            terminals.append(BookedTerminal(known.tid, known.mid, batches))
    return Books(tuple(terminals))


def _booked(entry: Entry) -> BookedEntry:
    return BookedEntry(entry.stan, entry.kind, entry.amount_fen, entry.state, entry.response_code, entry.rrn)

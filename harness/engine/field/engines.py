"""The engines that are run, by the names of the table: which program, which option, which package.

Models: each engine as its documentation has shops use it, one record a transaction. Source of the list: domain.md section 6
(what Python shops store sales in) and the ALICE paper's applications (OSDI'14) as far as Debian and PyPI have them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Engine:
    """``program``: the module under ``programs/stores``, with its option. ``package``: where its version is read from."""

    name: str
    program: str
    package: str


ENGINES: dict[str, Engine] = {
    each.name: each
    for each in (
        Engine("sqlite3 DELETE", "sqlite:delete/full", "sqlite3"),
        Engine("sqlite3 DELETE, EXTRA", "sqlite:delete/extra", "sqlite3"),
        Engine("sqlite3 WAL, FULL", "sqlite:wal/full", "sqlite3"),
        Engine("sqlite3 WAL, NORMAL", "sqlite:wal/normal", "sqlite3"),
        Engine("sqlite3 synchronous=OFF", "sqlite:delete/off", "sqlite3"),
        Engine("LMDB", "lmdb_", "lmdb"),
        Engine("gdbm, gdbm_sync", "gdbm", "libgdbm6"),
    )
}

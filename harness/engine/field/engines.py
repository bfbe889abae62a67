"""The engines that are run, by the names of the table: which program, which option, which package.

Models: each engine as its documentation has shops use it, one record a transaction. Source of the list: what Python shops
store sales in, and the applications of the ALICE paper (OSDI'14) as far as Debian and PyPI have them.
"""

from __future__ import annotations

import ctypes
import platform
import sqlite3
import subprocess
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, slots=True)
class Engine:
    """``program``: the module under ``programs/stores``, with its option. ``package``: where its version is read from.

    ``records`` are stored by the workload, and ``states`` wanted of it under one profile: fewer where reading one takes long.
    """

    name: str
    program: str
    package: str
    records: int = 3
    states: int = 150

    @property
    def version(self) -> str:
        """What is installed here, with its version."""
        match self.package:
            case "SQLite":
                return f"SQLite {sqlite3.sqlite_version}"
            case "git":
                return subprocess.run(["git", "--version"], capture_output=True, check=True, text=True).stdout.strip()
            case "GNU dbm":
                number = (ctypes.c_int * 3).in_dll(ctypes.CDLL("libgdbm.so.6"), "gdbm_version_number")
                return "GNU dbm " + ".".join(map(str, number[:2]))
            case "Python":
                return f"Python {platform.python_version()}"
        return f"{self.package} {version(self.package)}"


ENGINES: dict[str, Engine] = {
    each.name: each
    for each in (
        Engine("sqlite3 DELETE", "sqlite_:delete/full", "SQLite"),
        Engine("sqlite3 DELETE, EXTRA", "sqlite_:delete/extra", "SQLite"),
        Engine("sqlite3 TRUNCATE", "sqlite_:truncate/full", "SQLite"),
        Engine("sqlite3 DELETE, reserve", "sqlite_:delete/full/reserve", "SQLite"),
        Engine("sqlite3 WAL, FULL", "sqlite_:wal/full", "SQLite"),
        Engine("sqlite3 WAL, NORMAL", "sqlite_:wal/normal", "SQLite"),
        Engine("sqlite3 WAL, FULL, reserve", "sqlite_:wal/full/reserve", "SQLite"),
        Engine("sqlite3 synchronous=OFF", "sqlite_:delete/off", "SQLite"),
        Engine("LMDB", "lmdb_", "lmdb"),
        Engine("LMDB, writemap", "lmdb_:writemap", "lmdb"),
        Engine("gdbm, gdbm_sync", "gdbm_", "GNU dbm"),
        Engine("LevelDB", "leveldb_:default", "plyvel"),
        Engine("LevelDB, sync", "leveldb_:sync", "plyvel"),
        Engine("git", "git_", "git", records=2, states=60),
        Engine("git, core.fsync=all", "git_:core.fsync=all", "git", records=2, states=60),
        Engine("TinyDB", "tinydb_", "tinydb"),
        Engine("persist-queue, file", "queue_:file", "persist-queue"),
        Engine("persist-queue, SQLiteAck", "queue_:ack", "persist-queue"),
        Engine("pickleDB", "pickledb_", "pickledb"),
        Engine("shelve on dbm.dumb", "dumb_", "Python"),
        Engine("ZODB", "zodb_", "ZODB"),
        Engine("Durus", "durus_", "Durus"),
        Engine("sqlitedict", "sqlitedict_", "sqlitedict"),
        Engine("diskcache", "diskcache_", "diskcache"),
    )
}

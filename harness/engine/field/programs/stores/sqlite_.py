"""SQLite through the standard library. The option: the journal mode, the synchronous level, and ``reserve`` for the repair.

The repair of "a full disk cannot be emptied": a file that holds space for nothing but this, removed before a settlement
deletes, so that its journal has room, and made again behind it. The journal of one DELETE of everything is as large as the
database, so it is done a few records at a time. The database does not shrink, and need not: its free pages take the next
day's sales, and what the journal took is free again.
"""

from __future__ import annotations

import os
import sqlite3

_RESERVE_BYTES = 32 << 10
_DELETED_TOGETHER = 20


class Store:
    def __init__(self, directory: str, option: str) -> None:
        journal, synchronous, *reserve = option.split("/")
        self.reserve = f"{directory}/reserve" if reserve else ""
        fresh = not os.path.exists(f"{directory}/batch.db")
        if fresh:
            self.make_reserve()
        self.database = sqlite3.connect(f"{directory}/batch.db", isolation_level=None)
        self.run(f"pragma journal_mode={journal}")
        self.run(f"pragma synchronous={synchronous}")
        self.run("create table if not exists sale (number integer primary key, text text)")

    def make_reserve(self) -> None:
        if self.reserve:
            with open(self.reserve, "wb") as file:
                file.write(bytes(_RESERVE_BYTES))

    def run(self, statement: str, *values: object) -> list[tuple[int, str]]:
        return self.database.execute(statement, values).fetchall()

    def put(self, number: int, text: str) -> None:
        self.run("insert into sale values (?, ?)", number, text)

    def read(self) -> dict[int, str]:
        problem = str(self.run("pragma integrity_check")[0][0])
        if problem != "ok":
            raise sqlite3.DatabaseError(f"integrity_check: {problem}")
        return dict(self.run("select number, text from sale"))

    def clear(self) -> None:
        if self.reserve and os.path.exists(self.reserve):
            os.unlink(self.reserve)
        if not self.reserve:
            self.run("delete from sale")
        else:
            self.shorten_log()
            while self.run("select number, '' from sale limit 1"):
                self.run("delete from sale where number in (select number from sale limit ?)", _DELETED_TOGETHER)
                self.shorten_log()
            self.make_reserve()

    def shorten_log(self) -> None:
        """With a write-ahead log, what it holds goes into the database, and its room is free again."""
        self.run("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        self.database.close()

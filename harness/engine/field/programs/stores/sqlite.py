"""SQLite through the standard library. The option is the journal mode and the synchronous level: ``wal/full``."""

from __future__ import annotations

import sqlite3


class Store:
    def __init__(self, directory: str, option: str) -> None:
        journal, synchronous = option.split("/")
        self.database = sqlite3.connect(f"{directory}/batch.db", isolation_level=None)
        self.run(f"pragma journal_mode={journal}")
        self.run(f"pragma synchronous={synchronous}")
        self.run("create table if not exists sale (number integer primary key, text text)")

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
        self.run("delete from sale")

    def close(self) -> None:
        self.database.close()

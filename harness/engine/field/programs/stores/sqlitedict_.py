"""sqlitedict: a dict on SQLite, behind a thread of its own, with its default journal and each record committed."""

from __future__ import annotations

from sqlitedict import SqliteDict


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.sales = SqliteDict(f"{directory}/batch.sqlite", autocommit=False)

    def put(self, number: int, text: str) -> None:
        self.sales[f"{number:06}"] = text
        self.sales.commit()

    def read(self) -> dict[int, str]:
        return {int(key): str(value) for key, value in self.sales.items()}

    def clear(self) -> None:
        self.sales.clear()
        self.sales.commit()

    def close(self) -> None:
        self.sales.close()

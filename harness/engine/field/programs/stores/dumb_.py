"""dbm.dumb of the standard library (which ``shelve`` falls back on), with ``sync`` after each record."""

from __future__ import annotations

import shelve
from dbm import dumb
from typing import Any


class Store:
    def __init__(self, directory: str, option: str) -> None:
        database: Any = dumb.open(f"{directory}/batch", "c")  # noqa: SIM115
        self.shelf = shelve.Shelf[str](database)

    def put(self, number: int, text: str) -> None:
        self.shelf[f"{number:06}"] = text
        self.shelf.sync()

    def read(self) -> dict[int, str]:
        return {int(key): str(value) for key, value in self.shelf.items()}

    def clear(self) -> None:
        for key in list(self.shelf):
            del self.shelf[key]
        self.shelf.sync()

    def close(self) -> None:
        self.shelf.close()

"""ZODB on its FileStorage: each record a commit; what a settlement removes is packed away."""

from __future__ import annotations

import transaction
from persistent.mapping import PersistentMapping
from ZODB import DB
from ZODB.FileStorage import FileStorage


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.database = DB(FileStorage(f"{directory}/batch.fs"))
        self.connection = self.database.open()
        root = self.connection.root()
        if "sales" not in root:
            root["sales"] = PersistentMapping()
            transaction.commit()
        self.sales = root["sales"]

    def put(self, number: int, text: str) -> None:
        # An object of its own for each sale: a commit writes that, and the list of them.
        self.sales[number] = PersistentMapping({"text": text})
        transaction.commit()

    def read(self) -> dict[int, str]:
        return {int(number): str(sale["text"]) for number, sale in self.sales.items()}

    def clear(self) -> None:
        self.sales.clear()
        transaction.commit()
        self.database.pack()

    def close(self) -> None:
        transaction.abort()
        self.connection.close()
        self.database.close()

"""Durus on its FileStorage: each record a commit; what a settlement removes is packed away."""

from __future__ import annotations

from durus.connection import Connection
from durus.file_storage import FileStorage
from durus.persistent_dict import PersistentDict


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.storage = FileStorage(f"{directory}/batch.durus")
        self.connection = Connection(self.storage)
        root = self.connection.get_root()
        if "sales" not in root:
            root["sales"] = PersistentDict()
            self.connection.commit()
        self.sales = root["sales"]

    def put(self, number: int, text: str) -> None:
        self.sales[number] = PersistentDict({"text": text})
        self.connection.commit()

    def read(self) -> dict[int, str]:
        return {int(number): str(self.sales[number]["text"]) for number in list(self.sales.keys())}

    def clear(self) -> None:
        for number in list(self.sales.keys()):
            del self.sales[number]
        self.connection.commit()
        self.connection.pack()

    def close(self) -> None:
        self.storage.close()

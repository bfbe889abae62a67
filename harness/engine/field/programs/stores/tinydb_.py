"""TinyDB with its default storage: one JSON document, written over the old one."""

from __future__ import annotations

from tinydb import TinyDB


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.database = TinyDB(f"{directory}/batch.json")

    def put(self, number: int, text: str) -> None:
        self.database.insert({"number": number, "text": text})

    def read(self) -> dict[int, str]:
        return {int(each["number"]): str(each["text"]) for each in self.database.all()}

    def clear(self) -> None:
        self.database.truncate()

    def close(self) -> None:
        self.database.close()

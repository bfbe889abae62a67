"""pickleDB 1: a JSON document in memory, dumped to a file beside the old one and renamed over it at each ``set``."""

from __future__ import annotations

from pickledb import PickleDB


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.database = PickleDB(f"{directory}/batch.db").load()

    def put(self, number: int, text: str) -> None:
        self.database.set(f"{number:06}", text)
        if not self.database.save():
            raise OSError("save() returned False")

    def read(self) -> dict[int, str]:
        return {int(key): str(self.database.get(key)) for key in self.database.all()}

    def clear(self) -> None:
        self.database.purge()
        if not self.database.save():
            raise OSError("save() returned False")

    def close(self) -> None:
        pass

"""LevelDB by plyvel. The option says whether each write is synced (``sync``) or as the library has it (``default``)."""

from __future__ import annotations

import plyvel


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.sync = option == "sync"
        self.database = plyvel.DB(f"{directory}/level", create_if_missing=True)

    def put(self, number: int, text: str) -> None:
        self.database.put(b"%06d" % number, text.encode(), sync=self.sync)

    def read(self) -> dict[int, str]:
        return {int(key): value.decode("latin-1") for key, value in self.database.iterator(verify_checksums=True)}

    def clear(self) -> None:
        with self.database.write_batch(sync=self.sync) as batch:
            for key in list(self.database.iterator(include_value=False)):
                batch.delete(key)
        self.database.compact_range()

    def close(self) -> None:
        self.database.close()

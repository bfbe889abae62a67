"""LMDB by its Python binding, with the defaults: a transaction is synced when it commits."""

from __future__ import annotations

import lmdb


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.environment = lmdb.open(f"{directory}/lmdb", map_size=1 << 20, writemap="writemap" in option)

    def put(self, number: int, text: str) -> None:
        with self.environment.begin(write=True) as transaction:
            transaction.put(b"%06d" % number, text.encode())

    def read(self) -> dict[int, str]:
        with self.environment.begin() as transaction:
            return {int(key): value.decode("latin-1") for key, value in transaction.cursor()}

    def clear(self) -> None:
        with self.environment.begin(write=True) as transaction:
            transaction.drop(self.environment.open_db(None, transaction), delete=False)

    def close(self) -> None:
        self.environment.close()

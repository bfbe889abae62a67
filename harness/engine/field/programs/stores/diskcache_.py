"""diskcache's Cache with its defaults: SQLite in WAL mode without syncs, large values in files of their own."""

from __future__ import annotations

from diskcache import Cache


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.cache = Cache(f"{directory}/cache")

    def put(self, number: int, text: str) -> None:
        self.cache.set(number, text)

    def read(self) -> dict[int, str]:
        return {int(number): str(self.cache[number]) for number in self.cache}

    def clear(self) -> None:
        self.cache.clear()

    def close(self) -> None:
        self.cache.close()

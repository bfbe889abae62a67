"""persist-queue, by the option: ``file`` its Queue of pickles in chunks, ``ack`` its SQLiteAckQueue."""

from __future__ import annotations

from typing import Any

import persistqueue

_Item = tuple[int, str]


class Store:
    def __init__(self, directory: str, option: str) -> None:
        self.kind = option
        self.queue: Any
        if option == "file":
            self.queue = persistqueue.Queue(f"{directory}/queue", autosave=True, tempdir=directory)
        else:
            self.queue = persistqueue.SQLiteAckQueue(f"{directory}/queue", auto_commit=True)

    def put(self, number: int, text: str) -> None:
        self.queue.put((number, text))

    def read(self) -> dict[int, str]:
        return dict(self._all())

    def _all(self) -> list[_Item]:
        if self.kind == "ack":
            return [each["data"] for each in self.queue.queue()]
        # Looking means taking; what was taken is put back, so that a later reader finds it.
        taken: list[_Item] = []
        while self.queue.qsize():
            taken.append(self.queue.get_nowait())
        for item in taken:
            self.queue.put(item)
        return taken

    def clear(self) -> None:
        while self.queue.qsize():
            item = self.queue.get(block=False)
            if self.kind == "ack":
                self.queue.ack(item)
            else:
                self.queue.task_done()
        if self.kind == "ack":
            self.queue.clear_acked_data(max_delete=100_000, keep_latest=0)
            self.queue.shrink_disk_usage()

    def close(self) -> None:
        if self.kind == "ack":
            self.queue.close()

"""A terminal that keeps its log and its reversals in persist-queue's file queues, and its settings in a one-item queue.

What it shows: the library replaces its index by rename and syncs nothing, so a power cut may leave an index that names bytes that
never reached the disk (its issues 56 and 180). A queue can only be read by taking: the log is taken out at boot and put back,
with a moment in between. Nothing here is made worse on purpose.
"""

from __future__ import annotations

import os
from dataclasses import replace

from persistqueue import Queue

from harness.contract import Manifest
from harness.terminals.simple_terminal import MEMORY_SLACK_BYTES, Entry, Fields, SimpleTerminal


class FileQueueTerminal(SimpleTerminal):
    """See the module's first lines."""

    manifest = Manifest(
        name="filequeue",
        actions=frozenset({"sale", "void", "refund", "settle", "sign_on", "reprint", "reboot"}),
        max_transactions=SimpleTerminal.limit,
        memory_slack_bytes=MEMORY_SLACK_BYTES,
    )

    def open_storage(self) -> None:
        self._log_queue = self._queue("log")
        self._reversal_queue = self._queue("reversal")
        self._settings_queue = self._queue("settings")
        self._log = [Entry(**row) for row in self._peek(self._log_queue)]  # type: ignore[arg-type]
        self._pending = [Entry(**row) for row in self._peek(self._reversal_queue)]  # type: ignore[arg-type]
        self._settings: dict[str, str] = {}
        for row in self._peek(self._settings_queue):
            self._settings = {name: str(value) for name, value in row.items()}

    def _queue(self, name: str) -> Queue:
        path = os.path.join(self.device.volumes["data"], name)
        # The library asks for a temporary directory on the same file system.
        os.makedirs(path, exist_ok=True)
        return Queue(path, tempdir=path)

    def _take_all(self, queue: Queue) -> list[Fields]:
        rows: list[Fields] = []
        while not queue.empty():
            rows.append(queue.get())
            queue.task_done()
        return rows

    def _peek(self, queue: Queue) -> list[Fields]:
        rows = self._take_all(queue)
        for row in rows:
            queue.put(row)
        return rows

    def setting(self, name: str, default: str) -> str:
        return self._settings.get(name, default)

    def save_setting(self, name: str, value: str) -> None:
        self._settings[name] = value
        self._settings_queue.put(dict(self._settings))
        while self._settings_queue.qsize() > 1:
            self._settings_queue.get()
            self._settings_queue.task_done()

    def log(self) -> list[Entry]:
        return list(self._log)

    def add(self, entry: Entry) -> None:
        self._log_queue.put(entry.fields())
        self._log.append(entry)

    def mark_voided(self, stan: str) -> None:
        self._log = [replace(entry, voided=entry.voided or entry.stan == stan) for entry in self._log]
        self._take_all(self._log_queue)
        for entry in self._log:
            self._log_queue.put(entry.fields())

    def clear_log(self) -> None:
        self._take_all(self._log_queue)
        self._log = []

    def pending(self) -> Entry | None:
        return self._pending[0] if self._pending else None

    def set_pending(self, entry: Entry | None) -> None:
        if self._pending:
            self._take_all(self._reversal_queue)
        self._pending = []
        if entry is not None:
            self._reversal_queue.put(entry.fields())
            self._pending = [entry]

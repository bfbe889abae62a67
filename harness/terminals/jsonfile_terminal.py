"""A terminal that keeps everything in one JSON file and rewrites it in place: open for writing, dump, flush, fsync, close.

What it shows: "w" truncates first, so for a moment the file is empty, and after a power cut or on a full volume it stays so, or
stays half a file. The fsync is there and does not help. Nothing here is made worse on purpose.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TypedDict

from harness.contract import Inspection, Manifest
from harness.terminals.simple_terminal import MEMORY_SLACK_BYTES, Entry, Fields, SimpleTerminal, inspection

_FILE = "terminal.json"


class _Content(TypedDict):
    settings: dict[str, str]
    log: list[Fields]
    pending: Fields | None


class JsonFileTerminal(SimpleTerminal):
    """See the module's first lines."""

    manifest = Manifest(
        name="jsonfile",
        actions=frozenset({"sale", "void", "refund", "settle", "sign_on", "reprint", "reboot"}),
        max_transactions=SimpleTerminal.limit,
        memory_slack_bytes=MEMORY_SLACK_BYTES,
    )

    def open_storage(self) -> None:
        self._path = os.path.join(self.device.volumes["data"], _FILE)
        self._content: _Content = {"settings": {}, "log": [], "pending": None}
        if os.path.exists(self._path):
            with open(self._path, encoding="utf-8") as file:
                self._content = json.load(file)

    def _save(self) -> None:
        with open(self._path, "w", encoding="utf-8") as file:
            json.dump(self._content, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())

    def setting(self, name: str, default: str) -> str:
        return self._content["settings"].get(name, default)

    def save_setting(self, name: str, value: str) -> None:
        self._content["settings"][name] = value
        self._save()

    def log(self) -> list[Entry]:
        return [Entry(**row) for row in self._content["log"]]  # type: ignore[arg-type]

    def add(self, entry: Entry) -> None:
        self._content["log"].append(entry.fields())
        self._save()

    def mark_voided(self, stan: str) -> None:
        entries = [replace(entry, voided=entry.voided or entry.stan == stan) for entry in self.log()]
        self._content["log"] = [entry.fields() for entry in entries]
        self._save()

    def clear_log(self) -> None:
        self._content["log"] = []
        self._save()

    def pending(self) -> Entry | None:
        row = self._content["pending"]
        return None if row is None else Entry(**row)  # type: ignore[arg-type]

    def set_pending(self, entry: Entry | None) -> None:
        row = None if entry is None else entry.fields()
        if row != self._content["pending"]:
            self._content["pending"] = row
            self._save()

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        data = next((data for path, data in image.items() if path.endswith("/" + _FILE)), None)
        if data is None:
            return Inspection()
        content: _Content = json.loads(data)
        pending = content["pending"]
        return inspection(content["settings"], content["log"], [] if pending is None else [str(pending["stan"])])

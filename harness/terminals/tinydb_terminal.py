"""A terminal that keeps log, settings and pending reversal in one TinyDB file, as any tutorial would.

What it shows: TinyDB rewrites the whole JSON file in place for every change. A full volume in the middle of that destroys the
file, and so does a power cut; both are by TinyDB's own documentation not its business. Nothing here is made worse on purpose.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TypeAlias, cast

from tinydb import Query, TinyDB

from harness.contract import Inspection, Manifest
from harness.terminals.simple_terminal import MEMORY_SLACK_BYTES, Entry, Fields, SimpleTerminal, inspection

_FILE = "terminal.json"
_Rows: TypeAlias = dict[str, Fields]


class TinyDbTerminal(SimpleTerminal):
    """See the module's first lines."""

    manifest = Manifest(
        name="tinydb",
        actions=frozenset({"sale", "void", "refund", "settle", "sign_on", "reprint", "reboot"}),
        max_transactions=SimpleTerminal.limit,
        memory_slack_bytes=MEMORY_SLACK_BYTES,
    )

    def open_storage(self) -> None:
        self._db = TinyDB(os.path.join(self.device.volumes["data"], _FILE), ensure_ascii=False)
        self._log = self._db.table("log")
        self._settings = self._db.table("settings")
        self._reversal = self._db.table("reversal")

    def setting(self, name: str, default: str) -> str:
        row = self._settings.get(Query().name == name)
        return default if row is None else cast(str, row["value"])

    def save_setting(self, name: str, value: str) -> None:
        self._settings.upsert({"name": name, "value": value}, Query().name == name)

    def log(self) -> list[Entry]:
        return [Entry(**row) for row in self._log.all()]

    def add(self, entry: Entry) -> None:
        self._log.insert(entry.fields())

    def mark_voided(self, stan: str) -> None:
        self._log.update({"voided": True}, Query().stan == stan)

    def clear_log(self) -> None:
        self._log.truncate()

    def pending(self) -> Entry | None:
        rows = self._reversal.all()
        return Entry(**rows[0]) if rows else None

    def set_pending(self, entry: Entry | None) -> None:
        if len(self._reversal):
            self._reversal.truncate()
        if entry is not None:
            self._reversal.insert(entry.fields())

    @classmethod
    def inspect(cls, image: Mapping[str, bytes]) -> Inspection | None:
        content = next((data for path, data in image.items() if path.endswith("/" + _FILE)), b"{}")
        tables: dict[str, _Rows] = json.loads(content or b"{}")
        settings = {str(row["name"]): str(row["value"]) for row in tables.get("settings", {}).values()}
        return inspection(
            settings,
            list(tables.get("log", {}).values()),
            [str(row["stan"]) for row in tables.get("reversal", {}).values()],
        )

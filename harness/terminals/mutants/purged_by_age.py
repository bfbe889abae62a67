"""Defect: records older than a month are purged when the terminal starts, settled or not, by whatever the clock says.

A rule about data that are kept too long, obeyed at the wrong end: a clock that is wrong makes yesterday's sales old. Must be
caught by I1 (lost approval).
"""

from __future__ import annotations

import time
from dataclasses import replace

from harness.terminals.jsonfile_terminal import JsonFileTerminal
from harness.terminals.simple_terminal import Entry

_KEPT_S = 30 * 86_400


class PurgedByAge(JsonFileTerminal):
    """See the module's first lines."""

    manifest = replace(JsonFileTerminal.manifest, name="purged_by_age")

    def boot(self) -> None:
        super().boot()
        # The date is the host's and has no year: a record is as old as its day of the year is away.
        today = time.localtime().tm_yday
        kept = [entry for entry in self.log() if abs(today - _day_of_year(entry)) * 86_400 < _KEPT_S]
        if len(kept) != len(self.log()):
            self._content["log"] = [entry.fields() for entry in kept]
            self._save()


def _day_of_year(entry: Entry) -> int:
    text = entry.date or time.strftime("%m%d")
    return time.strptime(f"2026{text}", "%Y%m%d").tm_yday

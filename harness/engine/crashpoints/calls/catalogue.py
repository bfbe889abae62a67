"""All kinds of failure, by the names that ``--fail`` takes."""

from __future__ import annotations

from harness.engine.crashpoints.calls import on_disk, on_link, on_memory
from harness.engine.crashpoints.calls.failure import FAILURES

__all__ = ["FAILURES", "on_disk", "on_link", "on_memory"]

"""The schemas (JSON Schema 2020-12) of what commands print with ``--json``: for whoever reads it with a program.

Made from the types that are printed, so that they cannot say anything else. ``python -m harness.reporters.json_schemas`` writes
them; a test fails when a file in schemas/ is stale. junit.xsd beside them is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from harness.engine.gate.report import GateReport
from harness.engine.hunt.report import HuntReport
from harness.engine.sweep.summary import SweepSummary
from harness.engine.verdict import Verdict
from harness.results.model import RunRow

SCHEMAS = Path(__file__).with_name("schemas")
PRINTED: dict[str, tuple[Any, str]] = {
    "gate": (GateReport, "What harness gate --json prints, and gate.json holds"),
    "hunt": (HuntReport, "What a hunt came to, as harness hunt --json prints it"),
    "run": (RunRow, "One run of a sweep, as harness results --verdict or --signature --json prints it"),
    "sweep": (SweepSummary, "A sweep's results, as harness sweep --json and harness results --json print them"),
    "verdict": (Verdict, "The verdict of one run, as harness run --json prints it and verdict.json holds it"),
}
"""By name of the file: the type, and what prints it."""


def schema_text(name: str) -> str:
    """One schema as its file holds it."""
    kind, title = PRINTED[name]
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(kind), "title": title}
    return json.dumps(schema, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_schemas(directory: Path = SCHEMAS) -> list[Path]:
    """All of them; their paths."""
    paths = []
    for name in PRINTED:
        path = directory / f"{name}.schema.json"
        path.write_text(schema_text(name), encoding="utf-8")
        paths.append(path)
    return paths


if __name__ == "__main__":
    print(*write_schemas(), sep="\n")

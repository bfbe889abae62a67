"""Lines of a log as cells by column: CSV and JSON lines of any size, one line at a time.

Models: lines that end in any of the usual ways, mixed in one file; a byte order mark; fields in quotes. What is no text, too
long, or has more cells than there are columns is told with its line. Does not model: CSV fields that hold line ends.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from harness.core.errors import UsageError
from harness.engine.fieldlog.mapping import Mapping
from harness.engine.fieldlog.model import LogError

LINE_BYTES_MAX = 64 << 10
LINES_MAX = 1_000_000
_CELL_CHARACTERS = 4_096

Cells: TypeAlias = dict[str, str]


def rows(path: Path, mapping: Mapping) -> Iterator[tuple[int, Cells]]:
    """Each line that is not empty: its number, from 1, and its cells."""
    kind = mapping.format or ("jsonl" if path.suffix in (".jsonl", ".ndjson", ".json") else "csv")
    lines = text_lines(path, mapping.encoding)
    yield from _json_rows(path, lines) if kind == "jsonl" else _csv_rows(path, mapping, lines)


def text_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not empty, each with its number from 1."""
    try:
        "".encode(encoding)
    except LookupError:
        raise UsageError(
            f"{path}: no encoding is called {encoding!r}; usual are utf-8, gbk, gb18030, latin-1"
        ) from None
    for number, line in _byte_lines(path):
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError as error:
            hint = (
                "'encoding: gb18030' in the mapping"
                if encoding.lower().replace("_", "-") in ("utf-8", "utf8")
                else "another encoding"
            )
            raise LogError(
                str(path), number, f"byte {error.start + 1} of the line is no {encoding} text; try {hint}"
            ) from None
        text = text.removeprefix("\ufeff") if number == 1 else text
        if "\0" in text:
            raise LogError(
                str(path), number, "it holds a zero byte: expected text; a capture is read as one by its name (.pcap)"
            )
        if text.strip():
            yield number, text


def _byte_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LINE_BYTES_MAX + 1):
                # A file that ends its lines in carriage returns alone is one line to readline.
                for part in line.rstrip(b"\r\n").split(b"\r"):
                    number += 1
                    if number > LINES_MAX:
                        raise LogError(str(path), number, f"expected at most {LINES_MAX:,} lines; cut the log")
                    if len(part) >= LINE_BYTES_MAX or (len(line) > LINE_BYTES_MAX and not line.endswith(b"\n")):
                        raise LogError(
                            str(path), number, f"the line is longer than {LINE_BYTES_MAX >> 10} KiB; is it a log?"
                        )
                    yield number, part
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _csv_rows(path: Path, mapping: Mapping, lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, Cells]]:
    names: list[str] | None = None
    for number, line in lines:
        try:
            (cells,) = list(csv.reader([line], delimiter=mapping.delimiter, strict=True)) or [[]]
        except (csv.Error, ValueError) as error:
            raise LogError(str(path), number, f"the line is no CSV: {error}") from None
        if names is None and mapping.header:
            names = [cell.strip() for cell in cells]
            _check_columns(path, number, mapping, names)
            continue
        keys = names if names is not None else [str(place) for place in range(1, len(cells) + 1)]
        if len(cells) > len(keys):
            raise LogError(str(path), number, f"expected {len(keys)} cells as in the first line, found {len(cells)}")
        yield number, {key: cell.strip()[:_CELL_CHARACTERS] for key, cell in zip(keys, cells, strict=False)}


def _json_rows(path: Path, lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, Cells]]:
    for number, line in lines:
        try:
            row = json.loads(line, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
            raise LogError(str(path), number, f"the line is no JSON: {why}") from None
        if not isinstance(row, dict):
            raise LogError(str(path), number, "expected one JSON object a line")
        yield (
            number,
            {key: str(value)[:_CELL_CHARACTERS] for key, value in row.items() if isinstance(value, str | bool)},
        )


def _check_columns(path: Path, number: int, mapping: Mapping, names: list[str]) -> None:
    from harness.core.registry import nearest

    for column in (*mapping.time.column, mapping.action.column):
        if column not in names:
            shown = [name[:40] for name in names[:40]]
            raise LogError(
                str(path), number, f"there is no column {column!r}; {nearest(column, shown)} (see the mapping)"
            )

"""Two snapshots compared file by file, and the bytes where they part, with card numbers masked.

Models: names, kinds, modes, sizes and contents of everything below two directories, the battery-backed memory of their
snapshot.json included. Does not model: what the bytes mean to the terminal software.
Card numbers are looked for as text and as packed decimal digits (ISO 8583 fields, track 2), the latter by their check digit
(ISO/IEC 7812-1, Luhn) and not within twenty or more bytes of plain text, which would be full of them; at most the first six
and last four digits are shown (PCI DSS 3.4).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from harness.core.errors import UsageError
from harness.storage.image import Image
from harness.storage.oplog import ROOT_INODE
from harness.storage.snapshot import NOTE_NAME, VolumeNote
from harness.storage.snapshot_read import Room, names_in, opened, read_note, read_volume, shown
from harness.storage.volume import Volume

COMPARED_BYTES_MAX = 512 * 1024 * 1024
COMPARED_FILES_MAX = 500_000
NVRAM_PATH = "(NVRAM)"
ROW_BYTES = 16
ROWS = 4
_AROUND_BYTES = 48
"""How far beyond the bytes shown a card number may begin or end."""
_DIGITS = re.compile(rb"(?<![0-9])[0-9]{13,19}(?![0-9])")
_NIBBLES = re.compile("[0-9]{13,}")
_TEXT = re.compile(rb"[\t\n\r -~]{20,}")
_KEPT_FIRST, _KEPT_LAST = 6, 4

What = Literal["only in the first", "only in the second", "another kind", "another mode", "another content"]


class FileDifference(msgspec.Struct, frozen=True):
    """One path that differs. Sizes are None where there is no file; ``offset`` is the first byte that differs."""

    path: str
    what: What
    sizes: tuple[int | None, int | None]
    offset: int | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    detail: str = ""


class _Notes(msgspec.Struct):
    """What a comparison needs of snapshot.json."""

    volumes: dict[str, VolumeNote] = {}
    nvram: str = ""


@dataclass(frozen=True, slots=True)
class _Side:
    image: Image
    nvram: bytes

    def files(self) -> dict[str, tuple[str, int, bytes]]:
        """Path to kind, mode and content."""
        image = self.image
        found: dict[str, tuple[str, int, bytes]] = {}
        tree = image.tree()
        for path, inode in image.walk():
            kind = "directory" if inode in image.directories else "symbolic link" if inode in image.links else "file"
            found[path[1:]] = (kind, image.modes.get(inode, 0), tree[path] or b"")
        if self.nvram:
            found[NVRAM_PATH] = ("memory", 0, self.nvram)
        return found


def compare(first: Path, second: Path) -> list[FileDifference]:
    """What differs between two directories as ``harness snapshot`` writes them, or as they came from the field."""
    one, other = _read(first).files(), _read(second).files()
    differences = []
    for path in sorted(one.keys() | other.keys()):
        difference = _difference(shown(path), one.get(path), other.get(path))
        if difference is not None:
            differences.append(difference)
    return differences


def _difference(
    path: str, one: tuple[str, int, bytes] | None, other: tuple[str, int, bytes] | None
) -> FileDifference | None:
    if one is None or other is None:
        there = one or other
        assert there is not None
        size = len(there[2]) if there[0] != "directory" else None
        if other is None:
            return FileDifference(path, "only in the first", (size, None), detail=there[0])
        return FileDifference(path, "only in the second", (None, size), detail=there[0])
    if one[0] != other[0]:
        return FileDifference(path, "another kind", (len(one[2]), len(other[2])), detail=f"{one[0]}, then {other[0]}")
    if one[2] == other[2]:
        if one[1] == other[1]:
            return None
        detail = f"{one[1]:o}, then {other[1]:o}"
        return FileDifference(path, "another mode", (len(one[2]), len(other[2])), detail=detail)
    offset = first_difference(one[2], other[2])
    start = max(0, offset // ROW_BYTES - 1) * ROW_BYTES
    return FileDifference(
        path, "another content", (len(one[2]), len(other[2])), offset, hexdump(one[2], start), hexdump(other[2], start)
    )


def first_difference(one: bytes, other: bytes) -> int:
    """The first offset at which two different contents differ; where one ends, if that comes first."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _read(directory: Path) -> _Side:
    room = Room(Volume("compared", "/", COMPARED_BYTES_MAX, 512, COMPARED_FILES_MAX))
    with opened(directory) as descriptor:
        raw = read_note(descriptor, directory)
        notes = _notes(raw, directory)
        here = set(names_in(descriptor, directory, COMPARED_FILES_MAX))
        image = read_volume(descriptor, room, _joined(notes, here) if raw is not None else None, directory / ".")
    image.directories[ROOT_INODE].pop(NOTE_NAME, None)
    try:
        return _Side(image, bytes.fromhex(notes.nvram))
    except ValueError:
        raise UsageError(f"{shown(directory / NOTE_NAME)}: nvram is not hexadecimal") from None


def _notes(raw: bytes | None, directory: Path) -> _Notes:
    if raw is None:
        return _Notes()
    try:
        return msgspec.convert(json.loads(raw), _Notes)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown(directory / NOTE_NAME)}: {str(error)[:200]}") from None


def _joined(notes: _Notes, here: set[str]) -> VolumeNote:
    """The notes of all volumes as one, with paths from the directory that holds them."""
    modes: dict[str, str] = {}
    links: dict[str, str] = {}
    same: dict[str, str] = {}
    for name, note in notes.volumes.items():
        if name not in here:
            continue
        at = f"/{name}"
        modes.update({at + path.rstrip("/"): mode for path, mode in note.modes.items()})
        links.update({at + path: target for path, target in note.symbolic_links.items()})
        same.update({at + path: at + first for path, first in note.same_file.items()})
    return VolumeNote(modes, links, same)


# ---------------------------------------------------------------- bytes as people read them


def hexdump(content: bytes, start: int) -> tuple[str, ...]:
    """Rows of ``content`` from ``start``: offset, bytes, text. Digits of card numbers are stars in both columns."""
    end = min(len(content), start + ROWS * ROW_BYTES)
    begin = max(0, start - _AROUND_BYTES)
    hidden = _hidden_nibbles(content[begin : end + _AROUND_BYTES])
    rows = []
    for at in range(start, end, ROW_BYTES):
        pairs, text = [], []
        for place in range(at, min(end, at + ROW_BYTES)):
            byte, nibble = content[place], 2 * (place - begin)
            high = "*" if nibble in hidden else f"{byte >> 4:x}"
            low = "*" if nibble + 1 in hidden else f"{byte & 15:x}"
            pairs.append(high + low)
            covered = nibble in hidden and nibble + 1 in hidden
            text.append("*" if covered else chr(byte) if 32 <= byte < 127 else ".")
        rows.append(f"{at:08x}  {' '.join(pairs):<{3 * ROW_BYTES - 1}}  {''.join(text)}")
    return tuple(rows)


def _hidden_nibbles(data: bytes) -> set[int]:
    """Half bytes that belong to the middle of a card number."""
    hidden: set[int] = set()
    for found in _DIGITS.finditer(data):
        for place in range(found.start() + _KEPT_FIRST, found.end() - _KEPT_LAST):
            hidden.update((2 * place, 2 * place + 1))
    # Letters and digits are decimal in hexadecimal, too. They were looked at above, where they are plainly text.
    text = {place for found in _TEXT.finditer(data) for place in range(found.start(), found.end())}
    packed = data.hex()
    for run in _NIBBLES.finditer(packed):
        digits = run.group()
        for size in range(19, 12, -1):
            for start in range(len(digits) - size + 1):
                number = digits[start : start + size]
                first = run.start() + start
                if number[0] not in "23456" or text.issuperset(range(first // 2, (first + size + 1) // 2)):
                    continue
                if _luhn(number):
                    hidden.update(range(first + _KEPT_FIRST, first + size - _KEPT_LAST))
    return hidden


def _luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0

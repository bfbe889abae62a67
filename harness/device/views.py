"""The same bytes in every way in which digits may stand in them: as text, packed, and inside hex, base64 and compressed data.

Models: what an auditor's search tool unwraps before it searches, one wrapping deep. Does not model: encryption (what is
encrypted is protected), archives within archives. Source: PCI DSS scoping practice (data discovery tools).
"""

from __future__ import annotations

import binascii
import re
import sys
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from harness.contract.making import quick

HEX_CHARACTERS = b"0123456789ABCDEFabcdef"
_BASE64_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_HEX = re.compile(rb"[0-9A-Fa-f]{16,}")
_HEX_MIN, _BASE64_MIN = 16, 11
"""From a PIN block's eight bytes on."""
_COMPRESSED = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_BLANK = b"\xff\0"
_UNPACKED_BYTES_MAX = 1 << 20
_COMPRESSED_STARTS_MAX = 64
_WINDOW_BITS_ANY = 47  # zlib finds out itself whether it is zlib or gzip data


class Alphabet:
    """Finds runs of at least ``shortest`` characters of an alphabet.

    In a copy where each of them is a 1 and all else a 0, a run begins with so many 1: that is looked for many times faster than
    a class of characters, which a pattern tries anew at each place of each run that is too short.
    """

    def __init__(self, characters: bytes, shortest: int) -> None:
        self._table = bytes(b"01"[each in characters] for each in range(256))
        self._run = re.compile(b"1" * shortest + b"1*")

    def runs(self, content: bytes) -> Iterator[tuple[int, bytes]]:
        """Where each run begins, and the run."""
        for run in self._run.finditer(content.translate(self._table)):
            yield run.start(), content[run.start() : run.end()]


_HEX_RUNS = Alphabet(HEX_CHARACTERS, _HEX_MIN)
_BASE64_RUNS = Alphabet(_BASE64_CHARACTERS, _BASE64_MIN)


@quick
@dataclass(frozen=True, slots=True)
class View:
    """``text`` stands for bytes of the content; ``places`` says for which."""

    text: str
    first: int = 0
    half_bytes: int = 2
    """How many half bytes a character stands for."""
    is_raw: bool = False
    """Whether each character is one byte."""
    joints: tuple[tuple[int, int], ...] = ()
    """For a view put together from many places: where in the text each begins, and where in the content."""

    def place(self, at: int) -> int:
        """Where in the content the character ``at`` comes from."""
        if self.joints:
            return self.joints[bisect_right(self.joints, (at, sys.maxsize)) - 1][1]
        return self.first + at * self.half_bytes // 2


def views(content: bytes) -> Iterator[View]:
    """All views of ``content``; what is blank at its end is left out."""
    content = content.rstrip(_BLANK)
    yield View(content.decode("latin-1"), is_raw=True)
    yield View(content.hex(), half_bytes=1)
    if b"\0" in content:
        for first in (0, 1):
            yield View(content[first::2].decode("latin-1"), first, 4)
    hex_text = _joined(_from_hex(content))
    if hex_text is not None:
        yield hex_text
    unwrapped = _joined(_unwrapped(content))
    if unwrapped is not None:
        yield unwrapped
        yield View(
            unwrapped.text.encode("latin-1").hex(), joints=tuple((at * 2, place) for at, place in unwrapped.joints)
        )


def _joined(parts: Iterator[tuple[int, bytes]]) -> View | None:
    """One view of all parts; two line ends between them keep one's end from the other's beginning."""
    texts: list[bytes] = []
    joints: list[tuple[int, int]] = []
    at = 0
    for place, part in parts:
        joints.append((at, place))
        texts.append(part + b"\n\n")
        at += len(part) + 2
    return View(b"".join(texts).decode("latin-1"), is_raw=True, joints=tuple(joints)) if joints else None


def _from_hex(content: bytes) -> Iterator[tuple[int, bytes]]:
    for start, digits in _HEX_RUNS.runs(content):
        # Where the run began is not known: a neighbour may belong to the same alphabet.
        for skipped in (0, 1):
            even = (len(digits) - skipped) // 2 * 2
            yield start, binascii.unhexlify(digits[skipped : skipped + even])


def _unwrapped(content: bytes) -> Iterator[tuple[int, bytes]]:
    for start, text in _BASE64_RUNS.runs(content):
        if _HEX.fullmatch(text) is not None:
            continue
        for skipped in range(4):
            part = text[skipped:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            yield start, binascii.a2b_base64(part + b"=" * (-len(part) % 4))
    for tried, found in enumerate(_COMPRESSED.finditer(content)):
        if tried == _COMPRESSED_STARTS_MAX:
            return
        try:
            unpacked = zlib.decompressobj(_WINDOW_BITS_ANY).decompress(content[found.start() :], _UNPACKED_BYTES_MAX)
        except zlib.error:
            continue
        yield found.start(), unpacked

"""What the software was trusted with: card numbers, track 2 and PIN blocks of the latest presentations, to look for later.

Models: canaries. Each presentation carries a card number from a test range and a token in track 2 that exists nowhere else, so
what is found is that very secret: sixteen digits that merely look like a card number are never taken for one. Looked for:
the digits as text (spaced, too, and in two-byte characters), packed two to a byte, track 2 with its number and without, PIN
blocks as bytes and as text, a card number that was cut too little, an unsalted hash beside the truncated number; all of
them inside hex text, base64, zlib and gzip data as well (``views``).
Does not model: the clear PIN (no software here is given it), CVV2 (nobody types one), weak ciphers of the software's own,
secrets in RAM (allowed there until the authorisation), halves kept in different places.
Source: PCI DSS 4.0: 3.3.1 (no sensitive authentication data after authorisation), 3.4.1 (first six and last four digits at
most), 3.5.1 (unreadable wherever stored, no hash beside the truncated number).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import md5, sha1, sha256
from typing import Literal, TypeAlias

from harness.contract import CardData
from harness.core.masking import mask_pan
from harness.device.views import HEX_CHARACTERS, Alphabet, views

PRESENTATIONS_KEPT = 1_000
PIN_BLOCKS_KEPT = 64
"""The latest of each: bounded however long a run is, and few enough to be looked for at every search."""

SecretKind: TypeAlias = Literal["track_data", "pin_block", "card_number", "hash_beside_truncated"]

_HEAD_DIGITS, _LAST_DIGITS = 6, 4
_EXPIRY_AND_SERVICE_DIGITS = 7
_SEPARATORS = ("=", "D", "d")
_BLOCK_LIKE = re.compile(r"[0-9A-Fa-f]{16}|\\x")
_CARD_LIKE = re.compile(r"(?<!\d)\d(?:(?:[ -]{0,2}+\d){12}|\d{6,}+[*xX.#])|[*xX.#]\d{5}")
"""Thirteen digits, seven before a mask or five after one; tried once where digits begin, as slips are full of them."""
_GROUP_DIGITS = 4
_FEW_DIGITS = re.compile(r"\d{4}|\d[ -]{1,2}\d|[0-9A-Fa-f]{16}|\\x")
"""What a text has that any pattern here, or the first four digits of anything, may be found in."""
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[ -]{1,2}(?=\d)")
_LEADING_DIGITS = re.compile(r"\d*")
_CARD_DIGITS = range(19, 12, -1)
_TAIL_DIGITS = range(23, _EXPIRY_AND_SERVICE_DIGITS + 3, -1)
_CUT = re.compile(r"(\d{6,12})[*xX.#]{1,12}(\d{4,12})")
_DIGEST_DIGITS = frozenset({32, 40, 64})
_DIGESTS = Alphabet(HEX_CHARACTERS, min(_DIGEST_DIGITS))
_WORD_BYTES = 4
_CLEAN_TEXTS_MAX = 256
_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Found:
    """One secret that was found. ``pan`` is masked, ``token`` names the presentation, ``offset`` is where it begins."""

    kind: SecretKind
    offset: int
    pan: str
    token: str


@dataclass(frozen=True, slots=True)
class _Match:
    kind: SecretKind
    start: int
    stop: int
    pan: str
    token: str


class Secrets:
    """The secrets of one device's customers. They are never written anywhere; what is found is told masked."""

    def __init__(self) -> None:
        self._cards: dict[str, str] = {}
        """Card number to the token of its latest presentation."""
        self._tails: dict[str, tuple[str, str]] = {}
        """What follows the separator in track 2, to card number and token."""
        self._blocks: dict[bytes, tuple[str, str]] = {}
        self._heads: dict[str, int] = {}
        self._tail_heads: dict[str, int] = {}
        """How many cards, and tails, begin with these digits: what a search looks for first."""
        self._clean: set[str] = set()
        """Short texts with nothing in them that begins like any of these. Only ever asked for membership."""
        self._only_digits = True
        """Whether all of these are made of digits, as every real card's are."""
        self._words: frozenset[int] | None = None
        self._searched: dict[bytes, tuple[Found, ...]] = {}
        """Digest of a content to what a search found in it, since the last secret."""

    def __len__(self) -> int:
        return len(self._tails)

    def order(self) -> dict[str, int]:
        """Tokens of the presentations kept, with their places in order of time."""
        return {token: place for place, (_, token) in enumerate(self._tails.values())}

    # ------------------------------------------------------------ what the software is given

    def card_read(self, card: CardData) -> None:
        """The software got this card's data."""
        pan, tail = card.pan, card.track2.partition("=")[2]
        token = tail[_EXPIRY_AND_SERVICE_DIGITS:]
        if len(pan) < _HEAD_DIGITS + _LAST_DIGITS or not token:
            return
        if self._cards.pop(pan, None) is None:
            self._count(self._heads, pan[:_HEAD_DIGITS], 1)
        self._cards[pan] = token
        self._searched.clear()
        if tail not in self._tails:
            self._count(self._tail_heads, tail[:_EXPIRY_AND_SERVICE_DIGITS], 1)
        self._tails[tail] = (pan, token)
        if len(self._tails) > PRESENTATIONS_KEPT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        tail = next(iter(self._tails))
        pan, token = self._tails.pop(tail)
        self._count(self._tail_heads, tail[:_EXPIRY_AND_SERVICE_DIGITS], -1)
        if self._cards.get(pan) == token:
            del self._cards[pan]
            self._count(self._heads, pan[:_HEAD_DIGITS], -1)

    def _count(self, table: dict[str, int], key: str, by: int) -> None:
        known = len(table)
        table[key] = table.get(key, 0) + by
        if not table[key]:
            del table[key]
        if len(table) != known:
            self._clean.clear()
            self._only_digits = self._only_digits and _DIGITS.issuperset(key)

    def pin_block_made(self, pan: str, block: bytes) -> None:
        """The software got this PIN block."""
        self._searched.clear()
        self._words = None
        self._blocks.pop(block, None)
        self._blocks[block] = (pan, self._cards.get(pan, ""))
        if len(self._blocks) > PIN_BLOCKS_KEPT:
            del self._blocks[next(iter(self._blocks))]

    # ------------------------------------------------------------ what is shown, printed and logged

    def in_text(self, text: str) -> tuple[str, tuple[Found, ...]]:
        """``text`` with all that was found in it masked, and what that is."""
        if not self._may_be_in(text):
            return text, ()
        dropped = {at for gap in _BETWEEN_DIGITS.finditer(text) for at in range(*gap.span())}
        places = [at for at in range(len(text)) if at not in dropped]
        squeezed = "".join(text[at] for at in places)
        matches = [*self._digits(squeezed), *self._blocks_in_text(squeezed)]
        shown = list(text)
        for each in matches:
            whole = each.kind != "card_number"
            start = each.start if whole else each.start + _HEAD_DIGITS
            stop = each.stop if whole else each.stop - _LAST_DIGITS
            for at in range(start, stop):
                shown[places[at]] = "*"
        return "".join(shown), _told(matches)

    def _may_be_in(self, text: str) -> bool:
        """A quick no for nearly all texts, slips with a well masked number among them."""
        if text in self._clean or (self._only_digits and _FEW_DIGITS.search(text) is None):
            return False
        begins = False
        for head in self._heads:
            begins = begins or head[:_GROUP_DIGITS] in text
        begins = begins or _BETWEEN_DIGITS.search(text) is not None
        if begins and _CARD_LIKE.search(text) is not None:
            return True
        for head in self._tail_heads:
            if head in text:
                return True
        if _BLOCK_LIKE.search(text) is not None:
            return True
        if len(self._clean) >= _CLEAN_TEXTS_MAX:
            self._clean.clear()
        self._clean.add(text)
        return False

    def _blocks_in_text(self, text: str) -> Iterator[_Match]:
        if _BLOCK_LIKE.search(text) is None:
            return
        lowered = text.lower()
        for block, (pan, token) in self._blocks.items():
            for form in (block.hex(), repr(block)[2:-1].lower()):
                at = lowered.find(form)
                if at >= 0:
                    yield _Match("pin_block", at, at + len(form), pan, token)

    # ------------------------------------------------------------ what is kept

    def in_bytes(self, content: bytes) -> tuple[Found, ...]:
        """What ``content`` (a file, a memory) holds; ``offset`` is a place in it."""
        if not self._cards:
            return ()
        digest = sha256(content).digest()
        known = self._searched.get(digest)
        if known is None:
            known = self._searched[digest] = self._search(content)
        return known

    def _search(self, content: bytes) -> tuple[Found, ...]:
        matches: list[_Match] = []
        for view in views(content):
            found = list(self._digits(view.text))
            if view.is_raw:
                raw = view.text.encode("latin-1")
                found += self._blocks_in_bytes(raw)
                found += self._hashes(raw, view.text)
            matches += [replace(each, start=view.place(each.start)) for each in found]
        return _told(matches)

    def _blocks_in_bytes(self, content: bytes) -> Iterator[_Match]:
        if not self._may_hold_blocks(content):
            return
        for block, (pan, token) in self._blocks.items():
            at = content.find(block)
            if at >= 0:
                yield _Match("pin_block", at, at + len(block), pan, token)

    def _may_hold_blocks(self, content: bytes) -> bool:
        """A quick no: wherever a block of eight bytes begins, one of its words stands at a multiple of four."""
        if self._words is None:
            self._words = frozenset(
                int.from_bytes(block[first : first + _WORD_BYTES], sys.byteorder)
                for block in self._blocks
                for first in range(_WORD_BYTES)
            )
        whole = len(content) // _WORD_BYTES * _WORD_BYTES
        return not self._words.isdisjoint(memoryview(content)[:whole].cast("I"))

    def _hashes(self, content: bytes, text: str) -> Iterator[_Match]:
        """A hash alone tells little; beside the truncated number only six digits are left to be tried."""
        digests = [(start, run) for start, run in _DIGESTS.runs(content) if len(run) in _DIGEST_DIGITS]
        if not digests:
            return
        known = {made(pan.encode()).hexdigest(): pan for pan in self._cards for made in (md5, sha1, sha256)}
        for start, run in digests:
            pan = known.get(run.decode().lower())
            if pan is not None and re.search(f"{pan[:_HEAD_DIGITS]}[*xX.#]+{pan[-_LAST_DIGITS:]}", text):
                yield _Match("hash_beside_truncated", start, start + len(run), pan, self._cards[pan])

    # ------------------------------------------------------------ digits

    def _digits(self, text: str) -> Iterator[_Match]:
        """Whole card numbers and track 2 in ``text``."""
        tracks: dict[int, None] = {}
        for head in self._heads:
            at = text.find(head)
            while at >= 0:
                pan = next((text[at : at + size] for size in _CARD_DIGITS if text[at : at + size] in self._cards), "")
                if pan:
                    match = self._card(text, at, pan)
                    tracks[match.stop] = None
                    yield match
                elif (cut := _CUT.match(text, at)) is not None:
                    yield from self._cut_too_little(cut)
                at = text.find(head, at + 1)
        for head in self._tail_heads:
            at = text.find(head)
            while at >= 0:
                tail = next((text[at : at + size] for size in _TAIL_DIGITS if text[at : at + size] in self._tails), "")
                if tail and at + len(tail) not in tracks:
                    yield _Match("track_data", at, at + len(tail), *self._tails[tail])
                at = text.find(head, at + 1)

    def _card(self, text: str, at: int, pan: str) -> _Match:
        """A card number at ``at``: alone, or as the beginning of track 2."""
        end = at + len(pan)
        if text[end : end + 1] in _SEPARATORS:
            tail = _LEADING_DIGITS.match(text, end + 1)
            assert tail is not None
            if len(tail.group()) >= _EXPIRY_AND_SERVICE_DIGITS:
                _, token = self._tails.get(tail.group(), ("", self._cards[pan]))
                return _Match("track_data", at, tail.end(), pan, token)
        return _Match("card_number", at, end, pan, self._cards[pan])

    def _cut_too_little(self, cut: re.Match[str]) -> Iterator[_Match]:
        """A truncated card number that shows more than its first six and last four digits."""
        first, last = cut.groups()
        if len(first) > _HEAD_DIGITS or len(last) > _LAST_DIGITS:
            for pan, token in self._cards.items():
                if pan.startswith(first) and pan.endswith(last):
                    yield _Match("card_number", *cut.span(), pan, token)


def _told(matches: list[_Match]) -> tuple[Found, ...]:
    """Each secret once, where it stands first, in order of place."""
    first: dict[tuple[SecretKind, str, str], int] = {}
    for each in matches:
        key = (each.kind, each.pan, each.token)
        first[key] = min(first.get(key, each.start), each.start)
    found = [Found(kind, at, mask_pan(pan), token) for (kind, pan, token), at in first.items()]
    return tuple(sorted(found, key=lambda each: (each.offset, each.kind, each.token)))

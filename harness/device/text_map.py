"""From text on a display or slip to what it says, by the manifest's patterns: for software that knows no typed screens.

Models: bytes in the manifest's encoding, patterns tried in order, named groups for amount, trace number, batch and totals. What
fits no pattern stays text. Does not model: pixels, or words spread over several screens.

Text is bounded before it is searched, and patterns are bounded before they are used: an open repeat takes ``REPEAT_MAX``
characters, a pattern may fit in so many ways only, and what makes a search costly (references, look-around) is refused. So no
text, whoever wrote it, takes longer to read than some milliseconds.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from harness.contract import Manifest, Receipt, ReceiptKind, Screen, ScreenKind, TextPattern, Totals

_parser: Any = re._parser  # type: ignore[attr-defined]  # the syntax tree, which has no public name
_compiler: Any = re._compiler  # type: ignore[attr-defined]
_names: Any = re._constants  # type: ignore[attr-defined]

TEXT_MAX = 500
PATTERN_MAX = 300
PATTERNS_MAX = 100
REPEAT_MAX = 32
WAYS_MAX = 5_000
"""In how many ways a pattern may be tried at one place of a text."""
SCREEN_GROUPS = frozenset({"amount", "stan", "batch", "rrn"})
RECEIPT_GROUPS = SCREEN_GROUPS | {"duplicate", "debit_count", "debit", "credit_count", "credit"}
_ALL = "".join(map(chr, range(0x20, 0xD800))) + "\n\t\r"
_YUAN = re.compile(r"-?\d{1,3}(?:,\d{3}){1,4}(?:\.\d{1,2})?|-?\d{1,12}(?:\.\d{1,2})?")
_ANYTHING: tuple[Any, ...] = ((_names.AT, None),)
"""What follows the inside of a repeat: itself again, or what comes after it."""
_WHOLE = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class TextMap:
    """The patterns of one manifest, compiled. Empty: text is text."""

    encoding: str = "utf-8"
    screens: tuple[tuple[re.Pattern[str], ScreenKind], ...] = ()
    receipts: tuple[tuple[re.Pattern[str], ReceiptKind], ...] = ()

    def text(self, data: bytes) -> str:
        """The characters of what the software wrote; what is none in its encoding shows as a mark."""
        return data[: 4 * TEXT_MAX].decode(self.encoding, "replace")[:TEXT_MAX]

    def screen(self, screen: object) -> object:
        """A screen that is text alone, as what its text says; any other, and one that fits no pattern, as it is."""
        if not self.screens or not isinstance(screen, Screen) or screen.kind != "text" or not _is_text(screen.text):
            return screen
        text = str.__str__(screen.text[:TEXT_MAX])
        for pattern, kind in self.screens:
            found = pattern.search(text, 0, TEXT_MAX)
            if found is not None:
                said = found.groupdict()
                return Screen(
                    kind, text, _fen(said.get("amount")), said.get("stan"), said.get("batch"), said.get("rrn")
                )
        return screen

    def receipt(self, receipt: object) -> object:
        """The same for a slip."""
        if not self.receipts or not isinstance(receipt, Receipt) or receipt.kind != "other":
            return receipt
        if not _is_text(receipt.text):
            return receipt
        text = str.__str__(receipt.text[:TEXT_MAX])
        for pattern, kind in self.receipts:
            found = pattern.search(text, 0, TEXT_MAX)
            if found is not None:
                said = found.groupdict()
                amount_fen = _fen(said.get("amount"))
                return Receipt(
                    kind, text, amount_fen, said.get("stan"), said.get("batch"), said.get("rrn"),
                    bool(said.get("duplicate")), _totals(said),
                )  # fmt: skip
        return receipt


NO_MAP = TextMap()


@dataclass(slots=True)
class Readable:
    """What could be read of the texts that software wrote to one display or printer, over all its boots."""

    written: int = 0
    fitted: int = 0
    garbled: int = 0
    """How many held bytes that are no characters in the manifest's encoding."""
    garbled_at_us: int = 0
    """When the first of them came."""

    def note(self, text: str, fits: bool, at_us: int) -> None:
        """A text more; ``fits``: a pattern says what it is."""
        self.written += 1
        self.fitted += fits
        if "\ufffd" in text:
            self.garbled_at_us = self.garbled_at_us if self.garbled else at_us
            self.garbled += 1


@lru_cache(maxsize=64)
def text_map(encoding: str, screens: tuple[TextPattern, ...], receipts: tuple[TextPattern, ...]) -> TextMap:
    """The map of a manifest's patterns; ValueError says what is wrong with which."""
    if len(screens) + len(receipts) > PATTERNS_MAX:
        raise ValueError(f"more than {PATTERNS_MAX} patterns")
    try:
        codecs.lookup(encoding)
    except (LookupError, ValueError):
        raise ValueError(f"encoding: Python knows no encoding {encoding[:40]!r}; try 'gbk' or 'utf-8'") from None
    return TextMap(
        encoding,
        tuple(_read("screens", at, each, get_args(ScreenKind), SCREEN_GROUPS) for at, each in enumerate(screens)),
        tuple(_read("receipts", at, each, get_args(ReceiptKind), RECEIPT_GROUPS) for at, each in enumerate(receipts)),
    )


def map_of(manifest: Manifest) -> TextMap:
    """The map of what a manifest declares."""
    if not manifest.screens and not manifest.receipts and manifest.encoding == NO_MAP.encoding:
        return NO_MAP
    return text_map(manifest.encoding, manifest.screens, manifest.receipts)


def _read(
    where: str, at: int, given: TextPattern, kinds: tuple[str, ...], groups: frozenset[str]
) -> tuple[re.Pattern[str], Any]:
    try:
        if given.kind not in kinds:
            raise ValueError(f"{given.kind[:40]!r} is none of {', '.join(kinds)}")
        pattern = bounded(given.pattern)
        strange = sorted(set(pattern.groupindex) - groups)
        if strange:
            raise ValueError(f"no group is called {strange[0]!r}; there are {', '.join(sorted(groups))}")
    except ValueError as error:
        raise ValueError(f"{where}[{at}] ({given.pattern[:40]!r}): {error}") from None
    return pattern, given.kind


def _is_text(value: object) -> bool:
    return isinstance(value, str)  # software may put anything there; the check that follows says so


def _fen(text: str | None) -> int | None:
    """An amount in yuan as fen; None for what is no amount."""
    if text is None or _YUAN.fullmatch(text) is None:
        return None
    whole, _, rest = text.replace(",", "").partition(".")
    fen = int(whole.lstrip("-") or 0) * 100 + int(rest.ljust(2, "0"))
    return -fen if whole.startswith("-") else fen


def _totals(said: Mapping[str, str | None]) -> Totals | None:
    debit_fen = _fen(said.get("debit"))
    if debit_fen is None:
        return None
    return Totals(
        _count(said.get("debit_count")), debit_fen, _count(said.get("credit_count")), _fen(said.get("credit")) or 0
    )


def _count(text: str | None) -> int:
    return int(text) if text is not None and _WHOLE.fullmatch(text) else 0


# ---------------------------------------------------------------- patterns that cannot take long


def bounded(pattern: str) -> re.Pattern[str]:
    """The pattern compiled, its repeats bounded; ValueError for one that is none, or that some text makes slow."""
    if len(pattern) > PATTERN_MAX:
        raise ValueError(f"a pattern has at most {PATTERN_MAX} characters, not {len(pattern)}")
    try:
        tree = _parser.parse(pattern, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    ways = _ways(tree, ())
    if ways > WAYS_MAX:
        raise ValueError("it can fit in too many ways; use fewer repeats, or repeats that end where the next begins")
    compiled: re.Pattern[str] = _compiler.compile(tree, re.MULTILINE)
    return compiled


def _ways(tree: Any, after: tuple[Any, ...]) -> int:
    """In how many ways a sequence may be tried; bounds its repeats. ``after``: what follows the sequence."""
    ways = 1
    for at, (operation, argument) in enumerate(tree.data):
        rest = (*tree.data[at + 1 :], *after)
        if operation in (_names.MAX_REPEAT, _names.MIN_REPEAT):
            least, most, inner = argument
            most = max(least, REPEAT_MAX) if most is _names.MAXREPEAT else most
            if most > 4 * REPEAT_MAX:
                raise ValueError(f"a repeat of up to {most} is too long; at most {4 * REPEAT_MAX}")
            tree.data[at] = (operation, (least, most, inner))
            ways *= _ways_of_repeat(least, most, inner, rest)
        elif operation is _names.SUBPATTERN:
            ways *= _ways(argument[3], rest)
        elif operation is _names.BRANCH:
            ways *= sum(_ways(each, rest) for each in argument[1])
        elif operation not in (_names.LITERAL, _names.NOT_LITERAL, _names.ANY, _names.IN, _names.AT):
            raise ValueError(f"{str(operation).lower()} is not allowed in a pattern")
        if ways > WAYS_MAX:
            return ways
    return ways


def _ways_of_repeat(least: int, most: int, inner: Any, rest: tuple[Any, ...]) -> int:
    within: int = _ways(inner, _ANYTHING)
    if within == 1:
        # Where the next character cannot be one more of these there is one way to go on: giving some back leads nowhere.
        return 1 if len(inner.data) == 1 and _ends_at(inner.data[0], rest) else most - least + 1
    ways = 0
    for count in range(least, most + 1):
        ways += min(within ** min(count, 20), WAYS_MAX + 1)
    return ways


def _ends_at(item: Any, rest: tuple[Any, ...]) -> bool:
    first = next(_first(rest), None)
    if first is None:
        return not rest
    return not _characters(item) & _characters(first)


def _first(rest: tuple[Any, ...]) -> Iterator[Any]:
    """The one character class that what follows must begin with, where it is one."""
    if not rest:
        return
    operation, argument = rest[0]
    if operation in (_names.LITERAL, _names.NOT_LITERAL, _names.ANY, _names.IN):
        yield rest[0]
    elif operation is _names.SUBPATTERN:
        yield from _first((*argument[3].data, *rest[1:]))
    elif operation in (_names.MAX_REPEAT, _names.MIN_REPEAT) and argument[0] >= 1:
        yield from _first(tuple(argument[2].data))


def _characters(item: Any) -> frozenset[str]:
    return _characters_of(repr(item), _Item(item))


class _Item:
    """A piece of a syntax tree; its text stands for it where sets of characters are remembered."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Item)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=256)
def _characters_of(_text: str, piece: _Item) -> frozenset[str]:
    item = piece.item
    if item[0] not in (_names.LITERAL, _names.NOT_LITERAL, _names.ANY, _names.IN):
        return frozenset(_ALL)
    one = _parser.SubPattern(_parser.State(), [item])
    return frozenset(_compiler.compile(one, re.MULTILINE).findall(_ALL))

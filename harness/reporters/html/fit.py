"""Texts made fit to be shown: terminal software had a hand in them, and they may hold whatever somebody wants there.

Models: card numbers masked, also those that come together when what cannot be seen is taken out; control characters, halves of
characters, and what turns the direction of reading or has no width shown as symbols; what is long cut, with how much was cut.
Does not model: markup. The page takes every text as text and never as markup.
Source: Unicode TR 36 (text that reads otherwise than it is); PCI DSS 3.4; Unicode block 2400 (control pictures).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from harness.core.masking import mask_text

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

MOST = 600
MOST_OF: Mapping[str, int] = {
    "again": 8_000, "shrunk_again": 8_000, "shrunk": 60_000, "volatile_dump": 6_000, "durable_dump": 6_000, "replay": 8_000,
    "argument": 4_000,
}  # fmt: skip
"""By name of a field: the most characters that it may have, where that is more than others. A line to copy is useless cut."""

_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"
)
_FAR_TOO_LONG = 200_000
"""Beyond this a text is cut before it is looked at: no field shows a tenth of it."""
_EXACT = (1 << 53) - 1
"""What a number of a script holds exactly. A seed has up to 127 bits; beyond this it is text."""


def fitting(text: str, most: int = MOST) -> str:
    """``text`` as it may be shown, of about ``most`` characters."""
    length = len(text)
    text = text[:_FAR_TOO_LONG]
    bare = _UNFIT.sub("", text)
    masked = mask_text(bare)
    if masked != bare:
        # What cannot be seen may stand in the middle of a card number: then it is not shown either.
        text = masked
    else:
        text = _UNFIT.sub(_symbol, text)
    if len(text) <= most and length <= _FAR_TOO_LONG:
        return text
    # It is masked by now: half a card number would not look like one.
    return f"{text[:most]}\u27e8\u2026+{max(1, length - most):,}\u27e9"


def _symbol(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"\u27e8U+{code:04X}\u27e9"


def plain(struct: msgspec.Struct) -> Plain:
    """As plain data, every text in it made fit: what goes into a page or a JSON file."""
    return _fitted(msgspec.to_builtins(struct), MOST)


def _fitted(value: Plain, most: int) -> Plain:
    if isinstance(value, str):
        # Most texts are short and harmless, and there are a hundred thousand of them.
        if len(value) <= 12 and value.isascii() and value.isprintable():
            return value
        return fitting(value, most)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return str(value)
    if isinstance(value, dict):
        return {key: _fitted(each, MOST_OF.get(key, MOST)) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fitted(each, most) for each in value]
    return value

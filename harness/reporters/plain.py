"""Text that terminal software had a hand in, made fit for reports: it may hold whatever somebody wants to do there.

Models: control characters, halves of characters and what turns the direction of reading are taken out; card numbers are masked,
also those that come together by that; what is long is cut off. Does not model: the escaping of each format, which its reporter
does.
Source: XML 1.0 section 2.2 (characters); Unicode TR 36 (text that reads otherwise than it is); PCI DSS 3.4.
"""

from __future__ import annotations

import re

from harness.core.masking import mask_text

LINE_CHARACTERS = 600
BLOCK_CHARACTERS = 8_000
_CUT = " [...]"
# What XML cannot hold, and what shows nothing of its own: marks of direction and of width, and tags.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\n\r]+")


def line(text: str, most: int = LINE_CHARACTERS) -> str:
    """``text`` on one line, of at most ``most`` characters."""
    return _cut(mask_text(_UNFIT.sub("", _BREAKS.sub(" ", text))).strip(), most)


def block(text: str, most: int = BLOCK_CHARACTERS) -> str:
    """``text`` with its lines, of at most ``most`` characters in all."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _cut(mask_text(_UNFIT.sub("", lines)), most)


def _cut(text: str, most: int) -> str:
    # It is masked by now: half a card number would not look like one.
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT

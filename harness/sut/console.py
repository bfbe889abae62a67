"""What software prints: lines in the history, bounded in length and number, card numbers masked.

Models: a serial console that somebody may read. Does not model: a terminal one can type at; reading gives end of file.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.core.masking import mask_text

# Addresses differ from run to run; a history must not.
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")

LINE_CHARACTERS_MAX = 200
LINES_MAX = 1_000
_PENDING_CHARACTERS_MAX = 4_096


def presentable(text: str, characters_max: int = LINE_CHARACTERS_MAX) -> str:
    """Text from software as the history may hold it: one line, no card numbers, no addresses, not too long."""
    text = text[: 20 * characters_max]
    # Masked before it is cut: a card number cut in two would pass for something else.
    masked = _ADDRESS.sub("0x...", mask_text(text))
    if len(masked) > characters_max:
        masked = masked[: characters_max - 3] + "..."
    return "".join([each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in masked])


class Console:
    """Gathers what one boot's software prints and hands on whole lines."""

    def __init__(self, emit: Callable[[str], None], conceal: Callable[[str], str] = str) -> None:
        self._emit = emit
        self._conceal = conceal
        self._lines = 0
        self._dropped = 0
        self._pending: dict[str, str] = {}
        self.last_error = ""
        """The last whole line on stderr, as it was told."""
        self.open = True

    def write(self, stream: str, text: str) -> None:
        """Text for ``stdout`` or ``stderr``; lines go out when they are whole."""
        if not self.open:
            return
        pending = self._pending.get(stream, "") + text
        if "\n" in text:
            *lines, pending = pending.split("\n")
            for line in lines:
                self.line(line, stream)
        if len(pending) > _PENDING_CHARACTERS_MAX:
            pending = pending[:_PENDING_CHARACTERS_MAX]
        self._pending[stream] = pending

    def line(self, line: str, stream: str = "") -> None:
        """One whole line."""
        if not self.open or not line.strip():
            return
        if self._lines >= LINES_MAX:
            self._dropped += 1
            return
        self._lines += 1
        told = presentable(self._conceal(line))
        self._emit(told)
        if stream == "stderr":
            self.last_error = told
        if self._lines == LINES_MAX:
            self._emit("(more lines of this boot are not recorded)")

    def close(self, *, lost: bool) -> None:
        """The process is over; a last line without its end is shown unless it was lost with the power."""
        if self.open and not lost:
            for pending in self._pending.values():
                self.line(pending)
        self.open = False
        self._pending.clear()

"""What is read from a field log, whatever its form; and what is wrong with one, with its file and line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from harness.core.errors import UsageError

What: TypeAlias = Literal[
    "sale", "void", "refund", "preauth", "preauth_void", "completion", "settle", "sign_off", "reprint", "clear_cache",
    "restart", "boot", "power_cut", "reversal", "advice", "other", "ignore",
]  # fmt: skip
"""What a record is about. ``advice``: the host is told of a sale that was made without it; ``boot``: the terminal started;
``other``: it was alive; ``ignore``: nothing is made of it."""

Result: TypeAlias = Literal["", "approved", "declined", "no_reply", "reset", "refused", "failed", "unknown"]
"""``no_reply``: the log proves that none came; ``unknown``: how it ended is not in the log."""

WHATS = get_args(What)
RESULTS = get_args(Result)


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that happened. ``at_us`` is local time since 1970-01-01; ``card`` tells cards apart and is no number of one."""

    line: int
    at_us: int
    terminal: str
    what: What
    amount_fen: int | None = None
    result: Result = ""
    code: str = ""
    """The host's response code."""
    card: str = ""
    by_code: bool = False
    """Paid with a code that the terminal scanned."""


class LogError(UsageError):
    """A log or mapping that cannot be used: file, line, what was expected and how to mend it."""

    def __init__(self, file: str, line: int, message: str) -> None:
        super().__init__(file, line, message)
        self.file = file
        self.line = line
        self.message = message

    def __str__(self) -> str:
        # Line 0: it is wrong with the file as a whole.
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.message}"

"""Defect: trace number 999999 is followed by 000000, which is no number, and is given out again after a restart.

Two requests of one batch then carry one number. Shows when a terminal has made its millionth request, and worst when it is
restarted just then.
"""

from __future__ import annotations

from harness.terminals.reference import ReferenceTerminal


class StanWrapsToZero(ReferenceTerminal):
    """See the module's first lines."""

    def take_stan(self) -> str:
        books = self.books
        books.stan = (books.stan + 1) % 1_000_000
        return f"{books.stan:06d}"

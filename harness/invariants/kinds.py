"""What makes two findings the same: the invariant and the finding's words, without what differs from run to run.

The fault that struck and the code point where it struck stand beside it and are no part of it: over ten seeds each of
random_faults with three mutants, of the signatures of seeds 6 to 10 2 in 18 had not been seen in seeds 1 to 5, with the fault 19
in 43, with the code point 25 in 51. One defect shows itself after many faults and in many places, and a gate that fails on what
is new would fail on most seeds.
"""

from __future__ import annotations

import re
from hashlib import blake2b

KIND_CHARACTERS = 200
_DIFFERS = re.compile(
    r"(?P<place>[\w./-]+\.py:\d+)|(?P<time>day \d+ \d\d:\d\d:\d\d(?:\.\d+)?)"
    r"|(?P<device>\bT\d{2,}\b)|(?P<number>\d[\d,]*(?:\.\d+)?)"
)
_INSTEAD = {"time": "TIME", "device": "T..", "number": "N"}


def kind_of(summary: str) -> str:
    """A finding's summary without what differs from run to run. A line of code stays: it is what went wrong."""

    def instead(found: re.Match[str]) -> str:
        return found.group() if found.lastgroup == "place" else _INSTEAD[str(found.lastgroup)]

    return _DIFFERS.sub(instead, summary)[:KIND_CHARACTERS]


def signature(invariant: int, kind: str) -> str:
    """A short name for one kind of finding, the same in every sweep."""
    return blake2b(f"{invariant} {kind}".encode(), digest_size=4).hexdigest()

"""Where the virtual disk is known to answer otherwise than a real tmpfs, and why that is accepted.

The fuzz fails on any difference that no entry here covers. The aim is an empty table.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Divergence:
    """``operation`` names the call; ``real`` and ``virtual`` are the results compared, ``reason`` says why."""

    operation: str
    real: Any
    virtual: Any
    reason: str


KNOWN_DIVERGENCES: tuple[Divergence, ...] = ()

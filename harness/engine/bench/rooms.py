"""Where the time of a run goes, room by room, as a profiler sees it.

A profiler slows small functions more than large ones, so shares are a guide to where to look, not a measurement.
"""

from __future__ import annotations

import cProfile
import pstats
from collections import Counter
from pathlib import Path, PurePath

from harness.engine.bench.figures import Share
from harness.engine.bench.workbench import load_reference, scratch_directory, trading_day

_OTHERS = {"simpy": "simpy", "greenlet": "greenlet", "cryptography": "cryptography"}
_SMALLEST_PERCENT = 0.5


def measure(sales: int, terminals: int) -> tuple[Share, ...]:
    """Shares of own time by room, largest first."""
    loaded = load_reference()
    with scratch_directory() as place:
        directory = Path(place)
        trading_day(loaded, 1, min(sales, 20), directory)
        # What builtins take is charged to whoever calls them.
        profile = cProfile.Profile(builtins=False)
        profile.enable()
        trading_day(loaded, terminals, sales, directory)
        profile.disable()
    by_room: Counter[str] = Counter()
    for (file, _, _), (_, _, own_s, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        by_room[room_of(file)] += own_s
    total_s = sum(by_room.values())
    shares = [Share(room, 100 * own_s / total_s) for room, own_s in by_room.most_common()]
    small = sum(share.percent for share in shares if share.percent < _SMALLEST_PERCENT)
    return (*(share for share in shares if share.percent >= _SMALLEST_PERCENT), Share("everything else", small))


def room_of(file: str) -> str:
    """The room, or the library, that a source file belongs to."""
    parts = PurePath(file).parts
    if "harness" in parts:
        inside = parts[len(parts) - 1 - parts[::-1].index("harness") + 1 :]
        return f"harness/{inside[0]}" if len(inside) > 1 else "harness"
    for name, shown in _OTHERS.items():
        if name in parts:
            return shown
    return "standard library"

"""How the death of terminal software is told: one line with the place, and the software's own frames alone."""

from __future__ import annotations

import sysconfig
import traceback

from harness.sut.console import presentable

DETAIL_CHARACTERS_MAX = 300
_FRAMES_MAX = 4
NOT_SOFTWARE = (
    "/harness/sut/",
    "/harness/device/",
    "/harness/storage/",
    "/harness/network/",
    "<frozen",
    "/harness/contract/",
)
_STDLIB = sysconfig.get_path("stdlib") + "/"


def death_detail(error: BaseException) -> str:
    """``ValueError: bad length (journal.py:41 in append < app.py:12 in sale)``, innermost frame first."""
    own = [
        (frame.f_code.co_filename, line, frame.f_code.co_name)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not any(part in frame.f_code.co_filename for part in NOT_SOFTWARE)
    ]
    # A stranger to the standard library's insides looks for a line of their own.
    written = [frame for frame in own if not frame[0].startswith(_STDLIB) or "site-packages" in frame[0]]
    own = written or own
    frames = " < ".join(
        f"{file.rpartition('/')[2]}:{line} in {name}" for file, line, name in reversed(own[-_FRAMES_MAX:])
    )
    try:
        message = str(error)
    except BaseException:
        message = "(its text cannot be read)"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    line = " ".join(text.split())
    return presentable(f"{line[: DETAIL_CHARACTERS_MAX // 2]} ({frames})" if frames else line, DETAIL_CHARACTERS_MAX)

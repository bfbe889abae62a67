"""How the death of terminal software is told: one line that begins with the place in its own code, and with its frames alone."""

from __future__ import annotations

import re
import sysconfig
import traceback
from pathlib import Path

from harness.sut.console import presentable

DETAIL_CHARACTERS_MAX = 300
_TEXT_CHARACTERS_MAX = 150
_FRAMES_MAX = 4
NOT_SOFTWARE = (
    "/harness/sut/",
    "/harness/device/",
    "/harness/storage/",
    "/harness/network/",
    "<frozen",
    "/harness/contract/",
    "<string>",  # put together while it ran, as the virtual calls are: nobody finds a line of it
)
_STDLIB = sysconfig.get_path("stdlib") + "/"
_PACKAGES = ("/site-packages/", "/dist-packages/")
_SHIPPED, _OURS = "/harness/terminals/", ("/harness/iso8583/", "/harness/core/")
"""What is told of them must not hang on where the harness is installed."""
_OWN, _LIBRARY, _STANDARD = range(3)
_TOLD = re.compile(r"(?:[^:]*:\d+ in [^\s:]+: )?(\w+)")


def death_detail(error: BaseException, home: str = "") -> str:
    """``app.py:12 in sale: ValueError: bad length``: the innermost place in the software's own code, then what was raised.

    Its callers follow, ``(from app.py:30 in run)``, and where a library was below it all of them, innermost first:
    ``(queue.py:44 in put < app.py:12 in sale < app.py:30 in run)``. ``home``: how the paths of its files begin, for software that
    is installed among libraries.
    """
    frames = [
        (
            _rank(frame.f_code.co_filename, home),
            f"{frame.f_code.co_filename.rpartition('/')[2]}:{line} in {frame.f_code.co_name}",
        )
        for frame, line in traceback.walk_tb(error.__traceback__)
        if not any(part in frame.f_code.co_filename for part in NOT_SOFTWARE)
    ]
    # A stranger to the insides of libraries looks for a line of their own.
    nearest = min((rank for rank, _ in frames), default=0)
    place = next((told for rank, told in reversed(frames) if rank == nearest), "")
    written = [told for rank, told in frames if rank < _STANDARD] or [told for _, told in frames]
    shown = [*reversed(written[-_FRAMES_MAX:])]
    if shown[:1] == [place]:
        shown[:1] = []
        shown[:1] = [f"from {each}" for each in shown[:1]]
    told = f"{place}: {_said(error)}" if place else _said(error)
    return presentable(f"{told} ({' < '.join(shown)})" if shown else told, DETAIL_CHARACTERS_MAX)


def _rank(file: str, home: str) -> int:
    if _SHIPPED in file:
        return _OWN
    inside = file[len(home) :] if home and file.startswith(home) else file
    if any(part in file for part in _OURS) or any(part in inside for part in _PACKAGES):
        return _LIBRARY
    if inside != file:
        return _OWN
    return _STANDARD if file.startswith(_STDLIB) else _OWN


def home_of(module_name: str, file: str) -> str:
    """How the paths of a software's own files begin: its outermost package, or its one file."""
    path = Path(file)
    packages = module_name.count(".") + (path.name == "__init__.py")
    return f"{path.parents[packages - 1]}/" if 0 < packages <= len(path.parents) else file


def _said(error: BaseException) -> str:
    """Its type and text on one line, masked before it is cut: half a card number would not look like one."""
    try:
        message = str(error)
    except BaseException:
        message = "(its text cannot be read)"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return presentable(" ".join(text.split()), _TEXT_CHARACTERS_MAX)


def died_of(detail: str) -> str:
    """The type of the exception that ``death_detail`` has told."""
    found = _TOLD.match(detail)
    return found[1] if found else ""

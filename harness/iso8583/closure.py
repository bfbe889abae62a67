"""DE63 of an answer in which the acquirer announces that it will be closed: ``CLOSED|1500|1630``.

Models: the window in the acquirer's own time of day, beside its time in DE12, so that no terminal needs a right clock for it.
Does not model: any acquirer's real announcement; they come by letter, text message or a line on the slip [A].
"""

from __future__ import annotations

import re

import msgspec

_TEXT = re.compile(r"CLOSED\|([01]\d|2[0-3])([0-5]\d)\|([01]\d|2[0-3])([0-5]\d)")
_DAY_S = 86_400


class Closure63(msgspec.Struct, frozen=True):
    """From when until when, in minutes since midnight."""

    from_minute: int
    until_minute: int

    def __str__(self) -> str:
        begin, end = self.from_minute % 1440, self.until_minute % 1440
        return f"CLOSED|{begin // 60:02d}{begin % 60:02d}|{end // 60:02d}{end % 60:02d}"

    @classmethod
    def parse(cls, text: str) -> Closure63 | None:
        """The announcement in a DE63, or None when there is none."""
        found = _TEXT.fullmatch(text)
        if found is None:
            return None
        hour, minute, end_hour, end_minute = (int(group) for group in found.groups())
        return cls(hour * 60 + minute, end_hour * 60 + end_minute)

    def ahead_s(self, clock: str) -> tuple[int, int]:
        """In how many seconds it begins and ends, at ``clock`` (DE12, hhmmss) of the same acquirer; begun already is 0."""
        if len(clock) != 6 or not clock.isdecimal():
            return 0, 0
        now_s = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + int(clock[4:])
        begins_s = (self.from_minute * 60 - now_s) % _DAY_S
        ends_s = (self.until_minute * 60 - now_s) % _DAY_S
        return (begins_s if begins_s < ends_s else 0), ends_s

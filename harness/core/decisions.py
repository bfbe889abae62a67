"""Decisions: every drawn value of a run, under a causal key, recorded so that a run can be replayed and edited.

A key says what caused the value: ``T03/a17/link.up/0`` is the first message sent up the link within action 17 of device
T03. It is never a position in one long list, which would shift with one extra message. Replay looks the key up; a key
that is missing (another release did something else) takes the decision's neutral value and is counted as a divergence. Of a
run that was killed only the first decisions are known: what is missing is then drawn from the seed, as it was in that run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeAlias

from harness.core.streams import Streams

Value: TypeAlias = int | float | str | bool


@dataclass(slots=True)
class Decisions:
    """Draws, records and replays decisions.

    ``pinned`` None: every value is drawn from the seed. Otherwise values come from ``pinned`` alone, or, with ``draws_missing``,
    from the seed where ``pinned`` has none.
    ``spill`` is an open text file to which ``key<TAB>value`` lines are written as they are made, or None.
    """

    streams: Streams
    pinned: Mapping[str, Value] | None = None
    spill: TextIO | None = None
    on_divergence: Callable[[str], None] | None = None
    divergences: int = 0
    draws_missing: bool = False
    _ordinals: dict[str, int] = field(default_factory=dict)

    def key(self, scope: str) -> str:
        """``scope`` with its ordinal behind it: the first call gives ``scope/0``, the next ``scope/1``."""
        ordinal = self._ordinals.get(scope, 0)
        self._ordinals[scope] = ordinal + 1
        return f"{scope}/{ordinal}"

    def forget(self, scopes: tuple[str, ...]) -> None:
        """Drop the ordinals of scopes that are over, so that memory does not grow with the run."""
        for scope in scopes:
            self._ordinals.pop(scope, None)

    def uniform(self, key: str, neutral: float = 0.5) -> float:
        """A float in [0, 1) for ``key``; ``neutral`` is the median unless the caller has a better "nothing happens"."""
        if self.pinned is None or self._draws(key):
            value = self.streams.uniform(key)
        else:
            value = float(self._look_up(key, neutral))
        if self.spill is not None:
            self.spill.write(f"{key}\t{value!r}\n")
        return value

    def integer(self, key: str, neutral: int, draw: Callable[[float], int]) -> int:
        """``draw`` of a uniform number, pinned as the integer that came out (so that a person can edit it)."""
        if self.pinned is None or self._draws(key):
            value = draw(self.streams.uniform(key))
        else:
            value = int(self._look_up(key, neutral))
        if self.spill is not None:
            self.spill.write(f"{key}\t{value}\n")
        return value

    def seed(self, key: str) -> int:
        """64 bits for a part of the world that draws many values at once (a crash image, a day's arrivals)."""
        if self.pinned is None or self._draws(key):
            value = self.streams.bits(key)
        else:
            value = int(self._look_up(key, 0))
        if self.spill is not None:
            self.spill.write(f"{key}\t{value}\n")
        return value

    def text(self, key: str, neutral: str, draw: Callable[[int], str]) -> str:
        """``draw`` of 64 bits, pinned as text (names from Faker, whose output changes between releases)."""
        if self.pinned is None or self._draws(key):
            value = draw(self.streams.bits(key))
        else:
            value = str(self._look_up(key, neutral))
        if self.spill is not None:
            self.spill.write(f"{key}\t{value!r}\n")
        return value

    def _draws(self, key: str) -> bool:
        """Of pinned decisions: whether this one is drawn from the seed all the same."""
        assert self.pinned is not None
        return self.draws_missing and key not in self.pinned

    def _look_up(self, key: str, neutral: Value) -> Value:
        assert self.pinned is not None
        found = self.pinned.get(key)
        if found is None:
            self.divergences += 1
            if self.on_divergence is not None:
                self.on_divergence(key)
            return neutral
        return found


def read_pins(lines: Iterator[str] | list[str]) -> dict[str, Value]:
    """Pinned values from ``key<TAB or spaces>value`` lines, as ``spill`` writes them; blank lines and # are skipped.

    Raises ValueError naming the line (1-based within ``lines``).
    """
    pins: dict[str, Value] = {}
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        key, _, text = stripped.partition("\t") if "\t" in stripped else stripped.partition(" ")
        text = text.strip()
        if not text:
            raise ValueError(f"line {number}: expected 'key value', found {stripped[:60]!r}")
        pins[key] = _parse(text, number)
    return pins


def _parse(text: str, number: int) -> Value:
    if text[0] in "'\"":
        if len(text) < 2 or text[-1] != text[0]:
            raise ValueError(f"line {number}: unfinished text {text[:60]!r}")
        return text[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"line {number}: expected a number or a quoted text, found {text[:60]!r}") from None


def open_spill(path: Path) -> TextIO:
    """A text file for ``Decisions.spill``, block-buffered: decisions are many and small."""
    return path.open("w", encoding="utf-8", buffering=1 << 16)

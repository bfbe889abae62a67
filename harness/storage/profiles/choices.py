"""Chance in a crash model: one interface, answered by a seed or by every answer in turn.

A crash model is written as a program that asks ``pick`` and ``cut`` wherever the medium had a choice. Answered from a
seed it draws one legal image; answered by every combination in turn it lists them all. What is drawn is therefore
always among what is listed: there is one description of the medium, not two.

Convention: answer 0 is "reached the medium whole", answer 1 is "lost", any other is "in part".
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator

_SEEDED_KEEP_ODDS = (0.05, 0.3, 0.5, 0.7, 0.95)
# A third on the whole, as in SQLite's crash tests (written, dropped, garbage about 3:3:2).
_SEEDED_TEAR_ODDS = (0.0, 0.3, 0.7)
# The odds change every so many decisions: crashes then show runs of kept and lost operations, not only salt and pepper.
_SEEDED_RUN_MAX = 32


class Choices(ABC):
    """Answers the questions of a crash model."""

    @abstractmethod
    def pick(self, count: int) -> int:
        """A number in ``range(count)``; 0 is whole, 1 is lost."""

    def cut(self, length: int) -> int:
        """How many of ``length`` ordered operations reached the medium: all, or any fewer."""
        return length - self.pick(length + 1)

    def rarely(self, one_in: int) -> bool:
        """Whether the medium did what it does at one cut in so many. Listing has both answers, ``one_in`` or not."""
        return self.pick(2) == 1

    def any_of(self, count: int) -> int:
        """A number in ``range(count)`` where none is more whole, or more lost, than another."""
        return self.pick(count)


class Seeded(Choices):
    """One crash drawn from a generator, biased towards what finds bugs.

    Each crash draws its own odds, as FoundationDB's non-durable files do, so that over many crashes nearly-all-kept,
    nearly-all-lost and mixed images all occur; an ordered log is cut at its last operations more often than elsewhere.
    """

    __slots__ = ("_keep", "_left", "_random", "_tear")

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random
        self._shift()

    def _shift(self) -> None:
        draw = self._random
        self._keep = _SEEDED_KEEP_ODDS[int(draw() * len(_SEEDED_KEEP_ODDS))]
        self._tear = _SEEDED_TEAR_ODDS[int(draw() * len(_SEEDED_TEAR_ODDS))]
        self._left = 1 + int(draw() * _SEEDED_RUN_MAX)

    def pick(self, count: int) -> int:
        if count == 1:
            return 0
        self._left -= 1
        if self._left < 0:
            self._shift()
        draw = self._random
        if count > 2 and draw() < self._tear:
            return 2 + int(draw() * (count - 2))
        return 0 if draw() < self._keep else 1

    def cut(self, length: int) -> int:
        if length == 0:
            return 0
        draw = self._random()
        if draw < 0.2:
            return length
        if draw < 0.5:
            return max(0, length - 1 - int(self._random() * 3))
        return int(self._random() * (length + 1))

    def rarely(self, one_in: int) -> bool:
        return int(self._random() * one_in) == 0

    def any_of(self, count: int) -> int:
        return int(self._random() * count)


class Scripted(Choices):
    """Follows ``answers`` and then one default, and notes how many answers each question had."""

    __slots__ = ("_answers", "_default", "counts")

    def __init__(self, answers: list[int], default: int = 0) -> None:
        self._answers = answers
        self._default = default
        self.counts: list[int] = []

    def pick(self, count: int) -> int:
        place = len(self.counts)
        self.counts.append(count)
        answer = self._answers[place] if place < len(self._answers) else self._default
        return min(answer, count - 1)

    def rarely(self, one_in: int) -> bool:
        # What is rare is asked for by name only: "all lost" is a medium that lost all, not one that broke as well.
        place = len(self.counts)
        self.counts.append(2)
        return place < len(self._answers) and self._answers[place] == 1


def next_script(answers: list[int], counts: list[int]) -> list[int] | None:
    """The script after the one just run, in depth-first order; None after the last."""
    full = answers + [0] * (len(counts) - len(answers))
    while full and full[-1] >= counts[len(full) - 1] - 1:
        full.pop()
    if not full:
        return None
    full[-1] += 1
    return full


def adversarial_scripts(counts_kept: list[int], counts_lost: list[int]) -> Iterator[tuple[list[int], int]]:
    """Scripts worth trying when there are too many to try all, each with its default answer.

    All kept; all lost; all kept but one; all lost but one; kept up to a point and lost after it.
    """
    for default, counts in ((0, counts_kept), (1, counts_lost)):
        yield [], default
        for place, count in enumerate(counts):
            for answer in range(count):
                if answer != default:
                    yield [*([default] * place), answer], default
    for place in range(1, len(counts_kept)):
        yield [0] * place, 1

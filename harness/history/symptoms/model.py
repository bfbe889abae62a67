"""A symptom, read: steps of terms. What a term means for an event is in ``words``; what is proven at rest, the caller knows."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from harness.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Term:
    """One thing to be seen. ``form`` names its row of ``words.FORMS``; ``values`` are what stood in the row's gaps."""

    form: str
    values: tuple[tuple[str, str], ...] = ()

    def value(self, name: str) -> str:
        """What stood in the gap; empty when it was left out."""
        return dict(self.values).get(name, "")


@dataclass(frozen=True, slots=True)
class Step:
    """Any of ``terms``, and none of ``without`` since the step before, no later than ``within_us`` after that."""

    terms: tuple[Term, ...]
    without: tuple[Term, ...] = ()
    within_us: int | None = None


@dataclass(frozen=True, slots=True)
class Symptom:
    """All steps in order. ``any_device``: each step may be seen on another terminal."""

    text: str
    steps: tuple[Step, ...]
    any_device: bool = False


class Reached(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a history got with a symptom."""

    steps: int
    reached: int = 0
    """How many steps from the first on were seen in order, on the terminal that got farthest."""
    partial: float = 0.0
    """How near it came to the next one: from 0 to below 1."""
    device: str = ""
    events: tuple[int, ...] = ()
    """The events that were the steps, and, of a term at rest, those that prove it."""
    told: tuple[str, ...] = ()
    """The same in words."""

    @property
    def shown(self) -> bool:
        """Whether the whole symptom was seen."""
        return self.reached == self.steps

    @property
    def score(self) -> float:
        """One number to compare histories by."""
        return self.reached + self.partial


class SymptomError(UsageError):
    """A symptom that cannot be read: where, what was expected, what is nearest."""

    def __init__(self, text: str, column: int, message: str) -> None:
        super().__init__(text, column, message)
        self.text = text
        self.column = column
        self.message = message

    def __str__(self) -> str:
        return f"symptom, column {self.column}: {self.message}\n  {self.text}\n  {' ' * (self.column - 1)}^"

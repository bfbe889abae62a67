"""Changing the faults of a run that reached something new: when they strike, how often, at which operation, on which terminal.

Models: decisions under their causal keys, edited as a person would edit a resolved scenario; what is not edited is drawn from
the seed as before. Small steps in time, one strike more or less, another storage operation, another image of the medium, the
faults of one terminal on another, those of two runs together, the same faults on other customers. A strike more is rather one of
a fault that came up seldom so far, whatever its rate in the scenario.
Does not model: faults that the scenario does not have, and parameters of those that it has (``harness hunt`` changes those).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from random import Random

from harness.core.decisions import Value

_DEVICE = re.compile(r"^(T\d+)/fault/")
_COUNT = re.compile(r"/day\d+/count$")
_TIME = re.compile(r"/time$")
_OPERATION = re.compile(r"/storage_operation$")
_COUNT_MAX = 4
_OPERATIONS_MAX = 24
_SEED_LEAST = 1 << 32
"""Whole numbers above it are seeds."""
_DAMAGING_SHARE = 0.5
"""Of changed runs, that may have more of what damages data. Damage shows much that is new, and excuses nearly all of it: it hides
what other faults would show, and there are defects that only damage shows."""
_EXCUSED_WEIGHT = 0.001
_NEAR = 0.02
"""Of the trading hours: a quarter of an hour or so."""

Pins = dict[str, Value]


class Changer:
    """Draws changes from ``random``. ``excusing``: faults after which no software can be held to some invariants."""

    def __init__(self, random: Random, excusing: Collection[str] = ()) -> None:
        self._random = random
        self._excusing = frozenset(excusing)
        self._damages = True
        self._armed: dict[str, int] = {}
        """By fault: how often it was armed in all runs so far."""
        self._ways: tuple[tuple[Callable[[Pins, Mapping[str, Value], Mapping[str, Value]], None], int], ...] = (
            (self._more_often, 4),
            (self._elsewhen, 4),
            (self._other_operation, 3),
            (self._other_draw, 2),
            (self._onto_another, 2),
            (self._both, 2),
        )

    def changed(
        self, seed: int, overrides: Mapping[str, Value], faults: Mapping[str, Value], others: Mapping[str, Value]
    ) -> tuple[int, Pins]:
        """Another seed and other decisions. ``faults`` are all that the run drew about faults, ``others`` another run's."""
        random = self._random
        self._damages = random.random() < _DAMAGING_SHARE
        pins: Pins = dict(overrides)
        if random.random() < 0.25:
            # The same faults on other customers: everything about them has to be pinned.
            pins = {**faults, **pins}
            seed = random.getrandbits(48)
        ways, weights = zip(*self._ways, strict=True)
        for _ in range(random.choice((1, 2, 4, 8))):
            random.choices(ways, weights)[0](pins, faults, others)
        return seed, pins

    def learn(self, faults: Mapping[str, Value]) -> None:
        """A run drew these: what came up seldom shall come up more often."""
        for key, value in faults.items():
            if _COUNT.search(key):
                name = _name(key)
                self._armed[name] = self._armed.get(name, 0) + int(value)

    # ------------------------------------------------------------ ways

    def _more_often(self, pins: Pins, faults: Mapping[str, Value], _: Mapping[str, Value]) -> None:
        """A fault that strikes on a day strikes once more, or one that does not does: rather one that has seldom struck."""
        keys = [key for key in faults if _COUNT.search(key)]
        if keys:
            weights = [self._wanted(_name(key)) for key in keys]
            key = self._random.choices(keys, weights)[0]
            count = int(pins.get(key, faults[key]))
            pins[key] = min(_COUNT_MAX, max(0, count + self._random.choice((1, 1, 1, -1))))

    def _wanted(self, name: str) -> float:
        """How much rather a fault is armed once more than another."""
        excused = name in self._excusing and not self._damages
        return (_EXCUSED_WEIGHT if excused else 1.0) / math.sqrt(1 + self._armed.get(name, 0))

    def _elsewhen(self, pins: Pins, faults: Mapping[str, Value], _: Mapping[str, Value]) -> None:
        """A little earlier or later, or at any time at all."""
        key = self._one_of(faults, _TIME)
        if key is not None:
            near = float(pins.get(key, faults[key])) + self._random.uniform(-_NEAR, _NEAR)
            anywhere = self._random.random() < 0.4
            pins[key] = self._random.random() if anywhere else min(0.999999, max(0.0, near))

    def _other_operation(self, pins: Pins, faults: Mapping[str, Value], _: Mapping[str, Value]) -> None:
        """The storage operation before or after, or any."""
        key = self._one_of(faults, _OPERATION)
        if key is not None:
            step = int(pins.get(key, faults[key])) + self._random.choice((-2, -1, 1, 2))
            anywhere = self._random.random() < 0.3
            pins[key] = self._random.randint(1, _OPERATIONS_MAX) if anywhere else min(_OPERATIONS_MAX, max(1, step))

    def _other_draw(self, pins: Pins, faults: Mapping[str, Value], _: Mapping[str, Value]) -> None:
        """What the medium keeps, whether a message still arrives, whether an operation had begun."""
        # A small number counts something, and what it may be at most is not known here.
        keys = [
            key
            for key, value in faults.items()
            if not _TIME.search(key) and (isinstance(value, float) or (isinstance(value, int) and value > _SEED_LEAST))
        ]
        if keys:
            key = self._random.choice(keys)
            value = pins.get(key, faults[key])
            pins[key] = self._random.random() if isinstance(value, float) else self._random.getrandbits(64)

    def _onto_another(self, pins: Pins, faults: Mapping[str, Value], _: Mapping[str, Value]) -> None:
        """All that befalls one terminal befalls another as well."""
        devices = sorted({found[1] for key in faults if (found := _DEVICE.match(key))})
        if len(devices) > 1:
            one, other = self._random.sample(devices, 2)
            self._copy(pins, {**faults, **pins}, one, other)

    def _both(self, pins: Pins, faults: Mapping[str, Value], others: Mapping[str, Value]) -> None:
        """What befell a terminal in another run befalls one of this run."""
        theirs = sorted({found[1] for key in others if (found := _DEVICE.match(key))})
        if theirs:
            device = self._random.choice(theirs)
            self._copy(pins, others, device, device)

    def _copy(self, pins: Pins, source: Mapping[str, Value], one: str, other: str) -> None:
        for key, value in source.items():
            if key.startswith(f"{one}/fault/"):
                pins[f"{other}{key[len(one) :]}".replace(f"/{one}/", f"/{other}/")] = value

    def _one_of(self, faults: Mapping[str, Value], which: re.Pattern[str]) -> str | None:
        keys = [key for key in faults if which.search(key)]
        return self._random.choice(keys) if keys else None


def _name(key: str) -> str:
    """Of ``T01/fault/NAME/day1/count``."""
    return key.partition("fault/")[2].partition("/")[0]

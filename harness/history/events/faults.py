"""Faults: when each struck, what it damaged, that it bit, and when it was over."""

from harness.history.events.base import Event


class FaultStruck(Event, frozen=True):
    """``fault`` is its name in the scenario, such as ``power_loss#2``; ``kind`` its registered kind.

    ``detail`` says what it does there, as far as that is known beforehand; ``key`` is the causal key of what it draws.
    """

    fault: str
    kind: str
    devices: tuple[str, ...]
    detail: str = ""
    key: str = ""


class DataDamaged(Event, frozen=True):
    """What a fault damaged in the file ``path``: its youngest byte had been written last at ``youngest_us``.

    What happened later than that cannot have been recorded there. -1: all of it was there before the run.
    """

    device: str
    fault: str
    path: str
    youngest_us: int


class FaultBit(Event, frozen=True):
    """The fault had an effect: an error or wrong byte returned, an image changed, an awaited message lost."""

    fault: str
    kind: str
    device: str
    evidence: str


class FaultLifted(Event, frozen=True):
    """The condition is over; damage stays."""

    fault: str
    kind: str
    devices: tuple[str, ...] = ()

"""What a stepped run is told to do, one order a step, and what it answers: everything that crosses into the child process."""

import msgspec

from harness.contract import ActionKind
from harness.workload.arrivals import VisitKind

ORDERS = "orders"
"""The pipe beside the scenario from which orders are read."""


class Visit(msgspec.Struct, frozen=True, tag="visit", omit_defaults=True):
    """A customer comes: to buy, or with the slip of an earlier sale. ``amount_fen`` counts for what is bought."""

    kind: VisitKind = "sale"
    amount_fen: int = 100
    by_code: bool = False


class Operate(msgspec.Struct, frozen=True, tag="operate"):
    """Somebody presses the key of an action that needs no customer."""

    action: ActionKind


class Restart(msgspec.Struct, frozen=True, tag="restart"):
    """The device is restarted, and everybody waits until it is ready."""


class Strike(msgspec.Struct, frozen=True, tag="strike"):
    """A fault, as an entry of a scenario's ``faults``. Without ``at`` it strikes now; else it waits for what ``at`` says."""

    fault: str


class Lift(msgspec.Struct, frozen=True, tag="lift"):
    """Conditions of this kind are over."""

    kind: str


class Pass(msgspec.Struct, frozen=True, tag="pass"):
    """Time passes, and nobody comes."""

    duration_us: int


class End(msgspec.Struct, frozen=True, tag="end"):
    """Trading is over: recovery, rest, the last settlement, the verdict."""


Order = Visit | Operate | Restart | Strike | Lift | Pass | End


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    """The terminal is installed and the first day has begun."""

    actions: tuple[str, ...]
    """What its manifest says that it can do."""


class Stepped(msgspec.Struct, frozen=True, tag="stepped"):
    """A step is over. ``said``: how it ended, as people saw it. ``findings``: what is proven by now, a sentence each."""

    at_us: int
    said: str
    unsettled: int
    """Slips of sales that can be voided."""
    settled: int
    """Slips of sales that can be given back."""
    findings: tuple[str, ...] = ()
    stopped: str = ""
    """Why no further step can be taken; empty when one can."""


class NotStruck(msgspec.Struct, frozen=True, tag="not_struck"):
    """The fault of an order is none; ``why`` is the scenario error."""

    why: str


Answer = Opened | Stepped | NotStruck

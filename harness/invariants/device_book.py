"""The page of the books for one device: what is open there, what closed lately, and in what state it is.

Models: open purchases, actions under way, recent closings, the last inspections, conditions in force.
Does not model: how it comes to be so; the books write it. Source: domain section 8 (notation).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.history.events import BatchSettled, Inspected
from harness.invariants.purchase import CHARGE_KINDS, ActionState, Entry, Purchase


@dataclass(frozen=True, slots=True)
class Closing:
    """A batch that the host closed. Totals are debit count, debit fen, credit count, credit fen, from ledger entries."""

    batch: str
    number: int
    at_us: int
    totals: tuple[int, int, int, int]
    event: BatchSettled


class DeviceBook:
    """What is known of one device."""

    __slots__ = (
        "actions", "betrayals", "by_key", "closings", "conditions", "current", "damage", "damaged_by", "down_since", "ended_kind",
        "inspections", "name", "purchases", "quiet_since_us", "requests", "running", "settling", "strays", "unagreed_batch",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.purchases: dict[Purchase, None] = {}
        self.actions: dict[int, ActionState] = {}
        self.running: dict[int, str] = {}
        """Kinds of actions under way, by number."""
        self.ended_kind = ""
        """Kind of the action that ended last."""
        self.current: ActionState | None = None
        self.by_key: dict[tuple[str, str], Entry] = {}
        """The latest entry of each (batch, STAN)."""
        self.strays: dict[int, Entry] = {}
        """Entries that belong to no purchase."""
        self.settling: list[Entry] = []
        self.closings: dict[str, Closing] = {}
        self.inspections: dict[str, tuple[int, Inspected]] = {}
        self.down_since: int | None = None
        """The event since which the software is not running."""
        self.conditions: dict[str, None] = {}
        self.quiet_since_us = 0
        """When the last fault struck or was lifted."""
        self.damaged_by = ""
        self.damage: list[int] = []
        """Of each damage that was measured: when the youngest byte that it hit had been written."""
        self.betrayals: list[tuple[int, tuple[int, ...]]] = []
        """Power cuts in which the medium did what no software survives: the event, and the invariants that fell."""
        self.requests: set[tuple[str, str]] | None = None
        """Batch and STAN of each request of this run, on a device that began on an image; None: it began empty."""
        self.unagreed_batch: str | None = None
        """The batch that was open in the image, when the host was told nothing of its content; "" while it is not known."""

    def betrayed(self, invariant: int, since: int) -> bool:
        """Whether a cut after the event ``since`` destroyed what this invariant keeps: nothing is owed that rests on it."""
        return any(number > since and invariant in fallen for number, fallen in self.betrayals)

    def is_older(self, batch: str, stan: str) -> bool:
        """Whether a transaction that the terminal names was in its image before the run began."""
        return self.requests is not None and (batch, stan) not in self.requests


def totals_of(entries: Iterable[Entry]) -> tuple[int, int, int, int]:
    """Debit and credit counts and amounts of what a batch settled; what was voided is in neither."""
    debits = credits = debit_fen = credit_fen = 0
    for entry in entries:
        if (
            entry.kind in CHARGE_KINDS
            and entry.before != "VOIDED"
            and entry.state not in ("VOIDED", "REVERSED", "DECLINED")
        ):
            debits += 1
            debit_fen += entry.amount_fen
        elif entry.kind == "refund" and entry.state not in ("REVERSED", "DECLINED"):
            credits += 1
            credit_fen += entry.amount_fen
    return debits, debit_fen, credits, credit_fen

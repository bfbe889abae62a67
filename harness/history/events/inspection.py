"""The terminal's own records, as its ``inspect`` tells them."""

import msgspec

from harness.history.events.base import Event


class RecordSeen(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One record of the terminal's own log, as its ``inspect`` tells it. ``state``: active, voided, reversed, refunded."""

    stan: str
    batch: str
    kind: str
    amount_fen: int
    state: str = "active"


class Inspected(Event, frozen=True):
    """The terminal's own records, read from its image at ``when``: quiescence, after_settlement, after_power_loss,
    recovered (twice, with nothing but a restart between)."""

    device: str
    when: str
    batch: str = ""
    next_stan: str = ""
    records: tuple[RecordSeen, ...] = ()
    pending_reversals: tuple[str, ...] = ()
    damaged_records: int = 0
    settling: bool = False
    error: str = ""
    totals: tuple[int, int, int, int] | None = None
    """As in BatchSettled, of the open batch; None when the software does not tell."""


class InspectionMissing(Event, frozen=True):
    """The program was asked for its own records and offers no inspection, as its answers for healthy files show."""

    device: str
    why: str

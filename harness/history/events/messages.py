"""What went over the link, message by message."""

from harness.history.events.base import Event


class MessageSent(Event, frozen=True):
    """A whole message left its sender. ``direction`` is up (to the host) or down; ``message`` numbers them per run.

    Fields are read from the bytes by the dialect; a message that does not parse has ``error`` and empty fields. ``altered``:
    what a fault made wrong in it (``mac``, or the name of a field), which a terminal must notice.
    """

    device: str
    message: int
    direction: str
    mti: str = ""
    processing_code: str = ""
    stan: str = ""
    batch: str = ""
    amount_fen: int | None = None
    token: str = ""
    response_code: str = ""
    original_stan: str = ""
    function: str = ""
    size_bytes: int = 0
    error: str = ""
    altered: str = ""
    items: tuple[str, ...] = ()
    """Trace numbers of the transactions in a batch upload."""
    order: str = ""
    """The number of the scan-to-pay order that it is about."""


class MessageDelivered(Event, frozen=True):
    """The whole message has reached its reader."""

    device: str
    message: int


class MessageDropped(Event, frozen=True):
    """``reason``: partition, half_open, reset, closed, power, ..."""

    device: str
    message: int
    reason: str


class RequestUnanswered(Event, frozen=True):
    """The request arrived, and the host sends nothing back.

    ``reason``: no_reply (the everyday share of ``host.no_reply``: it was carried out), withheld (carried out, a fault keeps the
    answer), late (carried out, the answer comes with a later one), not_read (not carried out), not_understood.
    """

    device: str
    message: int
    reason: str

"""What is told of the run itself: how it began, its phases, the terminals and the images that they begin with."""

from harness.history.events.base import Event


class RunStarted(Event, frozen=True):
    """The first event: what is run."""

    scenario: str
    seed: int
    terminal: str
    terminals: int
    days: int
    start_date: str
    disk: str
    profiles: tuple[str, ...] = ()


class PhaseStarted(Event, frozen=True):
    """``phase`` is one of trading, settle_while_full, recovery, quiescence, final_settlement, check."""

    phase: str


class Diverged(Event, frozen=True):
    """A pinned decision was missing on replay and took its neutral value."""

    key: str


class TerminalInstalled(Event, frozen=True):
    """A terminal, by the numbers that the acquirer knows it by."""

    device: str
    tid: str
    mid: str
    merchant: str
    software: str
    dialect: str
    link: str


class ImageLoaded(Event, frozen=True):
    """The device begins in service, on data from ``source``.

    ``acquirer``: what the host was given - ``snapshot`` (its own view of that instant), ``records`` (what the software's
    ``inspect`` reads in the image) or ``adopted`` (nothing but the batch number that the terminal names first). What
    host and image agree on follows as LedgerChanged; whatever else is older than the run is nobody's guilt in it.
    """

    device: str
    source: str
    acquirer: str

"""Invariant 14: "storage full" is said when it is so, and only then.

Models: the typed screen ``storage_full``. It is true when the batch has reached the declared limit (give or take a record), when
the volume has less free than the software declares (``full_below_bytes``), or when the volume has just refused a write for
lack of space. A sale accepted with the batch at its limit must come with the message, and beyond limit and declared grace
no sale may be accepted at all.
Does not model: a message in other words; a refusal for want of space without the message, which shows as an acceptance rate.
Traps avoided: a warning is no refusal, and the other way round; what the terminal counts (voids, reversed sales) is unknown, so
the message is judged by the highest count and the acceptance by the lowest; room that faults hide or misreport.
Source: domain section 8, invariant 14; section 1.6 (limits and messages of real terminals).
"""

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    FaultLifted,
    FaultStruck,
    ScreenShown,
    SpaceMeasured,
    StorageFailed,
)
from harness.invariants.admission import SPACE_ERRORS, UNFORESEEABLE
from harness.invariants.base import INVARIANTS, Terms, on, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    case,
    ends,
    full_disk,
    limited,
    paid_sale,
    screen,
    settled,
    space,
    starts,
    up,
)
from harness.invariants.open_batch import CountingInvariant

TOLERANCE_RECORDS = 1
_HIDES_SPACE = UNFORESEEABLE | {"quota", "inode_exhaustion"}
"""Under these the figures that the harness measures are not what the software is told."""
_RECORD_BYTES = 4096


@INVARIANTS.register("full_message")
class FullMessage(CountingInvariant):
    """The terminal says that its storage is full exactly when it is, and takes no sale when it is truly full."""

    number = 14
    name = "full_message"
    evidence = "the screen that says so, free space at that instant, requests and approvals in the open batch"
    requires = ("a screen that says storage full, or a batch at its declared limit",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._screens: dict[str, tuple[int, ScreenShown]] = {}
        """By device: the last such screen, not measured yet."""
        self._said: dict[str, None] = {}
        """Devices that have said it in the action under way."""
        self._refused: dict[str, None] = {}
        """Devices whose volume had no space in the action under way."""
        self._hidden: dict[str, dict[str, None]] = {}
        self._told: set[tuple[str, str]] = set()

    @on(ActionStarted)
    def _started(self, number: int, event: ActionStarted) -> None:
        self._said.pop(event.device, None)
        self._refused.pop(event.device, None)

    @on(StorageFailed)
    def _failed(self, number: int, event: StorageFailed) -> None:
        if event.errno in SPACE_ERRORS:
            self._refused[event.device] = None

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        if event.kind in _HIDES_SPACE:
            for device in event.devices:
                self._hidden.setdefault(device, {})[event.fault] = None

    @on(FaultLifted)
    def _lifted(self, number: int, event: FaultLifted) -> None:
        for device in event.devices or tuple(self._hidden):
            self._hidden.get(device, {}).pop(event.fault, None)

    # ------------------------------------------------------------ said

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "storage_full":
            self._said[event.device] = None
            self._screens[event.device] = (number, event)

    @on(SpaceMeasured)
    def _measured(self, number: int, event: SpaceMeasured) -> None:
        if event.when != "said_full" or event.volume != "data":
            return
        shown = self._screens.pop(event.device, None)
        if shown is not None:
            self._judge_message(shown[0], number, event)

    def _judge_message(self, shown: int, number: int, space: SpaceMeasured) -> None:
        device = space.device
        manifest = self.terms.manifest(device)
        limit, threshold_bytes = manifest.max_transactions, manifest.full_below_bytes
        most = self.at_most(device)
        by_number = limit is not None and (most is None or most + TOLERANCE_RECORDS >= limit)
        if by_number or device in self._refused or self._hidden.get(device):
            self.checked += 1
            return
        if threshold_bytes is None:
            self.skip(f"{device} does not declare below how much free space it is full")
            return
        self.checked += 1
        if space.free_bytes < threshold_bytes + _RECORD_BYTES or (device, "said") in self._told:
            return
        self._told.add((device, "said"))
        of_limit = "" if limit is None else f" of {limit}"
        summary = (
            f"{device} said that its storage was full with {space.free_bytes:,} bytes free (full below {threshold_bytes:,}) "
            f"and at most {most}{of_limit} records."
        )
        self.report(self.finding(device, space.at_us, summary, (shown, number), 0, "major"))

    # ------------------------------------------------------------ accepted

    def action_ended(self, number: int, event: ActionEnded) -> None:
        device = event.device
        manifest = self.terms.manifest(device)
        action = self.books.device(device).actions[event.action]
        if event.outcome != "approved" or action.kind != "sale" or manifest.max_transactions is None:
            return
        held = self.at_least(device)
        if held < manifest.max_transactions:
            return
        self.checked += 1
        hard = manifest.max_transactions + manifest.grace_transactions + TOLERANCE_RECORDS
        if held < hard and (device in self._said or held < manifest.max_transactions + TOLERANCE_RECORDS):
            return
        if (device, "accepted") in self._told:
            return
        self._told.add((device, "accepted"))
        said = "" if device in self._said else " and did not say that it is full"
        summary = (
            f"{device} took a sale of {yuan(action.amount_fen)} with {held} records in its batch of at most "
            f"{manifest.max_transactions}{said}."
        )
        self.report(self.finding(device, event.at_us, summary, (action.started, number), 0, "major"))


_FULL = screen("storage_full", 2)
_REFUSED = (starts(2), _FULL)
_LIMIT_2 = limited(2, full_below_bytes=65_536)
_LIMIT_9 = limited(9, full_below_bytes=65_536)
_PLENTY = space(900_000)
_TWO_SALES = (*paid_sale(), *paid_sale(2))


def _warned(number: int) -> tuple[AnyEvent, ...]:
    """A sale that is taken after a warning."""
    sale = paid_sale(number)
    return (*sale[:2], screen("storage_full", number), *sale[2:])


FullMessage.cases = (
    case(
        "batch at its limit", "the declared number of records is there", "pass",
        up(), *paid_sale(), up(3, stan="000002"), *paid_sale(2), starts(3), screen("storage_full", 3), _PLENTY,
        ends(3, "refused"), terms=_LIMIT_2,
    ),
    case(
        "voids counted", "the terminal counts a request that was reversed: give or take", "pass",
        up(), up(3, stan="000002"), *_REFUSED, _PLENTY, ends(2, "refused"), terms=_LIMIT_2,
    ),
    case("little space", "below what it declares", "pass", *_REFUSED, space(20_000), ends(2, "refused"), terms=_LIMIT_9),
    case(
        "a write was refused", "the volume itself said so", "pass",
        starts(2), full_disk(), _FULL, _PLENTY, ends(2, "refused"), terms=_LIMIT_9,
    ),
    case(
        "misreported", "what the software is told is not what is there", "pass",
        FaultStruck(0, "misreported_space#1", "misreported_space", (T01,)), *_REFUSED, _PLENTY, ends(2, "refused"),
        terms=_LIMIT_9,
    ),
    case(
        "plenty of room", "one record of nine, and most of the volume free", "finding",
        up(), *paid_sale(), *_REFUSED, _PLENTY, ends(2, "refused"),
        guilty=10, instead=space(20_000), terms=_LIMIT_9,
    ),
    case(
        "still full after the settlement", "the counter was not set back", "finding",
        up(), *paid_sale(), up(3, stan="000002"), *paid_sale(2), settled(1, 2), *_REFUSED, _PLENTY, ends(2, "refused"),
        guilty=19, instead=space(20_000), terms=_LIMIT_2,
    ),
    case(
        "lifted, and still says so", "the figure is right again", "finding",
        FaultStruck(0, "misreported_space#1", "misreported_space", (T01,)),
        FaultLifted(0, "misreported_space#1", "misreported_space", (T01,)), *_REFUSED, _PLENTY, ends(2, "refused"),
        guilty=4, instead=space(20_000), terms=_LIMIT_9,
    ),
    case(
        "warns and goes on", "two of two, then a third and a fourth: the limit only warns", "finding",
        *_TWO_SALES, *_warned(3), *_warned(4),
        guilty=28, instead=ends(4, "refused"), terms=_LIMIT_2,
    ),
    case(
        "warns within its grace", "the vendor declares it", "pass",
        *_TWO_SALES, *_warned(3), *_warned(4), terms=limited(2, grace=2),
    ),
    case(
        "one more than declared", "tolerance of one record", "pass",
        *_TWO_SALES, *paid_sale(3), terms=_LIMIT_2,
    ),
    case(
        "grace without a word", "nobody was told to settle", "finding",
        *_TWO_SALES, *paid_sale(3), *paid_sale(4),
        guilty=26, instead=ends(4, "refused"), terms=limited(2, grace=5),
    ),
    case("never full", "the message did not come and was not due", "not_checked", *paid_sale(), terms=_LIMIT_9),
    case("no threshold declared", "nobody can tell", "not_checked", *_REFUSED, _PLENTY, ends(2, "refused"), terms=limited(9)),
)  # fmt: skip

"""Invariant 16: the batch number goes up by exactly one with each settlement, and no number is used again.

Models: as a black box, the batch that a terminal names in requests that move money and in settlement requests. It changes only
to the number after the batch that the host closed last, or to the one that the host gave at sign-on. A batch that the terminal
has left, or has called settled while the host had closed it, takes no more transactions. With ``inspect`` the same is asked of
the number that the terminal's own records are under. And a batch is left by settling it, not by signing off over it: a sign-off
is not done while a sale or refund that was shown as approved stands unsettled (rule R14).
Does not model: whether the terminal had been told of the closing (11), nor what is in the batches (2, 12).
Traps avoided: 999999 is followed by 1; the host may assign another number at sign-on, an old one too; empty batches may be
settled between two sales; reversals, uploads and repeated settlement requests name the batch that they are about; a terminal
never told of the closing still holds the old number open; the first number that a device names may be any; a pre-authorisation
is in no settlement, and what was never shown is in nobody's log; records that a fault may have taken; a host that settles.
Source: domain section 8, invariant 16; rule R14 ("请先结算"); defect D7 (a crash between the new number and the end of the
settlement counts twice).
"""

from collections.abc import Iterator

from harness.history.events import (
    ActionEnded,
    BatchSettled,
    FaultStruck,
    Inspected,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    ScreenShown,
)
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    answered,
    arrives,
    card,
    case,
    closes,
    down,
    ends,
    inspected,
    intent,
    leaves,
    ledger,
    paid_sale,
    phase,
    reversal,
    screen,
    settled,
    starts,
    up,
)
from harness.invariants.purchase import SETTLED_KINDS, Entry
from harness.invariants.requests import FINANCIAL

_SETTLEMENT = "0500"
_SIGN_ON_REPLY = "0810"
_LAST = 999_999
_TERMINAL_SETTLES = frozenset({"operator", "automatic"})


class _Numbers:
    """What is known of one device's batch numbers, without leading zeros."""

    __slots__ = ("assigned", "closed", "closed_at", "finished", "in_use", "in_use_text", "left")

    def __init__(self) -> None:
        self.in_use = ""
        self.in_use_text = ""
        self.assigned = ""
        self.closed = ""
        """The batch that the host closed last."""
        self.closed_at: int | None = None
        self.finished = ""
        """The batch that the terminal has called settled, with the host's closing behind it."""
        self.left: dict[str, None] = {}

    @property
    def next(self) -> str:
        """The number after the batch that was closed last."""
        return str(int(self.closed) % _LAST + 1) if self.closed.isdecimal() else ""


@INVARIANTS.register("batch_advances")
class BatchAdvances(Invariant):
    """A batch ends with its settlement: its number goes up by one and is not used again, and nobody signs off over it."""

    number = 16
    name = "batch_advances"
    evidence = (
        "batch numbers of requests and of the terminal's records, against the host's closings and sign-on answers"
    )
    requires = ("a settlement",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._devices: dict[str, _Numbers] = {}
        self._assignments: dict[int, str] = {}
        self._told: set[tuple[str, str]] = set()

    def _numbers(self, device: str) -> _Numbers:
        numbers = self._devices.get(device)
        if numbers is None:
            numbers = self._devices[device] = _Numbers()
        return numbers

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction != "up":
            if event.mti == _SIGN_ON_REPLY and event.response_code == "00":
                self._assignments[event.message] = plain_number(event.batch)
            return
        if not event.batch or not (event.mti in FINANCIAL or event.mti == _SETTLEMENT):
            return
        numbers = self._devices.get(event.device) or self._numbers(event.device)
        if event.batch == numbers.in_use_text and not numbers.finished:
            return
        self._named(numbers, number, event)

    def _named(self, numbers: _Numbers, number: int, event: MessageSent) -> None:
        batch, before = plain_number(event.batch), numbers.in_use
        if batch == before:
            if batch == numbers.finished and event.mti in FINANCIAL and batch != numbers.assigned:
                self._guilty(event, number, batch, f"used batch {event.batch} again, which it had called settled")
            return
        if batch in numbers.left and batch != numbers.assigned:
            if event.mti in FINANCIAL:
                self._guilty(event, number, batch, f"used batch {event.batch} again, which it had left")
            return
        if before:
            self.checked += 1
            if batch not in (numbers.assigned, numbers.next):
                closed = f"the host had closed batch {numbers.closed}" if numbers.closed else "no batch had been closed"
                self._guilty(
                    event, number, batch, f"went on from batch {before} to batch {event.batch}, where {closed}"
                )
            numbers.left[before] = None
        numbers.in_use, numbers.in_use_text, numbers.finished = batch, event.batch, ""

    def _guilty(self, event: MessageSent | Inspected, number: int, batch: str, what: str) -> None:
        if (event.device, batch) in self._told:
            return
        self._told.add((event.device, batch))
        self.checked += 1
        closed_at = self._numbers(event.device).closed_at
        summary = f"{event.device} {what}, at {when(event.at_us)}."
        self.report(self.finding(event.device, event.at_us, summary, (closed_at, number), 0, "major"))

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        assigned = self._assignments.pop(event.message, None)
        if assigned is not None:
            self._numbers(event.device).assigned = assigned

    @on(MessageDropped)
    def _dropped(self, number: int, event: MessageDropped) -> None:
        self._assignments.pop(event.message, None)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            self.checked += 1
            numbers = self._numbers(event.device)
            numbers.closed, numbers.closed_at = plain_number(event.batch), number
            if numbers.assigned == numbers.closed:
                numbers.assigned = ""  # it was given for the batch that is over now

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "settled":
            self._called_settled(event.device)

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        if event.outcome != "done":
            return
        kind = self.books.device(event.device).ended_kind
        if kind == "settle":
            self._called_settled(event.device)
        elif kind == "sign_off":
            self._signed_off(number, event)

    def _signed_off(self, number: int, event: ActionEnded) -> None:
        book = self.books.device(event.device)
        if self.terms.manifest(event.device).settlement not in _TERMINAL_SETTLES or book.damaged_by or book.betrayals:
            return
        self.checked += 1
        open_ones = [
            entry
            for purchase in book.purchases
            for entry in purchase.entries
            if entry.state == "APPROVED" and entry.kind in SETTLED_KINDS and not entry.host_only and _was_shown(entry)
        ]
        if open_ones:
            first, fen = open_ones[0], sum(each.amount_fen for each in open_ones)
            summary = (
                f"{event.device} was signed off at {when(event.at_us)} with {len(open_ones)} records of {yuan(fen)} in all "
                f"unsettled, the first of trace number {first.stan} in batch {first.batch}."
            )
            self.report(self.finding(event.device, event.at_us, summary, (first.first, number), fen, "minor"))

    def _called_settled(self, device: str) -> None:
        numbers = self._numbers(device)
        if numbers.in_use and numbers.in_use == numbers.closed:
            numbers.finished = numbers.in_use

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        numbers = self._devices.get(event.device)
        if event.error or not event.batch or numbers is None or not numbers.in_use:
            return
        batch = plain_number(event.batch)
        if batch not in (numbers.in_use, numbers.assigned, numbers.closed, numbers.next):
            closed = f"the host had closed batch {numbers.closed}" if numbers.closed else "no batch had been closed"
            self._guilty(event, number, batch, f"keeps its records under batch {event.batch}, where {closed}")

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.checked:
            self.skip("no batch was closed")
        yield from ()


def _was_shown(entry: Entry) -> bool:
    return entry.action is not None and entry.action.shown is not None


_SETTLE = (starts(9, "settle", None), up(91, "0500", token="", amount_fen=None))
_DONE = (*answered(92, "0510"), screen("settled", 9), ends(9, "done"))
_SECOND = up(5, stan="000005", token="5", batch="000002")

BatchAdvances.cases = (
    case("one by one", "settled, and on to the next number", "pass", up(), *_SETTLE, settled(1), *_DONE, _SECOND),
    case(
        "counted twice", "a crash between the new number and the end of the settlement", "finding",
        up(), *_SETTLE, settled(1), *_DONE, up(5, stan="000005", token="5", batch="000003"),
        guilty=8, instead=_SECOND,
    ),
    case(
        "used again", "settled, and the next sale under the old number, which the morning's sign-on gave", "finding",
        down(93, "0810"), arrives(93), up(), *_SETTLE, settled(1), *_DONE, up(5, stan="000005", token="5"),
        guilty=10, instead=_SECOND,
    ),
    case(
        "back to an old one", "a rollback: a batch that had been left takes sales again", "finding",
        up(), *_SETTLE, settled(1), *_DONE, _SECOND, up(6, stan="000006", token="6"),
        guilty=9, instead=up(6, stan="000006", token="6", batch="000002"),
    ),
    case(
        "went on without settling", "no batch was closed", "finding",
        up(), _SECOND,
        guilty=1, instead=up(5, stan="000005", token="5"),
    ),
    case(
        "records under a wrong number", "inspect shows what no request shows yet", "finding",
        up(), *_SETTLE, settled(1, batch="000005"), *_DONE, inspected(when="after_settlement"),
        up(5, stan="000005", token="5", batch="000008"),
        guilty=9, instead=up(5, stan="000005", token="5", batch="000006"),
    ),
    case(
        "999999 and 1", "the counter wraps", "pass",
        up(batch="999999"), up(91, "0500", token="", batch="999999", amount_fen=None), settled(1, batch="999999"),
        down(92, "0510", batch="999999"), arrives(92), up(5, stan="000005", token="5", batch="000001"),
    ),
    case(
        "the host assigns", "sign-on gave another number", "pass",
        up(), down(93, "0810", batch="000007"), arrives(93), up(5, stan="000005", token="5", batch="000007"), settled(1),
    ),
    case(
        "the host assigns an old one", "it may know better", "pass",
        up(batch="000002"), down(93, "0810"), arrives(93), up(5, stan="000005", token="5"), *_SETTLE, settled(1),
    ),
    case(
        "two empty batches", "settled twice in the evening", "pass",
        up(), *_SETTLE, settled(1), *_DONE, up(94, "0500", token="", batch="000002", amount_fen=None),
        settled(batch="000002", claimed=(0, 0), held=(0, 0)), *answered(95, "0510"),
        up(5, stan="000005", token="5", batch="000003"),
    ),
    case(
        "late reversal and repeated settlement", "they name the batch that they are about", "pass",
        up(), *_SETTLE, settled(1), *_DONE, _SECOND, reversal(), up(96, "0500", token="", amount_fen=None),
        settled(repeated=True),
    ),
    case(
        "not told", "the host closed it, the answer was lost, and the shop sells on", "pass",
        up(), *_SETTLE, settled(1), ends(9, "failed"), up(5, stan="000005", token="5"),
    ),
    case(
        "signed off after the settlement", "nothing is left to settle", "pass",
        *paid_sale(), *closes(1), starts(8, "sign_off", None), ends(8, "done"),
    ),
    case(
        "signed off over records", "the day ends with a sale that is in no settlement", "finding",
        *paid_sale(), starts(8, "sign_off", None), ends(8, "done"),
        guilty=8, instead=ends(8, "refused"),
    ),
    case(
        "signed off over a hold", "a pre-authorisation is in no settlement", "pass",
        intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), leaves(),
        starts(8, "sign_off", None), ends(8, "done"),
    ),
    case(
        "signed off with a sale it knows nothing of", "the answer was lost: its log is empty", "pass",
        *paid_sale()[:4], screen("unknown"), ends(1, "unknown"), starts(8, "sign_off", None), ends(8, "done"),
    ),
    case(
        "signed off after a record was destroyed", "its log may be empty", "not_checked",
        *paid_sale(), FaultStruck(0, "lose_file#1", "lose_file", (T01,)), starts(8, "sign_off", None), ends(8, "done"),
    ),
    case("no settlement", "one batch all day", "not_checked", up(), up(5, stan="000005", token="5"), phase("check")),
)  # fmt: skip

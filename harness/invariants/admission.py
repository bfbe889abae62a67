"""Invariant 13: money is not asked for when the record of it could not be kept.

Models: two ways to see from outside that a request should not have been sent. By number: the terminal already keeps as many
records as it says it can (``max_transactions`` and ``grace_transactions``). By space: after the request had left, the volume
answered "no space", and an approval that had come could not be told as one.
Does not model: how much a terminal has preallocated (it may go on selling on a volume without a free byte); what it does with
the approval it cannot keep, which 2, 3 and 31 judge.
Traps avoided: a refused attempt to grow before the request is how a careful terminal finds out; an error after which the record
was kept all the same; space that went away while the answer was awaited; a medium that also fails otherwise; a grace that
the vendor declares; voids and reversed sales, which need not be counted.
Source: domain section 8, invariant 13; section 1.5, R11.
"""

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    FaultLifted,
    FaultStruck,
    MessageSent,
    PowerLost,
    StorageFailed,
)
from harness.invariants.base import INVARIANTS, Severity, Terms, on, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    card,
    case,
    ends,
    full_disk,
    intent,
    ledger,
    limited,
    paid_sale,
    screen,
    settled,
    starts,
    up,
)
from harness.invariants.open_batch import CountingInvariant
from harness.invariants.purchase import ActionState

SPACE_ERRORS = frozenset({"ENOSPC", "EDQUOT"})
UNFORESEEABLE = frozenset({"misreported_space", "no_clean_block", "shrink_capacity", "wear_out"})
"""Under these no figure and no preallocated room tells whether the next write will find space."""
_TAKES_SPACE = frozenset({"full_storage", "quota", "inode_exhaustion", "software_update"})
_SALE = "0200"


class _Request:
    """The request of the action under way."""

    __slots__ = ("failed", "is_excused", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.failed: int | None = None
        """The first "no space" after it."""
        self.is_excused = False


@INVARIANTS.register("admission")
class Admission(CountingInvariant):
    """No request that moves money is sent when its record cannot be kept or the batch holds all it may."""

    number = 13
    name = "admission"
    evidence = "requests sent, approvals in the open batch, and errors of the storage after a request"
    requires = ("a sale that was sent",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._requests: dict[str, _Request] = {}
        self._blind: dict[str, dict[str, None]] = {}
        self._told: set[str] = set()

    # ------------------------------------------------------------ by number

    def before_request(self, number: int, event: MessageSent) -> None:
        device = event.device
        self._requests[device] = _Request(number)
        if event.mti != _SALE or not event.processing_code.startswith("00"):
            return
        manifest = self.terms.manifest(device)
        if manifest.max_transactions is None:
            self.skip(f"{device} declares no limit of its own")
            return
        self.checked += 1
        cap = manifest.max_transactions + manifest.grace_transactions
        if self.at_least(device) < cap or device in self._told:
            return
        self._told.add(device)
        grace = f" and {manifest.grace_transactions} of grace" if manifest.grace_transactions else ""
        summary = (
            f"{device} sent a sale of {yuan(event.amount_fen or 0)} with {self.at_least(device)} records in its batch, of "
            f"{manifest.max_transactions}{grace} that it declares."
        )
        self.report(self.finding(device, event.at_us, summary, (number,), 0, "minor"))

    # ------------------------------------------------------------ by space

    @on(ActionStarted, PowerLost)
    def _new_action(self, number: int, event: ActionStarted | PowerLost) -> None:
        self._requests.pop(event.device, None)

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        for device in event.devices:
            request = self._requests.get(device)
            if request is not None and event.kind in _TAKES_SPACE | UNFORESEEABLE:
                request.is_excused = True
            is_download = event.kind == "software_update" or (event.kind == "full_storage" and event.detail == "update")
            if event.kind in UNFORESEEABLE or is_download:
                self._blind.setdefault(device, {})[event.fault] = None

    @on(FaultLifted)
    def _lifted(self, number: int, event: FaultLifted) -> None:
        for device in event.devices or tuple(self._blind):
            self._blind.get(device, {}).pop(event.fault, None)

    @on(StorageFailed)
    def _failed(self, number: int, event: StorageFailed) -> None:
        request = self._requests.get(event.device)
        if request is None:
            return
        if event.errno not in SPACE_ERRORS:
            request.is_excused = True
        elif request.failed is None:
            request.failed = number
            request.is_excused = request.is_excused or bool(self._blind.get(event.device))

    def action_ended(self, number: int, event: ActionEnded) -> None:
        request = self._requests.pop(event.device, None)
        if request is None or request.failed is None or event.outcome == "approved":
            return
        action = self.books.device(event.device).actions[event.action]
        if action.shown is not None:
            return
        if request.is_excused:
            self.skip(f"{event.device} lost its space while it waited for an answer")
            return
        self.checked += 1
        self._judge(number, event, request, action)

    def _judge(self, number: int, event: ActionEnded, request: _Request, action: ActionState) -> None:
        approved = [each for each in action.entries if each.state == "APPROVED" and each.kind != "void"]
        if not approved:
            return
        amount_fen = sum(each.amount_fen for each in approved)
        device = event.device
        summary = (
            f"{device} asked for {yuan(amount_fen)} without room for its record: the host approved, and the volume had no "
            f"space to keep it."
        )
        severity: Severity = "critical" if self.terms.manifest(device).capture == "terminal" else "major"
        events = (action.started, request.number, request.failed, number)
        self.report(self.finding(device, event.at_us, summary, events, amount_fen, severity))


_SALE_SENT = (intent(), starts(), card(), up())
_TWO = limited(2)

Admission.cases = (
    case("below the limit", "one record of two", "pass", *paid_sale(), starts(2), up(3, stan="000002"), terms=_TWO),
    case(
        "at the limit", "two records of two, and a third sale is sent", "finding",
        *paid_sale(), *paid_sale(2), starts(3), up(3, stan="000003"),
        guilty=15, instead=up(3, "0800", "000003"), terms=_TWO,
    ),
    case(
        "declared grace", "the vendor allows one more", "pass",
        *paid_sale(), *paid_sale(2), starts(3), up(3, stan="000003"), terms=limited(2, grace=1),
    ),
    case(
        "beyond the grace", "and then no more", "finding",
        *paid_sale(), *paid_sale(2), *paid_sale(3), starts(4), up(3, stan="000004"),
        guilty=22, instead=screen("storage_full", 4), terms=limited(2, grace=1),
    ),
    case(
        "settled in between", "the batch is empty again", "pass",
        *paid_sale(), *paid_sale(2), settled(1, 2), starts(3), up(3, stan="000003", batch="000002"), terms=_TWO,
    ),
    case(
        "a voided sale", "what was voided need not be counted", "pass",
        *paid_sale(), *paid_sale(2), ledger(1, "VOIDED", "APPROVED"), starts(3), up(3, stan="000003"), terms=_TWO,
    ),
    case(
        "a reversal at the limit", "what is owed is sent, full or not; a refund gives money back", "pass",
        *paid_sale(), up(stan="000002"), *paid_sale(2), starts(3), up(3, "0400", "000002"), starts(4, "settle", None),
        up(4, "0500", "000005"), starts(5, "refund"), up(5, "0220", "000006"), terms=_TWO,
    ),
    case(
        "no room for the approval", "the host approved and the record could not be written", "finding",
        *_SALE_SENT, ledger(), full_disk(), ends(1, "unknown"),
        guilty=5, instead=None, terms=_TWO,
    ),
    case(
        "died for want of room", "the software did not survive the error", "finding",
        *_SALE_SENT, ledger(), full_disk(), ends(1, "interrupted"),
        guilty=5, instead=None, terms=_TWO,
    ),
    case(
        "found out before", "an attempt to grow was refused, and then nothing was sent", "pass",
        *paid_sale(), up(), intent(2), starts(2, intent=2), full_disk(), ends(2, "refused"), terms=_TWO,
    ),
    case(
        "kept elsewhere", "one file could not grow, the record went to the other", "pass",
        *_SALE_SENT, ledger(), full_disk(), screen(), ends(), terms=_TWO,
    ),
    case(
        "declined", "nothing was to be kept", "pass",
        *_SALE_SENT, ledger(state="DECLINED"), full_disk(), ends(1, "declined"), terms=_TWO,
    ),
    case(
        "filled while it waited", "the space was there when the request left", "pass",
        *_SALE_SENT, FaultStruck(0, "full_storage#1", "full_storage", (T01,)), ledger(), full_disk(), ends(1, "unknown"),
        terms=_TWO,
    ),
    case(
        "power went", "what a cut leaves is for others to judge", "pass",
        *_SALE_SENT, ledger(), full_disk(), PowerLost(0, T01, "power_loss"), ends(1, "interrupted"), terms=_TWO,
    ),
    case(
        "a medium that fails", "an I/O error took the first copy, no space the second", "pass",
        *_SALE_SENT, ledger(), StorageFailed(0, T01, "write", "/data", "EIO", 3), full_disk(), ends(1, "unknown"), terms=_TWO,
    ),
    case("no limit declared", "there is nothing to count against", "not_checked", *_SALE_SENT),
)  # fmt: skip

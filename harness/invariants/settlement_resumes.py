"""Invariant 23: an interrupted settlement goes on at the first item that was not acknowledged, and ends; until then no sale.

Models: as a black box. From the first settlement request of a batch (0500) until the terminal gives the batch up - it shows it as
settled, ends a settlement as done, or sells in another batch - no new request that moves money is sent in it. An item of an
upload that the host has acknowledged (00 or 94, in time) is not sent again. At rest no settlement is left half done.
Does not model: whether the batch was closed by right (11), totals (12), the reversal that has to go first (6).
Traps avoided: a host that answers "error" (code 3, or a code that is not 00) has decided nothing, so selling on is legal and so
is beginning anew; the last acknowledgement before a power cut, a crash or a storage error may not have been kept; an answer that
came too late or was lost acknowledges nothing; unanswered items are sent again by right; a 0500 asked again after a lost answer;
sales of the next batch; a refund of an older request that is repeated; a terminal still down at the end.
Source: domain section 8, invariant 23; section 1.1 (批上送), 1.5 R13, 1.6 (上次批上送中断).
"""

from collections.abc import Iterator

from harness.history.events import (
    ActionEnded,
    BatchSettled,
    MessageDelivered,
    MessageSent,
    PowerLost,
    ScreenShown,
    SoftwareDied,
    StorageFailed,
)
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    arrives,
    at,
    case,
    comes_up,
    down,
    ends,
    phase,
    power_lost,
    screen,
    settled,
    starts,
    up,
    uploads,
)
from harness.invariants.requests import FINANCIAL

_DELIVERED = frozenset({"00", "94"})
_ITEMS, _CERTIFICATES = "201", frozenset({"203", "205"})


class _Run:
    """The settlement of one batch, from its first request on. Numbers are those of events."""

    __slots__ = ("acknowledged", "batch", "began", "began_us", "decided", "fresh", "interrupted", "told")

    def __init__(self, batch: str, number: int, at_us: int) -> None:
        self.batch = batch
        self.began = number
        self.began_us = at_us
        self.decided = False
        """The host has said whether totals agree."""
        self.acknowledged: dict[str, int] = {}
        """Items that the host has and the terminal knows to be there, and the event that told it."""
        self.fresh: dict[str, int] = {}
        """The same since its last message: what power takes with it now."""
        self.interrupted: int | None = None
        self.told: set[str] = set()


class _Asked:
    """An upload message that waits for its answer."""

    __slots__ = ("at_us", "items")

    def __init__(self, items: tuple[str, ...], at_us: int) -> None:
        self.items = items
        self.at_us = at_us


@INVARIANTS.register("settlement_resumes")
class SettlementResumes(Invariant):
    """An interrupted settlement resumes where it stopped, and ends before the next sale."""

    number = 23
    name = "settlement_resumes"
    kind = "liveness"
    evidence = (
        "settlement requests, uploads and their delivered answers; sales sent between; settlement screens and outcomes"
    )
    requires = ("a settlement that was interrupted",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._runs: dict[str, _Run] = {}
        """By device: the settlement that has begun and is not over."""
        self._asked: dict[tuple[str, str], _Asked] = {}
        """By device and trace number."""
        self._answers: dict[int, tuple[MessageSent, _Asked | None]] = {}

    # ------------------------------------------------------------ what goes over the line

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        run = self._runs.get(event.device)
        if event.direction == "down":
            if run is not None and event.mti in ("0510", "0330") and plain_number(event.batch) == run.batch:
                self._answers[event.message] = event, self._asked.pop((event.device, event.stan), None)
            return
        if run is not None and run.fresh:
            # It has gone on to something else, so that it has made a note of what was acknowledged.
            run.acknowledged |= run.fresh
            run.fresh = {}
        if event.mti == "0500":
            self._begin(run, number, event)
        elif event.mti == "0320":
            self._upload(run, number, event)
        elif event.mti in FINANCIAL and run is not None:
            self._request(run, number, event)

    def _begin(self, run: _Run | None, number: int, event: MessageSent) -> None:
        batch = plain_number(event.batch)
        if run is None or run.batch != batch:
            self._runs[event.device] = _Run(batch, number, event.at_us)

    def _upload(self, run: _Run | None, number: int, event: MessageSent) -> None:
        if run is None or plain_number(event.batch) != run.batch:
            return
        items = event.items if event.function == _ITEMS else ()
        if event.function in _CERTIFICATES:
            items = (f"{event.stan} certificate",)
        again = [each for each in items if each in run.acknowledged]
        if again and "upload" not in run.told:
            run.told.add("upload")
            summary = (
                f"{event.device} uploads {again[0]} of batch {run.batch} again at {when(event.at_us)}, although the host had "
                "acknowledged it: the interrupted settlement does not go on where it stopped."
            )
            events = (run.began, run.acknowledged[again[0]], run.interrupted, number)
            self.report(self.finding(event.device, event.at_us, summary, events, 0, "minor"))
        if items:
            self._asked[event.device, event.stan] = _Asked(items, event.at_us)

    def _request(self, run: _Run, number: int, event: MessageSent) -> None:
        if plain_number(event.batch) != run.batch:
            self._over(event.device)  # it sells in another batch: whether it may is another question (11)
            return
        key = (run.batch, plain_number(event.stan))
        request = self.books.requests.page(event.device).open.get(key)
        is_new = request is None or request.number == number
        if is_new and "sale" not in run.told:
            run.told.add("sale")
            amount_fen = event.amount_fen or 0
            summary = (
                f"{event.device} sends a request of {yuan(amount_fen)} at {when(event.at_us)} in batch {run.batch}, whose "
                f"settlement it began at {when(run.began_us)} and has not brought to an end."
            )
            events = (run.began, run.interrupted, number)
            self.report(self.finding(event.device, event.at_us, summary, events, amount_fen, "major"))

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        found = self._answers.pop(event.message, None)
        run = self._runs.get(event.device)
        if found is None or run is None:
            return
        answer, asked = found
        if answer.mti == "0510":
            if answer.response_code != "00" or not run.decided:
                self._over(event.device)  # an error decides nothing
        elif asked is not None and answer.response_code in _DELIVERED:
            in_time = event.at_us <= asked.at_us + self.terms.reply_timeout_us(event.device)
            run.fresh |= dict.fromkeys(asked.items if in_time else (), number)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        run = self._runs.get(event.device)
        if run is not None and run.batch == plain_number(event.batch):
            run.decided = True

    # ------------------------------------------------------------ the terminal

    @on(PowerLost, SoftwareDied, StorageFailed)
    def _disturbed(self, number: int, event: PowerLost | SoftwareDied | StorageFailed) -> None:
        run = self._runs.get(event.device)
        if run is not None:
            run.fresh = {}
            if not isinstance(event, StorageFailed):
                self._interrupted(run, number)

    def _interrupted(self, run: _Run, number: int) -> None:
        self.checked += run.interrupted is None
        run.interrupted = number

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "settled":
            self._over(event.device)

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        run = self._runs.get(event.device)
        if run is None or self.books.device(event.device).ended_kind != "settle":
            return
        if event.outcome == "done":
            self._over(event.device)
        else:
            self._interrupted(run, number)

    def _over(self, device: str) -> None:
        self._runs.pop(device, None)

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, run in self._runs.items():
            if not self.books.resting(device):
                self.skip(f"{device} never came to rest to end its settlement")
                continue
            summary = (
                f"{device} began to settle batch {run.batch} at {when(run.began_us)}, and has not brought it to an end with "
                "network and host in order and everybody's help."
            )
            yield self.finding(device, run.began_us, summary, (run.began, run.interrupted), 0, "major", at_us)


_BEGINS = up(1, "0500", "000009", "", amount_fen=None)
_DECIDED = settled(closed=False, claimed=(2, 2000))
_UNBALANCED = (_DECIDED, down(2, "0510", "000009"), arrives(2))
_FIRST, _SECOND = uploads("000001", message=3, stan="000010"), uploads("000002", message=5, stan="000011")
_FIRST_TAKEN = (down(4, "0330", "000010"), arrives(4))
_SETTLED = screen("settled", 1)
_STARTED = (starts(1, "settle"), _BEGINS, *_UNBALANCED)

SettlementResumes.cases = (
    case(
        "goes on where it stopped", "one item was acknowledged, power goes, the other is sent", "pass",
        *_STARTED, _FIRST, *_FIRST_TAKEN, _SECOND, power_lost(), comes_up(), uploads("000002", message=7, stan="000012"),
        down(8, "0330", "000012"), arrives(8), _SETTLED, phase("quiescence"), phase("check"),
    ),
    case(
        "begins again with the first item", "the acknowledgement was known, as the second was under way", "finding",
        *_STARTED, _FIRST, *_FIRST_TAKEN, _SECOND, power_lost(), comes_up(), uploads("000001", message=7, stan="000012"),
        _SETTLED, phase("quiescence"), phase("check"),
        guilty=11, instead=uploads("000002", message=7, stan="000012"),
    ),
    case(
        "cut in the acknowledgement", "power goes as the answer arrives: it may not be on the flash", "pass",
        *_STARTED, _FIRST, *_FIRST_TAKEN, power_lost(), comes_up(), uploads("000001", message=7, stan="000012"),
        _SETTLED, phase("quiescence"), phase("check"),
    ),
    case(
        "the acknowledgement could not be kept", "the storage failed when it was to be written", "pass",
        *_STARTED, _FIRST, *_FIRST_TAKEN, StorageFailed(0, T01, "write", "/data", "EIO", 7), power_lost(), comes_up(),
        uploads("000001", message=7, stan="000012"), _SETTLED, phase("quiescence"), phase("check"),
    ),
    case(
        "an answer that came too late", "nobody waited for it any more", "pass",
        *_STARTED, at(10, _FIRST), at(100, down(4, "0330", "000010")), at(101, arrives(4)), _SECOND,
        uploads("000001", message=7, stan="000012"), power_lost(), comes_up(), _SETTLED, phase("quiescence"),
    ),
    case(
        "unanswered items in a second round", "what the host did not acknowledge is sent again", "pass",
        *_STARTED, _FIRST, _SECOND, down(6, "0330", "000011"), arrives(6), uploads("000001", message=7, stan="000012"),
        power_lost(), comes_up(), _SETTLED, phase("quiescence"),
    ),
    case(
        "sells in between", "power goes, and the terminal forgets that it was settling", "finding",
        *_STARTED, power_lost(), comes_up(), up(7, stan="000012", token="7"), _SETTLED, phase("quiescence"),
        guilty=7,
    ),
    case(
        "sells after a lost answer", "whether the host has closed the batch is not known", "finding",
        starts(1, "settle"), _BEGINS, ends(1, "failed"), up(7, stan="000012", token="7"), starts(2, "settle"),
        ends(2, "done"), phase("quiescence"),
        guilty=3,
    ),
    case(
        "sells after an error", "code 3 decides nothing, the batch is open on both sides", "pass",
        starts(1, "settle"), _BEGINS, down(2, "0510", "000009"), arrives(2), ends(1, "failed"), up(7, token="7"),
        starts(2, "settle"), up(8, "0500", "000013", "", amount_fen=None), power_lost(), comes_up(), _SETTLED,
        phase("quiescence"),
    ),
    case(
        "begins anew after an error", "with everything uploaded once more, as the host lost it all", "pass",
        *_STARTED, _FIRST, *_FIRST_TAKEN, up(6, "0500", "000009", "", amount_fen=None),
        down(7, "0510", "000009", code="96"), arrives(7), ends(1, "failed"), starts(2, "settle"),
        up(8, "0500", "000013", "", amount_fen=None), _DECIDED, uploads("000001", message=9, stan="000014"), power_lost(),
        comes_up(), _SETTLED, phase("quiescence"),
    ),
    case(
        "a refund that is repeated", "an older advice, not a new sale; whether it may wait is for others to say", "pass",
        up(20, "0220", "000003", "3"), *_STARTED, power_lost(), comes_up(), up(21, "0220", "000003", "3"), _SETTLED,
        phase("quiescence"),
    ),
    case(
        "asked again after a lost answer", "the same request, the same answer", "pass",
        starts(1, "settle"), _BEGINS, power_lost(), comes_up(), up(3, "0500", "000009", "", amount_fen=None),
        settled(), down(4, "0510", "000009"), arrives(4), _SETTLED, up(7, batch="000002", token="7"), phase("quiescence"),
    ),
    case(
        "never ends", "at rest it is still half done", "finding",
        *_STARTED, ends(1, "failed"), phase("quiescence"), starts(2, "settle"), ends(2, "failed"), phase("check"),
        guilty=8, instead=ends(2, "done"),
    ),
    case(
        "down for good", "nobody can go on with it", "pass",
        *_STARTED, power_lost(), phase("quiescence"), phase("check"),
    ),
    case("never interrupted", "an ordinary evening", "not_checked", *_STARTED, _SETTLED, ends(1, "done")),
)  # fmt: skip

"""Invariant 12: each batch is settled once, for the amount the terminal prints.

Models: totals on settlement slips against what the host settled in that batch, summed from ledger entries; a batch or an
entry settled twice; a batch claimed again under the next number, even when the slip admits a difference; slips of one batch
that differ; a settlement called successful although the host settled something else than the terminal claimed; a batch of which
no slip ever came out of a terminal that prints them.
Does not model: fees; voids' own entries (a voided sale is in no total); whether the batch was right to close (11).
Traps avoided: a repeated 0500 after a lost reply is answered again and settles nothing; the same slip printed twice after a
resume; a totals report in the middle of a batch; "not balanced" resolved by the upload; a settlement that openly failed or
whose slip says that the two sides disagree; a slip printed before the closing reply is compared when the batch closes; a slip
that comes late, or only as a duplicate, for want of paper or of power; records that a fault destroyed.
Source: domain section 8, invariant 12.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from harness.history.events import ActionEnded, BatchSettled, ReceiptPrinted, ScreenShown
from harness.invariants.base import INVARIANTS, RECORDS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    ON_IMAGES,
    case,
    closes,
    ends,
    image,
    ledger,
    paid_sale,
    phase,
    screen,
    settled,
    slip,
    starts,
    up,
)
from harness.invariants.device_book import Closing

Totals: TypeAlias = tuple[int, int, int, int]

_KEPT = 8
_SAYS_UNBALANCED = ("不平", "unbalanced", "not balanced", "disagree", "differ")


class _Slip:
    """A settlement slip: what it says, and in which action it came out."""

    __slots__ = ("action", "at_us", "batch", "number", "open_about", "totals")

    def __init__(self, event: ReceiptPrinted, number: int, batch: str, totals: Totals) -> None:
        self.number = number
        self.at_us = event.at_us
        self.action = event.action
        self.batch = batch
        self.totals = totals
        self.open_about = admits(event.text)


class _Device:
    """Recent closings and slips of one device, by batch."""

    __slots__ = ("claims", "closed", "last_closing", "last_ids", "last_stans", "printed", "slips", "told", "waiting")

    def __init__(self) -> None:
        self.closed: dict[str, tuple[int, bool]] = {}
        self.last_ids: dict[int, int] = {}
        self.last_stans: frozenset[str] = frozenset()
        self.last_closing: Closing | None = None
        """The last closing that settled something, and its trace numbers."""
        self.slips: dict[str, _Slip] = {}
        self.waiting: list[_Slip] = []
        """Slips that do not fit, until their action has ended, or until their batch closes."""
        self.claims: tuple[str, Totals, Totals, int] | None = None
        """The last closing in which the host settled something else than was claimed."""
        self.told: dict[str, None] = {}
        self.printed: dict[str, None] = {}
        """Batches of which a slip came out, duplicates included."""


@INVARIANTS.register("settlement_exactly_once")
class SettlementExactlyOnce(Invariant):
    """Each batch is settled exactly once, and the settlement slip says what the host settled."""

    number = 12
    name = "settlement_exactly_once"
    evidence = "settlement slips, screens and outcomes, against what the host settled"
    requires = ("a settlement",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._devices: dict[str, _Device] = {}

    def _device(self, name: str) -> _Device:
        state = self._devices.get(name)
        if state is None:
            state = self._devices[name] = _Device()
        return state

    # ------------------------------------------------------------ the host

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if not event.closed or event.repeated:
            return
        self.checked += 1
        state = self._device(event.device)
        batch = plain_number(event.batch)
        closing = self.books.device(event.device).closings[batch]
        self._twice(state, batch, closing, number)
        self._claimed_again(state, closing)
        state.closed[batch] = (number, bool(event.settled) or any(closing.totals))
        state.last_ids = dict.fromkeys(event.settled, number)
        if event.settled:
            entries = self.books.entries
            state.last_stans = frozenset(entries[each].stan for each in event.settled if each in entries)
            state.last_closing = closing
        claimed = event.terminal_totals
        state.claims = None if claimed == closing.totals else (batch, claimed, closing.totals, number)
        if batch == self.books.device(event.device).unagreed_batch:
            state.claims = None
            state.told[batch] = None
            self.skip(f"the batch that {event.device} began with: what it held before, the host was not told")
        for each in [each for each in state.waiting if each.batch == batch and each.totals == closing.totals]:
            state.waiting.remove(each)
        for table, most in (
            (state.closed, _KEPT),
            (state.slips, _KEPT),
            (state.told, _KEPT),
            (state.printed, 2 * _KEPT),
        ):
            while len(table) > most:
                table.pop(next(iter(table)))

    def _twice(self, state: _Device, batch: str, closing: Closing, number: int) -> None:
        event = closing.event
        before = state.closed.get(batch)
        again = next((each for each in event.settled if each in state.last_ids), None)
        total_fen = closing.totals[1] + closing.totals[3]
        if before is not None and before[1] and (event.settled or any(closing.totals)):
            first, what = before[0], f"batch {batch}"
        elif again is not None:
            first, what = state.last_ids[again], f"a transaction of batch {batch}"
        else:
            return
        summary = f"The host settled {what} of {event.device} twice, the second time at {when(event.at_us)}."
        self.report(self.finding(event.device, event.at_us, summary, (first, number), total_fen, "critical"))

    def _claimed_again(self, state: _Device, closing: Closing) -> None:
        """The whole batch before is claimed once more, under the next number: its trace numbers, and its money."""
        before, event = state.last_closing, closing.event
        if before is None or not state.last_stans:
            return
        # A number that the host has seen in this batch, too, is a sale of its own, whatever became of it.
        known = self.books.device(event.device).by_key
        stans = (plain_number(each) for each in event.terminal_only)
        unknown = {each for each in stans if (closing.batch, each) not in known}
        excess_fen = event.terminal_totals[1] - closing.totals[1]
        if not (state.last_stans <= unknown and excess_fen >= before.totals[1]):
            return
        state.told[closing.batch] = None
        summary = (
            f"{event.device} settled batch {before.batch} ({_say(before.totals)}) and claimed the same again as batch "
            f"{closing.batch} at {when(event.at_us)}."
        )
        events = (before.number, closing.number)
        self.report(self.finding(event.device, event.at_us, summary, events, before.totals[1], "critical"))

    # ------------------------------------------------------------ the terminal

    @on(ReceiptPrinted)
    def _printed(self, number: int, event: ReceiptPrinted) -> None:
        if event.kind != "settlement" or event.debit_fen is None:
            return
        book = self.books.device(event.device)
        if event.action is not None and book.running.get(event.action) == "totals":
            return
        state = self._device(event.device)
        totals = (event.debit_count or 0, event.debit_fen, event.credit_count or 0, event.credit_fen or 0)
        batch = plain_number(event.batch) or next(reversed(book.closings), "")
        printed = _Slip(event, number, batch, totals)
        state.printed[batch] = None
        first = state.slips.get(batch)
        if first is not None and first.totals != totals:
            self._two_slips(event.device, first, printed)
            return
        if event.duplicate:
            return
        state.slips[batch] = printed
        closing = book.closings.get(batch)
        if closing is not None and closing.totals == totals:
            return
        if closing is not None and event.action is None:
            self._mismatch(event.device, printed)
        else:
            state.waiting.append(printed)

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "settled" and not admits(event.text):
            self._success(event.device, number, event.at_us)

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        state = self._devices.get(event.device)
        if state is None:
            return
        for each in [each for each in state.waiting if each.action == event.action]:
            if event.outcome == "failed":
                state.waiting.remove(each)
            elif each.batch in self.books.device(event.device).closings:
                state.waiting.remove(each)
                self._mismatch(event.device, each)
        if event.outcome == "done" and self.books.device(event.device).ended_kind == "settle":
            self._success(event.device, number, event.at_us)

    # ------------------------------------------------------------ findings

    def _success(self, device: str, number: int, at_us: int) -> None:
        """The settlement was called successful: then the host must have settled what was claimed."""
        state = self._device(device)
        if state.claims is None:
            return
        batch, claimed, held, closed = state.claims
        state.claims = None
        printed = state.slips.get(batch)
        if batch in state.told or (printed is not None and printed.open_about):
            return
        state.told[batch] = None
        summary = (
            f"{device} called the settlement of batch {batch} successful at {when(at_us)} with {_say(claimed)}, "
            f"but the host settled {_say(held)}."
        )
        self.report(self.finding(device, at_us, summary, (closed, number), _gap(claimed, held), "critical"))

    def _mismatch(self, device: str, printed: _Slip) -> None:
        state = self._device(device)
        closing = self.books.device(device).closings.get(printed.batch)
        if closing is None or closing.totals == printed.totals or printed.open_about or printed.batch in state.told:
            return
        state.told[printed.batch] = None
        summary = (
            f"The settlement slip of {device} for batch {printed.batch} says {_say(printed.totals)}, "
            f"but the host settled {_say(closing.totals)}."
        )
        events = (closing.number, printed.number)
        gap_fen = _gap(printed.totals, closing.totals)
        self.report(self.finding(device, printed.at_us, summary, events, gap_fen, "critical"))

    def _two_slips(self, device: str, first: _Slip, second: _Slip) -> None:
        if first.open_about or second.open_about:
            return
        summary = (
            f"{device} printed two settlement slips for batch {second.batch} that differ: {_say(first.totals)}, then "
            f"{_say(second.totals)} at {when(second.at_us)}."
        )
        events = (first.number, second.number)
        self.report(self.finding(device, second.at_us, summary, events, _gap(first.totals, second.totals), "critical"))

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, state in self._devices.items():
            for each in state.waiting:
                if each.batch in self.books.device(device).closings:
                    self._mismatch(device, each)
                else:
                    self.skip(f"{device} printed a settlement slip for a batch that was never closed")
            yield from self._without_slip(device, state)

    def _without_slip(self, device: str, state: _Device) -> Iterator[Finding]:
        """Batches that were settled and of which the merchant never got the slip."""
        book = self.books.device(device)
        if not state.printed or not self.books.resting(device) or book.damaged_by:
            return
        before = -1
        for batch, closing in book.closings.items():
            # What was owed in a record that the medium destroyed, or for the batch that was open then, is owed by nobody.
            is_lost = book.betrayed(RECORDS, before)
            before = closing.number
            if batch in state.printed or batch in state.told or not closing.event.settled or is_lost:
                continue
            summary = (
                f"The host settled {_say(closing.totals)} in batch {batch} of {device} at {when(closing.event.at_us)}, and the "
                "terminal, which prints settlement slips, never printed one for it."
            )
            found = self.finding(device, closing.event.at_us, summary, (closing.number,), closing.totals[1], "minor")
            yield replace(found, rests_on=RECORDS)


def admits(text: str) -> bool:
    """Whether a slip or screen says openly that the two sides disagree."""
    lowered = text.lower()
    return any(each in lowered for each in _SAYS_UNBALANCED)


def _gap(one: Totals, other: Totals) -> int:
    return abs(one[1] - other[1]) + abs(one[3] - other[3])


def _say(totals: Totals) -> str:
    said = f"{totals[0]} sales of {yuan(totals[1])}"
    return f"{said} and {totals[2]} refunds of {yuan(totals[3])}" if totals[2] else said


_SETTLE = starts(9, "settle", None)

SettlementExactlyOnce.cases = (
    case("slip fits", "the ordinary settlement", "pass", *paid_sale(), _SETTLE, *closes(1), slip(1, 1000), ends(9, "done")),
    case(
        "slip says more", "the paper promises what the host did not settle", "finding",
        *paid_sale(), _SETTLE, *closes(1), slip(2, 2000), ends(9, "done"),
        guilty=10, instead=slip(1, 1000),
    ),
    case(
        "two slips that differ", "printed twice, with other totals", "finding",
        *paid_sale(), _SETTLE, *closes(1), slip(1, 1000), ends(9, "interrupted"), slip(0, 0, None),
        guilty=12, instead=slip(1, 1000, None),
    ),
    case(
        "same slip twice", "power went between print and clear: it is printed again", "pass",
        *paid_sale(), _SETTLE, *closes(1), slip(1, 1000), ends(9, "interrupted"), slip(1, 1000, None),
    ),
    case(
        "batch settled twice", "the host closed the same batch again, with money in it", "finding",
        *paid_sale(), *closes(1), *paid_sale(2), *closes(2),
        guilty=17, instead=settled(repeated=True),
    ),
    case(
        "lost reply, asked again", "0500 repeated: answered as before, nothing settled twice", "pass",
        *paid_sale(), _SETTLE, *closes(1), settled(repeated=True), slip(1, 1000), ends(9, "done"),
    ),
    case(
        "settled again under a new number", "after a lost reply the same sales were claimed in the next batch", "finding",
        *paid_sale(), *closes(1), _SETTLE,
        settled(batch="000002", claimed=(1, 1000), held=(0, 0), terminal_only=("000001",)), ends(9, "done"),
        guilty=10, instead=settled(batch="000002", claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "claimed again, and said so", "the terminal tells of a difference, but it made it: the batch was settled before",
        "finding",
        *paid_sale(), *closes(1), _SETTLE,
        settled(batch="000002", claimed=(1, 1000), held=(0, 0), terminal_only=("000001",)),
        slip(1, 1000, batch="000002", text="对账不平"), ends(9, "done"),
        guilty=10, instead=settled(batch="000002", claimed=(1, 1000), held=(0, 0), terminal_only=("000005",)),
    ),
    case(
        "same trace number, another sale", "numbers start anew: one unknown record is not the batch before again", "pass",
        *paid_sale(1), *paid_sale(2), *closes(1, 2), _SETTLE,
        settled(batch="000002", claimed=(1, 1000), held=(0, 0), terminal_only=("000001",)),
        slip(1, 1000, batch="000002", text="对账不平"), ends(9, "done"),
    ),
    case(
        "resolved by upload", "not balanced at first, everything agreed in the upload", "pass",
        *paid_sale(), _SETTLE, settled(closed=False, held=(2, 1000)), *closes(1), slip(1, 1000), ends(9, "done"),
    ),
    case(
        "disagreement said openly", "the slip says that the two sides differ", "pass",
        *paid_sale(), _SETTLE, *closes(1)[:1], settled(1, claimed=(2, 2000), terminal_only=("000007",)),
        slip(2, 2000, text="结算单 对账不平"), screen("settled", 9), ends(9, "done"),
    ),
    case(
        "silent disagreement", "the host settled less than was claimed, and all seems well", "finding",
        *paid_sale(), _SETTLE, *closes(1)[:1], settled(1, claimed=(2, 2000), terminal_only=("000007",)),
        screen("settled", 9), ends(9, "failed"),
        guilty=10, instead=screen("settle_failed", 9),
    ),
    case(
        "totals report", "a report in the middle of the batch is no settlement", "pass",
        *paid_sale(), *closes(1), starts(3, "totals", None), slip(0, 0, 3), ends(3, "done"),
    ),
    case(
        "slip before the closing", "printed first, closed after: compared then", "pass",
        *paid_sale(), _SETTLE, slip(1, 1000), *closes(1), ends(9, "done"),
    ),
    case(
        "next batch", "each batch has its own slip", "pass",
        *paid_sale(), *closes(1), slip(1, 1000, None), *paid_sale(2), *closes(2, batch="000002"),
        slip(1, 1000, None, "000002"),
    ),
    case(
        "batch of the image", "what it held before, the host was not told: the totals say nothing", "pass",
        image("adopted"), up(), *paid_sale(), _SETTLE, *closes(1)[:1], settled(1, claimed=(2, 2000), terminal_only=("000007",)),
        screen("settled", 9), ends(9, "done"),
        terms=ON_IMAGES,
    ),
    case(
        "batch after that of the image", "from then on the host knows all", "finding",
        image("adopted"), up(batch="000009"), *paid_sale(), _SETTLE, *closes(1)[:1],
        settled(1, claimed=(2, 2000), terminal_only=("000007",)), screen("settled", 9), ends(9, "done"),
        guilty=1, instead=up(), terms=ON_IMAGES,
    ),
    case(
        "batch that the host was told of", "it held what the image held", "finding",
        image("records"), up(), *paid_sale(), _SETTLE, *closes(1)[:1],
        settled(1, claimed=(2, 2000), terminal_only=("000007",)), screen("settled", 9), ends(9, "done"),
        guilty=0, instead=image("adopted"), terms=ON_IMAGES,
    ),
    case(
        "completion on the slip", "a completion is settled like a sale, its hold is not", "pass",
        ledger(kind="preauth"), ledger(2, kind="completion", token="2", stan="000002", original=1),
        ledger(1, "COMPLETED", "APPROVED", kind="preauth"), _SETTLE,
        ledger(2, "SETTLED", "APPROVED", kind="completion", token="2", stan="000002"), settled(2), slip(1, 1000),
        ends(9, "done"),
    ),
    case(
        "hold on the slip", "the slip promises what is only held", "finding",
        ledger(kind="preauth"), *paid_sale(2), _SETTLE, *closes(2), slip(2, 2000), ends(9, "done"),
        guilty=11, instead=slip(1, 1000),
    ),
    case(
        "no slip", "settled, and the terminal went on to the next batch without a slip", "finding",
        *paid_sale(), *closes(1), *paid_sale(2), *closes(2, batch="000002"), slip(1, 1000, None, "000002"), phase("quiescence"),
        guilty=8, instead=settled(claimed=(0, 0), held=(0, 0)),
    ),
    case(
        "slip came late", "there was no paper in the evening", "pass",
        *paid_sale(), *closes(1), *paid_sale(2), slip(1, 1000, None), *closes(2, batch="000002"),
        slip(1, 1000, None, "000002"), phase("quiescence"),
    ),
    case(
        "prints none", "it shows the totals instead", "pass",
        *paid_sale(), *closes(1), *paid_sale(2), *closes(2, batch="000002"), phase("quiescence"),
    ),
    case("no settlement", "the batch is still open", "not_checked", *paid_sale(), phase("quiescence")),
)  # fmt: skip

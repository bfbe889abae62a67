"""Invariant 11: the terminal gives up a batch only on the host's word that it is closed.

Models: as a black box. Giving up a batch shows as "settled" on the display, as a settlement that ends done, or as sales under
a new batch number. Before that the host must have closed the batch (balanced, or upload and end packet), and a
reply that says so must have arrived after the closing. The word of an end packet counts only when every record that
the totals were made of had been delivered: the host closes with what it has. Sales by chip need more: the host must have the
certificate of each, with a balanced batch too, for without it nobody is paid who is asked for it.
Does not model: what the log really holds (1, 2), amounts (12).
Traps avoided: "not balanced" legally needs the upload before anything is cleared; code 3 (error) is not balanced; a repeated
0500 after a lost reply brings the proof late; a batch without approvals has nothing to lose; a host that assigns the next
batch number at sign-on gives its word by that; voided and reversed sales need no settlement, nor a certificate.
Source: domain section 8, invariant 11 and its amendment; rules R12, R13.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from harness.history.events import (
    ActionEnded,
    BatchSettled,
    CertificateTaken,
    FaultBit,
    FaultStruck,
    LedgerChanged,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    ScreenShown,
    StorageAfterPowerLoss,
)
from harness.invariants.base import (
    INVARIANTS,
    RECORDS,
    Finding,
    Invariant,
    Severity,
    Terms,
    on,
    plain_number,
    when,
    yuan,
)
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    arrives,
    card,
    case,
    certified,
    down,
    ends,
    ledger,
    paid_sale,
    screen,
    settled,
    starts,
    up,
)
from harness.invariants.purchase import SETTLED_KINDS, Entry
from harness.invariants.requests import asks_for_money

_SETTLEMENT_REPLIES = frozenset({"0510", "0330"})
_SIGN_ON_REPLY = "0810"


class Wanted(NamedTuple):
    """A settled sale whose certificate the host wants: the event that settled it."""

    settled: int
    amount_fen: int


class _Device:
    """What a terminal has been told about its batches."""

    __slots__ = ("assigned", "in_use", "in_use_text", "told", "unproved")

    def __init__(self) -> None:
        self.in_use = ""
        self.in_use_text = ""
        self.assigned = ""
        """The batch number the host gave at the last sign-on."""
        self.unproved: dict[str, int] = {}
        """Batches the host closed whose closing the terminal has not been told."""
        self.told: dict[str, None] = {}


@INVARIANTS.register("clear_needs_proof")
class ClearNeedsProof(Invariant):
    """A batch is given up only after the host's reply that it is closed."""

    number = 11
    name = "clear_needs_proof"
    evidence = (
        "screens, settlement outcomes and batch numbers of sales, against the host's closings and delivered replies"
    )
    requires = ("a settlement",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._devices: dict[str, _Device] = {}
        self._certificates: dict[tuple[str, str], dict[str, Wanted]] = {}
        """By device and batch: certificates of sales that were settled, by trace number."""
        self._taken: dict[tuple[str, str], set[str]] = {}
        self._proofs: dict[int, str] = {}
        self._assignments: dict[int, str] = {}

    def _device(self, name: str) -> _Device:
        state = self._devices.get(name)
        if state is None:
            state = self._devices[name] = _Device()
        return state

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction == "up":
            if asks_for_money(event):
                self._request(number, event)
        elif event.mti == _SIGN_ON_REPLY:
            if event.response_code == "00":
                self._assignments[event.message] = plain_number(event.batch)
        elif event.mti in _SETTLEMENT_REPLIES and self._device(event.device).unproved:
            self._proofs[event.message] = plain_number(event.batch)

    def _request(self, number: int, event: MessageSent) -> None:
        state = self._devices.get(event.device) or self._device(event.device)
        if event.batch == state.in_use_text:
            return
        before, state.in_use, state.in_use_text = state.in_use, plain_number(event.batch), event.batch
        if before and state.in_use != before and state.in_use != state.assigned:
            self.checked += 1
            self._judge(event.device, before, number, event.at_us, f"went on to batch {state.in_use}")

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        batch = self._proofs.pop(event.message, None)
        if batch is not None:
            unproved = self._device(event.device).unproved
            unproved.pop(batch, None)
            if not batch:
                unproved.clear()
            return
        assigned = self._assignments.pop(event.message, None)
        if assigned is not None:
            state = self._device(event.device)
            state.assigned = assigned
            if assigned not in state.unproved:
                state.unproved.clear()

    @on(MessageDropped)
    def _dropped(self, number: int, event: MessageDropped) -> None:
        self._proofs.pop(event.message, None)
        self._assignments.pop(event.message, None)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        self.checked += 1
        if event.closed and not event.repeated and (event.settled or event.host_only):
            self._device(event.device).unproved[plain_number(event.batch)] = number
        if event.closed and not event.balanced and not event.repeated:
            self._uploaded(number, event)

    def _uploaded(self, number: int, event: BatchSettled) -> None:
        """The end packet came after an upload: all of the terminal's totals must have been in it."""
        delivered = len(event.settled) + len(event.terminal_only)
        due = event.terminal_totals[0] + event.terminal_totals[2]
        book = self.books.device(event.device)
        before = max((each.number for each in book.closings.values() if each.number < number), default=-1)
        if delivered >= due or book.damaged_by or book.betrayed(RECORDS, before):
            return
        summary = (
            f"{event.device} said at {when(event.at_us)} that the upload of batch {plain_number(event.batch)} was complete "
            f"after {delivered} of {due} records: the host closed the batch with what it had."
        )
        missing_fen = sum(event.host_totals[1::2]) if not event.settled else 0
        found = self.finding(event.device, event.at_us, summary, (number,), missing_fen, "major")
        self.report(replace(found, rests_on=RECORDS))

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        if event.chip and event.state == "SETTLED":
            key = (event.device, plain_number(event.batch))
            self._certificates.setdefault(key, {})[event.stan] = Wanted(number, event.amount_fen)

    @on(CertificateTaken)
    def _certificate(self, number: int, event: CertificateTaken) -> None:
        self._taken.setdefault((event.device, plain_number(event.batch)), set()).add(event.stan)

    def _judge_certificates(self, device: str, batch: str | None, number: int, at_us: int, how: str) -> None:
        """``device`` gave up ``batch``: certificates that the host lacks now it will never have."""
        for key in [each for each in self._certificates if each[0] == device and batch in (None, each[1])]:
            taken = self._taken.pop(key, set())
            missing = {stan: each for stan, each in self._certificates.pop(key).items() if stan not in taken}
            if missing:
                total_fen = sum(each.amount_fen for each in missing.values())
                summary = (
                    f"{device} {how} at {when(at_us)} without the certificates of {len(missing)} sales by chip in batch "
                    f"{key[1]}: {yuan(total_fen)} cannot be proven (trace numbers {', '.join(sorted(missing)[:5])})."
                )
                events = (*sorted(each.settled for each in missing.values())[:20], number)
                self.report(self.finding(device, at_us, summary, events, total_fen, "major"))

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind == "settled":
            self.checked += 1
            self._judge(event.device, None, number, event.at_us, "showed the batch as settled")

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        if event.outcome == "done" and self._kind(event) == "settle":
            self.checked += 1
            self._judge(event.device, None, number, event.at_us, "ended its settlement as done")

    def _kind(self, event: ActionEnded) -> str:
        return self.books.device(event.device).ended_kind

    def _judge(self, device: str, batch: str | None, number: int, at_us: int, how: str) -> None:
        """``device`` gave up ``batch`` (None: whatever it holds)."""
        self._judge_certificates(device, batch, number, at_us, how)
        state = self._device(device)
        for closed in [each for each in state.unproved if batch in (None, each)]:
            entries = self._standing(device, closed, settled=True)
            self._guilty(
                device, at_us, (state.unproved.pop(closed), number), entries, "major",
                f"{device} {how} at {when(at_us)} although no reply had told it that the host closed batch {closed}.",
            )  # fmt: skip
        open_entries: dict[str, list[Entry]] = {}
        for entry in self._standing(device, batch, settled=False):
            open_entries.setdefault(entry.batch, []).append(entry)
        for name, entries in open_entries.items():
            if name in state.told:
                continue
            state.told[name] = None
            total_fen = sum(each.amount_fen for each in entries)
            shown = tuple(each.first for each in entries[:20])
            capture = self.terms.manifest(device).capture
            self._guilty(
                device, at_us, (*shown, number), entries, "critical" if capture == "terminal" else "major",
                f"{device} {how} at {when(at_us)} although the host has not closed batch {name}: {len(entries)} "
                f"approved transactions of {yuan(total_fen)} are left open.",
            )  # fmt: skip

    def _standing(self, device: str, batch: str | None, *, settled: bool) -> list[Entry]:
        """Entries that the terminal showed as approved, closed at the host or not.

        An entry that only the host knew when its batch was closed stays open there for ever: the batch is closed all the same.
        """
        book = self.books.device(device)
        return [
            entry
            for purchase in book.purchases
            for action in purchase.actions
            if action.shown is not None
            for entry in action.entries
            if entry.kind in SETTLED_KINDS
            and batch in (None, entry.batch)
            and (
                entry.state == "SETTLED"
                if settled
                else entry.state == "APPROVED" and not entry.host_only and entry.batch not in book.closings
            )
        ]

    def _guilty(
        self,
        device: str,
        at_us: int,
        events: tuple[int, ...],
        entries: list[Entry],
        severity: Severity,
        summary: str,
    ) -> None:
        money_fen = sum(each.amount_fen for each in entries)
        self.report(self.finding(device, at_us, summary, events, money_fen, severity))

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.checked:
            self.skip("no settlement was made")
        yield from ()


_SETTLE = (starts(9, "settle", None), up(91, "0500", token="", amount_fen=None))
_BY_CHIP = ledger(1, "SETTLED", "APPROVED", chip=True)
_NEXT = up(95, stan="000002", token="2", batch="000002")

ClearNeedsProof.cases = (
    case(
        "closed and told", "balanced, the reply arrived, then settled was shown", "pass",
        *paid_sale(), *_SETTLE, settled(1), down(92, "0510"), arrives(92), screen("settled", 9), ends(9, "done"),
    ),
    case(
        "closed long ago without one record", "the host closed it with a sale that only it knew; ten batches later", "pass",
        *paid_sale(), *_SETTLE, settled(host_only=(1,), claimed=(0, 0)), down(92, "0510"), arrives(92), screen("settled", 9),
        *(settled(batch=f"{2 + later:06d}", claimed=(0, 0), held=(0, 0)) for later in range(10)), screen("settled", 9),
    ),
    case(
        "cleared on not balanced", "the host asked for the upload and the terminal cleared instead", "finding",
        *paid_sale(), *_SETTLE, settled(closed=False, held=(2, 2000)), down(92, "0510"), arrives(92),
        screen("settled", 9),
        guilty=12, instead=screen("settle_failed", 9),
    ),
    case(
        "cleared on timeout", "no answer at all, and the next sale goes under the next batch", "finding",
        up(1), *paid_sale(), *_SETTLE, ends(9, "failed"), _NEXT,
        guilty=11, instead=up(95, stan="000002", token="2"),
    ),
    case(
        "uploaded, then cleared", "not balanced legally needs the upload", "pass",
        *paid_sale(), *_SETTLE, settled(closed=False, held=(2, 2000)), down(92, "0510"), arrives(92),
        up(93, "0320", token=""), settled(1), down(94, "0330"), arrives(94), screen("settled", 9), ends(9, "done"),
    ),
    case(
        "closed but not told", "the host closed it; the reply was lost and the terminal cleared all the same", "finding",
        *paid_sale(), *_SETTLE, settled(1), down(92, "0510"), ends(9, "done"),
        guilty=11, instead=ends(9, "failed"),
    ),
    case(
        "told at the second try", "the reply was lost, 0500 repeated, the repeat answered", "pass",
        *paid_sale(), *_SETTLE, settled(1), down(92, "0510"), up(93, "0500", token=""), settled(repeated=True),
        down(94, "0510"), arrives(94), screen("settled", 9), ends(9, "done"),
    ),
    case(
        "host assigns the next batch", "the reply was lost; sign-on gave the next number", "pass",
        up(1), *paid_sale(), *_SETTLE, settled(1), down(92, "0510"), ends(9, "failed"),
        down(93, "0810", batch="000002"), arrives(93), _NEXT,
    ),
    case(
        "nothing to settle", "an empty batch may be called settled without asking", "pass",
        *_SETTLE, settled(closed=False, claimed=(0, 0), held=(0, 0)), screen("settled", 9), ends(9, "done"),
    ),
    case(
        "only a voided sale", "what was voided needs no proof", "pass",
        *paid_sale(), ledger(1, "VOIDED", "APPROVED"), *_SETTLE, screen("settled", 9), ends(9, "done"),
    ),
    case(
        "only a hold", "a pre-authorisation is in no settlement and needs no proof", "pass",
        starts(1, "preauth"), card(), ledger(kind="preauth"), screen(), ends(), *_SETTLE, screen("settled", 9), ends(9, "done"),
    ),
    case(
        "a completion", "needs it like a sale", "finding",
        starts(1, "completion"), card(), ledger(kind="completion"), screen(), ends(), *_SETTLE, screen("settled", 9),
        guilty=7, instead=screen("settle_failed", 9),
    ),
    case(
        "error answer", "code 3 is not balanced: try again, never clear", "finding",
        *paid_sale(), *_SETTLE, down(92, "0510"), arrives(92), ends(9, "done"),
        guilty=11, instead=ends(9, "failed"),
    ),
    case(
        "upload broken off", "the end packet came although a record had not been delivered", "finding",
        *paid_sale(), *_SETTLE, settled(closed=False, held=(2, 2000)), down(92, "0510"), arrives(92),
        up(93, "0320", token=""), settled(host_only=(1,), held=(2, 2000)), down(94, "0330"), arrives(94),
        screen("settled", 9), ends(9, "done"),
        guilty=13, instead=settled(1, held=(2, 2000)),
    ),
    case(
        "upload of what damage left", "a record that a fault destroyed cannot be uploaded", "pass",
        *paid_sale(), FaultStruck(0, "corrupt_file#1", "corrupt_file", (T01,)),
        FaultBit(0, "corrupt_file#1", "corrupt_file", T01, "bit"), *_SETTLE,
        settled(closed=False, held=(2, 2000)), down(92, "0510"), arrives(92),
        up(93, "0320", token=""), settled(host_only=(1,), held=(2, 2000)), down(94, "0330"), arrives(94),
        screen("settled", 9), ends(9, "done"),
    ),
    case(
        "chip sale with its certificate", "sent after the balanced close", "pass",
        *paid_sale(), *_SETTLE, _BY_CHIP, settled(1), down(92, "0510"), arrives(92), certified(), screen("settled", 9),
        ends(9, "done"),
    ),
    case(
        "chip sale without a certificate", "totals agreed, and the terminal took that for all", "finding",
        *paid_sale(), *_SETTLE, _BY_CHIP, settled(1), down(92, "0510"), arrives(92), screen("settled", 9), ends(9, "done"),
        guilty=9, instead=ledger(1, "SETTLED", "APPROVED"),
    ),
    case(
        "certificate of another sale", "one of two came", "finding",
        *paid_sale(), *_SETTLE, _BY_CHIP, settled(1), down(92, "0510"), arrives(92), certified("000002"),
        screen("settled", 9),
        guilty=13, instead=certified(),
    ),
    case(
        "chip sale that was voided", "there is nothing left to prove", "pass",
        *paid_sale(), ledger(1, "VOIDED", "APPROVED", chip=True), *_SETTLE, settled(claimed=(0, 0), held=(0, 0)),
        down(92, "0510"), arrives(92), screen("settled", 9),
    ),
    case(
        "upload of what the medium left", "a cut destroyed durable records in all their copies", "pass",
        *paid_sale(), StorageAfterPowerLoss(0, T01, "data", 1, 1, 0, (), (1, 17)), *_SETTLE,
        settled(closed=False, held=(2, 2000)), down(92, "0510"), arrives(92),
        up(93, "0320", token=""), settled(host_only=(1,), held=(2, 2000)), down(94, "0330"), arrives(94),
        screen("settled", 9), ends(9, "done"),
    ),
    case("settlement failed openly", "it can be tried again", "pass",
         *paid_sale(), *_SETTLE, settled(closed=False, held=(2, 2000)), ends(9, "failed")),
    case("no settlement", "the batch is still open", "not_checked", *paid_sale()),
)  # fmt: skip

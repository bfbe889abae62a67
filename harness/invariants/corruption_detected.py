"""Invariant 18: what a fault did to stored data is noticed, or does no harm.

Models: after a fault has damaged a device's files, everything it sends, prints and tells from its records is held against what
the host approved: uploaded records, reprints and slips, the amount of a reversal or void, records that ``inspect`` reads. And
an approval that is missing at the settlement must not be missing in silence: an error screen, a failed settlement, or a slip
that says that the two sides differ is an alarm.
Does not model: damage beyond what a CRC-32 finds; remembering what was destroyed, which nobody can with one copy (1, 2); a
backup that is merely old, when nothing in it is wrong.
Traps avoided: a wrong value that was sent after the terminal had raised the alarm; a record missing on a medium that lost it at
a power cut; approvals later than the damage; a record that the upload leaves out because the terminal has noticed.
Source: domain section 8, invariant 18; the amendment on lost journals in section 2 (detect and show, not remember).
"""

from collections.abc import Iterator

from harness.history.events import (
    BatchSettled,
    FaultStruck,
    Inspected,
    MessageSent,
    ReceiptPrinted,
    ScreenShown,
    StorageAfterPowerLoss,
)
from harness.invariants.base import DAMAGE_KINDS, INVARIANTS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import (
    T01,
    case,
    down,
    inspected,
    paid_sale,
    receipt,
    record,
    screen,
    settled,
    slip,
    up,
)
from harness.invariants.purchase import Entry
from harness.invariants.requests import creates_order
from harness.invariants.settlement_exactly_once import admits

_CORRUPTS = (DAMAGE_KINDS | {"corrupt_read"}) - {"stale_backup"}
_ALARMS = frozenset({"error", "settle_failed"})
_AT_REST = frozenset({"quiescence", "after_settlement"})
_REQUESTS = frozenset({"0200", "0220"})


class _Device:
    """One terminal: its latest damage and what came of it."""

    __slots__ = ("alarm", "amounts", "at_us", "damage", "is_unsure", "missing")

    def __init__(self) -> None:
        self.damage: int | None = None
        self.at_us = 0
        self.alarm: int | None = None
        """The latest alarm after the latest damage."""
        self.is_unsure = False
        """Its medium has lost, at a power cut, what nobody could keep."""
        self.amounts: dict[tuple[str, str], int] = {}
        """What each request of the open batch asked for."""
        self.missing: list[tuple[int, int, BatchSettled, Entry]] = []
        """Approvals that a settlement lacked, with the damage before it; an alarm may still come."""


@INVARIANTS.register("corruption_detected")
class CorruptionDetected(Invariant):
    """After stored data was damaged, nothing wrong is sent, printed or settled without an alarm."""

    number = 18
    name = "corruption_detected"
    evidence = (
        "uploads, slips, reprints, reversals and voids after a fault that damages data, against what the host approved"
    )
    requires = ("a fault that damages data, and then a settlement or an inspection",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._devices: dict[str, _Device] = {}
        self._told: set[tuple[str, str, str]] = set()

    def _device(self, name: str) -> _Device:
        state = self._devices.get(name)
        if state is None:
            state = self._devices[name] = _Device()
        return state

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        if event.kind in _CORRUPTS:
            for name in event.devices:
                state = self._device(name)
                state.damage, state.at_us, state.alarm = number, event.at_us, None

    @on(StorageAfterPowerLoss)
    def _cut(self, number: int, event: StorageAfterPowerLoss) -> None:
        if event.unsurvivable:
            self._device(event.device).is_unsure = True

    # ------------------------------------------------------------ what is told

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        state = self._devices.get(event.device)
        if state is None or state.damage is None:
            return
        if event.kind in _ALARMS or admits(event.text):
            _raise(state, number)
        elif event.kind == "approved":
            self._compare(number, event.at_us, event.device, event.batch, event.stan, event.amount_fen, "showed")

    @on(ReceiptPrinted)
    def _receipt(self, number: int, event: ReceiptPrinted) -> None:
        state = self._devices.get(event.device)
        if state is None or state.damage is None:
            return
        if event.kind == "settlement":
            if admits(event.text):
                _raise(state, number)
            return
        said = "reprinted" if event.duplicate else "printed"
        self._compare(number, event.at_us, event.device, event.batch, event.stan, event.amount_fen, said)

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        state = self._devices.get(event.device)
        if state is None or state.damage is None or event.error or event.when not in _AT_REST:
            return
        self.checked += 1
        for each in event.records:
            self._compare(number, event.at_us, event.device, each.batch, each.stan, each.amount_fen, "reads")

    def _compare(
        self,
        number: int,
        at_us: int,
        device: str,
        batch: str | None,
        stan: str | None,
        amount_fen: int | None,
        said: str,
    ) -> None:
        """Against the host's entry of that name, if there is one and it has an amount."""
        if not batch or not stan or amount_fen is None:
            return
        entry = self.books.device(device).by_key.get((plain_number(batch), plain_number(stan)))
        if entry is None or entry.amount_fen == amount_fen:
            return
        what = f"{device} {said} the {entry.kind} of {yuan(entry.amount_fen)} with trace number {stan} as {yuan(amount_fen)}"
        self._wrong(number, at_us, device, entry.batch, entry.stan, what, (entry.first,), entry.amount_fen - amount_fen)

    def _wrong(
        self,
        number: int,
        at_us: int,
        device: str,
        batch: str,
        stan: str,
        what: str,
        events: tuple[int, ...],
        gap_fen: int,
    ) -> None:
        state = self._device(device)
        if state.alarm is not None or (device, batch, stan) in self._told:
            return
        self._told.add((device, batch, stan))
        summary = f"{what} at {when(at_us)}, after its files were damaged, and raised no alarm."
        self.report(self.finding(device, at_us, summary, (*events, state.damage, number), abs(gap_fen), "critical"))

    # ------------------------------------------------------------ what is sent

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.direction != "up" or event.amount_fen is None:
            return
        state = self._device(event.device)
        batch = plain_number(event.batch)
        key = (batch, plain_number(event.stan))
        if event.mti in _REQUESTS or creates_order(event):
            if state.damage is not None and event.processing_code.startswith("20") and event.mti == "0200":
                original = (batch, plain_number(event.original_stan))
                self._same(number, event, state, original, "asked to void")
            state.amounts.setdefault(key, event.amount_fen)
        elif event.mti == "0400" and state.damage is not None:
            self._same(number, event, state, key, "asked to reverse")

    def _same(self, number: int, event: MessageSent, state: _Device, key: tuple[str, str], said: str) -> None:
        asked_fen, amount_fen = state.amounts.get(key), event.amount_fen
        if asked_fen is None or amount_fen is None:
            return
        self.checked += 1
        if asked_fen != amount_fen:
            what = f"{event.device} {said} {yuan(amount_fen)} of trace number {key[1]}, which had asked for {yuan(asked_fen)},"
            self._wrong(number, event.at_us, event.device, *key, what, (), asked_fen - amount_fen)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if not event.closed or event.repeated:
            return
        state = self._device(event.device)
        if state.damage is not None:
            self.checked += 1
            self._judge_upload(number, event, state)
        state.amounts.clear()

    def _judge_upload(self, number: int, event: BatchSettled, state: _Device) -> None:
        batch = plain_number(event.batch)
        claimed = {plain_number(stan): stan for stan in event.terminal_only}
        for place in event.host_only:
            entry = self.books.entries.get(place)
            if entry is None:
                continue
            if entry.stan in claimed:
                what = (
                    f"{event.device} uploaded another amount or card than the {yuan(entry.amount_fen)} approved under trace "
                    f"number {entry.stan}"
                )
                gap_fen = entry.amount_fen
                self._wrong(number, event.at_us, event.device, batch, entry.stan, what, (entry.first,), gap_fen)
            elif state.alarm is None and _was_shown_before(entry, state):
                state.missing.append((number, state.damage or 0, event, entry))
        book = self.books.device(event.device)
        for stan, shown in claimed.items():
            if (
                (batch, stan) not in state.amounts
                and not book.is_older(batch, stan)
                and (batch, stan) not in book.by_key
            ):
                what = f"{event.device} uploaded a record with trace number {shown}, which it had never sent,"
                self._wrong(number, event.at_us, event.device, batch, stan, what, (), 0)

    # ------------------------------------------------------------ what is missing

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, state in self._devices.items():
            for number, damage, event, entry in state.missing:
                if (device, entry.batch, entry.stan) in self._told:
                    continue
                if state.is_unsure:
                    self.skip(f"{device}: its medium lost at a power cut what nobody could keep")
                    continue
                summary = (
                    f"{device} settled batch {event.batch} without the {entry.kind} of {yuan(entry.amount_fen)} with trace "
                    f"number {entry.stan}, which it had shown as approved before its files were damaged, and raised no alarm."
                )
                events = (entry.first, damage, number)
                yield self.finding(device, event.at_us, summary, events, entry.amount_fen, "major", at_us)


def _raise(state: _Device, number: int) -> None:
    state.alarm = number
    state.missing.clear()


def _was_shown_before(entry: Entry, state: _Device) -> bool:
    return entry.action is not None and entry.action.shown is not None and entry.at_us < state.at_us


_DAMAGE = FaultStruck(0, "corrupt_file#1", "corrupt_file", (T01,))
_ERROR = screen("error", None)
_SOLD = (up(), down(), *paid_sale())
_UPLOAD_WRONG = settled(host_only=(1,), terminal_only=("000001",))
_GONE = settled(host_only=(1,), claimed=(0, 0))

CorruptionDetected.cases = (
    case("harmless", "all is settled as it was approved", "pass", *_SOLD, _DAMAGE, settled(1)),
    case(
        "a wrong amount uploaded", "one bit, and no check", "finding",
        *_SOLD, _DAMAGE, _UPLOAD_WRONG,
        guilty=10, instead=settled(1),
    ),
    case("uploaded wrong after the alarm", "people were told", "pass", *_SOLD, _DAMAGE, _ERROR, _UPLOAD_WRONG),
    case("wrong without damage", "no fault touched its files: others judge", "not_checked", *_SOLD, _UPLOAD_WRONG),
    case(
        "a trace number nobody sent", "a bit in the number itself", "finding",
        *_SOLD, _DAMAGE, settled(1, terminal_only=("000009",)),
        guilty=10, instead=settled(1, terminal_only=("000001",)),
    ),
    case(
        "reprinted wrong", "the copy says something else", "finding",
        up(), *paid_sale(amount_fen=1200), _DAMAGE, receipt(duplicate=True),
        guilty=9, instead=receipt("000007", duplicate=True),
    ),
    case("reprinted right", "the copy says the same", "pass", *_SOLD, _DAMAGE, receipt(duplicate=True), settled(1)),
    case(
        "reversal of another amount", "the record of the request was hit", "finding",
        up(), _DAMAGE, up(3, "0400", amount_fen=1001),
        guilty=2, instead=up(3, "0400"),
    ),
    case(
        "read wrong", "white-box: its own reading", "finding",
        *_SOLD, _DAMAGE, inspected(record(amount_fen=1001)),
        guilty=10, instead=inspected(record()),
    ),
    case("read less", "what was destroyed is left out", "pass", *_SOLD, _DAMAGE, inspected()),
    case(
        "missing in silence", "an approval is gone, and nobody is told", "finding",
        *_SOLD, _DAMAGE, _GONE, slip(0, 0),
        guilty=11, instead=slip(0, 0, text="NOT BALANCED"),
    ),
    case("missing, and said so at boot", "an error screen", "pass", *_SOLD, _DAMAGE, _ERROR, _GONE, slip(0, 0)),
    case("later than the damage", "what was written since cannot have been hit", "pass", _DAMAGE, *_SOLD, _GONE, slip(0, 0)),
    case(
        "lost by the medium", "a flush that lies", "pass",
        *_SOLD, StorageAfterPowerLoss(0, T01, "data", 3, 1, 0, (), (1,)), _DAMAGE, _GONE, slip(0, 0),
    ),
    case(
        "damaged again after the alarm", "the second damage needs an alarm of its own", "finding",
        *_SOLD, _DAMAGE, _ERROR, _DAMAGE, _UPLOAD_WRONG,
        guilty=12, instead=settled(1),
    ),
    case(
        "damaged again later", "the alarm about the first damage had been raised in time", "pass",
        *_SOLD, _DAMAGE, _ERROR, _GONE, slip(0, 0), _DAMAGE,
    ),
    case("nothing was damaged", "no such fault", "not_checked", *_SOLD, settled(1)),
)  # fmt: skip

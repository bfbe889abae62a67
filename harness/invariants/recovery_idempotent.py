"""Invariant 19: recovery that is begun again comes to the records that recovery alone came to.

Models: two inspections of one device with nothing between them but restarts of its software: no action, no request to the
host, no power lost, no fault. What the first start made of the files, the second must leave as it is: records, the batch, what
is still to be reversed, what is known to be damaged. A device that takes an update is looked at twice in this way
(``software_update``); ``harness crashpoints --depth 2`` compares in the same way after a second cut at every step of recovery.
Does not model: whether recovery was right the first time (1, 2, 5, 17).
Traps avoided: a trace number may be skipped by every start; records that the inspection cannot read are 17's; whatever was
sent between the two starts may have changed the records; a cut between them may take what nobody had been promised; one disk
error more or less, or a read that comes back wrong, is no second recovery of the same files.
Source: domain section 8, invariant 19.
"""

from collections.abc import Iterator

import msgspec

from harness.history.events import (
    ActionStarted,
    Booted,
    FaultLifted,
    FaultStruck,
    Inspected,
    MessageSent,
    PowerLost,
    StorageFailed,
)
from harness.invariants.base import INVARIANTS, Invariant, Terms, on
from harness.invariants.books import Books
from harness.invariants.casebook import T01, case, inspected, record, starts, up

_SILENT_KINDS = frozenset({"corrupt_read"})
"""Conditions under which the same files are not the same twice, and no call says so."""


@INVARIANTS.register("recovery_idempotent")
class RecoveryIdempotent(Invariant):
    """Recovery that is begun again comes to the same records as recovery alone."""

    number = 19
    name = "recovery_idempotent"
    evidence = "the terminal's own records after one start and after another, with nothing between them"
    requires = ("inspect", "two starts with nothing between them")

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._before: dict[str, tuple[int, Inspected, bool]] = {}
        """By device: the last inspection, with its number, and whether the software has started anew since."""
        self._trouble: dict[str, dict[str, None]] = {}
        """By device: such conditions in force."""

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        before = self._before.get(event.device)
        self._before[event.device] = number, event, False
        if before is None or not before[2] or event.error or before[1].error:
            return
        if self._trouble.get(event.device):
            self.skip(f"{event.device} started twice while something was wrong with it")
            return
        first, once, _ = before
        self.checked += 1
        found = list(differences(once, event, None))
        if found:
            summary = (
                f"{event.device} started twice with nothing between, and came to other records: {'; '.join(found)}."
            )
            self.report(self.finding(event.device, event.at_us, summary, (first, number), 0, "major"))

    @on(Booted)
    def _booted(self, number: int, event: Booted) -> None:
        before = self._before.get(event.device)
        if before is not None:
            self._before[event.device] = before[0], before[1], True

    @on(ActionStarted, MessageSent, PowerLost, StorageFailed)
    def _something_else(self, number: int, event: ActionStarted | MessageSent | PowerLost | StorageFailed) -> None:
        self._before.pop(event.device, None)

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        for device in event.devices:
            self._before.pop(device, None)
            if event.kind in _SILENT_KINDS:
                self._trouble.setdefault(device, {})[event.fault] = None

    @on(FaultLifted)
    def _lifted(self, number: int, event: FaultLifted) -> None:
        for device in event.devices or tuple(self._trouble):
            self._trouble.get(device, {}).pop(event.fault, None)


def differences(once: Inspected, twice: Inspected, shown: set[tuple[str, str]] | None) -> Iterator[str]:
    """Records, reversals, batch; a trace number may be skipped by a recovery that was begun twice.

    ``shown``: the trace numbers and batches that had come to somebody's eyes, where only these may not be missing.
    """
    first = {(record.stan, record.batch): record for record in once.records}
    second = {(record.stan, record.batch): record for record in twice.records}
    missing = [key for key in first if key not in second]
    for key in missing:
        if shown is None or key in shown:
            yield f"record {key[0]} is missing"
    for key in [key for key in second if key not in first]:
        yield f"record {key[0]} is new"
    for key, kept in first.items():
        if key in second and second[key] != kept:
            yield f"record {key[0]} is {second[key].state} instead of {kept.state}"
    if once.batch != twice.batch:
        yield f"batch {twice.batch} instead of {once.batch}"
    if not missing and once.pending_reversals != twice.pending_reversals:
        pending, expected = (", ".join(each.pending_reversals) or "none" for each in (twice, once))
        yield f"reversals pending: {pending} instead of {expected}"
    if once.damaged_records != twice.damaged_records:
        yield f"{twice.damaged_records} damaged records instead of {once.damaged_records}"


_AGAIN = Booted(0, T01, 2)
_KEPT = inspected(record(), pending=("000002",), when="recovered")


def _now(**changes: object) -> Inspected:
    return msgspec.structs.replace(_KEPT, **changes)


RecoveryIdempotent.cases = (
    case("the same", "nothing came between", "pass", _KEPT, _AGAIN, _KEPT),
    case(
        "trace number skipped", "a start may leave one out, to be sure", "pass",
        _KEPT, _AGAIN, _now(next_stan="000012"),
    ),
    case(
        "reversal gone", "the second start took it for settled", "finding",
        _KEPT, _AGAIN, _now(pending_reversals=()), guilty=2, instead=_KEPT,
    ),
    case(
        "record gone", "the second start made something else of the files", "finding",
        _KEPT, _AGAIN, _now(records=()), guilty=2, instead=_KEPT,
    ),
    case(
        "damaged in the second place", "it counts the same damage once more", "finding",
        _KEPT, _AGAIN, _now(damaged_records=1), guilty=2, instead=_KEPT,
    ),
    case(
        "batch advanced by a start", "nobody has settled", "finding",
        _KEPT, _AGAIN, _now(batch="000002"), guilty=2, instead=_KEPT,
    ),
    case(
        "reversal sent between", "the host has had its say, and the record is gone for a reason", "not_checked",
        _KEPT, _AGAIN, up(5, "0400", "000002"), _now(pending_reversals=()),
    ),
    case(
        "sold between", "there is one record more, as there should be", "not_checked",
        _KEPT, _AGAIN, starts(), _now(records=(record(), record("000003"))),
    ),
    case(
        "cut between", "what nobody had been promised may be gone", "not_checked",
        _KEPT, PowerLost(0, T01, "power_loss#1"), _AGAIN, _now(records=()),
    ),
    case(
        "damaged between", "a fault took it", "not_checked",
        _KEPT, FaultStruck(0, "lose_file#1", "lose_file", (T01,)), _AGAIN, _now(records=()),
    ),
    case(
        "a disk that fails", "what it could not read it could not recover", "not_checked",
        _KEPT, _AGAIN, StorageFailed(0, T01, "read", "/data/journal.0", "EIO", 1), _now(records=()),
    ),
    case(
        "reads that come back wrong", "the second start did not see the same files", "not_checked",
        FaultStruck(0, "corrupt_read#1", "corrupt_read", (T01,)), _KEPT, _AGAIN, _now(damaged_records=1),
    ),
    case("no second start", "the software has been running all the time", "not_checked", _KEPT, _now(records=())),
    case("unreadable", "that is another invariant's", "pass", _KEPT, _AGAIN, _KEPT, _AGAIN, _now(error="torn")),
)  # fmt: skip

"""The authoritative ledger: what the acquirer holds to have happened, whatever a terminal believes.

Models one entry for each financial request that was judged (approved or declined), its state and every change of it.
Does not model issuers, clearing between banks, interest or fees. Source: domain knowledge of host capture; states are
those of the invariants (APPROVED, DECLINED, REVERSED, VOIDED, REFUNDED, SETTLED), and for pre-authorisations COMPLETED
and EXPIRED.

What the states mean for money:

- A sale or completion has taken its amount while it is APPROVED, SETTLED or REFUNDED; not while DECLINED, REVERSED or VOIDED.
- A pre-authorisation takes nothing: while APPROVED it holds its amount, until it is COMPLETED, VOIDED, REVERSED or EXPIRED.
- A refund has given its amount back while it is APPROVED or SETTLED. REFUNDED on a settled sale says that refunds have
  reached its whole amount; the money moves in the refund's entry, so it is not counted twice (``net_fen``).
- A void is an entry of its own and moves no money: it makes its original VOIDED, and a reversed void makes it APPROVED
  again. A completion that is reversed or voided leaves its pre-authorisation APPROVED. Voids and pre-authorisations are in no
  total and are never settled.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from harness.contract.making import quick
from harness.core.masking import mask_pan
from harness.history.events import LedgerChanged
from harness.history.recorder import Recorder

EntryKind = Literal["sale", "void", "refund", "preauth", "preauth_void", "completion", "completion_void"]
EntryState = Literal["APPROVED", "DECLINED", "REVERSED", "VOIDED", "REFUNDED", "SETTLED", "COMPLETED", "EXPIRED"]

_ALLOWED: dict[EntryState, frozenset[EntryState]] = {
    "APPROVED": frozenset({"REVERSED", "VOIDED", "SETTLED", "COMPLETED", "EXPIRED"}),
    "VOIDED": frozenset({"APPROVED"}),
    "SETTLED": frozenset({"REFUNDED"}),
    "DECLINED": frozenset(),
    "REVERSED": frozenset(),
    "REFUNDED": frozenset(),
    "COMPLETED": frozenset({"APPROVED"}),
    "EXPIRED": frozenset(),
}
CHARGES: frozenset[EntryKind] = frozenset({"sale", "completion"})
"""What takes money, and is a debit of its batch."""
_TAKEN: frozenset[EntryState] = frozenset({"APPROVED", "SETTLED", "REFUNDED"})
_GIVEN_BACK: frozenset[EntryState] = frozenset({"APPROVED", "SETTLED"})


class Transition(msgspec.Struct, frozen=True):
    """One change of an entry's state, and why."""

    at_us: int
    state: EntryState
    reason: str


@quick
@dataclass(frozen=True, slots=True)
class Totals:
    """Counts and amounts of a batch: debits are sales and completions, credits refunds; what was voided is in neither [A]."""

    debit_count: int = 0
    debit_fen: int = 0
    credit_count: int = 0
    credit_fen: int = 0

    def as_tuple(self) -> tuple[int, int, int, int]:
        """In the order of ``BatchSettled``."""
        return (self.debit_count, self.debit_fen, self.credit_count, self.credit_fen)


@dataclass(slots=True)
class Entry:
    """One judged request. ``pan`` is for matching uploads and refunds; it is in no event and no ``repr``."""

    number: int
    device: str
    tid: str
    mid: str
    batch: str
    stan: str
    kind: EntryKind
    amount_fen: int
    token: str
    pan: str = field(repr=False)
    rrn: str
    auth_code: str
    response_code: str
    state: EntryState
    original: int | None = None
    refunded_fen: int = 0
    asked_fen: int = 0
    """What was asked for, where only a part of it was approved; else 0."""
    completions: int = 0
    """Of a pre-authorisation: how many completions of it stand; never more than one where the host checks them."""
    transitions: list[Transition] = field(default_factory=list)
    chip: bool = False
    """A card's chip took part."""

    def copy(self) -> "Entry":
        """An independent entry; transitions are frozen and shared."""
        return Entry(
            self.number, self.device, self.tid, self.mid, self.batch, self.stan, self.kind, self.amount_fen, self.token,
            self.pan, self.rrn, self.auth_code, self.response_code, self.state, self.original, self.refunded_fen,
            self.asked_fen, self.completions, self.transitions.copy(), self.chip,
        )  # fmt: skip

    @property
    def moves_money(self) -> bool:
        """True for charges and refunds that stand and are not settled yet: what a settlement is about."""
        return self.state == "APPROVED" and (self.kind in CHARGES or self.kind == "refund")

    @property
    def since_us(self) -> int:
        """When it was judged; 0 for what was there before the run."""
        return self.transitions[0].at_us if self.transitions else 0


@dataclass(slots=True)
class LedgerState:
    """All of the ledger's memory, so that a crash point can copy it and put it back."""

    entries: list[Entry] = field(default_factory=list)
    by_stan: dict[tuple[str, str, str], int] = field(default_factory=dict)
    by_rrn: dict[str, int] = field(default_factory=dict)
    rrn: int = 0

    def copy(self) -> "LedgerState":
        """An independent state of the same contents."""
        entries = [entry.copy() for entry in self.entries]
        return LedgerState(entries, self.by_stan.copy(), self.by_rrn.copy(), self.rrn)


class Ledger:
    """Entries and the only way to change them; each change is an event."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.state = LedgerState()

    def next_rrn(self) -> str:
        """A retrieval reference number that was never used."""
        self.state.rrn += 1
        return f"{self.state.rrn:012d}"

    def add(self, entry: Entry, at_us: int, reason: str = "") -> Entry:
        """Take a judged request into the ledger. ``entry.number`` is given here."""
        state = self.state
        entry.number = len(state.entries)
        state.entries.append(entry)
        state.by_stan[entry.tid, entry.batch, entry.stan] = entry.number
        state.by_rrn[entry.rrn] = entry.number
        self._changed(entry, "", at_us, reason)
        return entry

    def move(self, entry: Entry, state: EntryState, at_us: int, reason: str) -> None:
        """Change an entry's state; ValueError for a change that money does not know."""
        if state not in _ALLOWED[entry.state]:
            raise ValueError(f"entry {entry.number} cannot go from {entry.state} to {state}")
        previous, entry.state = entry.state, state
        self._changed(entry, previous, at_us, reason)

    def find(self, tid: str, batch: str, stan: str) -> Entry | None:
        """The entry of a terminal's request."""
        number = self.state.by_stan.get((tid, batch, stan))
        return None if number is None else self.state.entries[number]

    def find_rrn(self, rrn: str) -> Entry | None:
        """The entry the host gave this reference number."""
        number = self.state.by_rrn.get(rrn)
        return None if number is None else self.state.entries[number]

    def entry(self, number: int) -> Entry:
        """The entry of that number."""
        return self.state.entries[number]

    def entries(self, tid: str | None = None, batch: str | None = None) -> Iterator[Entry]:
        """Entries in the order in which they were judged."""
        for entry in self.state.entries:
            if (tid is None or entry.tid == tid) and (batch is None or entry.batch == batch):
                yield entry

    def net_fen(self, token: str) -> int:
        """What the host holds to have been taken for one presentation, refunds under the same token deducted."""
        return sum(_net_fen(entry) for entry in self.state.entries if entry.token == token)

    def net_fen_of_terminal(self, tid: str) -> int:
        """What the host holds to have been taken at one terminal, refunds deducted."""
        return sum(_net_fen(entry) for entry in self.state.entries if entry.tid == tid)

    def _changed(self, entry: Entry, previous: EntryState | Literal[""], at_us: int, reason: str) -> None:
        entry.transitions.append(Transition(at_us, entry.state, reason))
        self._recorder.emit(
            LedgerChanged(
                at_us=at_us,
                device=entry.device,
                entry=entry.number,
                kind=entry.kind,
                state=entry.state,
                previous_state=previous,
                batch=entry.batch,
                stan=entry.stan,
                amount_fen=entry.amount_fen,
                token=entry.token,
                response_code=entry.response_code,
                reason=reason,
                original_entry=entry.original,
                chip=entry.chip,
            )
        )


def same_card(held: str, named: str) -> bool:
    """Whether ``named`` is the card that the ledger holds, of which a snapshot may have kept less than the whole number.

    Card numbers are compared without the zeros that fill up their place in an upload.
    """
    held, named = held.lstrip("0"), named.lstrip("0")
    if held == named or not held:
        return True
    return "*" in held and mask_pan(named) == held


def _net_fen(entry: Entry) -> int:
    if entry.kind in CHARGES and entry.state in _TAKEN:
        return entry.amount_fen
    if entry.kind == "refund" and entry.state in _GIVEN_BACK:
        return -entry.amount_fen
    return 0


def totals_of(entries: list[Entry]) -> Totals:
    """Totals of entries that move money."""
    debits = [entry.amount_fen for entry in entries if entry.kind in CHARGES]
    credits_ = [entry.amount_fen for entry in entries if entry.kind == "refund"]
    return Totals(len(debits), sum(debits), len(credits_), sum(credits_))

"""What the acquirer holds of one terminal, as plain data: taken with a snapshot, and put back where that is loaded.

Models: the batch number, open and closed batches with their entries, claims and settlements, reversals that came early.
Also the acquirer of a terminal of which nothing but its own files came: ``adopt`` has it agree with what those tell.
Does not model: keys (a fresh sign-on stands for them: see ``sign_on``), knobs (faults belong to their run), other terminals,
scan-to-pay orders that are still open (paid ones are sales).
Card numbers leave masked; ``bank.same_card`` compares what is left of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from harness.core.masking import mask_pan
from harness.history.events import RecordSeen
from harness.host.acquirer import Acquirer
from harness.host.batch import Batch, BatchPhase, Claim, Settlement
from harness.host.ledger import Entry, EntryKind, EntryState, Totals
from harness.host.session import Keys, Session

KEY_SIZE = 16
MAC_KEY_SIZE = 8


class HeldEntry(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One ledger entry. ``original`` is the place of another in the same list."""

    batch: str
    stan: str
    kind: EntryKind
    state: EntryState
    amount_fen: int
    rrn: str = ""
    auth_code: str = ""
    response_code: str = "00"
    masked_pan: str = ""
    original: int | None = None
    refunded_fen: int = 0
    asked_fen: int = 0


class HeldClaim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One uploaded transaction."""

    stan: str
    masked_pan: str
    amount_fen: int


class HeldBatch(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One batch. ``settled``, ``host_only`` are places in the list of entries; totals as in ``BatchSettled``."""

    number: str
    phase: BatchPhase = "open"
    early_reversals: tuple[str, ...] = ()
    claims: tuple[HeldClaim, ...] = ()
    terminal_totals: tuple[int, int, int, int] = (0, 0, 0, 0)
    host_totals: tuple[int, int, int, int] = (0, 0, 0, 0)
    balanced: bool = False
    settled: tuple[int, ...] = ()
    host_only: tuple[int, ...] = ()
    terminal_only: tuple[str, ...] = ()


class HeldTerminal(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """All that the acquirer holds of one terminal. ``signed_on``: it had working keys from the host."""

    batch: str
    signed_on: bool = True
    key_generation: int = 1
    rrn: int = 0
    batches: tuple[HeldBatch, ...] = ()
    entries: tuple[HeldEntry, ...] = ()


def take(acquirer: Acquirer, tid: str) -> HeldTerminal:
    """What the acquirer holds of the terminal at this instant."""
    session = acquirer.session(tid)
    entries = list(acquirer.entries(tid))
    places = {entry.number: place for place, entry in enumerate(entries)}
    return HeldTerminal(
        session.batch,
        session.signed_on,
        session.key_generation,
        acquirer.bank.ledger.state.rrn,
        tuple(_held_batch(batch, places) for batch in session.batches.values()),
        tuple(
            HeldEntry(
                entry.batch, entry.stan, entry.kind, entry.state, entry.amount_fen, entry.rrn, entry.auth_code,
                entry.response_code, mask_pan(entry.pan),
                None if entry.original is None else places.get(entry.original), entry.refunded_fen,
                entry.asked_fen,
            )
            for entry in entries
        ),
    )  # fmt: skip


def _held_batch(batch: Batch, places: dict[int, int]) -> HeldBatch:
    ended = batch.settlement
    claims = tuple(HeldClaim(each.stan, mask_pan(each.pan), each.amount_fen) for each in batch.claims.values())
    if ended is None:
        return HeldBatch(
            batch.number, batch.phase, tuple(batch.early_reversals), claims, batch.terminal_totals.as_tuple()
        )
    return HeldBatch(
        batch.number, batch.phase, tuple(batch.early_reversals), claims, ended.terminal_totals.as_tuple(),
        ended.host_totals.as_tuple(), ended.balanced, tuple(places[each] for each in ended.settled),
        tuple(places[each] for each in ended.host_only), ended.terminal_only,
    )  # fmt: skip


def put(acquirer: Acquirer, tid: str, held: HeldTerminal) -> list[Entry]:
    """Let the acquirer hold this of a registered terminal with which it has had nothing to do yet. The entries it made.

    Nothing is put into the history: what is there happened before it began. ValueError when the data do not fit together.
    """
    session = acquirer.session(tid)
    state = acquirer.bank.ledger.state
    first = len(state.entries)
    state.rrn = max(state.rrn, held.rrn)
    entries = [_entry(each, session.device, tid, session.mid, first, len(held.entries)) for each in held.entries]
    session.batch = _number(held.batch)
    session.key_generation = max(0, held.key_generation)
    session.batches.clear()
    for batch in held.batches:
        session.batches[_number(batch.number)] = _batch(batch, session, tid, first, len(entries))
    session.batches.setdefault(session.batch, session.new_batch(session.batch))
    for place, entry in enumerate(entries):
        if entry.batch not in session.batches:
            raise ValueError(f"entry {place} is of batch {entry.batch!r}, which is not listed")
        entry.number = first + place
        state.entries.append(entry)
        state.by_stan[tid, entry.batch, entry.stan] = entry.number
        if entry.rrn:
            state.by_rrn[entry.rrn] = entry.number
        session.batches[entry.batch].entries.append(entry.number)
    for entry in entries:
        if (
            entry.kind == "completion"
            and entry.original is not None
            and entry.state in ("APPROVED", "SETTLED", "REFUNDED")
        ):
            state.entries[entry.original].completions += 1
    return entries


def _entry(held: HeldEntry, device: str, tid: str, mid: str, first: int, count: int) -> Entry:
    if held.amount_fen < 0 or held.refunded_fen < 0 or held.asked_fen < 0:
        raise ValueError(f"trace number {held.stan}: an amount is never negative")
    return Entry(
        number=-1,
        device=device,
        tid=tid,
        mid=mid,
        batch=_number(held.batch),
        stan=_number(held.stan),
        kind=held.kind,
        amount_fen=held.amount_fen,
        token="",
        pan=held.masked_pan,
        rrn=held.rrn,
        auth_code=held.auth_code,
        response_code=held.response_code,
        state=held.state,
        original=None if held.original is None else _place(held.original, first, count),
        refunded_fen=held.refunded_fen,
        asked_fen=held.asked_fen,
    )


def _batch(held: HeldBatch, session: Session, tid: str, first: int, count: int) -> Batch:
    batch = session.new_batch(_number(held.number))
    batch.phase = held.phase
    batch.early_reversals = {_number(each): 0 for each in held.early_reversals}
    batch.claims = {each.stan: Claim(each.stan, each.masked_pan, each.amount_fen) for each in held.claims}
    batch.terminal_totals = Totals(*held.terminal_totals)
    if held.phase == "closed":
        batch.settlement = Settlement(
            tid, batch.number, held.balanced, batch.terminal_totals, Totals(*held.host_totals),
            tuple(_place(each, first, count) for each in held.settled),
            tuple(_place(each, first, count) for each in held.host_only),
            held.terminal_only, 0,
        )  # fmt: skip
    return batch


def _number(text: str) -> str:
    if len(text) != 6 or not text.isascii() or not text.isdigit():
        raise ValueError(f"{text[:20]!r} is no number of six digits")
    return text


def _place(place: int, first: int, count: int) -> int:
    if not 0 <= place < count:
        raise ValueError(f"there is no entry {place}")
    return first + place


# ---------------------------------------------------------------- nothing known but the terminal's own files


def adopted(batch: str, records: Iterable[RecordSeen]) -> HeldTerminal:
    """The view of an acquirer that agrees with the terminal's own records of its open batch."""
    number = f"{int(batch):06d}"
    entries = tuple(
        HeldEntry(
            number, f"{int(each.stan):06d}", _ADOPTED[each.kind], "APPROVED", each.amount_fen,
            refunded_fen=each.amount_fen if each.state == "refunded" else 0,
        )
        for each in records
        if each.kind in _ADOPTED and each.state in ("active", "refunded")
        and int(each.batch or batch) == int(batch)
    )  # fmt: skip
    return HeldTerminal(number, entries=entries)


_ADOPTED: dict[str, EntryKind] = {
    "sale": "sale", "refund": "refund", "completion": "completion", "preauth": "preauth",
}  # fmt: skip
"""Kinds of record that stand for themselves. A void is known by what it undid."""


def sign_on(acquirer: Acquirer, tid: str) -> dict[Literal["pin", "mac", "track"], bytes]:
    """Working keys that both sides hold from now on, as after a sign-on before the run: by slot of the PIN pad."""
    session = acquirer.session(tid)
    session.key_generation = max(1, session.key_generation)
    draw = acquirer.dialect.key_factory
    pin = draw(tid, session.key_generation, "pin", KEY_SIZE)
    mac = draw(tid, session.key_generation, "mac", MAC_KEY_SIZE)
    track = draw(tid, session.key_generation, "track", KEY_SIZE)
    session.keys = Keys(pin, mac, track)
    session.signed_on = True
    return {"pin": pin, "mac": mac, "track": track}

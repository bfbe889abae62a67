"""Batches: what a terminal may still add to, what it has claimed, and how a batch ends.

A batch is *open*, then closed at once by a settlement request whose totals are the host's, or *uploading* after one whose
totals are not, until the end packet closes it. Closing is final and the answer is kept: a terminal whose reply was lost
asks again and is told the same. The next batch starts when the one before has closed.

Models host capture, where the host's own entries are what is settled, and terminal capture, where they are authorisations
only: what the terminal uploads is the money record, each upload is captured when the batch closes (also one that nobody
authorised: acquirers do, and somebody pays), and an authorisation that was not uploaded lapses. Does not model a host that
closes batches by itself at night (no terminal loses money by it, and the ledger does not forget).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.history.events import BatchSettled, CertificateTaken
from harness.history.recorder import Recorder
from harness.host.ledger import CHARGES, Entry, EntryKind, Ledger, Totals, same_card, totals_of

Capture = Literal["host", "terminal"]
BatchPhase = Literal["open", "uploading", "closed"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One transaction that a terminal uploaded."""

    stan: str
    pan: str = field(repr=False)
    amount_fen: int
    kind: EntryKind | None = None
    """What it was, where an upload says so; None: as the host has it."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a batch ended, for checks. Ids are ledger entry numbers; ``terminal_only`` are STANs."""

    tid: str
    batch: str
    balanced: bool
    terminal_totals: Totals
    host_totals: Totals
    settled: tuple[int, ...]
    host_only: tuple[int, ...]
    terminal_only: tuple[str, ...]
    at_us: int


@dataclass(slots=True)
class Batch:
    """One batch of one terminal."""

    tid: str
    device: str
    number: str
    phase: BatchPhase = "open"
    entries: list[int] = field(default_factory=list)
    early_reversals: dict[str, int] = field(default_factory=dict)
    """STANs of reversals that came before their originals, and when."""
    claims: dict[str, Claim] = field(default_factory=dict)
    terminal_totals: Totals = field(default_factory=Totals)
    settlement: Settlement | None = None
    capture: Capture = "host"
    certificates: set[str] = field(default_factory=set)
    """STANs of which the chip's certificate came in."""

    def copy(self) -> "Batch":
        """An independent batch; claims, totals and settlement are frozen and shared."""
        return replace(
            self,
            entries=self.entries.copy(),
            early_reversals=self.early_reversals.copy(),
            claims=self.claims.copy(),
            certificates=self.certificates.copy(),
        )


class BatchBook:
    """Settling batches against the ledger; each answer to a settlement request is an event."""

    def __init__(self, ledger: Ledger, recorder: Recorder) -> None:
        self._ledger = ledger
        self._recorder = recorder

    def standing(self, batch: Batch) -> list[Entry]:
        """The batch's entries that a settlement is about."""
        return [entry for number in batch.entries if (entry := self._ledger.entry(number)).moves_money]

    def request(
        self, batch: Batch, claimed: Totals, at_us: int, distort: Callable[[Totals], Totals] | None = None
    ) -> bool:
        """A settlement request with the terminal's totals; True when they are the host's. Idempotent.

        ``distort`` makes the host's own count wrong (a fault). A batch that is closed is not opened again: the same
        totals get the same answer, others are not balanced.
        """
        if batch.settlement is not None:
            ended = batch.settlement
            balanced = ended.balanced and claimed == ended.terminal_totals
            self._emit(batch, claimed, ended.host_totals, at_us, closed=True, balanced=balanced, repeated=True)
            return balanced
        standing = self.standing(batch)
        held = totals_of(standing) if batch.capture == "host" else self.uploaded(batch)
        if distort is not None:
            held = distort(held)
        repeated = batch.phase == "uploading" and claimed == batch.terminal_totals
        batch.terminal_totals = claimed
        if claimed == held:
            if batch.capture == "terminal":
                self._capture(batch, at_us)
            else:
                self._close(batch, held, standing, [], (), at_us, balanced=True)
            return True
        batch.phase = "uploading"
        self._emit(batch, claimed, held, at_us, closed=False, balanced=False, repeated=repeated)
        return False

    def claim(self, batch: Batch, claims: list[Claim]) -> bool:
        """Uploaded transactions; False when all of them were known already."""
        fresh = [claim for claim in claims if claim.stan not in batch.claims]
        for claim in fresh:
            batch.claims[claim.stan] = claim
        return bool(fresh)

    def uploaded(self, batch: Batch) -> Totals:
        """The totals of what the terminal has uploaded."""
        kinds = [(self._kind(batch, claim), claim.amount_fen) for claim in batch.claims.values()]
        debits = [amount_fen for kind, amount_fen in kinds if kind in CHARGES]
        credits_ = [amount_fen for kind, amount_fen in kinds if kind == "refund"]
        return Totals(len(debits), sum(debits), len(credits_), sum(credits_))

    def _kind(self, batch: Batch, claim: Claim) -> EntryKind:
        if claim.kind is not None:
            return claim.kind
        entry = self._ledger.find(batch.tid, batch.number, claim.stan)
        return entry.kind if entry is not None else "sale"

    def request_end(
        self, batch: Batch, claimed: Totals, at_us: int, distort: Callable[[Totals], Totals] | None = None
    ) -> bool:
        """A settlement request after an upload: True, and closed, when the totals are those of what was uploaded."""
        if batch.phase != "uploading":
            return batch.phase == "closed"
        uploaded = self.uploaded(batch)
        if distort is not None:
            uploaded = distort(uploaded)
        batch.terminal_totals = claimed
        if claimed != uploaded:
            self._emit(batch, claimed, uploaded, at_us, closed=False, balanced=False, repeated=True)
            return False
        self.end(batch, at_us)
        return True

    def certify(self, batch: Batch, stan: str, at_us: int) -> None:
        """The certificate of a transaction came in, after a balanced close or in an upload."""
        if stan not in batch.certificates:
            batch.certificates.add(stan)
            self._recorder.emit(CertificateTaken(at_us=at_us, device=batch.device, batch=batch.number, stan=stan))

    def end(self, batch: Batch, at_us: int) -> None:
        """The end of an upload: what both sides have is settled, the rest is listed for people to look at."""
        if batch.capture == "terminal":
            self._capture(batch, at_us)
            return
        standing = self.standing(batch)
        agreed = [entry for entry in standing if _agrees(entry, batch.claims.get(entry.stan))]
        agreed_stans = {entry.stan for entry in agreed}
        host_only = [entry for entry in standing if entry.stan not in agreed_stans]
        terminal_only = tuple(sorted(stan for stan in batch.claims if stan not in agreed_stans))
        self._close(batch, totals_of(standing), agreed, host_only, terminal_only, at_us, balanced=False)

    def _capture(self, batch: Batch, at_us: int) -> None:
        """Terminal capture: what was uploaded moves money, as it was uploaded; other authorisations lapse."""
        captured: list[Entry] = []
        terminal_only: list[str] = []
        lapsed = {entry.number: entry for entry in self.standing(batch)}
        for claim in batch.claims.values():
            entry = self._ledger.find(batch.tid, batch.number, claim.stan)
            if entry is not None and entry.number in lapsed and _agrees(entry, claim):
                del lapsed[entry.number]
                captured.append(entry)
            else:
                terminal_only.append(claim.stan)
                captured.append(self._captured_unasked(batch, claim, entry, at_us))
        for entry in lapsed.values():
            self._ledger.move(entry, "EXPIRED", at_us, "authorised and not captured")
        held = self.uploaded(batch)
        unauthorised = tuple(sorted(terminal_only))
        balanced = held == batch.terminal_totals and not lapsed and not unauthorised
        self._close(batch, held, captured, list(lapsed.values()), unauthorised, at_us, balanced=balanced)

    def _captured_unasked(self, batch: Batch, claim: Claim, entry: Entry | None, at_us: int) -> Entry:
        """An upload that no authorisation stands behind, or another amount or card than was authorised."""
        kind = self._kind(batch, claim)
        rrn = self._ledger.next_rrn()
        fresh = Entry(
            number=-1, device=batch.device, tid=batch.tid, mid=entry.mid if entry is not None else "",
            batch=batch.number, stan=claim.stan, kind=kind, amount_fen=claim.amount_fen,
            token=entry.token if entry is not None else "", pan=claim.pan, rrn=rrn, auth_code="", response_code="00",
            state="APPROVED",
        )  # fmt: skip
        return self._ledger.add(fresh, at_us, "captured from the terminal's upload, without an authorisation")

    def _close(
        self,
        batch: Batch,
        held: Totals,
        agreed: list[Entry],
        host_only: list[Entry],
        terminal_only: tuple[str, ...],
        at_us: int,
        *,
        balanced: bool,
    ) -> None:
        for entry in agreed:
            self._ledger.move(entry, "SETTLED", at_us, f"batch {batch.number}")
            if entry.kind in CHARGES and entry.refunded_fen == entry.amount_fen:
                self._ledger.move(entry, "REFUNDED", at_us, "refunded before settlement")
        batch.phase = "closed"
        batch.settlement = Settlement(
            tid=batch.tid,
            batch=batch.number,
            balanced=balanced,
            terminal_totals=batch.terminal_totals,
            host_totals=held,
            settled=tuple(entry.number for entry in agreed),
            host_only=tuple(entry.number for entry in host_only),
            terminal_only=terminal_only,
            at_us=at_us,
        )
        self._emit(batch, batch.terminal_totals, held, at_us, closed=True, balanced=balanced, repeated=False)

    def _emit(
        self, batch: Batch, claimed: Totals, held: Totals, at_us: int, *, closed: bool, balanced: bool, repeated: bool
    ) -> None:
        ended = batch.settlement if closed and not repeated else None
        self._recorder.emit(
            BatchSettled(
                at_us=at_us,
                device=batch.device,
                batch=batch.number,
                closed=closed,
                balanced=balanced,
                terminal_totals=claimed.as_tuple(),
                host_totals=held.as_tuple(),
                settled=ended.settled if ended else (),
                host_only=ended.host_only if ended else (),
                terminal_only=ended.terminal_only if ended else (),
                repeated=repeated,
            )
        )


def _agrees(entry: Entry, claim: Claim | None) -> bool:
    return claim is not None and claim.amount_fen == entry.amount_fen and same_card(entry.pan, claim.pan)

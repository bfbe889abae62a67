"""Batches: what a terminal may still add to, what it has claimed, and how a batch ends.

A batch is *open*, then closed at once by a settlement request whose totals are the host's, or *uploading* after one whose
totals are not, until the end packet closes it. Closing is final and the answer is kept: a terminal whose reply was lost
asks again and is told the same. The next batch starts when the one before has closed. Models host capture. Does not
model a host that closes batches by itself at night (no terminal loses money by it, and the ledger does not forget).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.history.events import BatchSettled
from harness.history.recorder import Recorder
from harness.host.ledger import CHARGES, Entry, Ledger, Totals, same_card, totals_of

BatchPhase = Literal["open", "uploading", "closed"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One transaction that a terminal uploaded."""

    stan: str
    pan: str = field(repr=False)
    amount_fen: int


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

    def copy(self) -> "Batch":
        """An independent batch; claims, totals and settlement are frozen and shared."""
        return replace(
            self,
            entries=self.entries.copy(),
            early_reversals=self.early_reversals.copy(),
            claims=self.claims.copy(),
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
        held = totals_of(standing)
        if distort is not None:
            held = distort(held)
        repeated = batch.phase == "uploading" and claimed == batch.terminal_totals
        batch.terminal_totals = claimed
        if claimed == held:
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

    def end(self, batch: Batch, at_us: int) -> None:
        """The end packet after an upload: what both sides have is settled, the rest is listed for people to look at."""
        standing = self.standing(batch)
        agreed = [entry for entry in standing if _agrees(entry, batch.claims.get(entry.stan))]
        agreed_stans = {entry.stan for entry in agreed}
        host_only = [entry for entry in standing if entry.stan not in agreed_stans]
        terminal_only = tuple(sorted(stan for stan in batch.claims if stan not in agreed_stans))
        self._close(batch, totals_of(standing), agreed, host_only, terminal_only, at_us, balanced=False)

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

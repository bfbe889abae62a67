"""Invariant 15: a terminal can be settled, also a full one; the settlement frees its space, and it sells again.

Models: (a) in the last phase of a run, with every condition lifted, link, host and paper good, and after support has restarted
what would not settle, a batch with something in it settles. One record that blocks the batch for ever shows here, full or not.
(b) judged in the phase "settle while full", before capacity is given back, with link, host and paper good: the settlement
ends done, the data volume has again what it had at installation less what the manifest says is kept, and a sale is
accepted. Free space is measured as it would be without the bytes that a fault put there or a quota denies, as settling
cannot free those; while they are there a refusal to sell is excused, and judged if it lasts beyond them.
Does not model: whether the terminal warned in time (14), or was right to accept what filled it (13).
Traps avoided: nothing to settle needs no settlement; a smaller volume (shrunk capacity) has less to free; a first try may
clear a pending reversal and the second settle; freeing may lag, so the last measurement counts; a card that was not shown
is no refusal for lack of space as long as any sale goes through.
Source: domain section 8, invariant 15 and its amendment; design section 4 (settle while full).
"""

from collections.abc import Iterator

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    BatchSettled,
    FaultLifted,
    FaultStruck,
    PhaseStarted,
    SpaceMeasured,
)
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, when
from harness.invariants.books import Books
from harness.invariants.casebook import T01, case, ends, paid_sale, phase, settled, starts
from harness.invariants.purchase import SETTLED_KINDS

_PHASE = "settle_while_full"
_LAST_PHASE = "final_settlement"
_SELLING_PHASES = frozenset({_PHASE, "recovery", "quiescence"})
_ACCEPTED = frozenset({"approved", "declined", "unknown"})
_FOREIGN_KINDS = frozenset({"full_storage", "quota", "software_update"})
_VOLUME = "data"


class _Device:
    """One terminal while full."""

    __slots__ = (
        "after",
        "done",
        "foreign",
        "installed",
        "last",
        "last_done",
        "last_owed",
        "owed",
        "refused",
        "sold",
        "tried",
    )

    def __init__(self) -> None:
        self.installed: SpaceMeasured | None = None
        self.after: tuple[int, SpaceMeasured] | None = None
        self.foreign: dict[str, None] = {}
        self.owed = False
        """Whether there was something to settle."""
        self.tried: list[tuple[int, int, str, str]] = []
        """Settlements that ended in the phase: event, time, outcome, reason."""
        self.done = False
        self.last: list[tuple[int, int, str, str]] = []
        """Settlements that ended in the last phase, likewise."""
        self.last_owed = self.last_done = False
        self.sold = False
        self.refused: list[tuple[int, int, str]] = []


@INVARIANTS.register("settlement_frees_space")
class SettlementFreesSpace(Invariant):
    """A terminal can be settled, also when its storage is full; then it has its space back and sells again."""

    number = 15
    name = "settlement_frees_space"
    kind = "liveness"
    evidence = "settlements and sales tried while storage is full; free space before and after"
    requires = ("the phase settle_while_full or the last settlement",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._phase = ""
        self._devices: dict[str, _Device] = {}

    def _device(self, name: str) -> _Device:
        state = self._devices.get(name)
        if state is None:
            state = self._devices[name] = _Device()
        return state

    @on(PhaseStarted)
    def _phase_started(self, number: int, event: PhaseStarted) -> None:
        self._phase = event.phase

    @on(SpaceMeasured)
    def _measured(self, number: int, event: SpaceMeasured) -> None:
        if event.volume != _VOLUME:
            return
        state = self._device(event.device)
        if event.when == "installed":
            state.installed = event
            return
        if event.when == "after_settlement" and self._phase == _PHASE:
            state.after = (number, event)

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        if event.kind in _FOREIGN_KINDS:
            for device in event.devices:
                self._device(device).foreign[event.fault] = None

    @on(FaultLifted)
    def _lifted(self, number: int, event: FaultLifted) -> None:
        if event.kind in _FOREIGN_KINDS:
            for device in event.devices or tuple(self.books.devices):
                self._device(device).foreign.pop(event.fault, None)

    @on(ActionStarted)
    def _started(self, number: int, event: ActionStarted) -> None:
        if event.kind != "settle":
            return
        if self._phase == _PHASE:
            state = self._device(event.device)
            state.owed = state.owed or self._is_owed(event.device)
        elif self._phase == _LAST_PHASE:
            state = self._device(event.device)
            state.last_owed = state.last_owed or self._is_owed(event.device)

    def _is_owed(self, device: str) -> bool:
        return any(
            action.shown is not None and entry.state == "APPROVED" and entry.kind in SETTLED_KINDS
            for purchase in self.books.device(device).purchases
            for action in purchase.actions
            for entry in action.entries
        )

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        if self._phase == _LAST_PHASE and self.books.device(event.device).ended_kind == "settle":
            state = self._device(event.device)
            state.last.append((number, event.at_us, event.outcome, event.reason))
            state.last_done = state.last_done or event.outcome == "done"
            return
        if self._phase not in _SELLING_PHASES:
            return
        kind = self.books.device(event.device).ended_kind
        if kind == "settle" and self._phase == _PHASE and event.outcome != "interrupted":
            state = self._device(event.device)
            state.tried.append((number, event.at_us, event.outcome, event.reason))
            state.done = state.done or event.outcome == "done"
        elif kind == "sale":
            state = self._device(event.device)
            if not state.done:
                return
            if event.outcome in _ACCEPTED:
                state.sold = True
            elif event.outcome == "refused" and not state.foreign:
                state.refused.append((number, event.at_us, event.reason))

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if self._phase == _PHASE and event.closed and self.terms.manifest(event.device).settlement == "automatic":
            self._device(event.device).done = True

    # ------------------------------------------------------------ the end

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, state in self._devices.items():
            yield from self._judge_last(device, state)
            if not state.tried and not state.done:
                continue
            if not state.owed:
                self.skip(f"{device} had nothing to settle while it was full")
                continue
            if not state.done and all(outcome == "unsupported" for _, _, outcome, _ in state.tried):
                self.skip(f"{device} has no settlement that an operator can start")
                continue
            self.checked += 1
            if not state.done:
                _, tried_us, _, reason = state.tried[-1]
                why = f" ({reason})" if reason else ""
                summary = (
                    f"{device} was full and could not be settled at {when(tried_us)}{why}, with network, host and paper "
                    "in order: it cannot sell until someone frees its storage."
                )
                events = tuple(each[0] for each in state.tried)
                yield self.finding(device, tried_us, summary, events, self._at_stake(device), "major")
                continue
            yield from self._judge_space(device, state)
            yield from self._judge_sales(device, state)

    def _judge_last(self, device: str, state: _Device) -> Iterator[Finding]:
        if not state.last or not state.last_owed or all(each[2] == "unsupported" for each in state.last):
            return
        self.checked += 1
        if state.last_done:
            return
        _, tried_us, outcome, reason = state.last[-1]
        why = f" ({reason})" if reason else ""
        summary = (
            f"{device} could not be settled at {when(tried_us)}: {outcome}{why}, with network, host and paper in order and "
            "after a restart; its batch stays open for ever."
        )
        events = tuple(each[0] for each in state.last)
        yield self.finding(device, tried_us, summary, events, self._at_stake(device), "major")

    def _at_stake(self, device: str) -> int:
        return sum(each.net_fen() for each in self.books.device(device).purchases)

    def _judge_space(self, device: str, state: _Device) -> Iterator[Finding]:
        if state.installed is None or state.after is None:
            self.skip(f"free space of {device} was not measured")
            return
        number, measured = state.after
        shrunk_bytes = state.installed.total_bytes - measured.total_bytes
        kept_bytes = state.installed.free_bytes - measured.free_bytes - shrunk_bytes
        allowed_bytes = self.terms.keeps_bytes(device)
        if kept_bytes <= allowed_bytes:
            return
        summary = (
            f"After its settlement {device} still holds {kept_bytes:,} bytes that a new terminal has free "
            f"({allowed_bytes:,} are declared to be kept): settling does not free the storage."
        )
        done = tuple(each[0] for each in state.tried if each[2] == "done")
        yield self.finding(device, measured.at_us, summary, (*done, number), 0, "major")

    def _judge_sales(self, device: str, state: _Device) -> Iterator[Finding]:
        if state.sold or not state.refused:
            return
        number, refused_us, reason = state.refused[-1]
        why = f" ({reason})" if reason else ""
        summary = f"{device} was settled and still refused to sell at {when(refused_us)}{why}."
        done = tuple(each[0] for each in state.tried if each[2] == "done")
        yield self.finding(device, refused_us, summary, (*done, number), 0, "major")


def _space(when: str, free_bytes: int, total_bytes: int = 1_000_000) -> SpaceMeasured:
    return SpaceMeasured(0, T01, _VOLUME, free_bytes, total_bytes, when)


_FULL = (_space("installed", 900_000), *paid_sale(), phase(_PHASE), _space("before_settlement", 0))
_SETTLES = (starts(9, "settle", None), settled(1), ends(9, "done"))
_SELLS = (starts(10, intent=None), ends(10))
_BALLAST = FaultStruck(0, "full_storage#1", "full_storage", (T01,))
_LIFTED = FaultLifted(0, "full_storage#1", "full_storage", (T01,))
_GIVES_UP = (starts(9, "settle", None), ends(9, "failed", "ENOSPC"))

SettlementFreesSpace.cases = (
    case(
        "settled and free", "done, free, sells", "pass",
        *_FULL, *_SETTLES, _space("after_settlement", 880_000), *_SELLS,
    ),
    case(
        "settlement needs space", "it fails on the full volume", "finding",
        *_FULL, *_GIVES_UP,
        guilty=11, instead=ends(9, "done"),
    ),
    case(
        "second try", "the first try cleared a pending reversal, the second settled", "pass",
        *_FULL, *_GIVES_UP, *_SETTLES, _space("after_settlement", 880_000), *_SELLS,
    ),
    case(
        "cleared, not freed", "records are gone, their space is not", "finding",
        *_FULL, *_SETTLES, _space("after_settlement", 100_000), *_SELLS,
        guilty=13, instead=_space("after_settlement", 880_000),
    ),
    case(
        "shrunk volume", "the volume itself is smaller now: nothing was kept", "pass",
        *_FULL, *_SETTLES, _space("after_settlement", 380_000, 500_000), *_SELLS,
    ),
    case(
        "refuses to sell", "settled, free, and still full by its own account", "finding",
        *_FULL, *_SETTLES, _space("after_settlement", 880_000), starts(10, intent=None), ends(10, "refused", "full"),
        guilty=15, instead=ends(10),
    ),
    case(
        "foreign bytes", "what a fault put there still leaves no room to sell; lifted, it sells", "pass",
        _FULL[0], _BALLAST, *_FULL[1:], *_SETTLES, _space("after_settlement", 880_000),
        starts(10, intent=None), ends(10, "refused", "full"), phase("recovery"), _LIFTED, starts(11, intent=None), ends(11),
    ),
    case(
        "quota", "what the quota denies leaves no room to sell; lifted, it sells", "pass",
        _FULL[0], FaultStruck(0, "quota#1", "quota", (T01,)), *_FULL[1:], *_SETTLES, _space("after_settlement", 880_000),
        starts(10, intent=None), ends(10, "refused", "full"), phase("recovery"), FaultLifted(0, "quota#1", "quota", (T01,)),
        starts(11, intent=None), ends(11),
    ),
    case(
        "foreign bytes gone, still refuses", "nothing fills it any more, and it does not notice", "finding",
        _FULL[0], _BALLAST, *_FULL[1:], *_SETTLES, _space("after_settlement", 880_000),
        phase("recovery"), _LIFTED, starts(11, intent=None), ends(11, "refused", "full"),
        guilty=18, instead=ends(11, "declined"),
    ),
    case(
        "nothing to settle", "an empty batch is refused, and rightly", "not_checked",
        _FULL[0], phase(_PHASE), starts(9, "settle", None), ends(9, "refused", "empty"),
    ),
    case("never full", "the phase did not come", "not_checked", *paid_sale(), *_SETTLES),
    case(
        "last settlement", "tried twice, the second time after a restart", "pass",
        *paid_sale(), phase(_LAST_PHASE), *_GIVES_UP, *_SETTLES,
    ),
    case(
        "never settles", "one record blocks the batch for ever", "finding",
        *paid_sale(), phase(_LAST_PHASE), *_GIVES_UP,
        guilty=9, instead=ends(9, "done"),
    ),
    case(
        "nothing left to settle", "an empty batch is refused at the end", "not_checked",
        phase(_LAST_PHASE), starts(9, "settle", None), ends(9, "refused", "empty"),
    ),
)  # fmt: skip

"""Invariant 22: a pending reversal is sent until the host has answered it.

Models: at rest - powered, link and host healthy, a sale triggered, time given - no reversal is left: none in the
terminal's own list, and none that was sent and never answered with 00, 12 or 25. And a terminal that declares to reverse in the
background does not put it off: up, with no fault about, it sends the reversal again within its own recovery time.
Does not model: a reversal that was never sent nor listed (2, 31 see what it leaves at the host); its order (6).
Traps avoided: an answer lost on the way is asked for again, under the same or a new STAN; a reversal repeated after a crash
that lost the answer is legal; one sent just before the end is still waiting; what support cleared with the acquirer's consent
is over; a wait while a fault is about, or the terminal is down, is no putting off, but a wrong clock excuses none;
terminals that declare no reversals, and
terminals that never came back (24), are not judged.
Source: domain section 8, invariant 22; rules R5, R6.
"""

from collections.abc import Iterator
from dataclasses import replace

from harness.contract import Manifest
from harness.core.units import US_PER_MINUTE, seconds
from harness.history.events import (
    FaultLifted,
    FaultStruck,
    Inspected,
    MessageDelivered,
    MessageDropped,
    MessageSent,
    OperatorDid,
    PowerLost,
    SoftwareReady,
    StorageAfterPowerLoss,
)
from harness.history.words import SUPPORT_CLEARED, cleared_by_support
from harness.invariants.base import INVARIANTS, REVERSALS, Finding, Invariant, Terms, on, plain_number, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import T01, arrives, at, case, comes_up, down, inspected, phase, up
from harness.invariants.purchase import Entry

_SHOWN = 5
_REQUEST = "0400"
_ANSWER = "0410"
_DEFINITIVE = frozenset({"00", "12", "25"})
_KEEPS_NOBODY = frozenset({"paper_out", "card_unreadable"})


class _Pending:
    """A reversal that was sent and is not answered: by its original's STAN."""

    __slots__ = ("amount_fen", "first", "last", "last_us", "stan", "times")

    def __init__(self, event: MessageSent, number: int) -> None:
        self.stan = event.original_stan or event.stan
        self.amount_fen = event.amount_fen or 0
        self.first = number
        self.last = number
        self.last_us = event.at_us
        self.times = 1


@INVARIANTS.register("reversal_drains")
class ReversalDrains(Invariant):
    """Every pending reversal is sent until the host has answered it."""

    number = 22
    name = "reversal_drains"
    kind = "liveness"
    evidence = "reversals sent and their delivered answers; inspect at quiescence"
    requires = ("a reversal, or inspect at quiescence",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._pending: dict[tuple[str, str, str], _Pending] = {}
        self._names: dict[tuple[str, str, str], tuple[str, str, str]] = {}
        """Which reversal a STAN on the wire belongs to, by device, batch and STAN, while it is unanswered."""
        self._answers: dict[int, tuple[str, str, str]] = {}
        self._listed: dict[str, tuple[int, Inspected]] = {}
        self._ready_us: dict[str, int] = {}
        """When the software came up last."""

        self._harmless: set[str] = set()
        """Faults that keep nobody from sending."""

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        if event.kind in _KEEPS_NOBODY:
            self._harmless.add(event.fault)

    @on(SoftwareReady)
    def _ready(self, number: int, event: SoftwareReady) -> None:
        self._ready_us[event.device] = event.at_us

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        if event.mti == _REQUEST:
            self.checked += 1
            key = (event.device, event.batch, event.original_stan or event.stan)
            self._names[event.device, event.batch, event.stan] = key
            pending = self._pending.get(key)
            if pending is None:
                self._pending[key] = _Pending(event, number)
            else:
                self._put_off(pending, number, event)
                pending.last, pending.last_us = number, event.at_us
                pending.times += 1
        elif event.mti == _ANSWER and event.response_code in _DEFINITIVE:
            answered = self._names.get((event.device, event.batch, event.stan))
            if answered is not None:
                self._answers[event.message] = answered

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        key = self._answers.pop(event.message, None)
        if key is not None and self._pending.pop(key, None) is not None:
            for name in [each for each, named in self._names.items() if named == key]:
                del self._names[name]

    @on(OperatorDid)
    def _operator(self, number: int, event: OperatorDid) -> None:
        stan = cleared_by_support(event.what)
        if stan is not None:
            for key in [each for each in self._pending if each[0] == event.device and stan in ("", each[2])]:
                del self._pending[key]

    @on(MessageDropped)
    def _dropped(self, number: int, event: MessageDropped) -> None:
        self._answers.pop(event.message, None)

    @on(Inspected)
    def _inspected(self, number: int, event: Inspected) -> None:
        if event.when == "quiescence":
            if event.error:
                self.skip(f"inspection of {event.device} failed")
                return
            self.checked += 1
            if event.pending_reversals:
                self._listed[event.device] = (number, event)

    def _put_off(self, pending: _Pending, number: int, event: MessageSent) -> None:
        """It is sent again; when it could have been long before, it was put off."""
        device = event.device
        manifest, book = self.terms.manifest(device), self.books.device(device)
        if manifest.reversal != "background" or set(book.conditions) - self._harmless or self._is_down(device):
            return
        since_us = max(pending.last_us, book.quiet_since_us or 0, self._ready_us.get(device, 0))
        waited_us = event.at_us - since_us
        if waited_us <= seconds(manifest.recovery_timeout_s + manifest.reply_timeout_s):
            return
        summary = (
            f"{device} declares to reverse in the background, and put off the reversal of a sale of {yuan(pending.amount_fen)} "
            f"(trace number {pending.stan}) for {waited_us // US_PER_MINUTE} minutes, until {when(event.at_us)}."
        )
        events = (pending.first, pending.last, number)
        self.report(self.finding(device, pending.last_us, summary, events, pending.amount_fen, "major", event.at_us))

    def _is_down(self, device: str) -> bool:
        return self.books.device(device).down_since is not None

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.books.at_rest:
            self.checked = 0
            self.skip("the run never came to rest")
            return
        told: set[tuple[str, str]] = set()
        for (device, _, stan), pending in self._pending.items():
            if not self._applies(device) or at_us - pending.last_us < self.terms.reply_timeout_us(device):
                continue
            if self.books.device(device).betrayed(REVERSALS, pending.first):
                self.checked -= 1
                self.skip(f"{device}: a reversal was destroyed with all its copies by the medium in a power cut")
                continue
            told.add((device, plain_number(stan)))
            times = "once" if pending.times == 1 else f"{pending.times} times"
            summary = (
                f"{device} reversed a sale of {yuan(pending.amount_fen)} (trace number {pending.stan}), got no answer at "
                f"{when(pending.last_us)} after sending it {times}, and never tried again."
            )
            events = (pending.first, pending.last)
            found = self.finding(device, pending.last_us, summary, events, pending.amount_fen, "critical", at_us)
            yield replace(found, rests_on=REVERSALS)
        for device, (number, event) in self._listed.items():
            if not self._applies(device):
                continue
            left = [each for each in event.pending_reversals if (device, plain_number(each)) not in told]
            if left:
                summary = (
                    f"{device} still keeps {len(left)} unsent reversals at {when(event.at_us)} with network and host in "
                    f"order (trace numbers {', '.join(left[:_SHOWN])}): those customers' money stays taken."
                )
                taken = self._taken(device, left)
                stake_fen = sum(each.net_fen() for each in taken)
                proof = (*(each.first for each in taken[:_SHOWN]), number)
                yield self.finding(device, event.at_us, summary, proof, stake_fen, "critical")

    def _applies(self, device: str) -> bool:
        if self.terms.manifest(device).reversal == "none":
            self.skip(f"{device} declares no reversals")
            return False
        if not self.books.resting(device):
            self.skip(f"{device} never came back to finish its reversals")
            return False
        return True

    def _taken(self, device: str, stans: list[str]) -> list[Entry]:
        """What the host has taken for the requests with these trace numbers and not given back."""
        wanted = {plain_number(each) for each in stans}
        held = [each for purchase in self.books.device(device).purchases for each in purchase.entries]
        return [each for each in held if each.stan in wanted and each.net_fen()]


_REVERSAL = up(5, "0400", token="")
_NONE = Terms({T01: Manifest(name="none", reversal="none")})
_BACKGROUND = Terms({T01: Manifest(name="background", reversal="background")})
_HOURS_LATER = (at(9_000, up(7, "0400", token="")), arrives(7), down(8, "0410"), arrives(8), phase("quiescence"))

ReversalDrains.cases = (
    case(
        "answered", "sent and answered", "pass",
        _REVERSAL, arrives(5), down(6, "0410"), arrives(6), phase("quiescence"),
    ),
    case(
        "never answered, never repeated", "the answer was lost and nobody asked again", "finding",
        _REVERSAL, arrives(5), down(6, "0410"), MessageDropped(0, T01, 6, "half_open"), phase("quiescence"),
        at(900, phase("check")),
        guilty=3, instead=arrives(6),
    ),
    case(
        "repeated until answered", "the first answer was lost, the second arrived", "pass",
        _REVERSAL, MessageDropped(0, T01, 5, "partition"), up(7, "0400", token=""), arrives(7), down(8, "0410", code="25"),
        arrives(8), phase("quiescence"), at(900, phase("check")),
    ),
    case(
        "destroyed by the medium", "a cut took all copies of it: nobody can send what nobody has", "not_checked",
        _REVERSAL, StorageAfterPowerLoss(0, T01, "data", 1, 1, 0, (), (5, 17)), phase("quiescence"), at(900, phase("check")),
    ),
    case(
        "a cut that any software survives", "the medium kept what it had promised", "finding",
        _REVERSAL, StorageAfterPowerLoss(0, T01, "data", 1, 1, 0), phase("quiescence"), at(900, phase("check")),
        guilty=0, instead=up(5, "0800", token=""),
    ),
    case(
        "cleared by support", "the acquirer undid it in its own books", "pass",
        _REVERSAL, OperatorDid(0, T01, f"{SUPPORT_CLEARED}: trace number 000001, the acquirer agreed"), phase("quiescence"),
        at(900, phase("check")),
    ),
    case(
        "support cleared another one", "this one is still owed", "finding",
        _REVERSAL, OperatorDid(0, T01, f"{SUPPORT_CLEARED}: trace number 000009, the acquirer agreed"), phase("quiescence"),
        at(900, phase("check")),
        guilty=0, instead=up(5, "0800", token=""),
    ),
    case(
        "put off", "it says that it reverses in the background, and waits for hours on a good line", "finding",
        _REVERSAL, *_HOURS_LATER,
        guilty=1, instead=up(7, "0800", token=""), terms=_BACKGROUND,
    ),
    case(
        "waits for the next sale", "it never said that it reverses in the background", "pass",
        _REVERSAL, *_HOURS_LATER,
    ),
    case(
        "the line was gone", "it was tried again soon after the line came back", "pass",
        _REVERSAL, FaultStruck(0, "partition#1", "partition", (T01,)),
        at(8_900, FaultLifted(0, "partition#1", "partition", (T01,))),
        *_HOURS_LATER,
        terms=_BACKGROUND,
    ),
    case(
        "it was off", "and tries again once it is up", "pass",
        _REVERSAL, PowerLost(0, T01, "plug pulled"), at(8_900, comes_up()), *_HOURS_LATER,
        terms=_BACKGROUND,
    ),
    case(
        "the clock was set back", "a wrong clock is no reason to wait for hours", "finding",
        _REVERSAL, FaultStruck(0, "clock_jump#1", "clock_jump", (T01,)), *_HOURS_LATER,
        guilty=2, instead=up(7, "0800", token=""), terms=_BACKGROUND,
    ),
    case(
        "repeated under a new number", "the reversal names its original", "pass",
        up(5, "0400", "000002", "", original_stan="000001"), up(7, "0400", "000003", "", original_stan="000001"),
        down(8, "0410", "000003"), arrives(8), phase("quiescence"), at(900, phase("check")),
    ),
    case(
        "undetermined answer", "96 is no answer: the reversal stays", "finding",
        _REVERSAL, arrives(5), down(6, "0410", code="96"), arrives(6), phase("quiescence"), at(900, phase("check")),
        guilty=2, instead=down(6, "0410", code="12"),
    ),
    case(
        "crash lost the answer", "answered, forgotten in a crash, sent and answered again", "pass",
        _REVERSAL, down(6, "0410"), arrives(6), PowerLost(0, T01, "power_loss#1"), up(7, "0400", token=""),
        down(8, "0410", code="25"), arrives(8), phase("quiescence"), at(900, phase("check")),
    ),
    case(
        "still waiting at the end", "sent a second ago", "pass",
        phase("quiescence"), _REVERSAL, phase("check"),
    ),
    case(
        "listed at rest", "inspect shows a reversal that was never sent", "finding",
        phase("quiescence"), inspected(pending=("000001",)),
        guilty=1, instead=inspected(),
    ),
    case(
        "declares no reversals", "what is not declared is not checked", "pass",
        phase("quiescence"), inspected(pending=("000001",)), terms=_NONE,
    ),
    case(
        "terminal is down", "it cannot send anything any more", "pass",
        _REVERSAL, PowerLost(0, T01, "power_loss#1"), phase("quiescence"), at(900, phase("check")),
    ),
    case("not at rest", "it may still come", "not_checked", _REVERSAL),
)  # fmt: skip

"""Invariant 24: from any fault the terminal comes back by itself, within the time it declares.

Models: a boot that takes longer than declared or never ends; a boot loop (the software dies again and again with no action
finished in between); an action that never ends; a terminal that support had to restart before it came back or sold again.
Does not model: what was lost meanwhile; performance (27).
Traps avoided: while a condition lasts (a full disk, a dead link, a leak) nothing is judged, and time counts from its end;
a crash that a fault caused is no loop; a single crash with recovery is no failure of this invariant; a terminal
that nobody switched on again is not down by its own doing; support restarting what a fault had damaged is no finding.
Source: domain section 8, invariant 24; design section 4 (recovery is tried first without a reboot).
"""

import re
from collections.abc import Iterator

from harness.contract import Manifest
from harness.core.words import shortened
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    Booted,
    FaultLifted,
    FaultStruck,
    OperatorDid,
    PowerLost,
    SoftwareDied,
    SoftwareReady,
)
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, when
from harness.invariants.books import Books
from harness.invariants.casebook import T01, at, case, ends, phase, starts

_LOOP_DEATHS = 3
_DETAIL_CHARACTERS = 160
_CALLERS = re.compile(r" \((?:from )?[^()]+:\d+ in [^()]+(?:\)|\.\.\.)$|; last on stderr: .*")
_SUPPORT = "support restarted it: "
_JUDGED_HELP = ("it did not come back", "no sale was accepted")


class _Device:
    """What is under way on a terminal."""

    __slots__ = ("boot", "deaths", "died", "looping", "open", "turned_away")

    def __init__(self) -> None:
        self.boot: tuple[int, int] | None = None
        """The boot that has not become ready: event and time."""
        self.died: SoftwareDied | None = None
        self.deaths: list[int] = []
        self.looping = False
        self.open: dict[int, tuple[int, str, int]] = {}
        """Actions under way: event, kind, time."""
        self.turned_away: int | None = None
        """The last end of an action, while no later one was successful."""


@INVARIANTS.register("returns_to_service")
class ReturnsToService(Invariant):
    """After any fault the terminal is back in service within the time it declares, without a boot loop."""

    number = 24
    name = "returns_to_service"
    kind = "liveness"
    evidence = "boots and readiness, deaths of the software, ends of actions, help by support"
    requires = ("a boot or an action",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._devices: dict[str, _Device] = {}

    def _device(self, name: str) -> _Device:
        state = self._devices.get(name)
        if state is None:
            state = self._devices[name] = _Device()
        return state

    def _took_us(self, device: str, since_us: int, at_us: int) -> int:
        """How long something has lasted, not counting the time of conditions; 0 while one is in force."""
        book = self.books.device(device)
        return 0 if book.conditions else at_us - max(since_us, book.quiet_since_us)

    # ------------------------------------------------------------ boots

    @on(Booted)
    def _booted(self, number: int, event: Booted) -> None:
        state = self._device(event.device)
        state.boot = (number, event.at_us)
        state.died = None

    @on(SoftwareReady)
    def _ready(self, number: int, event: SoftwareReady) -> None:
        state = self._device(event.device)
        if state.boot is None:
            return
        self.checked += 1
        (booted, booted_us), state.boot = state.boot, None
        if self._took_us(event.device, booted_us, event.at_us) > self.terms.recovery_us(event.device):
            summary = (
                f"{event.device} was switched on at {when(booted_us)} and was ready only at {when(event.at_us)}, later than "
                "it declares."
            )
            self.report(self.finding(event.device, event.at_us, summary, (booted, number), 0, "major"))

    @on(PowerLost)
    def _power_lost(self, number: int, event: PowerLost) -> None:
        state = self._device(event.device)
        state.boot = None
        state.died = None
        state.deaths.clear()
        state.looping = False
        state.open.clear()

    @on(SoftwareDied)
    def _died(self, number: int, event: SoftwareDied) -> None:
        state = self._device(event.device)
        state.boot = None
        state.died = event
        state.open.clear()
        book = self.books.device(event.device)
        if book.conditions or book.quiet_since_us == event.at_us > 0:
            return  # a fault's doing, or judged when the condition is over
        self.checked += 1
        state.deaths.append(number)
        if len(state.deaths) < _LOOP_DEATHS or state.looping:
            return
        state.looping = True
        summary = (
            f"The software of {event.device} died {len(state.deaths)} times in a row without finishing anything, last at "
            f"{when(event.at_us)} ({event.reason}: {_told(event.detail)})."
        )
        self.report(self.finding(event.device, event.at_us, summary, tuple(state.deaths), 0, "major"))

    # ------------------------------------------------------------ actions

    @on(ActionStarted)
    def _started(self, number: int, event: ActionStarted) -> None:
        self._device(event.device).open[event.action] = (number, event.kind, event.at_us)

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        state = self._device(event.device)
        begun = state.open.pop(event.action, None)
        state.turned_away = number if event.outcome in ("refused", "failed") else None
        if event.outcome != "interrupted":
            if state.deaths:
                state.deaths.clear()
                state.looping = False
            self.checked += 1
        if begun is not None and event.at_us - begun[2] > self.terms.recovery_us(event.device):
            self._slow(event.device, begun, number, event.at_us, f"ended only at {when(event.at_us)}")

    def _slow(self, device: str, begun: tuple[int, str, int], number: int | None, at_us: int, how: str) -> None:
        started, kind, started_us = begun
        if self._took_us(device, started_us, at_us) > self.terms.recovery_us(device):
            summary = f"A {kind} that {device} began at {when(started_us)} {how}, with nothing in its way."
            self.report(self.finding(device, at_us, summary, (started, number), 0, "major"))

    @on(OperatorDid)
    def _helped(self, number: int, event: OperatorDid) -> None:
        why = event.what.removeprefix(_SUPPORT)
        if why == event.what or why not in _JUDGED_HELP:
            return
        book = self.books.device(event.device)
        if book.damaged_by:
            self.skip(f"{event.device} was restarted by support after {book.damaged_by} had damaged its files")
            return
        self.checked += 1
        summary = (
            f"{event.device} did not recover by itself: support had to restart it at {when(event.at_us)}, as {why}."
        )
        events = (self._device(event.device).turned_away, number)
        self.report(self.finding(event.device, event.at_us, summary, events, 0, "major"))

    # ------------------------------------------------------------ the end

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, state in self._devices.items():
            book = self.books.device(device)
            allowed_us = self.terms.recovery_us(device)
            if state.boot is not None and self._took_us(device, state.boot[1], at_us) > allowed_us:
                self.checked += 1
                summary = f"{device} was switched on at {when(state.boot[1])} and never became ready."
                yield self.finding(device, at_us, summary, (state.boot[0],), 0, "major")
            elif state.died is not None and self._took_us(device, state.died.at_us, at_us) > allowed_us:
                self.checked += 1
                summary = (
                    f"{device} never came back: its software died at {when(state.died.at_us)} "
                    f"({state.died.reason}: {_told(state.died.detail)})."
                )
                yield self.finding(device, at_us, summary, (*state.deaths, book.down_since), 0, "major")
            for begun in state.open.values():
                before = self.findings_total
                self._slow(device, begun, None, at_us, "never ended")
                self.checked += self.findings_total > before


def _told(detail: str) -> str:
    """Where and of what it died; who had called that, or what a program said, differs too much and stands in the event."""
    return shortened(_CALLERS.sub("", detail), _DETAIL_CHARACTERS)


_BOOT = Booted(0, T01, 2)
_READY = SoftwareReady(0, T01, 2)
_CUT = PowerLost(0, T01, "power_loss#1")
_DEATH = SoftwareDied(0, T01, "exception", "ValueError: torn journal")
_FULL = FaultStruck(0, "full_storage#1", "full_storage", (T01,))
_EMPTY = FaultLifted(0, "full_storage#1", "full_storage", (T01,))
_PATIENT = Terms({T01: Manifest(name="patient", recovery_timeout_s=3600)})

ReturnsToService.cases = (
    case("back at once", "power came back and it was ready", "pass", _CUT, _BOOT, _READY),
    case(
        "boot takes too long", "ready after half an hour, ten minutes are declared", "finding",
        _CUT, at(10, _BOOT), at(1900, _READY),
        guilty=2, instead=None,
    ),
    case("declares an hour", "what is declared counts", "pass", _CUT, at(10, _BOOT), at(1900, _READY), terms=_PATIENT),
    case(
        "boot loop", "a torn journal kills it at each boot", "finding",
        _CUT, _BOOT, _DEATH, _BOOT, _DEATH, _BOOT, _DEATH, _BOOT, _READY,
        guilty=4, instead=_READY,
    ),
    case(
        "crashes between sales", "it crashes now and then and goes on", "pass",
        _DEATH, _BOOT, _READY, starts(), ends(), _DEATH, _BOOT, _READY, starts(2), ends(2), _DEATH, _BOOT, _READY,
    ),
    case(
        "dies while the disk is full", "not judged while the condition lasts; it came back after", "pass",
        _FULL, _DEATH, _BOOT, _DEATH, _BOOT, _DEATH, _BOOT, _EMPTY, _READY,
    ),
    case(
        "crashed by faults", "each death was injected", "pass",
        *(event for second in (10, 20, 30, 40) for event in (
            at(second, FaultStruck(0, "crash#1", "crash", (T01,))), at(second, _DEATH), _BOOT, _READY)),
    ),
    case(
        "never came back", "the software died and stayed dead", "finding",
        starts(), _DEATH, at(2000, phase("check")),
        guilty=1, instead=ends(),
    ),
    case(
        "action never ends", "the sale hangs for ever", "finding",
        starts(), at(2000, phase("check")),
        guilty=0, instead=phase("trading"),
    ),
    case(
        "waits as long as the link is dead", "time counts from the end of the fault", "pass",
        FaultStruck(0, "partition#1", "partition", (T01,)), starts(), at(5000, FaultLifted(0, "partition#1", "partition",
        (T01,))), at(5100, ends(1, "unknown")),
    ),
    case(
        "needed support", "it was idle and sold nothing until it was restarted", "finding",
        starts(), ends(1, "refused"), OperatorDid(0, T01, "support restarted it: no sale was accepted"), _BOOT, _READY,
        guilty=2,
    ),
    case(
        "plug pulled and left", "nobody switched it on again", "pass",
        starts(), ends(), _CUT, at(5000, phase("check")),
    ),
    case("nothing happened", "no boot, no action", "not_checked", phase("check")),
)  # fmt: skip

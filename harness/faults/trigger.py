"""Triggers: stages that are armed one after the other; the last one strikes at the very instant of its match.

Models: a strike at a time, a phase, the start of an action, a message sent or delivered, a fill level, the n-th storage
operation after any of these. A strike at a storage operation happens inside the software's own call, before it has changed
anything: what the call was about to do is lost, what the calls before it did is what a cut may keep, tear or lose. A power cut
draws whether the operation had begun (``power_loss``): then any part of it may have landed, and the call never returns.
A fill level is looked at when an action ends.
Does not model: strikes inside the software's own computation: nothing outside can tell one such instant from another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from harness.core.units import US_PER_DAY
from harness.faults.base import MessageMatch, Trigger
from harness.faults.on_volume import volume_of
from harness.faults.tap import tap_storage
from harness.history.events import ActionEnded, ActionStarted, Event, MessageDelivered, MessageSent, PhaseStarted

if TYPE_CHECKING:
    from harness.sut.station import Station
    from harness.sut.world import World

Next = Callable[[], None]
Stage = Callable[[Next], None]


class Armed:
    """One trigger armed on one station. ``strike`` is called once; ``disarm`` makes sure that it never is."""

    def __init__(self, world: World, station: Station, trigger: Trigger, start_us: int, key: str, strike: Next) -> None:
        self._world = world
        self._station = station
        self._trigger = trigger
        self._start_us = start_us
        self._key = key
        self._strike = strike
        self._cancel: Next | None = None
        self._live = True
        self._stages = self._plan()
        self._advance()

    def disarm(self) -> None:
        """Never strike from now on."""
        self._live = False
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _plan(self) -> list[Stage]:
        trigger = self._trigger
        stages: list[Stage] = [self._at_time]
        if trigger.phase is not None:
            stages.append(self._at_phase)
        if trigger.action is not None:
            stages.append(self._at_action)
        if trigger.message is not None:
            stages.append(self._at_message)
        if trigger.fill_percent is not None:
            stages.append(self._at_fill)
        if trigger.storage_operation is not None:
            stages.append(self._at_storage_operation)
        elif trigger.delay_us:
            stages.append(self._after_delay)
        return stages

    def _advance(self) -> None:
        self._cancel = None
        if not self._live:
            return
        if self._stages:
            self._stages.pop(0)(self._advance)
        else:
            self._live = False
            self._strike()

    # ------------------------------------------------------------ stages

    def _at_time(self, proceed: Next) -> None:
        self._timer(max(0, self._start_us - self._world.now_us), proceed)

    def _after_delay(self, proceed: Next) -> None:
        self._timer(self._trigger.delay_us, proceed)

    def _timer(self, delay_us: int, proceed: Next) -> None:
        if delay_us == 0:
            proceed()
        else:
            self._after(delay_us, proceed)

    def _after(self, delay_us: int, proceed: Next) -> None:
        timer = self._world.env.timeout(delay_us)

        def fired(_: object) -> None:
            if self._live:
                proceed()

        timer.callbacks.append(fired)

    def _soon(self, proceed: Next) -> None:
        """At this instant, but from outside whatever call is under way."""
        self._after(0, proceed)

    def _at_phase(self, proceed: Next) -> None:
        wanted = self._trigger.phase
        if self._world.phase == wanted:
            proceed()
            return
        self._watch({PhaseStarted: lambda event: bool(event.phase == wanted)}, 1, proceed)

    def _at_action(self, proceed: Next) -> None:
        name, wanted = self._station.name, self._trigger.action

        def matches(event: ActionStarted) -> bool:
            return event.device == name and event.kind == wanted

        self._watch({ActionStarted: matches}, self._trigger.occurrence if self._trigger.message is None else 1, proceed)

    def _at_message(self, proceed: Next) -> None:
        match = self._trigger.message
        assert match is not None
        name = self._station.name
        if match.moment == "sent":
            self._watch(
                {MessageSent: lambda event: event.device == name and fits(match, event)},
                self._trigger.occurrence,
                proceed,
            )
            return
        # A delivery names its message alone, so remember which messages fit when they were sent.
        awaited: set[int] = set()

        def sent(event: MessageSent) -> bool:
            if event.device == name and fits(match, event):
                awaited.add(event.message)
            return False

        def delivered(event: MessageDelivered) -> bool:
            if event.message in awaited:
                awaited.discard(event.message)
                return True
            return False

        self._watch({MessageSent: sent, MessageDelivered: delivered}, self._trigger.occurrence, proceed)

    def _at_fill(self, proceed: Next) -> None:
        station, trigger = self._station, self._trigger
        assert trigger.fill_percent is not None
        limit = trigger.fill_percent

        def full_enough(event: ActionEnded) -> bool:
            if event.device != station.name:
                return False
            volume = volume_of(station, trigger.fill_volume)
            return 100.0 * (volume.total_blocks - volume.free_blocks) >= limit * volume.total_blocks

        # An action ends inside the software's own call, with the device half-way through telling it.
        self._watch({ActionEnded: full_enough}, 1, lambda: self._soon(proceed))

    def _at_storage_operation(self, proceed: Next) -> None:
        assert self._trigger.storage_operation is not None
        low, high = self._trigger.storage_operation
        left = self._world.decisions.integer(
            f"{self._key}/storage_operation", low, lambda u: low + int(u * (high - low + 1))
        )

        def before(_: object) -> None:
            nonlocal left
            left -= 1
            if left <= 0:
                cancel()
                proceed()

        cancel = tap_storage(self._station, before)
        self._cancel = cancel

    def _watch(self, matchers: dict[type[Any], Callable[[Any], bool]], occurrence: int, proceed: Next) -> None:
        recorder = self._world.recorder
        left = occurrence
        watchers: list[tuple[type[Event], Callable[[int, Any], None]]] = []

        def cancel() -> None:
            for kind, watcher in watchers:
                recorder.unwatch(kind, watcher)

        def watcher_of(matches: Callable[[Any], bool]) -> Callable[[int, Any], None]:
            def watcher(_: int, event: Any) -> None:
                nonlocal left
                if left > 0 and matches(event):
                    left -= 1
                    if left == 0:
                        cancel()
                        proceed()

            return watcher

        for kind, matches in matchers.items():
            watcher = watcher_of(matches)
            watchers.append((kind, watcher))
            recorder.watch(kind, watcher)
        self._cancel = cancel


def fits(match: MessageMatch, event: MessageSent) -> bool:
    """Whether a sent message is of the kind that ``match`` asks for; empty fields of ``match`` fit everything."""
    return (
        event.direction == match.direction
        and match.mti in ("", event.mti)
        and match.processing_code in ("", event.processing_code)
        and match.response_code in ("", event.response_code)
    )


def start_of(trigger: Trigger, day: int, open_us: int, close_us: int, u: float) -> int:
    """The instant at which the first stage fires, on ``day`` (from 0); ``u`` in [0, 1) draws a time within trading hours."""
    if trigger.time_us is not None:
        return day * US_PER_DAY + trigger.time_us
    return day * US_PER_DAY + open_us + int(u * (close_us - open_us))


def is_conditional(trigger: Trigger) -> bool:
    """Whether something that happens in the run is waited for, beside the time."""
    conditions = (trigger.phase, trigger.action, trigger.message, trigger.fill_percent, trigger.storage_operation)
    return any(each is not None for each in conditions)


def needs_drawn_time(trigger: Trigger) -> bool:
    """Whether nothing in the trigger says when: the time is then drawn within trading hours."""
    return trigger.time_us is None and not is_conditional(trigger)

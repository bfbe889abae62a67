"""The part of a history that tells a finding: the guilty terminal's day in lanes, its surroundings, its faults, its messages.

Models: a lane for each event by who or what acts in it; of a long day the guilty events, their story, all faults, and what is
nearest to them; of the other terminals what happens around the guilty events. A history is read in passes and never held whole.
Does not model: which events are guilty; the finding says.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from harness.core.masking import mask_text
from harness.core.units import US_PER_DAY, US_PER_MINUTE
from harness.engine.report.model import Band, Lane, Message, Step
from harness.faults.base import Fault
from harness.history import events as e
from harness.history.query import AROUND_US, HistoryFile, Numbered, story
from harness.history.words import sentence
from harness.scenario.registries import faults

STEPS_MAX = 700
"""Of the guilty terminal."""
STEPS_WANTED = 400
"""With fewer on the guilty day, what came before and after it is shown, too: a settlement at midnight is about the day before."""
ELSEWHERE_STEPS_MAX = 80
ELSEWHERE_DEVICES_MAX = 8
ELSEWHERE_US = 15 * US_PER_MINUTE
TEXT_CHARACTERS_MAX = 2_000

_LANES: dict[type[e.Event], Lane] = {
    **dict.fromkeys(
        (e.IntentOpened, e.Presented, e.IntentClosed, e.ActionStarted, e.OperatorDid, e.SettingsKeyed, e.PhaseStarted), "operator"
    ),
    **dict.fromkeys((e.StorageAfterPowerLoss, e.StorageFailed, e.Barrier, e.SpaceMeasured, e.DataDamaged, e.Inspected), "disk"),
    **dict.fromkeys((e.MessageSent, e.MessageDelivered, e.MessageDropped), "link"),
    e.RequestUnanswered: "host",
    **dict.fromkeys(
        (
            e.LedgerChanged, e.BatchSettled, e.OrderChanged, e.CertificateTaken, e.SettingsJudged, e.PayoutMade, e.PayoutTold,
        ), "host"
    ),
}  # fmt: skip
"""Whatever is not here is the terminal's own."""
_LANE_OF_FAMILY: dict[str, Lane] = {
    "storage": "disk", "corruption": "disk", "network": "link", "host": "host", "operator": "operator",
}  # fmt: skip
_FAULTS = (e.FaultStruck, e.FaultBit, e.FaultLifted)
_NEVER_LEFT_OUT = (*_FAULTS, e.PowerLost, e.StorageAfterPowerLoss, e.SoftwareDied, e.PhaseStarted, e.Booted)
_WENT_WRONG = (
    e.FaultStruck, e.PowerLost, e.SoftwareDied, e.StorageFailed, e.DataDamaged, e.MessageDropped, e.RequestUnanswered,
)  # fmt: skip
AROUND_MAX = 6
_NOT_OF_A_STORY = (e.RunStarted, e.TerminalInstalled, e.Diverged)


@dataclass(frozen=True, slots=True)
class Guilt:
    """What a window needs of a finding; ``evident_us`` is when it could no longer be otherwise, as far as that is known."""

    device: str
    events: tuple[int, ...]
    at_us: int
    evident_us: int
    cause: int | None = None
    """The event in which the fault struck that is blamed."""


@dataclass(slots=True)
class Window:
    """What is shown. ``from_us`` and ``until_us`` hold the guilty terminal's events."""

    from_us: int = 0
    until_us: int = 0
    steps: list[Step] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    around: list[int] = field(default_factory=list)
    left_out: int = 0
    left_out_elsewhere: int = 0


def window(history: HistoryFile, guilt: Guilt) -> Window:
    """The window of ``history`` that tells ``guilt``."""
    found = Window()
    when = {number: event.at_us for number, event in history if number in {*guilt.events, guilt.cause}}
    cause_us = when.pop(guilt.cause, None) if guilt.cause is not None and guilt.cause not in guilt.events else None
    times = list(when.values()) or [guilt.at_us]
    first_us, last_us = min(*times, guilt.at_us), max(*times, guilt.at_us, guilt.evident_us)
    begin_us, end_us = (
        min(first_us, first_us if cause_us is None else cause_us) // US_PER_DAY * US_PER_DAY,
        (last_us // US_PER_DAY + 1) * US_PER_DAY,
    )
    mine: list[Numbered] = []
    before: deque[Numbered] = deque(maxlen=STEPS_WANTED)
    after: list[Numbered] = []
    elsewhere: dict[str, list[Numbered]] = {}
    for number, event in history:
        if isinstance(event, _NOT_OF_A_STORY):
            continue
        if _is_of(event, guilt.device):
            if begin_us <= event.at_us < end_us:
                mine.append((number, event))
            else:
                found.left_out += 1
                if event.at_us < begin_us:
                    before.append((number, event))
                elif len(after) < STEPS_WANTED:
                    after.append((number, event))
        elif first_us - ELSEWHERE_US <= event.at_us <= last_us + ELSEWHERE_US:
            elsewhere.setdefault(_device_of(event), []).append((number, event))
        else:
            found.left_out_elsewhere += 1
    around = _around(list(before), after, STEPS_WANTED - len(mine))
    found.left_out -= len(around)
    mine = sorted([*mine, *around], key=lambda each: each[0])
    kept = mine if len(mine) <= STEPS_MAX else _nearest(history, mine, guilt)
    found.left_out += len(mine) - len(kept)
    others = _of_others(elsewhere, guilt.events)
    found.left_out_elsewhere += sum(map(len, elsewhere.values())) - len(others)
    shown = sorted([*kept, *others], key=lambda each: each[0])
    found.steps = [step_of(number, event, number in guilt.events) for number, event in shown]
    if kept:
        found.from_us, found.until_us = kept[0][1].at_us, kept[-1][1].at_us
    found.bands = list(_bands(history, {guilt.device, *elsewhere} - {""}, found.from_us, found.until_us))
    idle = {each.fault for each in found.bands if not (each.damage or (each.bit and _is_near(each, times)))}
    found.around = _around_proof(history, guilt, {each.number for each in found.steps}, idle)
    found.messages = _messages(history, {each.message for each in found.steps if each.message is not None})
    return found


def _around(before: list[Numbered], after: list[Numbered], room: int) -> list[Numbered]:
    """The last of what was before and the first of what came after: half each, or more of one where the other is less."""
    if room <= 0:
        return []
    earlier = min(len(before), max(room // 2, room - len(after)))
    return [*before[len(before) - earlier :], *after[: room - earlier]]


def _around_proof(history: HistoryFile, guilt: Guilt, shown: set[int], idle: set[str]) -> list[int]:
    """Of what went wrong in the story the events nearest to its proof, each kind once first; ``idle`` faults did nothing."""
    proof = [number for number in guilt.events if number in shown]
    wrong = [
        (number, event)
        for number, event in story(history, guilt)
        if isinstance(event, _WENT_WRONG)
        and number in shown
        and number not in guilt.events
        and not (isinstance(event, e.FaultStruck) and event.fault in idle)
    ]
    wrong.sort(key=lambda each: min((abs(each[0] - other) for other in proof), default=0))
    first = {type(event): number for number, event in reversed(wrong)}
    ranked = [number for number, _ in sorted(wrong, key=lambda each: each[0] != first[type(each[1])])]
    blamed = [each for each in (guilt.cause,) if each in shown and each not in guilt.events]
    return sorted([*dict.fromkeys([*blamed, *ranked])][:AROUND_MAX])


def _is_near(band: Band, times_us: list[int]) -> bool:
    """Whether a condition was on around one of these times."""
    until_us = max(times_us) if band.until_us is None else band.until_us
    return any(band.from_us - AROUND_US <= each <= until_us + AROUND_US for each in times_us)


def lane_of(event: e.Event) -> Lane:
    """Who or what acts."""
    if isinstance(event, _FAULTS):
        kind = _fault(event.kind)
        return "terminal" if kind is None else _LANE_OF_FAMILY.get(kind.family, "terminal")
    return _LANES.get(type(event), "terminal")


def _fault(kind: str) -> type[Fault] | None:
    """None for one that a later harness does not have any more."""
    return faults().get(kind) if kind in faults() else None


def _is_of(event: e.Event, device: str) -> bool:
    """Whether it happens to this terminal, or to all."""
    of = getattr(event, "device", None)
    if of is not None:
        return bool(of == device)
    devices = getattr(event, "devices", ())
    return not devices or device in devices


def _device_of(event: e.Event) -> str:
    """The one terminal that it happens to; empty for several."""
    devices: tuple[str, ...] = getattr(event, "devices", ())
    return str(getattr(event, "device", devices[0] if len(devices) == 1 else ""))


def _nearest(history: HistoryFile, mine: list[Numbered], guilt: Guilt) -> list[Numbered]:
    """The guilty events, all that happens to the terminal, the story, and then what is nearest."""
    told = {number for number, _ in story(history, guilt)}
    places = [place for place, (number, _) in enumerate(mine) if number in guilt.events] or [len(mine) - 1]

    def rank(place: int) -> tuple[int, int]:
        number, event = mine[place]
        if number in guilt.events or number == guilt.cause:
            return 0, place
        near = min(abs(place - each) for each in places)
        return (1 if isinstance(event, _NEVER_LEFT_OUT) else 2 if number in told else 3), near

    return [mine[place] for place in sorted(sorted(range(len(mine)), key=rank)[:STEPS_MAX])]


def _of_others(elsewhere: dict[str, list[Numbered]], guilty: tuple[int, ...]) -> list[Numbered]:
    """Of each of the other terminals the events nearest to the guilty ones; those that have guilty events first."""
    by_guilt = sorted(
        elsewhere.keys() - {""}, key=lambda each: (not any(number in guilty for number, _ in elsewhere[each]), each)
    )
    kept: list[Numbered] = []
    for device in by_guilt[:ELSEWHERE_DEVICES_MAX]:
        of = sorted(
            elsewhere[device], key=lambda each: min((abs(each[0] - other) for other in guilty), default=each[0])
        )
        kept += of[:ELSEWHERE_STEPS_MAX]
    return kept


# ---------------------------------------------------------------- what is said of each


def step_of(number: int, event: e.AnyEvent, guilty: bool = False) -> Step:
    """One event as it is shown."""
    text, cut = fit(sentence(event))
    facts: list[tuple[str, str]] = []
    for name, value in msgspec.to_builtins(event).items():
        if name not in ("event", "at_us", "device") and value not in ("", None, (), []):
            said, more = fit(_plain(value))
            facts.append((name, said))
            cut += more
    return Step(
        number, event.at_us, lane_of(event), type(event).__name__, text, _device_of(event),
        getattr(event, "message", None), guilty, tuple(facts), cut,
    )  # fmt: skip


def fit(text: str) -> tuple[str, int]:
    """``text`` without card numbers, cut where it is long, and how much is left out. Masked first: half a number is none."""
    if len(text) > TEXT_CHARACTERS_MAX:
        # What reaches over the cut is not shown whole, whatever it is.
        masked = mask_text(text[: TEXT_CHARACTERS_MAX + 40])
        return masked[:TEXT_CHARACTERS_MAX], len(text) - TEXT_CHARACTERS_MAX
    return mask_text(text), 0


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value)
    if isinstance(value, dict):
        return " ".join(f"{name}={_plain(each)}" for name, each in value.items())
    return str(value)


def _bands(history: Iterable[Numbered], devices: set[str], from_us: int, until_us: int) -> Iterator[Band]:
    struck: dict[str, e.FaultStruck] = {}
    lifted: dict[str, int] = {}
    bit: dict[str, str] = {}
    dark: dict[str, int] = {}
    powerless: list[Band] = []
    for _, event in history:
        if isinstance(event, e.FaultStruck) and (devices & set(event.devices) or not event.devices):
            struck[event.fault] = event
        elif isinstance(event, e.FaultLifted):
            lifted.setdefault(event.fault, event.at_us)
        elif isinstance(event, e.FaultBit):
            bit.setdefault(event.fault, event.evidence)
        elif isinstance(event, e.PowerLost) and event.device in devices:
            dark.setdefault(event.device, event.at_us)
        elif isinstance(event, e.Booted) and event.device in dark:
            powerless.append(
                Band("", "no_power", "power", dark.pop(event.device), event.at_us, devices=(event.device,))
            )
    powerless += [Band("", "no_power", "power", at_us, devices=(device,)) for device, at_us in dark.items()]
    for name, strike in struck.items():
        kind = _fault(strike.kind)
        damage = kind is not None and (kind.damage or kind.instant)
        end_us = strike.at_us if damage else lifted.get(name)
        family = "" if kind is None else kind.family
        text, _ = fit("; ".join(each for each in (strike.detail, bit.get(name, "")) if each))
        band = Band(name, strike.kind, family, strike.at_us, end_us, damage, name in bit, strike.devices, text)
        if _touches(band, from_us, until_us):
            yield band
    yield from (each for each in powerless if _touches(each, from_us, until_us))


def _touches(band: Band, from_us: int, until_us: int) -> bool:
    return band.from_us <= until_us and (band.until_us is None or band.until_us >= from_us)


def _messages(history: Iterable[Numbered], wanted: set[int]) -> list[Message]:
    sent: dict[int, Message] = {}
    for _, event in history:
        if isinstance(event, e.MessageSent) and event.message in wanted:
            sent[event.message] = Message(
                event.message, event.direction, event.mti, sent_us=event.at_us, size_bytes=event.size_bytes,
                error=fit(event.error)[0], altered=event.altered,
            )  # fmt: skip
        elif isinstance(event, e.RequestUnanswered) and event.message in sent:
            sent[event.message] = msgspec.structs.replace(sent[event.message], unanswered=event.reason)
        elif isinstance(event, e.MessageDelivered | e.MessageDropped) and event.message in sent:
            dropped = isinstance(event, e.MessageDropped)
            sent[event.message] = msgspec.structs.replace(
                sent[event.message],
                ended_us=event.at_us,
                fate="dropped" if dropped else "delivered",
                why=fit(event.reason)[0] if isinstance(event, e.MessageDropped) else "",
            )
    return list(sent.values())

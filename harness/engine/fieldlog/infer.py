"""From records to a script: who came and what was pressed, and what went wrong as far as the log proves it.

Models: an answer that never came is lost there; a reset, a decline and a code happen there again; a boot that nobody asked for
is a power cut in the silence before it. A sale with no answer and the same card and amount soon after are one customer who
tries again. What a merchant does of their own accord (settle at closing, try again, leave) is switched off: the log says who
did what.
Does not model: what would explain the symptom and is not in the log; ``harness hunt`` looks for that.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from harness.core.masking import mask_text
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.engine.fieldlog.model import Record
from harness.scenario.quantities import clock_text, duration_text
from harness.scenario.resolve import Written

AGAIN_WITHIN_US = 10 * US_PER_MINUTE
_SOON_AFTER_RESTART_US = 10 * US_PER_MINUTE
_OFF_US = 30 * US_PER_SECOND
_CARDS = 1_000
_DO = frozenset(
    {
        "sale",
        "void",
        "refund",
        "preauth",
        "preauth_void",
        "completion",
        "settle",
        "sign_off",
        "reprint",
        "clear_cache",
        "restart",
    }
)
_ASKS = _DO - {"reprint", "clear_cache", "restart"}
"""What the host is asked about."""
_PAYING = frozenset({"sale", "preauth", "completion"})
_DEFINITIVE = frozenset(
    {"03", "04", "05", "07", "14", "34", "41", "43", "51", "54", "55", "57", "59", "61", "62", "65", "75"}
)
_TAKEN_FOR_SUCCESS = frozenset({"00", "12", "25", "94"})
_UNFINISHED = frozenset({"", "unknown", "no_reply"})


@dataclass(frozen=True, slots=True)
class Noted:
    """One action or fault as keys of a scenario, and why it stands there."""

    values: dict[str, Written]
    why: str


@dataclass(slots=True)
class Script:
    """What a log comes to."""

    start: datetime.date
    days: int
    open_us: int
    close_us: int
    terminals: dict[str, str]
    """Names here by those in the log, in order of appearance."""
    actions: list[Noted] = field(default_factory=list)
    faults: list[Noted] = field(default_factory=list)
    tries_again: bool = False
    settles: bool = False


def script_of(records: Sequence[Record]) -> Script:
    """The script of records in the order of their times; there is at least one."""
    first_day = min(each.at_us for each in records) // US_PER_DAY
    last_day = max(each.at_us for each in records) // US_PER_DAY
    times = [each.at_us % US_PER_DAY for each in records]
    # Somebody unlocks the door before the first customer, and the last one is served before it is locked.
    open_us = max(0, (min(times) - 10 * US_PER_MINUTE) // US_PER_HOUR * US_PER_HOUR)
    close_us = min(US_PER_DAY, -(-(max(times) + 30 * US_PER_MINUTE) // US_PER_HOUR) * US_PER_HOUR)
    names: dict[str, str] = {}
    for each in records:
        names.setdefault(each.terminal, f"T{len(names) + 1:02d}")
    start = datetime.date(1970, 1, 1) + datetime.timedelta(days=first_day)
    script = Script(start, last_day - first_day + 1, open_us, close_us, names)
    cards = _cards(records)
    for terminal in names:
        _Terminal(script, terminal, first_day, cards).read([each for each in records if each.terminal == terminal])
    for noted in (script.actions, script.faults):
        noted.sort(key=_when)
    script.faults = list(_named(script.faults))
    return script


def _named(faults: Sequence[Noted]) -> Iterator[Noted]:
    """The same faults, no two of one name."""
    taken: dict[str, int] = {}
    for each in faults:
        kind = str(each.values["type"])
        taken[kind] = taken.get(kind, 0) + 1
        own: dict[str, Written] = {} if taken[kind] == 1 else {"name": f"{kind}_{taken[kind]}"}
        yield Noted({"type": kind, **own, **each.values}, each.why)


def _when(noted: Noted) -> tuple[int, str, str]:
    at = noted.values.get("at", noted.values)
    assert isinstance(at, dict)
    day = at["day"]
    assert isinstance(day, int)
    return day, str(at["time"]), str(noted.values.get("terminal", ""))


def _cards(records: Sequence[Record]) -> dict[str, int]:
    """A number for each card that was shown more than once; all others are different from each other anyway."""
    shown: dict[str, int] = {}
    for each in records:
        if each.card and each.what in _PAYING:
            shown[each.card] = shown.get(each.card, 0) + 1
    several = [card for card, times in shown.items() if times > 1]
    return {card: number for number, card in enumerate(several[:_CARDS])}


class _Terminal:
    """One terminal's records, one after the other."""

    def __init__(self, script: Script, terminal: str, first_day: int, cards: dict[str, int]) -> None:
        self._script = script
        self._name = script.terminals[terminal]
        self._first_day = first_day
        self._cards = cards
        self._before: Record | None = None
        self._trying: Record | None = None
        """A sale whose customer may try again."""

    def read(self, records: Sequence[Record]) -> None:
        """All of them."""
        for record in records:
            if record.what == "boot":
                self._boot(record)
            elif record.what == "power_cut":
                self._cut(record, self._place(record), "power went")
            else:
                self._act(record)
            self._before = record

    # ------------------------------------------------------------ actions

    def _act(self, record: Record) -> None:
        again = self._is_again(record)
        if again:
            self._script.tries_again = True
        elif record.what in _DO:
            values: dict[str, Written] = {"do": record.what, **self._place(record), "terminal": self._name}
            if record.what in _PAYING and record.amount_fen:
                values["amount_fen"] = record.amount_fen
            if record.by_code:
                values["pays_by"] = "code"
            if record.card in self._cards and record.what in _PAYING:
                values["card"] = self._cards[record.card]
            self._script.actions.append(Noted(values, f"line {record.line}"))
            self._script.settles = self._script.settles or record.what == "settle"
        if record.what == "sale":
            self._trying = record if record.result in ("no_reply", "reset", "unknown") else None
        self._went_wrong(record, "; the customer tries again" if again else "")

    def _is_again(self, record: Record) -> bool:
        before = self._trying
        return (
            before is not None
            and record.what == "sale"
            and record.amount_fen == before.amount_fen
            and record.card == before.card
            and record.at_us - before.at_us <= AGAIN_WITHIN_US
        )

    # ------------------------------------------------------------ faults

    def _went_wrong(self, record: Record, more: str) -> None:
        if record.what == "reversal":
            at: dict[str, Written] = {"message": {"direction": "up", "mti": "0400", "moment": "sent"}}
        elif record.what == "advice":
            at = {"message": {"direction": "up", "mti": "0220", "moment": "sent"}}
        elif record.what in _ASKS:
            at = {"action": "scan_sale" if record.by_code else record.what}
        else:
            return
        named = "settlement" if record.what == "settle" else record.what
        if record.result == "no_reply":
            self._fault(record, {"type": "host_silent"}, at, f"this {named} was never answered{more}")
        elif record.result == "reset":
            self._fault(
                record, {"type": "link_reset"}, at, f"the connection was reset before this {named} was answered{more}"
            )
        elif (
            record.result == "declined"
            and record.what == "sale"
            and not record.by_code
            and (record.code in _DEFINITIVE or not record.code)
        ):
            code = record.code or "05"
            self._fault(
                record,
                {"type": "issuer_declines", "code": code, "messages": 1},
                at,
                f"declined{f' with {code}' if record.code else ''}",
            )
        elif record.result in ("declined", "failed") and record.code and record.code not in _TAKEN_FOR_SUCCESS | {"95"}:
            self._fault(
                record, {"type": "host_responds", "code": record.code, "messages": 1}, at, f"answered {record.code}"
            )

    def _boot(self, record: Record) -> None:
        before = self._before
        if before is None or before.at_us // US_PER_DAY < record.at_us // US_PER_DAY:
            return  # it is switched on in the morning
        if before.what == "power_cut" or (
            before.what == "restart" and record.at_us - before.at_us <= _SOON_AFTER_RESTART_US
        ):
            return
        since = duration_text(_whole_s(record.at_us - before.at_us))
        silence = f"it boots, and was last heard of in line {before.line}, {since} earlier"
        if before.what in _PAYING and before.result in _UNFINISHED:
            place = {**self._place(before), "action": before.what, "delay": "2 s"}
            self._cut_at(record, place, max(_OFF_US, record.at_us - before.at_us - 5 * US_PER_SECOND), silence)
        else:
            cut_us = max(before.at_us, record.at_us - _OFF_US)
            self._cut_at(record, self._place(record, cut_us), max(US_PER_SECOND, record.at_us - cut_us), silence)

    def _cut(self, record: Record, place: dict[str, Written], why: str) -> None:
        self._cut_at(record, place, _OFF_US, why)

    def _cut_at(self, record: Record, place: dict[str, Written], off_us: int, why: str) -> None:
        values: dict[str, Written] = {"type": "power_loss", "devices": [self._name], "at": place}
        values["off_for"] = duration_text(_whole_s(off_us))
        self._script.faults.append(Noted(values, f"line {record.line}: {why}"))

    def _fault(self, record: Record, values: dict[str, Written], at: dict[str, Written], why: str) -> None:
        placed: dict[str, Written] = {**values, "devices": [self._name], "at": {**self._place(record), **at}}
        self._script.faults.append(Noted(placed, f"line {record.line}: {why}"))

    def _place(self, record: Record, at_us: int | None = None) -> dict[str, Written]:
        at_us = record.at_us if at_us is None else at_us
        return {"day": at_us // US_PER_DAY - self._first_day + 1, "time": clock_text(at_us % US_PER_DAY)}


def _whole_s(duration_us: int) -> int:
    return max(1, duration_us // US_PER_SECOND) * US_PER_SECOND


def shown_name(terminal: str) -> str:
    """A terminal's name in the log, as a comment may hold it."""
    return mask_text(" ".join(terminal.split())[:40])

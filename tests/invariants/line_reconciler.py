"""A second opinion on the line: reads the whole history into lists and works out, slowly and plainly, what each request came to.

Nothing is shared with the invariants but the events. Each function returns the numbers of events that name the guilty: the
request's sending (4, 5, 6, 16), the screen that lied (9), the void or refund as it was booked (20).
"""

from dataclasses import dataclass, field

from harness.history.events import (
    ActionStarted,
    AnyEvent,
    BatchSettled,
    LedgerChanged,
    MessageDelivered,
    MessageSent,
    PowerLost,
    ScreenShown,
)

WAITS_US = 60_000_000
NOTHING_LEFT = ("00", "12", "25")
OPEN = ("", "68", "96", "98")


@dataclass
class Asked:
    """A sale as it was sent, once, and what came of it: numbers of events."""

    number: int
    event: MessageSent
    action: int | None
    heard: list[int] = field(default_factory=list)
    good: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    reversals: list[int] = field(default_factory=list)
    undone: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)

    def fate_before(self, number: int) -> bool:
        return any(each < number for each in (*self.good, *self.refused, *self.undone, *self.told))


class Line:
    """The history as lists."""

    def __init__(self, events: list[AnyEvent]) -> None:
        self.events = list(enumerate(events))
        self.sent = {e.message: (n, e) for n, e in self.events if isinstance(e, MessageSent)}
        self.asked = [Asked(n, e, self.action_at(n)) for n, e in self.ups("0200")]
        for number, event in self.events:
            if isinstance(event, MessageDelivered):
                self.take(number, event, self.sent[event.message][1])
            elif isinstance(event, MessageSent) and event.mti == "0400":
                self.named(event, number).reversals.append(number)
            elif isinstance(event, ScreenShown) and event.kind == "approved":
                found = self.meant(event, number)
                if found is not None:
                    found.told.append(number)
            elif isinstance(event, BatchSettled) and event.closed:
                for each in self.asked:
                    if any(entry in event.settled for entry in self.entries(each)):
                        each.told.append(number)

    def ups(self, *mtis: str) -> list[tuple[int, MessageSent]]:
        return [
            (n, e) for n, e in self.events if isinstance(e, MessageSent) and e.direction == "up" and e.mti in mtis
        ]  # fmt: skip

    def action_at(self, number: int) -> int | None:
        begun = [e.action for n, e in self.events if isinstance(e, ActionStarted) and n < number]
        return begun[-1] if begun else None

    def named(self, event: MessageSent, number: int) -> Asked | None:
        found = [
            each
            for each in self.asked
            if each.number < number and (each.event.batch, each.event.stan) == (event.batch, event.stan)
        ]
        return found[-1] if found else None

    def entries(self, asked: Asked) -> list[int]:
        return [
            e.entry
            for _, e in self.events
            if isinstance(e, LedgerChanged)
            and e.kind == "sale"
            and (e.batch, e.stan) == (asked.event.batch, asked.event.stan)
        ]

    def meant(self, screen: ScreenShown, number: int) -> Asked | None:
        before = [each for each in self.asked if each.number < number]
        if screen.stan:
            return next((each for each in before if each.event.stan == screen.stan), None)
        mine = [each for each in before if each.action == screen.action]
        return mine[-1] if mine and mine[-1] is before[-1] else None

    def take(self, number: int, delivered: MessageDelivered, answer: MessageSent) -> None:
        if answer.mti == "0410":
            asked = self.named(answer, number)
            if answer.response_code in NOTHING_LEFT:
                asked.undone.append(number)
            return
        if answer.mti != "0210":
            return
        asked = self.named(answer, number)
        latest = [each for each in self.asked if each.number < number][-1]
        if asked is None:
            latest.heard.append(number)
            if answer.response_code == "00":
                latest.bad.append(number)
            return
        asked.heard.append(number)
        late = delivered.at_us > asked.event.at_us + WAITS_US or bool(asked.reversals)
        spoilt = answer.altered == "mac" and answer.response_code == "00"
        foreign = bool(answer.altered) and answer.altered != "mac"
        if answer.response_code == "00":
            (asked.bad if late or spoilt or foreign else asked.good).append(number)
        elif answer.response_code not in OPEN and not foreign:
            asked.refused.append(number)

    def newer_than(self, asked: Asked) -> list[int]:
        return [n for n, _ in self.ups("0200", "0500") if n > asked.number]


def cut_off(line: Line) -> set[int]:
    """Requests cut off in flight that nobody asked about afterwards (4)."""
    guilty = set()
    for asked in line.asked:
        cuts = [n for n, e in line.events if isinstance(e, PowerLost) and n > asked.number]
        if not cuts or asked.fate_before(cuts[0]):
            continue
        known = [each for each in (*asked.heard, *asked.reversals) if each < cuts[0]]
        if not known and not asked.reversals and not asked.fate_before(len(line.events)):
            guilty.add(asked.number)
    return guilty


def given_up(line: Line) -> set[int]:
    """Requests whose reversal went without the host's word, or before the record was there (5)."""
    guilty = set()
    mine = cut_off(line)
    for asked in line.asked:
        if asked.told or asked.number in mine:
            continue
        if asked.good:
            closings = [e for _, e in line.events if isinstance(e, BatchSettled) and e.closed]
            left = [entry for e in closings for entry in e.host_only]
            if not asked.reversals and any(entry in left for entry in line.entries(asked)):
                guilty.add(asked.number)
        elif not asked.fate_before(len(line.events)):
            last = max((asked.number, *asked.reversals))
            if any(each > last for each in line.newer_than(asked)):
                guilty.add(asked.number)
    return guilty


def overtaken(line: Line) -> set[int]:
    """Requests in doubt while something new went out (6)."""
    guilty = set()
    for asked in line.asked:
        newer = line.newer_than(asked)
        if any(not asked.fate_before(each) for each in newer):
            guilty.add(asked.number)
        reversed_late = asked.reversals and newer and newer[0] < asked.reversals[0]
        if (
            reversed_late
            and asked.good
            and not any(each < asked.reversals[0] for each in (*asked.told, *asked.refused))
        ):
            guilty.add(asked.number)
    return guilty


def believed(line: Line) -> set[int]:
    """Approvals shown on an answer that must not count (9)."""
    guilty = set()
    for asked in line.asked:
        for shown in asked.told[:1]:
            on_bad = any(each < shown for each in asked.bad) and not any(each < shown for each in asked.good)
            if on_bad and isinstance(line.events[shown][1], ScreenShown):
                guilty.add(shown)
    return guilty


def wrong_batches(line: Line) -> set[int]:
    """Requests under a batch that is not the next one, or that is over (16); the first of each batch."""
    guilty: dict[str, int] = {}
    for number, event in line.ups("0200", "0500"):
        before = [(n, e.batch) for n, e in line.ups("0200", "0500") if n < number]
        closed = [(n, e.batch) for n, e in line.events if isinstance(e, BatchSettled) and e.closed and n < number]
        given = [
            (n, line.sent[e.message][1].batch)
            for n, e in line.events
            if isinstance(e, MessageDelivered) and n < number and line.sent[e.message][1].mti == "0810"
        ]
        if not before or (given and given[-1][1] == event.batch and (given[-1][0], event.batch) > max(
            (each for each in closed if each[1] == event.batch), default=(-1, "")
        )):  # fmt: skip
            continue
        names = [batch for _, batch in before]
        if event.batch not in names:
            wrong = not closed or int(event.batch) != int(closed[-1][1]) % 999_999 + 1
        elif event.batch != names[-1]:
            wrong = event.mti == "0200"
        else:
            named = [n for n, batch in before if batch != event.batch]
            since = named[-1] if named else -1
            said = [
                n for n, e in line.events if isinstance(e, ScreenShown) and e.kind == "settled" and since < n < number
            ]
            over = any([batch for c, batch in closed if c < n][-1:] == [event.batch] for n in said)
            wrong = over and event.mti == "0200"
        if wrong:
            guilty.setdefault(event.batch, number)
    return set(guilty.values())


def wrongly_given_back(events: list[AnyEvent]) -> set[int]:
    """Voids and refunds, as they were booked, that should never have been asked for (20)."""
    guilty = set()
    states: dict[int, str] = {}
    born: dict[int, LedgerChanged] = {}
    keyed = 0
    for number, event in enumerate(events):
        if isinstance(event, ActionStarted):
            keyed = event.amount_fen or 0
        if not isinstance(event, LedgerChanged):
            continue
        sale = born.get(event.original_entry) if event.original_entry is not None else None
        if event.entry not in born and sale is not None:
            back = [
                e for n, e in born.items()
                if e.kind == "refund" and e.original_entry == sale.entry and states[n] in ("APPROVED", "SETTLED")
            ]  # fmt: skip
            standing = states[sale.entry]
            if event.kind == "void" and (standing != "APPROVED" or event.amount_fen != sale.amount_fen or back):
                guilty.add(number)
            if event.kind == "refund":
                total = sum(e.amount_fen for e in back) + event.amount_fen
                unsettled = standing == "APPROVED" or event.state == "APPROVED"
                if 0 < keyed < event.amount_fen or (unsettled and total > sale.amount_fen):
                    guilty.add(number)
        born.setdefault(event.entry, event)
        states[event.entry] = event.state
    return guilty

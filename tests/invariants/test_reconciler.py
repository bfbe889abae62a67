"""The invariants about money against a naive reconciliation, over random histories of sound and unsound terminals.

A tiny terminal and host make the histories: the host keeps a true ledger, the terminal is wrong in whatever ways are drawn.
"""

from dataclasses import dataclass, field
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.history.events import AnyEvent, IntentOpened, LedgerChanged, ReceiptPrinted, ScreenShown
from harness.invariants.casebook import (
    T01,
    arrives,
    card,
    down,
    ends,
    intent,
    leaves,
    ledger,
    phase,
    receipt,
    screen,
    settled,
    starts,
    timed,
)
from harness.invariants.judge import Judge, Judgement
from tests.invariants import reconciler

MONEY = ("sale", "completion", "refund")


@dataclass
class Held:
    """An entry as the host holds it."""

    number: int
    kind: str
    state: str
    batch: str
    stan: str
    token: str
    amount_fen: int
    original: int | None = None


@dataclass
class TinyWorld:
    """One terminal and its host. ``faulty`` are the ways in which the terminal may go wrong."""

    random: Random
    faulty: frozenset[str]
    events: list[AnyEvent] = field(default_factory=list)
    host: dict[int, Held] = field(default_factory=dict)
    log: dict[int, int] = field(default_factory=dict)
    """The terminal's records of this batch: entry and amount."""
    pending: list[int] = field(default_factory=list)
    batch: int = 1
    stan: int = 0
    action: int = 0
    intents: int = 0
    token: int = 0

    def flips(self, fault: str, chance: float = 0.4) -> bool:
        return fault in self.faulty and self.random.random() < chance

    def book(
        self, kind: str, amount_fen: int, token: str, state: str = "APPROVED", original: int | None = None
    ) -> Held:
        self.stan += 1
        entry = Held(
            len(self.host) + 1, kind, "", f"{self.batch:06d}", f"{self.stan:06d}", token, amount_fen, original
        )  # fmt: skip
        self.host[entry.number] = entry
        self.move(entry, state)
        return entry

    def move(self, entry: Held, state: str) -> None:
        before, entry.state = entry.state, state
        self.events.append(
            ledger(
                entry.number, state, before, kind=entry.kind, stan=entry.stan, token=entry.token, batch=entry.batch,
                amount_fen=entry.amount_fen, original=entry.original,
            )
        )  # fmt: skip

    def reverse_pending(self) -> None:
        for number in self.pending:
            entry = self.host[number]
            if entry.state == "APPROVED":
                self.move(entry, "REVERSED")
                if entry.kind == "completion":
                    self.free(entry.original)
        self.pending.clear()

    def free(self, number: int | None) -> None:
        """A completion of the hold stands no longer."""
        others = [e for e in self.host.values() if e.original == number and e.kind == "completion"]
        used = any(each.state in ("APPROVED", "SETTLED", "REFUNDED") for each in others)
        if number is not None and self.host[number].state == "COMPLETED" and not used:
            self.move(self.host[number], "APPROVED")

    def record(self, entry: Held, fen: int) -> None:
        """The terminal counts it; a hold is in no total."""
        if entry.kind != "preauth":
            self.log[entry.number] = fen

    # ------------------------------------------------------------ what people do

    def customer(self) -> None:
        self.intents += 1
        mine, amount_fen = self.intents, self.random.choice((500, 1000))
        self.events.append(intent(mine, amount_fen))
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            told = self.attempt(mine, amount_fen)
            if told and self.random.random() < 0.8:  # some pay again although they were told
                break
        self.events.append(leaves(mine, "unknown"))

    def guest(self) -> None:
        """A check-in; some try again although they were told, which holds twice and takes nothing."""
        self.intents += 1
        mine, amount_fen = self.intents, self.random.choice((500, 1000))
        self.events.append(intent(mine, amount_fen, "preauth"))
        for _ in range(self.random.choice((1, 1, 2))):
            if self.attempt(mine, amount_fen, "preauth") and self.random.random() < 0.8:
                break
        self.events.append(leaves(mine, "unknown"))

    def check_out(self) -> None:
        """A guest pays from a hold that stands, or, where the terminal does not look, from one that does not."""
        holds = [e for e in self.host.values() if e.kind == "preauth" and e.number not in self.pending]
        fit = [each for each in holds if each.state == "APPROVED"]
        choice = holds if self.flips("any_hold", 0.7) else fit
        choice = [each for each in choice if each.state != "DECLINED"]
        if not choice:
            return
        hold = self.random.choice(choice)
        percent = self.random.choice((50, 100, 115)) if not self.flips("above_hold") else 130
        self.intents += 1
        mine, amount_fen = self.intents, hold.amount_fen * percent // 100
        self.events.append(intent(mine, amount_fen, "completion"))
        for _ in range(self.random.choice((1, 1, 2, 3))):
            if self.attempt(mine, amount_fen, "completion", hold) and not self.flips("completes_again"):
                break
        self.events.append(leaves(mine, "unknown"))

    def cancel(self) -> None:
        """A guest gives up a hold."""
        fit = [e for e in self.host.values() if e.kind == "preauth" and e.state == "APPROVED"]
        fit = [each for each in fit if each.number not in self.pending]
        if not fit:
            return
        hold = self.random.choice(fit)
        self.action += 1
        self.events.append(starts(self.action, "preauth_void", None))
        entry = self.book("preauth_void", hold.amount_fen, "", original=hold.number)
        self.move(hold, "VOIDED")
        if self.random.random() < 0.3:  # no answer, reversed: the hold stands
            self.events.append(ends(self.action, "unknown"))
            self.move(entry, "REVERSED")
            self.move(hold, "APPROVED")
            return
        self.events.append(screen(action=self.action))
        self.events.append(ends(self.action))

    def attempt(self, mine: int, amount_fen: int, kind: str = "sale", hold: Held | None = None) -> bool:
        """One action; whether the customer was told of success."""
        if not self.flips("order"):
            self.reverse_pending()
        self.action += 1
        action, said = self.action, False
        self.events.append(starts(action, kind, mine, amount_fen))
        for _ in range(self.random.choice((1, 1, 2))):
            self.token += 1
            self.events.append(card(str(self.token), action, mine))
            fate = self.random.choice(("approved", "approved", "declined", "lost", "never"))
            if self.flips("phantom", 0.2):
                self.events.append(screen(action=action))
                said = True
            if fate == "never":
                continue
            charged_fen = amount_fen + (100 if self.flips("amount", 0.2) else 0)
            state, original = "DECLINED" if fate == "declined" else "APPROVED", hold.number if hold else None
            entry = self.book(kind, charged_fen, str(self.token), state, original)
            if hold is not None and state == "APPROVED" and hold.state == "APPROVED":
                self.move(hold, "COMPLETED")
            if fate == "declined":
                self.events.append(screen("declined", action))
                continue
            if fate == "lost":
                if not self.flips("no_reversal"):
                    self.pending.append(entry.number)
                if self.random.random() < 0.3:  # committed before a power cut, found again after it
                    self.pending = [each for each in self.pending if each != entry.number]
                    self.record(entry, charged_fen)
                    if not self.flips("silent_boot"):
                        self.events += (
                            ends(action, "interrupted"),
                            screen(action=None, stan=entry.stan, batch=entry.batch),
                        )
                        return True
                continue
            if not self.flips("no_record"):
                self.record(entry, charged_fen)
            if self.flips("reverse_shown"):
                self.pending.append(entry.number)
            told = (
                screen(action=action)
                if self.random.random() < 0.7
                else receipt(entry.stan, action, batch=entry.batch, kind=kind)
            )
            self.events.append(told)
            said = True
            break
        self.events.append(ends(action, "approved" if said else "unknown"))
        return said

    def give_back(self, kind: str) -> None:
        """A void or refund of a sale of this batch, without a card."""
        open_sales = [
            each for each in self.host.values()
            if each.kind == "sale" and each.state == "APPROVED" and each.batch == f"{self.batch:06d}"
            and each.number in self.log
            and not any(other.original == each.number for other in self.host.values())
        ]  # fmt: skip
        if not open_sales:
            return
        sale = self.random.choice(open_sales)
        self.action += 1
        self.events.append(starts(self.action, kind, None))
        entry = self.book(kind, sale.amount_fen, "", original=sale.number)
        if kind == "void":
            self.move(sale, "VOIDED")
            self.log.pop(sale.number, None)
        else:
            self.log[entry.number] = -entry.amount_fen
        self.events.append(screen(action=self.action))
        self.events.append(ends(self.action))

    def reprint(self) -> None:
        kept = [self.host[number] for number in self.log if number in self.host]
        if not kept:
            return
        entry = self.random.choice(kept)
        self.action += 1
        self.events.append(starts(self.action, "reprint", None))
        self.events.append(receipt(entry.stan, self.action, duplicate=True, batch=entry.batch))
        self.events.append(ends(self.action, "done"))

    def settle(self) -> None:
        if not self.flips("order"):
            self.reverse_pending()
        name = f"{self.batch:06d}"
        standing = [e for e in self.host.values() if e.batch == name and e.state == "APPROVED" and e.kind in MONEY]
        records = {number: fen for number, fen in self.log.items() if not self.flips("forget", 0.2)}
        agreed = [e for e in standing if e.number in records]
        host_only = tuple(e.number for e in standing if e.number not in records)
        terminal_only = tuple(
            self.host[number].stan
            for number in records
            if self.host[number] not in agreed and self.host[number].batch == name
        )
        self.action += 1
        self.events.append(starts(self.action, "settle", None))
        claimed = _totals([(1, fen) for fen in records.values()])
        if host_only or terminal_only:
            self.events.append(settled(batch=name, closed=False))
        for entry in agreed:
            self.move(entry, "SETTLED")
            if entry.kind in ("sale", "completion") and any(
                e.original == entry.number and e.kind == "refund" for e in agreed
            ):
                self.move(entry, "REFUNDED")
        held = _totals([(1, -e.amount_fen if e.kind == "refund" else e.amount_fen) for e in agreed])
        closing = settled(*(e.number for e in agreed), batch=name, host_only=host_only, terminal_only=terminal_only)
        closing = type(closing)(
            0,
            T01,
            name,
            True,
            not host_only and not terminal_only,
            claimed,
            held,
            closing.settled,
            host_only,
            terminal_only,
        )
        self.events.append(closing)
        if self.random.random() < 0.3:
            self.events.append(settled(batch=name, repeated=True))
        self.events += (down(self.action, "0510", batch=name), arrives(self.action))
        said = held if not self.flips("slip") else (held[0] + 1, held[1] + 500, held[2], held[3])
        self.events.append(
            ReceiptPrinted(0, T01, self.action, "settlement", "SLIP", None, None, name, False, *said)
        )  # fmt: skip
        self.events.append(ends(self.action, "done"))
        self.log.clear()
        self.batch += 1
        self.stan = 0

    def finish(self) -> list[AnyEvent]:
        self.reverse_pending()
        self.events.append(phase("quiescence"))
        if self.random.random() < 0.7:
            self.settle()
        self.events.append(phase("check"))
        return list(timed(self.events))


def _totals(amounts: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    debits = [fen for _, fen in amounts if fen > 0]
    credits = [-fen for _, fen in amounts if fen < 0]
    return len(debits), sum(debits), len(credits), sum(credits)


FAULTS = (
    "order", "phantom", "amount", "no_reversal", "no_record", "reverse_shown", "forget", "slip",
    "silent_boot", "any_hold", "above_hold", "completes_again",
)  # fmt: skip


def play(random: Random, faulty: frozenset[str], steps: list[str]) -> list[AnyEvent]:
    world = TinyWorld(random, faulty)
    for step in steps:
        match step:
            case "customer":
                world.customer()
            case "void" | "refund":
                world.give_back(step)
            case "reprint":
                world.reprint()
            case "guest":
                world.guest()
            case "check_out":
                world.check_out()
            case "cancel":
                world.cancel()
            case _:
                world.settle()
    return world.finish()


STEPS = st.lists(
    st.sampled_from(
        ["customer"] * 4 + ["void", "refund", "reprint", "settle", "guest", "guest", "check_out", "check_out", "cancel"]
    ),
    max_size=16,
)
HOTEL_FAULTS = ("any_hold", "above_hold", "completes_again", "order", "no_reversal", "amount")
HOTEL_STEPS = st.lists(
    st.sampled_from(("guest", "check_out", "check_out", "check_out", "cancel", "settle")), max_size=10
)


def judgements(events: list[AnyEvent]) -> dict[int, Judgement]:
    judge = Judge()
    for number, event in enumerate(events):
        judge.observe(number, event)
    return {each.number: each for each in judge.conclude(events[-1].at_us)}


def is_new_completion(event: AnyEvent) -> bool:
    return isinstance(event, LedgerChanged) and event.kind == "completion" and not event.previous_state


def _named(judgement: Judgement, events: list[AnyEvent], *kinds: type) -> set[int]:
    """For each finding, the first of its events that is of these types."""
    return {next(n for n in finding.events if isinstance(events[n], kinds)) for finding in judgement.findings}


def _no_traces(found: dict[int, Judgement]) -> None:
    assert not [each.trace for each in found.values() if each.trace]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.frozensets(st.sampled_from(FAULTS), max_size=3), STEPS)
def test_invariants_and_reconciler_agree(random: Random, faulty: frozenset[str], steps: list[str]) -> None:
    agree(play(random, faulty, steps))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.frozensets(st.sampled_from(HOTEL_FAULTS), max_size=2), HOTEL_STEPS)
def test_they_agree_at_a_hotel(random: Random, faulty: frozenset[str], steps: list[str]) -> None:
    agree(play(random, faulty, ["guest", "guest", *steps]))


def agree(events: list[AnyEvent]) -> None:
    found = judgements(events)
    _no_traces(found)
    told = (ScreenShown, ReceiptPrinted)
    assert _named(found[1], events, *told) == reconciler.lost_approvals(events)
    assert _named(found[3], events, IntentOpened) == reconciler.double_charges(events)
    assert _named(found[31], events, IntentOpened) == reconciler.silent_charges(events)
    shown = {n for n in reconciler.double_fates(events) if isinstance(events[n], told)}
    claims = {n for n in reconciler.double_fates(events) if n not in shown}
    mine = {n for finding in found[7].findings for n in finding.events}
    assert shown <= mine
    assert claims <= mine
    assert {n for n in mine if isinstance(events[n], told)} == shown
    completions = {n for n, event in enumerate(events) if is_new_completion(event)}
    blamed = {max(completions.intersection(finding.events)) for finding in found[21].findings}
    assert blamed == reconciler.bad_completions(events)
    slips = {n for finding in found[12].findings for n in finding.events if isinstance(events[n], ReceiptPrinted)}
    assert slips == reconciler.wrong_slips(events)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), STEPS)
def test_a_sound_terminal_is_never_blamed(random: Random, steps: list[str]) -> None:
    found = judgements(play(random, frozenset(), steps))
    _no_traces(found)
    assert [finding.summary for each in found.values() for finding in each.findings] == []


def test_every_kind_of_guilt_occurs() -> None:
    """The comparison above would prove nothing if the tiny world never went wrong."""
    seen: dict[str, int] = dict.fromkeys(("1", "3", "31", "7", "12", "21"), 0)
    for seed in range(60):
        steps = ["customer"] * 6 + ["void", "settle"] + ["customer"] * 4 + ["refund", "settle"]
        steps[3:3] = ["guest", "guest", "cancel", "check_out", "check_out", "check_out"]
        events = play(Random(seed), frozenset(FAULTS), steps)
        seen["1"] += bool(reconciler.lost_approvals(events))
        seen["3"] += bool(reconciler.double_charges(events))
        seen["31"] += bool(reconciler.silent_charges(events))
        seen["7"] += bool(reconciler.double_fates(events))
        seen["21"] += bool(reconciler.bad_completions(events))
        seen["12"] += bool(reconciler.wrong_slips(events))
    assert min(seen.values()) >= 10, seen

"""The invariants about the line (4, 5, 6, 9, 16) and about money given back (20) against a naive reconciliation.

A tiny terminal and its host make the histories; the terminal is wrong in whatever ways are drawn.
"""

from dataclasses import dataclass, field
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.history.events import AnyEvent, LedgerChanged, MessageSent, ScreenShown
from harness.invariants.casebook import (
    answered,
    arrives,
    at,
    comes_up,
    down,
    ends,
    ledger,
    phase,
    power_lost,
    screen,
    settled,
    starts,
    timed,
    up,
)
from harness.invariants.judge import Judge, Judgement
from tests.invariants import line_reconciler as naive

FATES = ("00", "00", "00", "51", "98", "lost", "late", "mac", "other", "both", "cut", "cut after")


@dataclass
class TinyLine:
    """One terminal, its line and its host. ``faulty`` are the ways in which the terminal may go wrong."""

    random: Random
    faulty: frozenset[str]
    events: list[AnyEvent] = field(default_factory=list)
    doubts: list[tuple[str, str, str]] = field(default_factory=list)
    """Batch, STAN and reason of the reversals that the terminal holds."""
    held: dict[int, tuple[str, str, str]] = field(default_factory=dict)
    """The host's sales: state, batch, STAN."""
    log: set[int] = field(default_factory=set)
    batch: int = 1
    host_batch: int = 1
    stan: int = 0
    message: int = 0
    clock_s: float = 0.0

    def flips(self, fault: str, chance: float = 0.5) -> bool:
        return fault in self.faulty and self.random.random() < chance

    def next_message(self) -> int:
        self.message += 1
        return self.message

    def emit(self, *events: AnyEvent) -> None:
        for event in events:
            self.clock_s += 1
            self.events.append(at(self.clock_s, event))

    # ------------------------------------------------------------ what the terminal does

    def resolve(self) -> None:
        """Send what is pending until it is answered, or give up."""
        for batch, stan, reason in tuple(self.doubts):
            if self.flips("put_off", 0.4):
                continue
            for _ in range(4):
                sent, fate = self.next_message(), self.random.choice(("00", "00", "25", "12", "96", "lost"))
                self.emit(up(sent, "0400", stan, "", batch, code=reason))
                self.undo(batch, stan)
                if fate != "lost":
                    answer = self.next_message()
                    self.emit(down(answer, "0410", stan, fate, batch), arrives(answer))
                if fate in ("00", "12", "25"):
                    self.doubts.remove((batch, stan, reason))
                    break
                if self.flips("gives_up"):
                    self.doubts.remove((batch, stan, reason))
                    break

    def undo(self, batch: str, stan: str) -> None:
        for number, (state, its_batch, its_stan) in self.held.items():
            if (state, its_batch, its_stan) == ("APPROVED", batch, stan):
                self.held[number] = ("REVERSED", batch, stan)
                self.emit(ledger(number, "REVERSED", "APPROVED", stan=stan, batch=batch, token=str(int(stan))))

    def sale(self) -> None:
        if not self.flips("order"):
            self.resolve()
        if self.doubts and "order" not in self.faulty and "put_off" not in self.faulty:
            return  # it refuses
        self.stan += 1
        stan, batch, token = f"{self.stan:06d}", f"{self.batch:06d}", str(self.stan)
        action, sent, answer = self.stan, self.next_message(), self.next_message()
        fate = self.random.choice(FATES)
        self.emit(starts(action), up(sent, stan=stan, token=token, batch=batch))
        entry = len(self.held) + 1
        if fate not in ("51", "98") and self.random.random() < 0.8 and batch == f"{self.host_batch:06d}":
            self.held[entry] = ("APPROVED", batch, stan)
            self.emit(ledger(entry, stan=stan, batch=batch, token=token))
        elif fate in ("00", "late", "mac", "both", "cut after"):
            fate = "lost"
        if fate == "late":
            self.clock_s += 80
        if fate == "both":  # somebody else's, and its own behind it
            foreign, fate = self.next_message(), "00"
            self.emit(down(foreign, stan="009999", batch=batch, altered="trace number"), arrives(foreign))
        answers = {
            "mac": down(answer, stan=stan, batch=batch, altered="mac"),
            "other": down(answer, stan="009999", batch=batch, altered="trace number"),
            "late": down(answer, stan=stan, batch=batch),
            "cut after": down(answer, stan=stan, batch=batch),
        }
        reply = answers.get(fate, down(answer, stan=stan, batch=batch, code=fate) if len(fate) == 2 else None)
        if reply is not None:
            self.emit(reply, arrives(answer))
        self.conclude(action, stan, batch, fate, entry)

    def conclude(self, action: int, stan: str, batch: str, fate: str, entry: int) -> None:
        doubt = (batch, stan, "A0" if fate == "mac" else "98")
        if fate.startswith("cut"):
            self.emit(power_lost(), ends(action, "interrupted"), comes_up())
            if fate == "cut after" and self.random.random() < 0.5:
                self.log.add(entry)  # the record was durable
            elif not self.flips("not_ahead"):
                self.doubts.append(doubt)
            return
        if fate == "00" or (fate in ("late", "mac", "other") and self.flips("believes")):
            if not self.flips("no_record", 0.3):
                self.log.add(entry)
                told = stan if self.random.random() < 0.5 else None
                self.emit(screen(action=action, stan=told, batch=batch))
        elif fate == "51":
            self.emit(screen("declined", action))
        elif not self.flips("forgets"):
            self.doubts.append(doubt)
        self.emit(ends(action, "unknown"))

    def settle(self) -> None:
        if not self.flips("order"):
            self.resolve()
        if self.doubts and "order" not in self.faulty and "put_off" not in self.faulty:
            return
        name, sent = f"{self.batch:06d}", self.next_message()
        self.emit(starts(900 + sent, "settle", None), up(sent, "0500", f"{800 + sent:06d}", "", name, None))
        if self.batch != self.host_batch:
            self.emit(ends(900 + sent, "failed"))
            self.sign_on()
            return
        standing = [n for n, (state, batch, _) in self.held.items() if state == "APPROVED" and batch == name]
        agreed = [n for n in standing if n in self.log]
        for number in agreed:
            _, batch, stan = self.held[number]
            self.held[number] = ("SETTLED", batch, stan)
            self.emit(ledger(number, "SETTLED", "APPROVED", stan=stan, batch=batch, token=str(int(stan))))
        left = tuple(n for n in standing if n not in agreed)
        self.emit(settled(*agreed, batch=name, host_only=left, claimed=(len(agreed), 0), held=(len(standing), 0)))
        self.host_batch += 1
        if self.random.random() < 0.2:
            self.sign_on()
        self.emit(*answered(self.next_message(), "0510", f"{800 + sent:06d}"), screen("settled", 900 + sent))
        self.emit(ends(900 + sent, "done"))
        self.log.clear()
        self.batch += 2 if self.flips("skips") else 0 if self.flips("stays") else 1

    def sign_on(self) -> None:
        """The host says which batch is open; the terminal may listen."""
        answer = self.next_message()
        self.emit(down(answer, "0810", f"{700 + answer:06d}", batch=f"{self.host_batch:06d}"), arrives(answer))
        if "stays" in self.faulty or "skips" in self.faulty:
            self.batch = self.host_batch

    def finish(self) -> list[AnyEvent]:
        if self.doubts and self.random.random() < 0.3:  # one more try, and the end comes before an answer
            batch, stan, reason = self.doubts[0]
            self.emit(up(self.next_message(), "0400", stan, "", batch, code=reason))
        elif "put_off" not in self.faulty:
            self.resolve()
        self.emit(phase("quiescence"), phase("check"))
        return list(timed(self.events))


FAULTS = (
    "put_off", "gives_up", "order", "not_ahead", "believes", "no_record", "forgets", "skips", "stays",
)  # fmt: skip
STEPS = st.lists(st.sampled_from(("sale", "sale", "sale", "settle", "sign_on")), max_size=16)


def play(random: Random, faulty: frozenset[str], steps: list[str]) -> list[AnyEvent]:
    line = TinyLine(random, faulty)
    for step in steps:
        {"sale": line.sale, "settle": line.settle, "sign_on": line.sign_on}[step]()
    return line.finish()


def judgements(events: list[AnyEvent]) -> dict[int, Judgement]:
    judge = Judge()
    judge.hear(events)
    return {each.number: each for each in judge.conclude(events[-1].at_us)}


def named(judgement: Judgement, events: list[AnyEvent], kind: type, last: bool = False) -> set[int]:
    """For each finding, the first (or last) of its events that is of this type."""
    found = [[n for n in finding.events if isinstance(events[n], kind)] for finding in judgement.findings]
    return {each[-1 if last else 0] for each in found if each}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), st.frozensets(st.sampled_from(FAULTS), max_size=3), STEPS)
def test_invariants_and_reconciler_agree_about_the_line(
    random: Random, faulty: frozenset[str], steps: list[str]
) -> None:
    events = play(random, faulty, steps)
    found, line = judgements(events), naive.Line(events)
    assert not [each.trace for each in found.values() if each.trace]
    assert named(found[4], events, MessageSent) == naive.cut_off(line)
    assert named(found[5], events, MessageSent) == naive.given_up(line)
    assert named(found[6], events, MessageSent) == naive.overtaken(line)
    assert named(found[9], events, ScreenShown) == naive.believed(line)
    assert named(found[16], events, MessageSent, last=True) == naive.wrong_batches(line)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.randoms(use_true_random=False), STEPS)
def test_a_sound_terminal_is_not_blamed_for_its_line(random: Random, steps: list[str]) -> None:
    found = judgements(play(random, frozenset(), steps))
    guilty = [finding.summary for number in (4, 5, 6, 9, 16) for finding in found[number].findings]
    assert guilty == []


def test_every_kind_of_guilt_occurs_on_the_line() -> None:
    """The comparison above would prove nothing if the tiny line never went wrong."""
    seen = dict.fromkeys(("4", "5", "6", "9", "16"), 0)
    for seed in range(60):
        events = play(Random(seed), frozenset(FAULTS), (["sale"] * 5 + ["settle"]) * 3)
        line = naive.Line(events)
        seen["4"] += bool(naive.cut_off(line))
        seen["5"] += bool(naive.given_up(line))
        seen["6"] += bool(naive.overtaken(line))
        seen["9"] += bool(naive.believed(line))
        seen["16"] += bool(naive.wrong_batches(line))
    assert min(seen.values()) >= 10, seen


# ------------------------------------------------------------ money given back


def gives_back(random: Random, steps: int) -> list[AnyEvent]:
    """Sales, and voids and refunds of them that nobody checked; the host books and refuses as it likes."""
    events: list[AnyEvent] = []
    sales: dict[int, str] = {}
    for number in range(1, steps + 1):
        stan, entry = f"{number:06d}", number
        if not sales or random.random() < 0.3:
            events += (starts(number), ledger(entry, stan=stan, token=stan))
            sales[entry] = "APPROVED"
            continue
        sale, kind = random.choice(list(sales)), random.choice(("void", "refund"))
        keyed = random.choice((400, 600, 1000))
        asked = keyed + (50 if random.random() < 0.2 else 0)
        state = random.choice(("APPROVED", "APPROVED", "DECLINED"))
        events.append(starts(number, kind, None, keyed))
        events.append(ledger(entry, state, kind=kind, stan=stan, token="", amount_fen=asked, original=sale))
        if kind == "void" and state == "APPROVED" and sales[sale] == "APPROVED":
            sales[sale] = "VOIDED"
            events.append(ledger(sale, "VOIDED", "APPROVED", stan=f"{sale:06d}", token=f"{sale:06d}"))
        events.append(ends(number))
    return list(timed(events))


@settings(max_examples=200, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 14))
def test_invariant_and_reconciler_agree_about_money_given_back(random: Random, steps: int) -> None:
    events = gives_back(random, steps)
    found = judgements(events)[20]
    assert not found.trace
    assert named(found, events, LedgerChanged, last=True) == naive.wrongly_given_back(events)


def test_much_is_given_back_wrongly_and_much_rightly() -> None:
    wrong = [len(naive.wrongly_given_back(gives_back(Random(seed), 12))) for seed in range(30)]
    assert sum(wrong) > 60 and min(wrong) < 6

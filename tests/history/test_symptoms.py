"""Symptoms: what can be said and what is said of mistakes; matching against a plain search over every sequence."""

from __future__ import annotations

import itertools
import random
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.units import US_PER_MINUTE
from harness.history import events as e
from harness.history.symptoms.match import Proof, Tracker
from harness.history.symptoms.model import Reached, Step, Symptom, SymptomError, Term
from harness.history.symptoms.parse import CHARACTERS_MAX, parse
from harness.history.symptoms.words import FORMS

T01, T02 = "T01", "T02"


def track(text: str, *events: e.Event, at_rest: Sequence[str] = ()) -> Reached:
    """How far ``events`` get; at rest, the terms of these forms hold on T01."""
    tracker = Tracker(parse(text))
    for number, event in enumerate(events):
        tracker.observe(number, event)
    return tracker.conclude(lambda term: [Proof(T01, (99,), term.form)] if term.form in at_rest else [])


def at(minute: float, event: e.Event) -> e.Event:
    """The same event at another time."""
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**{**fields, "at_us": int(minute * US_PER_MINUTE)})


def acts(
    kind: str, outcome: str, reason: str = "", device: str = T01, number: int = 1, minute: float = 0
) -> list[e.Event]:
    """An action, begun and ended."""
    us = int(minute * US_PER_MINUTE)
    return [e.ActionStarted(us, device, number, kind), e.ActionEnded(us, device, number, outcome, reason)]


CUT = e.PowerLost(0, T01, "power_loss")
BOOT = e.Booted(0, T01, 1)
READY = e.SoftwareReady(0, T01, 1)
DIED = e.SoftwareDied(0, T01, "out_of_memory", "MemoryError")
FULL = e.ScreenShown(0, T01, 1, "storage_full", "存储满,请先结算")


def sent(number: int, mti: str, stan: str = "000001", direction: str = "up", token: str = "") -> e.MessageSent:
    return e.MessageSent(0, T01, number, direction, mti, stan=stan, batch="000001", token=token)


ANSWERED = [
    sent(1, "0200"),
    e.MessageDelivered(0, T01, 1),
    sent(2, "0210", direction="down"),
    e.MessageDelivered(0, T01, 2),
]
LOST = [*ANSWERED[:3], e.MessageDropped(0, T01, 2, "half_open")]


# ---------------------------------------------------------------- what it means

SEEN: dict[str, list[e.Event]] = {
    "screen storage_full": [FULL],
    'screen "存储满"': [FULL],
    'screen storage_full "结算"': [FULL],
    "receipt settlement": [e.ReceiptPrinted(0, T01, 1, "settlement", "结算")],
    "sale refused": acts("sale", "refused", "storage_full"),
    'action refused because "storage"': acts("sale", "refused", "storage_full"),
    "settle started": acts("settle", "done"),
    "sale took 2 min": [e.ActionStarted(0, T01, 1, "sale"), at(2.1, e.ActionEnded(0, T01, 1, "approved"))],
    "no reply": [*LOST, *acts("sale", "unknown")],
    "no reply to 0200": [*LOST, sent(3, "0400")],
    # An answer that comes late is one to an earlier request.
    "no reply to 0400": [*LOST[:3], sent(3, "0400", "000002"), e.MessageDelivered(0, T01, 2), *acts("sale", "unknown")],
    "message 0210 dropped": LOST,
    'message 0210 dropped because "half"': LOST,
    "message 0200 delivered": ANSWERED,
    "message sent": ANSWERED,
    'software died because "MemoryError"': [DIED],
    "power cut": [CUT],
    "boot": [BOOT],
    "boot failed": [BOOT, DIED],
    "software ready": [READY],
    "storage failed ENOSPC": [e.StorageFailed(0, T01, "write", "/data/a", "ENOSPC", 1)],
    "storage lost": [e.StorageAfterPowerLoss(0, T01, "data", 2, 1, 0)],
    "fault power_loss": [e.FaultStruck(0, "cut#1", "power_loss", (T01, T02))],
    "phase recovery": [e.TerminalInstalled(0, T01, "", "", "", "", "", ""), e.PhaseStarted(0, "recovery")],
    "memory grown 1 KiB": [e.MemorySampled(0, T01, 5000, 0, 1 << 20, 1), e.MemorySampled(0, T01, 6024, 0, 1 << 20, 2)],
    "trace number reused": [sent(1, "0200", token="1"), sent(2, "0200", token="2")],
    "batch closed": [e.BatchSettled(0, T01, "1", True, True, (0, 0, 0, 0), (0, 0, 0, 0))],
    "batch unbalanced": [e.BatchSettled(0, T01, "1", False, False, (0, 0, 0, 0), (1, 5, 0, 0))],
    "customer believes paid": [e.IntentClosed(0, T01, 1, "paid")],
    "power cut or software died": [DIED],
    "power cut 2 times": [CUT, CUT],
}
NOT_SEEN: dict[str, list[e.Event]] = {
    "screen refused": [FULL],
    'screen "满存"': [FULL],
    "sale refused": acts("void", "refused"),
    "settle refused": acts("sale", "refused"),
    'sale refused because "reversal"': acts("sale", "refused", "storage_full"),
    "sale took 2 min": [e.ActionStarted(0, T01, 1, "sale"), at(1.9, e.ActionEnded(0, T01, 1, "approved"))],
    "no reply": [*ANSWERED, *acts("sale", "approved")],
    # Power went under it: nobody was left to wait.
    "no reply to 0200": [*ANSWERED[:2], *acts("sale", "interrupted"), CUT, BOOT, sent(3, "0400")],
    "no reply to 0500": [*LOST, *acts("sale", "unknown")],
    "No reply": [*ANSWERED[:2], CUT, BOOT, sent(3, "0800")],
    # Only what customers pay with takes a number of its own: a reversal bears that of its sale.
    "Trace number reused": [sent(1, "0200", token="1"), sent(2, "0400", token="2"), sent(3, "0500", token="3")],
    "boot failed": [BOOT, READY, DIED],
    "storage failed ENOSPC": [e.StorageFailed(0, T01, "write", "/data/a", "EIO", 1)],
    "storage lost": [e.StorageAfterPowerLoss(0, T01, "data", 2, 0, 0)],
    # The same card again is a retransmission, and another batch begins anew.
    "trace number reused": [
        sent(1, "0200", token="1"),
        sent(2, "0200", token="1"),
        e.BatchSettled(0, T01, "000001", True, True, (0, 0, 0, 0), (0, 0, 0, 0)),
        sent(3, "0200", token="2"),
    ],
    "memory grown 1 KiB": [e.MemorySampled(0, T01, 5000, 0, 1, 1), BOOT, e.MemorySampled(0, T01, 6024, 0, 1, 2)],
    "power cut 2 times": [CUT],
    "charged twice": [CUT],
}


@pytest.mark.parametrize("text", SEEN)
def test_it_is_seen(text: str) -> None:
    reached = track(text, *SEEN[text])
    assert reached.shown and reached.events and len(reached.told) == reached.steps, reached


@pytest.mark.parametrize("text", NOT_SEEN)
def test_it_is_not_seen(text: str) -> None:
    assert not track(text, *NOT_SEEN[text]).shown


def test_every_row_of_the_language_is_tried() -> None:
    said = {term.form for text in (*SEEN, *NOT_SEEN) for step in parse(text).steps for term in step.terms}
    assert {form.name for form in FORMS if not form.at_rest} <= said


def test_steps_come_in_order_and_on_one_terminal() -> None:
    refused = acts("settle", "refused")
    assert track("power cut then settle refused", CUT, *refused).shown
    assert not track("power cut then settle refused", *refused, CUT).shown
    elsewhere = acts("settle", "refused", device=T02)
    assert not track("power cut then settle refused", CUT, *elsewhere).shown
    assert track("power cut then settle refused on any device", CUT, *elsewhere).shown


def test_within_counts_from_the_step_before() -> None:
    late = [at(0, CUT), at(11, FULL)]
    assert not track("power cut then screen storage_full within 10 min", *late).shown
    assert track("power cut then screen storage_full within 12min", *late).shown
    # The latest power cut counts, not the first.
    assert track("power cut then screen storage_full within 10 min", at(0, CUT), at(5, CUT), at(11, FULL)).shown


def test_not_before_needs_a_beginning_that_still_counts() -> None:
    text = "screen storage_full then not settle done before sale approved"
    assert track(text, FULL, *acts("sale", "approved")).shown
    settled = [FULL, *acts("settle", "done"), *acts("sale", "approved", number=2)]
    assert not track(text, *settled).shown
    assert track(text, *settled, FULL, *acts("sale", "approved", number=3)).shown


def test_what_is_proven_at_rest_comes_last_and_is_of_the_same_terminal() -> None:
    assert track("power cut then charged twice", CUT, at_rest=["charged_twice"]).shown
    assert track("charged twice or finding 3", CUT, at_rest=["finding"]).shown
    other = track("power cut then charged twice", e.PowerLost(0, T02, "x"), BOOT, at_rest=["charged_twice"])
    assert (other.reached, other.shown) == (1, False)


def test_progress_tells_how_near_a_history_came() -> None:
    text = "screen storage_full then settle refused"
    nothing = track(text, CUT)
    full = track(text, FULL)
    tried = track(text, FULL, e.ActionStarted(0, T01, 2, "settle"))
    settled = track(text, FULL, *acts("settle", "failed", number=2))
    shown = track(text, FULL, *acts("settle", "refused", number=2))
    scores = [each.score for each in (nothing, full, tried, settled, shown)]
    assert scores == sorted(set(scores)) and scores[-1] == 2


# ---------------------------------------------------------------- mistakes

MISTAKES = {
    "": (1, "found nothing"),
    "scren storage_full": (1, "did you mean 'screen'?"),
    "screen storage_ful": (8, "did you mean 'storage_full'?"),
    "sale aproved": (6, "did you mean 'approved'?"),
    "sale approved the settle done": (15, "did you mean 'then'?"),
    "sale approved then": (19, "found the end"),
    'screen "abc': (8, "closing quotation mark"),
    "sale approved; power cut": (14, "expected words"),
    "sale approved within 10": (22, "such as 10 min"),
    "not power cut then sale approved": (15, "before"),
    "finding 400": (9, "expected 15"),
    "sale approved 50 times": (15, "from 1 to 20"),
    "power cut 20 times then power cut": (25, "at most 20 steps"),
    "receipt withoot ledger entry": (9, "did you mean 'without'?"),
    "power cut on some device": (14, "any device"),
    "charged twice then power cut": (1, "nothing comes 'then'"),
    "not charged twice before power cut": (1, "cannot stand after 'not'"),
    "charged twice within 3 min": (1, "no time of its own"),
    "charged twice or power cut": (1, "cannot stand in one step"),
    "fault power_los": (7, "did you mean 'power_loss'?"),
    "sale took 0 min": (11, "such as 10 min"),
    "x" * (CHARACTERS_MAX + 1): (1, "at most"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_with_its_column_and_what_is_nearest(text: str) -> None:
    column, message = MISTAKES[text]
    with pytest.raises(SymptomError) as told:
        parse(text, {"fault": ["power_loss"]})
    assert told.value.column == column, told.value
    assert message in told.value.message


def test_case_and_hyphens_do_not_matter() -> None:
    assert (
        parse("Screen STORAGE-FULL Then Settle Refused").steps == parse("screen storage_full then settle refused").steps
    )


@given(st.text(alphabet="sale approved then not before screen within 10 min \"'\\(*+{[满\n\t0", max_size=80))
@settings(max_examples=60, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert parse(text).steps
    except SymptomError:
        pass


# ---------------------------------------------------------------- the matcher itself

_LETTERS = {"a": "paid", "b": "not_paid", "c": "unknown"}


def _believes(letters: str) -> tuple[Term, ...]:
    return tuple(Term("believes", (("belief", _LETTERS[letter]),)) for letter in letters)


def _plainly(symptom: Symptom, events: Sequence[e.IntentClosed]) -> int:
    """The most first steps that any sequence of events is, found by trying all of them."""
    best = 0
    for length in range(1, len(symptom.steps) + 1):
        if any(
            _is(symptom.steps[:length], places, events) for places in itertools.combinations(range(len(events)), length)
        ):
            best = length
    return best


def _is(steps: Sequence[Step], places: Sequence[int], events: Sequence[e.IntentClosed]) -> bool:
    for number, (step, place) in enumerate(zip(steps, places, strict=True)):
        before = places[number - 1] if number else -1
        if events[place].belief not in {term.value("belief") for term in step.terms}:
            return False
        banned = {term.value("belief") for term in step.without}
        if any(each.belief in banned for each in events[before + 1 : place]):
            return False
        late = step.within_us is not None and number and events[place].at_us - events[before].at_us > step.within_us
        if late:
            return False
    return True


_STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(["a", "b", "c", "ab"]).map(_believes),
        st.sampled_from(["", "", "a", "b", "bc"]).map(_believes),
        st.sampled_from([None, None, 2, 4]),
    ),
    min_size=1,
    max_size=4,
)
_EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=9)


@given(_STEPS, _EVENTS)
@settings(max_examples=200, deadline=None)
def test_the_latest_ends_see_what_a_search_over_every_sequence_sees(
    steps: list[Step], drawn: list[tuple[str, int]]
) -> None:
    symptom = Symptom("", tuple(steps))
    tracker, events, now_us = Tracker(symptom), [], 0
    reached = 0
    for number, (letter, pause_us) in enumerate(drawn):
        now_us += pause_us
        events.append(e.IntentClosed(now_us, T01, number, _LETTERS[letter]))
        tracker.observe(number, events[-1])
        reached = max(reached, tracker.conclude().reached)
    assert reached == _plainly(symptom, events)


def test_memory_does_not_grow_with_the_history() -> None:
    draw = random.Random(1)
    tracker = Tracker(parse("sale approved then no reply then trace number reused then power cut"))
    number = 0

    def days(count: int) -> None:
        nonlocal number
        for _ in range(count):
            for event in (*LOST, *acts("sale", draw.choice(["approved", "unknown"]))):
                tracker.observe(number, event)
                number += 1
            closed = e.BatchSettled(0, T01, "000001", True, True, (0, 0, 0, 0), (0, 0, 0, 0))
            tracker.observe(number, closed)

    days(200)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        days(600)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000

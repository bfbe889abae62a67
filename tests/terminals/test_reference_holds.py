"""The reference terminal at a hotel desk: each rule of a sale holds for pre-authorisations and completions too."""

import pytest
from terminal_judge import disagreements, hotel_day, run_with_cut, settle

from harness.iso8583 import unionpay
from harness.terminals.reference import ReferenceTerminal


@pytest.fixture
def bench(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    assert bench.act("sign_on").kind == "done"
    return bench


def message(bench, place=-1):
    return unionpay.unpack(bench.sent[place]).message


def states(bench):
    return [(entry.kind, entry.state) for entry in bench.host.entries()]


def test_a_stay_from_check_in_to_settlement(bench):
    hold = bench.act("preauth", 10_000)
    assert hold.kind == "approved"
    sent = message(bench)
    assert (sent.mti, sent.text(3), sent.text(25), sent.text(60)) == ("0100", "030000", "06", "10000001")
    assert bench.receipts[-1].kind == "preauth" and bench.receipts[-1].amount_fen == 10_000
    done = bench.act("completion", 11_500, hold)
    assert done.kind == "approved"
    sent = message(bench)
    assert (sent.mti, sent.text(3), sent.text(25), sent.text(60)) == ("0200", "000000", "06", "20000001")
    assert sent.text(61)[:12] == "000001" + hold.stan and sent.text(37) == hold.rrn
    assert states(bench) == [("preauth", "COMPLETED"), ("completion", "APPROVED")]
    assert [(each.kind, each.state) for each in bench.inspect().records] == [
        ("preauth", "active"),
        ("completion", "active"),
    ]
    assert disagreements(bench) == [] and settle(bench) == []
    assert bench.host.settlements()[0].host_totals.as_tuple() == (1, 11_500, 0, 0)


def test_a_completion_days_after_the_batch_of_its_hold(bench):
    hold = bench.act("preauth", 10_000)
    assert settle(bench) == []
    assert bench.act("completion", 9_000, hold).kind == "approved"
    assert disagreements(bench) == [] and settle(bench) == []


def test_voids_of_both(bench):
    hold = bench.act("preauth", 10_000)
    done = bench.act("completion", 9_000, hold)
    assert bench.act("completion_void", 9_000, done).kind == "approved"
    assert message(bench).text(60)[:2] == "21"
    assert bench.act("completion_void", 9_000, done).reason == "already_voided"
    assert bench.act("preauth_void", 10_000, hold).kind == "approved"
    sent = message(bench)
    assert (sent.mti, sent.text(3), sent.text(60)[:2]) == ("0100", "200000", "11")
    assert states(bench) == [
        ("preauth", "VOIDED"), ("completion", "VOIDED"), ("completion_void", "APPROVED"), ("preauth_void", "APPROVED"),
    ]  # fmt: skip
    assert [each.state for each in bench.inspect().records] == ["voided", "voided", "active", "active"]
    assert settle(bench) == [] and bench.host.settlements()[0].host_totals.as_tuple() == (0, 0, 0, 0)


def test_a_hold_of_an_older_batch_is_voided_with_the_card(bench):
    hold = bench.act("preauth", 10_000)
    settle(bench)
    bench.card_present = False
    assert bench.act("preauth_void", 10_000, hold).reason == "card_timeout"
    bench.card_present = True
    assert bench.act("preauth_void", 10_000, hold).kind == "approved"
    assert states(bench)[0] == ("preauth", "VOIDED")


@pytest.mark.parametrize(
    ("kind", "amount_fen", "reason"),
    [("completion", 11_501, "above_hold"), ("completion", 0, "amount"), ("completion_void", 100, "original_not_found")],
)
def test_what_the_log_shows_to_be_wrong_is_not_sent(bench, kind, amount_fen, reason):
    hold = bench.act("preauth", 10_000)
    sent = len(bench.sent)
    assert bench.act(kind, amount_fen, hold).reason == reason
    assert len(bench.sent) == sent


def test_a_sale_is_no_hold_and_a_hold_is_no_sale(bench):
    sale, hold = bench.act("sale", 100), bench.act("preauth", 100)
    sent = len(bench.sent)
    for kind, original in (("completion", sale), ("preauth_void", sale), ("completion_void", hold), ("void", hold)):
        assert bench.act(kind, 100, original).reason == "original_not_found"
    assert bench.act("completion", 100).reason == "original_not_found"
    assert len(bench.sent) == sent


def test_the_slip_tells_what_an_older_hold_allows(bench):
    hold = bench.act("preauth", 10_000)
    settle(bench)
    assert bench.act("completion", 11_501, hold, 10_000).reason == "above_hold"
    assert bench.act("completion", 11_501, hold).reason == "host_64", "without it the host is asked"


@pytest.mark.parametrize("of_this_batch", [True, False])
@pytest.mark.parametrize("first", ["completion", "preauth_void"])
def test_a_hold_is_used_once(bench, first, of_this_batch):
    hold = bench.act("preauth", 10_000)
    if not of_this_batch:
        settle(bench)
    assert bench.act(first, 10_000, hold).kind == "approved"
    sent = len(bench.sent)
    assert bench.act("completion", 10_000, hold).reason == "hold_used"
    assert bench.act("preauth_void", 10_000, hold).reason == "hold_used"
    bench.boot(ReferenceTerminal)
    assert bench.act("completion", 10_000, hold).reason == "hold_used", "after a restart too"
    assert len(bench.sent) == sent


def test_the_same_trace_number_of_an_older_batch_is_another_hold(bench):
    """A void of an old hold marks nothing in this batch, whatever number its record has."""
    hold = bench.act("preauth", 10_000)
    settle(bench)
    bench.terminal.books.stan = int(hold.stan) - 1
    assert bench.act("sale", 700).stan == hold.stan
    assert bench.act("preauth_void", 10_000, hold).kind == "approved"
    assert bench.terminal.books.totals.debit_fen == 700
    assert settle(bench) == []


@pytest.mark.parametrize("kind", ["preauth", "completion", "preauth_void", "completion_void"])
def test_without_an_answer_each_is_reversed_and_can_be_tried_again(bench, kind):
    hold = bench.act("preauth", 10_000)
    original = bench.act("completion", 9_000, hold) if kind == "completion_void" else hold
    before = [state for state in states(bench) if state[0] != kind or kind == "preauth"]
    bench.knobs.drop_replies = 1
    amount_fen = 9_000 if kind in ("completion", "completion_void") else 10_000
    assert bench.act(kind, amount_fen, original).kind == "unknown"
    asked = message(bench)
    bench.idle(1)
    reversal = message(bench)
    assert reversal.mti == "0400" and reversal.text(39) == "98"
    assert [reversal[number] for number in (3, 4, 11, 25, 60)] == [asked[number] for number in (3, 4, 11, 25, 60)]
    assert 35 not in reversal and 52 not in reversal
    assert [state for state in states(bench) if state[1] != "REVERSED"] == before
    assert bench.act(kind, amount_fen, original).kind == "approved"
    assert disagreements(bench) == [] and settle(bench) == []


def test_reprint_copies_a_completion_and_sends_nothing(bench):
    hold = bench.act("preauth", 10_000)
    done = bench.act("completion", 9_000, hold)
    sent = len(bench.sent)
    assert bench.act("reprint", 0, done).kind == "done"
    slip = bench.receipts[-1]
    assert (slip.kind, slip.duplicate, slip.stan, slip.amount_fen) == ("completion", True, done.stan, 9_000)
    assert bench.act("reprint", 0, hold).kind == "done" and bench.receipts[-1].kind == "preauth"
    assert len(bench.sent) == sent


def test_completions_are_uploaded_and_holds_are_not(bench):
    hold = bench.act("preauth", 10_000)
    bench.act("completion", 9_000, hold)
    bench.act("preauth", 500)
    bench.knobs.totals_off_by_one = 1
    assert bench.act("settle").kind == "done"
    settlement = bench.host.settlements()[0]
    assert not settlement.balanced and settlement.terminal_only == () and settlement.host_only == ()


def test_sign_off_waits_for_holds_in_the_log(bench):
    bench.act("preauth", 500)
    assert bench.act("sign_off").reason == "settle_first"


@pytest.mark.slow
@pytest.mark.parametrize("unsynced", ["lost", "kept", "torn"])
def test_a_cut_at_any_moment_of_a_hotel_day(make_bench, unsynced):
    at = 0
    while True:
        at += 1
        bench = make_bench()
        if not run_with_cut(bench, ReferenceTerminal, at, unsynced, day=hotel_day):
            break
        assert disagreements(bench) == [], at
        assert settle(bench) == [], at
    assert at > 100

"""The reference terminal paid by code: an order always ends paid, logged and shown, or taken back and not."""

import pytest
from terminal_bench import PowerCut
from terminal_judge import disagreements, run_with_cut, settle

from harness.iso8583 import unionpay
from harness.iso8583.unionpay import Order59
from harness.terminals.reference import ReferenceTerminal


@pytest.fixture
def bench(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    assert bench.act("sign_on").kind == "done"
    return bench


def confirms(bench, after_s):
    """The next customer has to confirm on the phone, and does after so long or a moment before the revocation."""
    bench.knobs.confirmations, bench.knobs.confirmed_after_us = 1, int(after_s * 1_000_000)


def orders_sent(bench):
    """What was asked about orders: processing code and order number."""
    messages = [unionpay.unpack(frame).message for frame in bench.sent]
    return [(each.text(3), Order59.parse(each.text(59)).number) for each in messages if each.mti == "0600"]


def orders_day(bench):
    """A short day of customers who pay by code, with everything that can become of an order."""
    bench.act("sign_on")
    first = bench.act("scan_sale", 1_500)
    confirms(bench, 6)
    bench.act("scan_sale", 2_500)
    bench.act("scan_refund", 300, first)
    bench.knobs.drop_replies = 1
    bench.act("scan_sale", 777)
    bench.knobs.ignore_requests = 1
    bench.act("scan_sale", 888)
    bench.act("settle")
    confirms(bench, 100)
    bench.act("scan_sale", 4_000)
    bench.act("sale", 5_000)


def test_paid_at_once(bench):
    outcome = bench.act("scan_sale", 1_200)
    assert outcome.kind == "approved" and outcome.rrn
    assert bench.receipts[-1].kind == "sale" and bench.receipts[-1].amount_fen == 1_200
    assert [(each.kind, each.amount_fen) for each in bench.inspect().records] == [("sale", 1_200)]
    assert disagreements(bench) == [] and settle(bench) == []
    assert bench.host.settlements()[0].host_totals.as_tuple() == (1, 1_200, 0, 0)


def test_it_asks_every_few_seconds_while_the_customer_confirms(bench):
    confirms(bench, 12)
    assert bench.act("scan_sale", 1_200).kind == "approved"
    assert [kind for kind, _ in orders_sent(bench)] == ["000000", "310000", "310000", "310000"]
    assert 3 <= bench.slept_s / 3 <= 5
    assert disagreements(bench) == []


def test_it_revokes_what_is_not_paid_in_time(bench):
    confirms(bench, 44)
    outcome = bench.act("scan_sale", 1_200)
    assert outcome.kind in ("declined", "approved")
    confirms(bench, 1_000)
    assert bench.act("scan_sale", 1_300).kind == "declined"
    assert bench.act("scan_sale", 1_400).kind == "approved"
    assert disagreements(bench) == [] and settle(bench) == []


def test_a_lost_answer_is_asked_for(bench):
    bench.knobs.drop_replies = 1
    assert bench.act("scan_sale", 1_200).kind == "approved"
    assert [kind for kind, _ in orders_sent(bench)] == ["000000", "310000"]


def test_an_order_that_never_arrived_can_be_tried_again(bench):
    bench.knobs.ignore_requests = 1
    outcome = bench.act("scan_sale", 1_200)
    assert (outcome.kind, outcome.reason) == ("refused", "order_lost")
    assert [kind for kind, _ in orders_sent(bench)] == ["000000", "310000", "200000"]
    late = bench.sent[-3]
    bench.host.handle(late, bench.now_us)
    assert disagreements(bench) == [], "it comes after its revocation, and takes nothing"


def test_without_a_line_the_order_waits_for_its_revocation_and_nothing_else_goes_out(bench):
    bench.knobs.drop_replies = 1
    calls = []

    def line_breaks(what, _place):
        calls.append(what)
        bench.online = "sent" not in calls

    bench.fail = line_breaks
    assert bench.act("scan_sale", 1_200).kind == "unknown"
    bench.fail, bench.online = None, False
    assert bench.act("sale", 500).reason in ("reversal_pending", "not_signed_on")
    assert bench.act("settle").kind == "failed"
    bench.online = True
    assert bench.act("settle").kind == "done"
    assert [(each.kind, each.state) for each in bench.host.entries()] == [("sale", "REVERSED")]


def test_a_restart_revokes_before_anything_else(bench):
    def cut_when_sent(what, _place):
        if what == "sent":
            raise PowerCut

    bench.fail = cut_when_sent
    with pytest.raises(PowerCut):
        bench.act("scan_sale", 1_200)
    bench.fail = None
    bench.cut("lost")
    bench.boot(ReferenceTerminal)
    bench.pass_time(10)
    before = len(bench.sent)
    assert bench.act("scan_sale", 700).kind == "approved"
    kinds = orders_sent(bench)
    assert kinds[0][1] == kinds[1][1] and kinds[1][0] == "200000", "the same number, from the record"
    assert len(bench.sent) > before + 1 and kinds[-1][1] != kinds[0][1]
    assert [each.state for each in bench.host.entries()] == ["REVERSED", "APPROVED"]
    assert disagreements(bench) == [] and settle(bench) == []


def test_a_refund_is_limited_by_the_log_and_needs_no_code(bench):
    sale = bench.act("scan_sale", 1_200)
    shown = bench.presentations
    assert bench.act("scan_refund", 1_300, sale).reason == "over_the_sale"
    assert bench.act("scan_refund", 200, sale).kind == "approved"
    assert settle(bench) == []
    assert bench.act("scan_refund", 300, sale).kind == "approved", "of a settled order the host knows"
    assert bench.presentations == shown
    assert bench.act("void", 1_200, sale).reason == "original_not_found"
    assert disagreements(bench) == []


@pytest.mark.slow
@pytest.mark.parametrize("unsynced", ["lost", "torn"])
def test_a_cut_at_any_moment_of_a_day_of_orders(make_bench, unsynced):
    at = 0
    while True:
        at += 1
        bench = make_bench()
        if not run_with_cut(bench, ReferenceTerminal, at, unsynced, day=orders_day):
            break
        bench.knobs.ignore_requests = 0
        bench.idle()
        assert disagreements(bench) == [], at
        assert settle(bench) == [], at
    assert at > 100

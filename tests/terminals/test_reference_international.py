"""The reference terminal in the international dialect: a day, a settlement in which both sides differ, cuts, lost answers."""

import pytest
from terminal_judge import disagreements, run_with_cut

from harness.terminals.reference.international import InternationalReference


@pytest.fixture
def bench(make_bench):
    bench = make_bench(dialect="international")
    bench.boot(InternationalReference)
    bench.act("sign_on")
    return bench


def types_sent(bench):
    headers = [bench.host.describe(frame) for frame in bench.sent]
    return [(each.mti, each.function) for each in headers]


def states(bench):
    return [entry.state for entry in bench.host.entries()]


def test_a_day_that_balances_is_one_request(bench):
    sold = bench.act("sale", 1500)
    bench.act("sale", 700)
    assert bench.act("void", 1500, sold).kind == "approved"
    refunded = bench.act("sale", 900)
    assert bench.act("refund", 900, refunded).kind == "approved"
    assert bench.act("settle").kind == "done" and disagreements(bench) == []
    assert types_sent(bench)[-1] == ("0500", "920000") and bench.host.batch_number("10000001") == "000002"
    assert bench.act("sale", 100).kind == "approved"
    assert bench.receipts[-2].kind == "settlement" and bench.receipts[-2].totals.debit_count == 2


def test_a_refund_of_a_settled_sale_is_named_by_its_reference_number(bench):
    sold = bench.act("sale", 1500)
    bench.act("settle")
    assert bench.act("refund", 500, sold).kind == "approved"
    assert bench.act("refund", 1001, sold).reason == "host_64"


def test_95_is_answered_by_an_upload_of_every_record_and_a_second_request(bench):
    bench.act("sale", 1500)
    bench.act("sale", 700)
    bench.knobs.totals_off_by_one = 1
    assert bench.act("settle").kind == "done"
    assert types_sent(bench)[-4:] == [("0500", "920000"), ("0320", ""), ("0320", ""), ("0500", "960000")]
    assert states(bench) == ["SETTLED", "SETTLED"] and bench.inspect().batch == "000002"


def test_a_second_95_closes_nothing_and_the_next_try_begins_anew(bench):
    bench.act("sale", 1500)
    bench.knobs.totals_off_by_one = 2
    assert bench.act("settle").reason == "host_95"
    assert bench.act("sale", 100).reason == "settle_pending" and bench.inspect().batch == "000001"
    bench.terminal = None
    bench.boot(InternationalReference)
    assert bench.act("settle").kind == "done"
    assert states(bench) == ["SETTLED"] and disagreements(bench) == []


@pytest.mark.parametrize("lost", ["920000", "0320", "960000"])
def test_an_answer_that_is_lost_in_a_settlement_is_asked_for_again(bench, lost):
    bench.act("sale", 1500)
    bench.knobs.totals_off_by_one = 1
    skipped = {"920000": 0, "0320": 1, "960000": 2}[lost]
    handle, left = bench.host.handle, iter(range(100))

    def losing(frame, at_us, **more):
        bench.knobs.drop_replies = int(next(left) == skipped)
        return handle(frame, at_us, **more)

    bench.host.handle = losing
    first = bench.act("settle")
    bench.host.handle = handle
    bench.knobs.drop_replies = 0
    bench.idle()
    assert first.kind == ("done" if lost == "0320" else "failed") and disagreements(bench) == []
    assert states(bench) == ["SETTLED"] and bench.inspect().batch == "000002"


def test_a_sale_whose_answer_is_lost_is_reversed_under_its_own_number(bench):
    bench.knobs.drop_replies = 1
    assert bench.act("sale", 1500).kind == "unknown"
    bench.idle()
    assert states(bench) == ["REVERSED"] and disagreements(bench) == []
    reversal = bench.host.describe(bench.sent[-1])
    assert (reversal.mti, reversal.stan, reversal.original_stan) == ("0400", "000002", "000002")


def day(bench):
    bench.act("sign_on")
    bench.act("sale", 1500)
    bench.knobs.totals_off_by_one = 1
    bench.act("settle")


@pytest.mark.parametrize("unsynced", ["lost", "kept"])
def test_a_power_cut_anywhere_in_a_day_with_an_upload_loses_nothing(make_bench, unsynced):
    at = 1
    while run_with_cut(bench := make_bench(dialect="international"), InternationalReference, at, unsynced, day=day):
        if bench.act("settle").kind != "done":
            bench.idle()
        assert disagreements(bench) == [], f"cut at strike {at}"
        at += 2
    assert at > 60

"""What support may do at the reference terminal, and what an event log may say."""

import time

import pytest

from harness.terminals.reference import ReferenceTerminal
from harness.terminals.variants.duplicate_guard import DuplicateGuard
from harness.terminals.variants.keeps_log import KeepsLog


@pytest.fixture
def bench(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    assert bench.act("sign_on").kind == "done"
    return bench


def test_a_reversal_that_support_clears_is_named_and_gone_for_good(bench):
    bench.act("sale", 100)
    bench.knobs.ignore_requests = 9
    assert bench.act("sale", 200).kind == "unknown"
    assert bench.act("sale", 300).reason == "reversal_pending"
    cleared = bench.act("clear_reversal")
    assert (cleared.kind, cleared.stan, cleared.batch) == ("done", "000003", "000001")
    bench.knobs.ignore_requests = 0
    bench.boot(ReferenceTerminal)
    assert bench.inspect().pending_reversals == ()
    bench.sent.clear()
    assert bench.act("sale", 300).kind == "approved"
    assert [bench.host.describe(frame).mti for frame in bench.sent] == ["0200"]


def test_there_is_nothing_to_clear_while_a_settlement_is_under_way(bench):
    bench.act("sale", 100)
    bench.knobs.drop_replies = 1
    assert bench.act("settle").kind == "failed"
    assert bench.act("clear_reversal").reason == "nothing_pending"
    assert bench.inspect().settling
    assert bench.act("settle").kind == "done"


def test_a_refund_in_doubt_is_not_support_s_to_clear(bench):
    sale = bench.act("sale", 500)
    bench.knobs.ignore_requests = 1
    assert bench.act("refund", 100, sale).kind == "unknown"
    assert bench.act("clear_reversal").reason == "nothing_pending"
    assert bench.act("sale", 100).kind == "approved"


def test_the_event_log_tells_every_request_and_stays_small(make_bench):
    bench = make_bench()
    bench.boot(KeepsLog)
    bench.act("sign_on")
    for amount_fen in range(100, 220):
        assert bench.act("sale", amount_fen).kind == "approved"
    bench.knobs.drop_replies = 1
    bench.act("sale", 300)
    bench.act("settle")
    bench.act("read_log")
    printed = bench.receipts[-1].text
    assert printed.splitlines()[-1].endswith("settle done") and "unknown in_doubt" in printed
    assert "622202******7894" in printed
    kept = sum(path.stat().st_size for path in bench.directory.rglob("events.*"))
    assert kept <= 2 * 4_096


def test_the_guard_blocks_a_charge_that_stands_and_nothing_else(make_bench, monkeypatch):
    # The log has the host's date and time, and this host's clock stands still in January.
    new_year = time.struct_time((2026, 1, 1, 0, 0, 0, 3, 1, 0))
    monkeypatch.setattr(time, "localtime", lambda *_: new_year)
    bench = make_bench()
    bench.boot(DuplicateGuard)
    bench.act("sign_on")
    first = bench.act("sale", 100)
    assert bench.act("sale", 200).kind == "approved"
    bench.boot(DuplicateGuard)
    assert bench.act("sale", 100).reason == "duplicate"
    assert bench.act("void", 100, first).kind == "approved"
    assert bench.act("sale", 100).kind == "approved"
    bench.knobs.drop_replies = 1
    assert bench.act("sale", 300).kind == "unknown"
    assert bench.act("sale", 300).kind == "approved"


def test_a_device_goes_on_with_the_trace_number_that_is_keyed_in_and_behind_999999_comes_1(make_bench):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    assert bench.act("trace_number", trace_number="999998").kind == "done"
    bench.boot(ReferenceTerminal)
    assert bench.inspect().next_stan == "999998"
    assert bench.act("sign_on").kind == "done"
    assert [bench.act("sale", 100).stan for _ in range(3)] == ["999999", "000001", "000002"]
    bench.boot(ReferenceTerminal)
    assert bench.inspect().next_stan == "000003"
    assert bench.act("settle").kind == "done"


@pytest.mark.parametrize("number", ["", "0", "000000", "1000000", "12a", "-5"])
def test_what_is_no_trace_number_is_not_taken(make_bench, number):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    assert bench.act("trace_number", trace_number=number).reason == "trace_number"


def test_the_trace_number_is_nobody_s_to_set_while_one_could_come_twice(bench):
    bench.act("sale", 100)
    assert bench.act("trace_number", trace_number="000001").reason == "settle_first"
    assert bench.act("settle").kind == "done"
    assert bench.act("trace_number", trace_number="000001").kind == "done"
    assert bench.act("sale", 100).stan == "000001"

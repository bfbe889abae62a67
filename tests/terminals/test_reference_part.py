"""The reference terminal and a card that is good for a part of the price: the part is what is shown, logged and settled."""

import errno

import pytest
from terminal_judge import disagreements, settle

from harness.iso8583 import unionpay
from harness.terminals.reference import ReferenceTerminal


def half(_token, amount_fen):
    return amount_fen // 2


@pytest.fixture
def bench(make_bench):
    bench = make_bench(part=half)
    bench.boot(ReferenceTerminal)
    assert bench.act("sign_on").kind == "done"
    return bench


def test_the_part_is_shown_printed_logged_and_settled(bench):
    outcome = bench.act("sale", 1_500)
    assert outcome.kind == "approved"
    shown = [screen for screen in bench.screens if screen.kind == "approved"][-1]
    assert (shown.amount_fen, bench.receipts[-1].amount_fen) == (750, 750)
    assert "7.50" in shown.text and "7.50" in bench.receipts[-1].text
    assert [record.amount_fen for record in bench.inspect().records] == [750]
    assert disagreements(bench) == [] and settle(bench) == []
    assert bench.host.settlements()[0].host_totals.as_tuple() == (1, 750, 0, 0)


def test_a_part_is_voided_as_a_part(bench):
    sale = bench.act("sale", 1_500)
    assert bench.act("void", 1_500, sale).kind == "approved"
    assert disagreements(bench) == [] and settle(bench) == []


def test_without_an_answer_the_whole_is_reversed(bench):
    bench.knobs.drop_replies = 1
    assert bench.act("sale", 1_500).kind == "unknown"
    bench.idle(1)
    reversal = unionpay.unpack(bench.sent[-1]).message
    assert (reversal.mti, int(reversal.text(4))) == ("0400", 1_500)
    assert [entry.state for entry in bench.host.entries()] == ["REVERSED"]


def test_a_part_with_a_wrong_mac_is_no_approval(bench):
    bench.knobs.wrong_macs = 1
    assert bench.act("sale", 1_500).kind == "unknown"
    bench.idle(1)
    assert unionpay.unpack(bench.sent[-1]).message.text(39) == "A0"
    assert disagreements(bench) == []


@pytest.mark.parametrize("kind", ["sale", "preauth"])
def test_an_approval_in_part_that_names_no_part_is_in_doubt(make_bench, kind):
    bench = make_bench()
    bench.boot(ReferenceTerminal)
    bench.act("sign_on")
    bench.knobs.respond_code, bench.knobs.respond_count = "10", 1
    assert bench.act(kind, 1_500).kind == "unknown"
    bench.idle()
    assert unionpay.unpack(bench.sent[-1]).message.mti == "0400"
    assert disagreements(bench) == []


def test_a_part_that_cannot_be_logged_is_reversed(bench):
    def fail(what, _count):
        if what == "write" and "0200" in {unionpay.unpack(frame).message.mti for frame in bench.sent}:
            raise OSError(errno.EIO, "broken")

    bench.fail = fail
    assert bench.act("sale", 1_500).kind == "unknown"
    bench.fail = None
    bench.idle()
    assert [entry.state for entry in bench.host.entries()] == ["REVERSED"]
    assert disagreements(bench) == []
